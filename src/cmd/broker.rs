//! `midge broker`: listen, say so, serve until a signal comes or the command is done.

mod access;
mod as_mosquitto;
mod child;
mod chronicle;
mod conf;
mod configured;
mod exit_after;
mod expect;
mod fault;
#[cfg_attr(not(unix), path = "broker/group_elsewhere.rs")]
mod group;
mod hangup;
mod limits;
mod listening;
mod log;
mod packet_lines;
mod passwd;
mod pid_file;
mod plan;
mod ready;
mod record;
mod reload;
mod tally;
mod watcher;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::sync::oneshot;

use super::signals::Signals;
use super::{Exit, Failure};
use crate::broker::{Extras, StoreError};
use crate::cli;
use crate::mqtt::topic::Quoted;
pub(super) use as_mosquitto::{Asked, run as run_as_mosquitto};
use hangup::Hangups;
use log::SharedLog;
use pid_file::PidFile;
use plan::{PersistPlan, Plan};
use ready::Ready;
pub(super) use record::Recording;
use reload::{Reload, Service};
use tally::Tally;
use watcher::Watcher;

/// Runs the broker until SIGINT or SIGTERM, or around a command until that ends.
///
/// # Errors
/// If it cannot listen, or the command cannot be started.
pub fn run(args: &cli::Broker) -> Result<Exit, Failure> {
    if let Some(cli::BrokerCommand::Passwd(args)) = &args.other {
        return passwd::run(args);
    }
    runtime()?.block_on(run_plan(Plan::new(args)?))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("cannot start the I/O runtime", &error))
}

async fn run_plan(mut plan: Plan) -> Result<Exit, Failure> {
    if let Some(files) = &plan.tls_auto {
        listening::make_certificates(files, &plan.listeners)?;
    }
    let loaded = access::load(&plan.access)?;
    for (listener, access) in plan.config.listeners.iter_mut().zip(loaded) {
        listener.access = access;
    }
    let (listeners, tls) = listening::open(&plan.listeners, plan.config.max_packet_size).await?;
    let extras = Extras {
        faults: plan.faults,
        store: plan.persist.as_ref().map(PersistPlan::open).transpose()?,
        orders: None,
    };
    let log: SharedLog = Rc::new(RefCell::new(plan.log));
    // Only now: a broker that cannot listen must not overwrite what an earlier one has recorded.
    let ports: Vec<u16> = listeners
        .iter()
        .filter_map(|listener| Some(listener.address()?.port()))
        .collect();
    let recordings: Vec<Recording> = plan
        .record
        .iter()
        .map(|path| Recording::create(path, &ports))
        .collect::<Result<_, _>>()?;
    let open = listeners.iter().zip(&plan.access);
    for (listener, _) in open.filter(|(l, access)| !l.endpoint().is_local() && access.is_open()) {
        log.borrow_mut().warning(format_args!(
            "listening on {}, beyond this machine, and everybody may connect",
            listener.endpoint().place
        ));
    }
    if let Some(user) = plan.user.filter(|user| is_root() && user != "root") {
        log.borrow_mut().warning(format_args!(
            "user is {}, and midge does not change who it is: it stays root",
            Quoted(&user)
        ));
    }
    let _pid_file = plan.pid_file.map(PidFile::write).transpose()?;
    let ca = plan
        .listeners
        .iter()
        .find_map(|plan| plan.tls.as_ref()?.client_ca_file.clone());
    let ready = Rc::new(Ready::new(&listeners, ca, plan.tls_auto.as_ref()));
    let reload = Reload::new(plan.configured, plan.listeners, plan.access, tls)?;
    let tally = Rc::new(Tally::new(plan.expectations, plan.exit_after));
    let end = End {
        recorded: recordings.iter().map(Recording::outcome).collect(),
        tally: tally.clone(),
    };
    let keeps_hangup = reload.has_files();
    let service = Service {
        listeners,
        config: plan.config,
        extras,
        watch: Watcher::new(log.clone(), recordings, ready.clone(), tally.clone()),
        log: log.clone(),
        reload,
    };
    let Some((name, arguments)) = plan.command else {
        // Before anybody can know that the broker is there, so that no signal ends it the hard
        // way.
        let mut signals = Signals::new()?;
        let mut hangups = Hangups::new()?;
        let shutdown = async {
            tokio::select! {
                _ = signals.recv() => {}
                () = hangups.gone() => {}
                () = tally.is_over() => {}
            }
        };
        if plan.ready_line {
            ready.print()?;
        }
        log.borrow_mut().running();
        return end.judge(Ok(Exit::Done), service.run(shutdown).await);
    };
    let signals = group::Signals::new(keeps_hangup)?;
    log.borrow_mut().ready(&ready);
    let (done, is_done) = oneshot::channel::<()>();
    let around = async {
        let exit = child::run(&name, &arguments, &ready, signals, tally.is_over()).await;
        drop(done);
        exit
    };
    let shutdown = async {
        // The sender is never used, only dropped.
        let _ = is_done.await;
    };
    let (exit, served) = tokio::join!(around, service.run(shutdown));
    end.judge(exit, served)
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// What is known when everything is over.
struct End {
    recorded: Vec<record::Outcome>,
    tally: Rc<Tally>,
}

impl End {
    /// A store or a recording that failed, or an expectation that is not met, makes a run that went
    /// well fail.
    fn judge(
        self,
        exit: Result<Exit, Failure>,
        served: Result<(), StoreError>,
    ) -> Result<Exit, Failure> {
        let is_met = self.tally.check();
        let unrecorded = self.recorded.into_iter().find_map(record::Outcome::failure);
        let unserved = served.err().map(|error| store_failure(&error));
        let failure = unserved.or(unrecorded);
        match exit {
            Ok(Exit::Done | Exit::Child(0)) => match failure {
                Some(failure) => Err(failure),
                None if !is_met => Ok(Exit::Verdict),
                None => exit,
            },
            // The command's own failure is what to look at first.
            Ok(exit) => failure.map_or(Ok(exit), Err),
            failed => failed,
        }
    }
}

fn store_failure(error: &StoreError) -> Failure {
    Failure::new(Exit::Io, error.to_string())
}

fn internal(what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("{what}: {error}"))
}

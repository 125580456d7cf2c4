//! `midge broker`: listen, say so, serve until a signal comes or the command is done.

mod access;
mod child;
#[cfg_attr(not(unix), path = "broker/group_elsewhere.rs")]
mod group;
mod listening;
mod log;
mod passwd;
mod plan;
mod ready;
mod record;
mod reload;
mod watcher;

use std::io;
use std::rc::Rc;

use tokio::sync::oneshot;

use super::signals::Signals;
use super::{Exit, Failure, note};
use crate::broker::StoreError;
use crate::cli;
use plan::{PersistPlan, Plan};
use ready::Ready;
use record::Recording;
use reload::Reload;
use watcher::Watcher;

/// Runs the broker until SIGINT or SIGTERM, or around a command until that ends.
///
/// # Errors
/// If it cannot listen, or the command cannot be started.
pub fn run(args: &cli::Broker) -> Result<Exit, Failure> {
    if let Some(cli::BrokerCommand::Passwd(args)) = &args.other {
        return passwd::run(args);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("cannot start the I/O runtime", &error))?;
    runtime.block_on(run_plan(Plan::new(args)?))
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
    let store = plan.persist.as_ref().map(PersistPlan::open).transpose()?;
    // Only now: a broker that cannot listen must not overwrite what an earlier one has recorded.
    let record = plan.record.as_deref();
    let recording = record.map(Recording::create).transpose()?;
    let open = listeners.iter().zip(&plan.access);
    for (listener, _) in open.filter(|(l, access)| !l.endpoint().is_local() && access.is_open()) {
        note(format_args!(
            "warning: listening on {}, beyond this machine, and everybody may connect",
            listener.endpoint().place
        ));
    }
    let ca = plan
        .listeners
        .iter()
        .find_map(|plan| plan.tls.as_ref()?.client_ca_file.clone());
    let ready = Rc::new(Ready::new(&listeners, ca, plan.tls_auto.as_ref()));
    let reload = Reload::new(plan.access, tls)?;
    let recorded = recording.as_ref().map(Recording::outcome);
    let mut watcher = Watcher::new(plan.log, recording.into_iter().collect(), ready.clone());
    let Some((name, arguments)) = plan.command else {
        // Before anybody can know that the broker is there, so that no signal ends it the hard
        // way.
        let mut signals = Signals::new()?;
        let shutdown = async {
            signals.recv().await;
        };
        ready.print()?;
        let served = reload::serve(listeners, plan.config, store, watcher, reload, shutdown).await;
        return finish(Ok(Exit::Done), served, recorded);
    };
    let signals =
        group::Signals::new().map_err(|error| internal("cannot wait for signals", &error))?;
    watcher.log.ready(&ready);
    let (done, is_done) = oneshot::channel::<()>();
    let around = async {
        let exit = child::run(&name, &arguments, &ready, signals).await;
        drop(done);
        exit
    };
    let shutdown = async {
        // The sender is never used, only dropped.
        let _ = is_done.await;
    };
    let serving = reload::serve(listeners, plan.config, store, watcher, reload, shutdown);
    let (exit, served) = tokio::join!(around, serving);
    finish(exit, served, recorded)
}

/// A store or a recording that failed makes a run that went well fail.
fn finish(
    exit: Result<Exit, Failure>,
    served: Result<(), StoreError>,
    recorded: Option<record::Outcome>,
) -> Result<Exit, Failure> {
    let exit = exit?;
    served.map_err(|error| store_failure(&error))?;
    match recorded.and_then(|outcome| outcome.failure()) {
        Some(failure) => Err(failure),
        None => Ok(exit),
    }
}

fn store_failure(error: &StoreError) -> Failure {
    Failure::new(Exit::Io, error.to_string())
}

fn internal(what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("{what}: {error}"))
}

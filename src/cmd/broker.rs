//! `midge broker`: listen, say so, serve until a signal comes or the command is done.

mod child;
#[cfg_attr(not(unix), path = "broker/group_elsewhere.rs")]
mod group;
mod log;
mod plan;
mod record;
mod watcher;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::sync::oneshot;

use super::signals::Signals;
use super::{Exit, Failure, note};
use crate::broker::{ListenError, Listener, StoreError, serve};
use crate::cli;
use crate::output::event::{Field, Value, write_json};
use plan::{Endpoint, PersistPlan, Plan};
use record::Recording;
use watcher::Watcher;

/// Runs the broker until SIGINT or SIGTERM, or around a command until that ends.
///
/// # Errors
/// If it cannot listen, or the command cannot be started.
pub fn run(args: &cli::Broker) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("cannot start the I/O runtime", &error))?;
    runtime.block_on(run_plan(Plan::new(args)))
}

async fn run_plan(plan: Plan) -> Result<Exit, Failure> {
    // The serving of more than one, and of other kinds, is still to come.
    let (host, port) = match plan.listeners.first().map(|listener| &listener.endpoint) {
        Some(Endpoint::Tcp { host, port, .. }) => (host.as_deref().unwrap_or("::"), *port),
        _ => ("127.0.0.1", 1883),
    };
    let listener = Listener::bind(host, port)
        .await
        .map_err(|error| cannot_listen(&error))?;
    let store = plan.persist.as_ref().map(PersistPlan::open).transpose()?;
    // Only now: a broker that cannot listen must not overwrite what an earlier one has recorded.
    let record = plan.record.as_deref();
    let recording = record.map(Recording::create).transpose()?;
    let ready = Ready::new(listener.address());
    if !listener.address().ip().is_loopback() {
        note(format_args!(
            "warning: listening on {}, beyond this machine, and everybody may connect",
            listener.address()
        ));
    }
    let recorded = recording.as_ref().map(Recording::outcome);
    let mut watcher = Watcher::new(plan.log, recording);
    let Some((name, arguments)) = plan.command else {
        // Before anybody can know that the broker is there, so that no signal ends it the hard
        // way.
        let mut signals = Signals::new()?;
        let shutdown = async {
            signals.recv().await;
        };
        ready.print()?;
        let served = serve(listener, plan.config, store, watcher, shutdown).await;
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
    let serving = serve(listener, plan.config, store, watcher, shutdown);
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

/// The line that says where the broker listens.
struct Ready {
    /// Where clients on this machine reach it.
    host: String,
    port: u16,
    url: String,
}

impl Ready {
    fn new(address: SocketAddr) -> Ready {
        let host = match address.ip() {
            // Listening everywhere is no address to connect to.
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let port = address.port();
        Ready {
            host: host.to_string(),
            port,
            url: format!("mqtt://{}", SocketAddr::new(host, port)),
        }
    }

    fn fields(&self) -> [Field<'_>; 4] {
        [
            ("event", Value::Text("ready")),
            ("host", Value::Text(&self.host)),
            ("port", Value::Number(self.port.into())),
            ("url", Value::Text(&self.url)),
        ]
    }

    fn print(&self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match write_json(&mut stdout, &self.fields()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(internal("cannot write to stdout", &error))
            }
            // Nobody reads it: no reason not to serve.
            _ => Ok(()),
        }
    }
}

fn store_failure(error: &StoreError) -> Failure {
    Failure::new(Exit::Io, error.to_string())
}

fn cannot_listen(error: &ListenError) -> Failure {
    let remedy = match error.source.kind() {
        io::ErrorKind::AddrInUse => "; another program has it: try --port 0 for a free one",
        io::ErrorKind::PermissionDenied => "; try a port above 1023",
        io::ErrorKind::AddrNotAvailable => "; --bind wants an address of this machine",
        _ => "",
    };
    Failure::new(Exit::Io, format!("{error}{remedy}"))
}

fn internal(what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("{what}: {error}"))
}

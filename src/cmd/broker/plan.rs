//! What a broker is asked to do, with no invalid state left; flags and configuration files both
//! come to this.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::access::AccessPlan;
use super::chronicle::Chronicle;
use super::configured::Configured;
use super::exit_after::ExitAfter;
use super::expect::Expectations;
use super::log::Log;
use super::{fault, limits, listening};
use crate::broker::faults::FaultPlan;
use crate::broker::store::Sync;
use crate::broker::{Config, Store, Throwaway};
use crate::cli;
use crate::cmd::Failure;

/// The whole of it.
pub(super) struct Plan {
    /// The file that it comes from, if it comes from one.
    pub(super) configured: Option<Configured>,
    /// As whom mosquitto would go on, if it is root.
    pub(super) user: Option<String>,
    /// At least one. The place of each is its [`Peer::listener`](crate::broker::Peer::listener).
    pub(super) listeners: Vec<ListenerPlan>,
    /// Certificates to make first.
    pub(super) tls_auto: Option<Throwaway>,
    /// One for each listener.
    pub(super) access: Vec<AccessPlan>,
    pub(super) config: Config,
    pub(super) log: Log,
    /// Where what outlives the process is kept; `None`: nowhere.
    pub(super) persist: Option<PersistPlan>,
    pub(super) record: Vec<PathBuf>,
    pub(super) expectations: Expectations,
    pub(super) exit_after: ExitAfter,
    pub(super) faults: FaultPlan,
    /// Where the process's number is written.
    pub(super) pid_file: Option<PathBuf>,
    /// Whether stdout is told where the broker listens.
    pub(super) ready_line: bool,
    /// The command and its arguments.
    pub(super) command: Option<(OsString, Vec<OsString>)>,
}

/// One place to listen at. What concerns packets is in
/// [`Config::listeners`](crate::broker::Config).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListenerPlan {
    pub(super) endpoint: Endpoint,
    pub(super) protocol: Protocol,
    pub(super) tls: Option<TlsPlan>,
    /// Whether small packets are sent at once.
    pub(super) no_delay: bool,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Tcp {
        /// A name or an address; `None`: every address of this machine.
        host: Option<String>,
        /// 0 takes a free one.
        port: u16,
        /// Only addresses of this family; `None`: of both.
        family: Option<Family>,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Mqtt,
    WebSocket,
}

/// The files of a TLS listener, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsPlan {
    /// The server's certificate and those above it.
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Who may sign certificates of clients: a file, or folders as OpenSSL has them.
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_ca_dir: Option<PathBuf>,
    /// Certificates of clients that count no more.
    pub(super) revoked: Option<PathBuf>,
    /// Whether a client without a certificate is turned away.
    pub(super) require_certificate: bool,
    /// What of a client's certificate becomes its user name.
    pub(super) identity: Identity,
    /// Whether TLS 1.2 is not enough.
    pub(super) only_1_3: bool,
}

/// Which part of a certificate is the user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// None: CONNECT says it.
    Connect,
    /// The Common Name.
    CommonName,
    /// The whole subject.
    Subject,
}

/// The file of sessions and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PersistPlan {
    pub(super) path: PathBuf,
    pub(super) sync: Sync,
}

impl PersistPlan {
    /// As mosquitto does it: without waiting for the disk.
    pub(super) fn unsynced(path: PathBuf) -> PersistPlan {
        let sync = Sync::Never;
        PersistPlan { path, sync }
    }

    /// As the flags say, or else the configuration file.
    fn new(args: &cli::Broker, configured: Option<PathBuf>) -> Option<PersistPlan> {
        let sync = match args.persist_sync {
            true => Sync::Always,
            false => Sync::Never,
        };
        let path = args.persist.clone().or(configured)?;
        Some(PersistPlan { path, sync })
    }

    pub(super) fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.path, self.sync).map_err(|error| super::store_failure(&error))
    }
}

impl Plan {
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(args: &cli::Broker) -> Result<Plan, Failure> {
        if let Some(path) = &args.config {
            return Plan::of_configuration(args, path);
        }
        let log = Log::new(args.log);
        let expectations = Expectations::new(&args.ci.expect, &args.ci.expect_payload)?;
        let exit_after = ExitAfter::new(&args.ci.exit_after)?;
        let mut command = args.command.iter().cloned();
        let listeners = listening::plans(args)?;
        let access = listeners.iter().map(|listener| {
            let identity = listener.tls.as_ref().map(|tls| tls.identity);
            let by_certificate = identity.is_some_and(|identity| identity != Identity::Connect);
            AccessPlan::new(&args.access, by_certificate)
        });
        Ok(Plan {
            configured: None,
            user: None,
            access: access.collect(),
            tls_auto: args.listeners.tls_auto.as_deref().map(Throwaway::in_folder),
            config: Config {
                events: log.is_on() || exit_after.needs_events(),
                messages: !expectations.is_empty() || exit_after.needs_messages(),
                max_memory: limits::memory(args.max_memory.as_deref())?
                    .unwrap_or_else(|| Config::default().max_memory),
                ..limits::config(&args.limits, listeners.len())?
            },
            listeners,
            log,
            persist: PersistPlan::new(args, None),
            record: args.ci.record.clone(),
            expectations,
            exit_after,
            faults: fault::plan(&args.faults)?,
            pid_file: None,
            ready_line: true,
            command: command.next().map(|name| (name, command.collect())),
        })
    }

    /// The same from a configuration file of mosquitto.
    fn of_configuration(args: &cli::Broker, path: &Path) -> Result<Plan, Failure> {
        let configured = Configured {
            path: path.to_owned(),
            ports: args.port.into_iter().collect(),
            types: None,
            has_log: false,
        };
        let reading = configured.read()?;
        if args.port.is_some() && reading.has_listeners {
            return Err(Failure::usage(format!(
                "--port is for a configuration without listeners, and {} has some",
                path.display()
            )));
        }
        let mut log = Log::new(args.log);
        if !reading.log.to.is_empty() {
            log = log.with(Chronicle::new(&reading.log, reading.types)?);
        }
        let planned = reading.planned;
        let expectations = Expectations::new(&args.ci.expect, &args.ci.expect_payload)?;
        let exit_after = ExitAfter::new(&args.ci.exit_after)?;
        let mut command = args.command.iter().cloned();
        Ok(Plan {
            configured: Some(configured),
            user: reading.user,
            listeners: planned.listeners,
            tls_auto: None,
            access: planned.access,
            config: Config {
                events: log.is_on() || exit_after.needs_events(),
                messages: !expectations.is_empty() || exit_after.needs_messages(),
                packets: log.wants_packets(),
                max_memory: limits::memory(args.max_memory.as_deref())?
                    .unwrap_or(planned.config.max_memory),
                ..planned.config
            },
            log,
            persist: PersistPlan::new(args, planned.store),
            record: args.ci.record.clone(),
            expectations,
            exit_after,
            faults: fault::plan(&args.faults)?,
            pid_file: reading.pid_file,
            ready_line: true,
            command: command.next().map(|name| (name, command.collect())),
        })
    }
}

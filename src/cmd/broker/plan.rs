//! What a broker is asked to do, with no invalid state left; flags and configuration files both
//! come to this.

use std::ffi::OsString;
use std::path::PathBuf;

use super::access::AccessPlan;
use super::listening;
use super::log::Log;
use crate::broker::store::Sync;
use crate::broker::{Config, ListenerConfig, Store, Throwaway};
use crate::cli;
use crate::cmd::{Failure, size};

/// The whole of it.
pub(super) struct Plan {
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
    pub(super) record: Option<PathBuf>,
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
    pub(super) fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.path, self.sync).map_err(|error| super::store_failure(&error))
    }
}

impl Plan {
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(args: &cli::Broker) -> Result<Plan, Failure> {
        let log = Log::new(args.log);
        let mut command = args.command.iter().cloned();
        let listeners = listening::plans(args)?;
        let access = listeners.iter().map(|listener| {
            let identity = listener.tls.as_ref().map(|tls| tls.identity);
            let by_certificate = identity.is_some_and(|identity| identity != Identity::Connect);
            AccessPlan::new(&args.access, by_certificate)
        });
        Ok(Plan {
            access: access.collect(),
            tls_auto: args.listeners.tls_auto.as_deref().map(Throwaway::in_folder),
            config: Config {
                listeners: vec![ListenerConfig::default(); listeners.len()],
                max_packet_size: usize::try_from(args.max_packet_size).unwrap_or(usize::MAX),
                max_memory: size::parse("--max-memory", &args.max_memory)?,
                events: log.is_on(),
                ..Config::default()
            },
            listeners,
            log,
            persist: args.persist.clone().map(|path| PersistPlan {
                path,
                sync: match args.persist_sync {
                    true => Sync::Always,
                    false => Sync::Never,
                },
            }),
            record: args.record.clone(),
            command: command.next().map(|name| (name, command.collect())),
        })
    }
}

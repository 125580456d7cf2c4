//! Where to listen: from flags to plans, and from plans to listeners.

use std::io;
use std::path::PathBuf;

use super::plan::{Endpoint, Family, Identity, ListenerPlan, Protocol, TlsPlan};
use crate::broker::{
    self, ListenError, ListenOptions, Listener, Throwaway, TlsServer, TlsServerOptions, TlsVersion,
};
use crate::cli;
use crate::cmd::connect::transport::{PORT, TLS_PORT};
use crate::cmd::connect::url::{Scheme, Url};
use crate::cmd::{Exit, Failure};

/// Every address of this machine, in a URL.
const EVERYWHERE: &str = "*";

/// What a WebSocket message may have beside the largest packet: others, in the same message.
const MESSAGE_ROOM: usize = 64 << 10;

/// What the flags ask for; certificates of `--tls-auto` are named, and not made yet.
pub(super) fn plans(args: &cli::Broker) -> Result<Vec<ListenerPlan>, Failure> {
    let flags = &args.listeners;
    let tls = tls(flags)?;
    let plan = |endpoint, protocol, tls| ListenerPlan {
        endpoint,
        protocol,
        tls,
        no_delay: true,
    };
    if flags.listen.is_empty() {
        let default_port = match (args.command.is_empty(), &tls) {
            // The command is told which.
            (false, _) => 0,
            (true, Some(_)) => TLS_PORT,
            (true, None) => PORT,
        };
        let host = args.bind.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
        let endpoint = Endpoint::Tcp {
            host: Some(host).filter(|host| host != EVERYWHERE),
            port: args.port.unwrap_or(default_port),
            family: None,
        };
        return Ok(vec![plan(endpoint, Protocol::Mqtt, tls)]);
    }
    let mut plans = Vec::new();
    for text in &flags.listen {
        let url = Url::parse_listener("--listen", text)?;
        if url.username.is_some() {
            return Err(Failure::usage(format!(
                "--listen {}: a listener has no user name and password",
                shown(&url)
            )));
        }
        let protocol = match url.scheme {
            Scheme::Ws | Scheme::Wss => Protocol::WebSocket,
            _ => Protocol::Mqtt,
        };
        if url.topic.is_some() && protocol == Protocol::Mqtt {
            return Err(Failure::usage(format!(
                "--listen {}: a listener of MQTT has no path",
                shown(&url)
            )));
        }
        let secure = matches!(url.scheme, Scheme::Mqtts | Scheme::Wss);
        let tls = match (secure, &tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.clone()),
            (true, None) => {
                return Err(Failure::usage(format!(
                    "--listen {} wants a certificate: give --cert and --key, or --tls-auto",
                    shown(&url)
                )));
            }
        };
        let endpoint = match url.scheme {
            Scheme::Unix => Endpoint::Unix(PathBuf::from(url.host)),
            _ => Endpoint::Tcp {
                host: Some(url.host).filter(|host| host != EVERYWHERE),
                port: url.port.unwrap_or(if secure { TLS_PORT } else { PORT }),
                family: None,
            },
        };
        plans.push(plan(endpoint, protocol, tls));
    }
    if tls.is_some() && plans.iter().all(|plan| plan.tls.is_none()) {
        return Err(Failure::usage(
            "--cert and --tls-auto are about TLS, which no listener speaks: give --listen \
             mqtts://HOST:PORT",
        ));
    }
    Ok(plans)
}

fn shown(url: &Url) -> String {
    let scheme = match url.scheme {
        Scheme::Mqtts => "mqtts",
        Scheme::Ws => "ws",
        Scheme::Wss => "wss",
        _ => "mqtt",
    };
    format!("{scheme}://{}", url.host.escape_debug())
}

/// The files of every TLS listener, if there are some.
fn tls(flags: &cli::Listeners) -> Result<Option<TlsPlan>, Failure> {
    let (certificate, key, ca) = match (&flags.tls_auto, &flags.cert, &flags.key) {
        (Some(folder), _, _) => {
            let files = Throwaway::in_folder(folder);
            (files.server_certificate, files.server_key, Some(files.ca))
        }
        (None, Some(certificate), Some(key)) => {
            (certificate.clone(), key.clone(), flags.cafile.clone())
        }
        _ if flags.require_certificate || flags.cafile.is_some() => {
            return Err(Failure::usage(
                "--cafile and --require-certificate are about TLS: give --cert and --key, too, or \
                 --tls-auto",
            ));
        }
        _ => return Ok(None),
    };
    if flags.require_certificate && ca.is_none() {
        return Err(Failure::usage(
            "--require-certificate takes the certificates of authorities from --cafile: give it, \
             too",
        ));
    }
    Ok(Some(TlsPlan {
        certificate,
        key,
        client_ca_file: ca,
        client_ca_dir: None,
        revoked: flags.crlfile.clone(),
        only_1_3: false,
        require_certificate: flags.require_certificate,
        identity: match (
            flags.use_identity_as_username,
            flags.use_subject_as_username,
        ) {
            (true, _) => Identity::CommonName,
            (false, true) => Identity::Subject,
            (false, false) => Identity::Connect,
        },
    }))
}

/// Makes the certificates of `--tls-auto`, good for the names of this machine and the addresses
/// that are listened on.
pub(super) fn make_certificates(
    files: &Throwaway,
    listeners: &[ListenerPlan],
) -> Result<(), Failure> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let hosts = listeners.iter().filter_map(|plan| match &plan.endpoint {
        Endpoint::Tcp { host, .. } => host.clone(),
        Endpoint::Unix(_) => None,
    });
    for name in host_name().into_iter().chain(hosts) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    files
        .make(names)
        .map_err(|error| Failure::new(Exit::Io, format!("--tls-auto: {error}")))
}

fn host_name() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok()?;
    (!name.is_empty()).then_some(name)
}

/// Begins to listen everywhere; also what TLS is done with.
pub(super) async fn open(
    plans: &[ListenerPlan],
    max_packet_size: usize,
) -> Result<(Vec<Listener>, Vec<(TlsServer, TlsPlan)>), Failure> {
    let mut listeners = Vec::new();
    let mut servers = Vec::new();
    for plan in plans {
        let tls = plan.tls.as_ref().map(tls_server).transpose()?;
        servers.extend(tls.clone().zip(plan.tls.clone()));
        let identity = match plan.tls.as_ref().map(|tls| tls.identity) {
            None | Some(Identity::Connect) => broker::Identity::Unused,
            Some(Identity::CommonName) => broker::Identity::CommonName,
            Some(Identity::Subject) => broker::Identity::Subject,
        };
        let options = ListenOptions {
            tls,
            identity,
            websocket: match plan.protocol {
                Protocol::Mqtt => None,
                Protocol::WebSocket => Some(max_packet_size.saturating_add(MESSAGE_ROOM)),
            },
            no_delay: plan.no_delay,
        };
        let listener = bind(&plan.endpoint)
            .await
            .map_err(|error| cannot_listen(&plan.endpoint, &error))?;
        listeners.push(listener.with(options));
    }
    Ok((listeners, servers))
}

fn tls_server(plan: &TlsPlan) -> Result<TlsServer, Failure> {
    TlsServer::new(&tls_options(plan))
        .map_err(|error| Failure::new(Exit::Io, format!("TLS: {error}")))
}

pub(super) fn tls_options(plan: &TlsPlan) -> TlsServerOptions {
    TlsServerOptions {
        ca_file: plan.client_ca_file.clone(),
        ca_dir: plan.client_ca_dir.clone(),
        require_certificate: plan.require_certificate,
        crl_file: plan.revoked.clone(),
        min_version: match plan.only_1_3 {
            true => TlsVersion::V13,
            false => TlsVersion::V12,
        },
        ..TlsServerOptions::new(plan.certificate.clone(), plan.key.clone())
    }
}

async fn bind(endpoint: &Endpoint) -> Result<Listener, ListenError> {
    let (host, port, family) = match endpoint {
        Endpoint::Tcp { host, port, family } => (host.as_deref(), *port, *family),
        #[cfg(unix)]
        Endpoint::Unix(path) => return Listener::bind_unix(path).await,
        #[cfg(not(unix))]
        Endpoint::Unix(path) => {
            return Err(ListenError {
                address: path.display().to_string(),
                source: io::ErrorKind::Unsupported.into(),
            });
        }
    };
    match (host, family) {
        (Some(host), None) => Listener::bind(host, port).await,
        (Some(host), Some(family)) => Listener::bind_family(host, port, family == Family::V6).await,
        (None, Some(Family::V4)) => Listener::bind("0.0.0.0", port).await,
        (None, Some(Family::V6)) => Listener::bind("::", port).await,
        // The socket of IPv6 takes IPv4, too, where there is IPv6.
        (None, None) => match Listener::bind("::", port).await {
            Err(error) if error.source.kind() != io::ErrorKind::AddrInUse => {
                Listener::bind("0.0.0.0", port).await
            }
            result => result,
        },
    }
}

fn cannot_listen(endpoint: &Endpoint, error: &ListenError) -> Failure {
    let remedy = match (endpoint, error.source.kind()) {
        (Endpoint::Tcp { .. }, io::ErrorKind::AddrInUse) => {
            "; another program has it: try port 0 for a free one"
        }
        (Endpoint::Tcp { .. }, io::ErrorKind::PermissionDenied) => "; try a port above 1023",
        (Endpoint::Tcp { .. }, io::ErrorKind::AddrNotAvailable) => {
            "; a listener wants an address of this machine"
        }
        (Endpoint::Unix(_), io::ErrorKind::AddrInUse) => {
            "; a program listens there, or it is no socket: take another path, or remove the file"
        }
        // What a socket's address has room for.
        (Endpoint::Unix(_), io::ErrorKind::InvalidInput) => {
            "; take a shorter path, e.g. one from the current folder"
        }
        _ => "",
    };
    Failure::new(Exit::Io, format!("{error}{remedy}"))
}

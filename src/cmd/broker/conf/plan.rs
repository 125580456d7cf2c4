//! From what a configuration sets to what the broker does.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use super::super::access::AccessPlan;
use super::super::plan::{Endpoint, Family, Identity, ListenerPlan, Protocol, TlsPlan};
use super::all_of;
use super::settings::{Listener, Security, Settings};
use crate::broker::{Config, ListenerConfig};
use crate::cmd::Failure;

/// The part of a [`Plan`](super::super::plan::Plan) that a configuration makes.
#[derive(Debug)]
pub(in crate::cmd::broker) struct Planned {
    pub(in crate::cmd::broker) listeners: Vec<ListenerPlan>,
    pub(in crate::cmd::broker) access: Vec<AccessPlan>,
    pub(in crate::cmd::broker) config: Config,
    /// Where sessions and messages are kept.
    pub(in crate::cmd::broker) store: Option<PathBuf>,
    /// Whether nobody but this machine can connect, since nothing else was asked for.
    pub(in crate::cmd::broker) is_local_only: bool,
}

impl Settings {
    /// Puts it together. `ports` are for the listener that is there if the configuration has none.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub(in crate::cmd::broker) fn plan(self, ports: &[u16]) -> Result<Planned, Failure> {
        let is_local_only = !self.reaches_out;
        let mut listeners = Vec::new();
        if self.has_default_listener || self.listeners.is_empty() {
            let mut default = self.default_listener.clone();
            if is_local_only {
                default.host = Some(Ipv4Addr::LOCALHOST.to_string());
            }
            let own_port = [default.port];
            for &port in if ports.is_empty() { &own_port } else { ports } {
                let listener = Listener {
                    port,
                    ..default.clone()
                };
                listeners.push(listener.clone());
                // A free port would be another one there.
                if is_local_only && port != 0 && has_ipv6() {
                    listeners.push(Listener {
                        host: Some(Ipv6Addr::LOCALHOST.to_string()),
                        ..listener
                    });
                }
            }
        }
        listeners.extend(self.listeners.iter().cloned());
        let mut planned = Planned {
            listeners: Vec::new(),
            access: Vec::new(),
            config: self.config.clone(),
            store: self
                .persistence
                .then(|| self.persistence_location.join(&self.persistence_file)),
            is_local_only,
        };
        let mut wrong = Vec::new();
        let mut at = None;
        for listener in &listeners {
            let security = match self.per_listener {
                true => &listener.security,
                false => &self.security,
            };
            match listener.plan(self.no_delay) {
                Ok(plan) => planned.listeners.push(plan),
                // A line that makes two listeners is wrong once.
                Err(_) if at.is_some() && at == listener.tls.at => {}
                Err(what) => wrong.push(what),
            }
            at.clone_from(&listener.tls.at);
            planned
                .access
                .push(listener.access(security, is_local_only));
            planned.config.listeners.push(listener.config(security));
        }
        match wrong.is_empty() {
            true => Ok(planned),
            false => Err(all_of(wrong)),
        }
    }
}

/// Whether this machine has the loopback address of IPv6: without it nobody misses it.
fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

impl Listener {
    fn plan(&self, no_delay: bool) -> Result<ListenerPlan, String> {
        let endpoint = match &self.unix_path {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp {
                host: self.host.clone(),
                port: self.port,
                family: self.ipv6.map(|ipv6| match ipv6 {
                    true => Family::V6,
                    false => Family::V4,
                }),
            },
        };
        Ok(ListenerPlan {
            endpoint,
            protocol: match self.websockets {
                true => Protocol::WebSocket,
                false => Protocol::Mqtt,
            },
            tls: self.tls()?,
            no_delay,
        })
    }

    /// mosquitto speaks TLS where there are a certificate and a key.
    fn tls(&self) -> Result<Option<TlsPlan>, String> {
        let tls = &self.tls;
        let wrong = |what: &str| {
            let at = tls.at.as_ref().map(|at| format!("{at}: "));
            let name = self.name();
            Err(format!("{}{name}: {what}", at.unwrap_or_default()))
        };
        let (certificate, key) = match (&tls.cert_file, &tls.key_file) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (None, None) if !tls.require_certificate => return Ok(None),
            _ => return wrong("TLS wants both certfile and keyfile"),
        };
        if tls.require_certificate && tls.ca_file.is_none() && tls.ca_path.is_none() {
            return wrong(
                "require_certificate wants cafile or capath, whose authorities sign them",
            );
        }
        // Without a certificate there is no name in it: mosquitto refuses everybody then.
        let identity = match (tls.identity_as_username, tls.subject_as_username) {
            (true, _) => Identity::CommonName,
            (false, true) => Identity::Subject,
            (false, false) => Identity::Connect,
        };
        Ok(Some(TlsPlan {
            certificate,
            key,
            client_ca_file: tls.ca_file.clone(),
            client_ca_dir: tls.ca_path.clone(),
            revoked: tls.crl_file.clone().filter(|_| tls.require_certificate),
            require_certificate: tls.require_certificate,
            identity,
            only_1_3: tls.only_1_3,
        }))
    }

    fn name(&self) -> String {
        match (&self.unix_path, &self.host) {
            (Some(path), _) => format!("listener 0 {}", path.display()),
            (None, Some(host)) => format!("listener {} {host}", self.port),
            (None, None) => format!("listener {}", self.port),
        }
    }

    fn access(&self, security: &Security, is_local_only: bool) -> AccessPlan {
        let anonymous = self.allow_anonymous.or(security.allow_anonymous);
        AccessPlan {
            password_file: security.password_file.clone(),
            acl_file: security.acl_file.clone(),
            no_match: None,
            anonymous: anonymous.unwrap_or(is_local_only),
            by_certificate: self.tls.cert_file.is_some()
                && (self.tls.identity_as_username || self.tls.subject_as_username),
            grants_subscriptions: true,
        }
    }

    fn config(&self, security: &Security) -> ListenerConfig {
        let auto_id_prefix = self.auto_id_prefix.as_ref();
        ListenerConfig {
            access: Arc::default(),
            versions: self.versions,
            max_connections: self.max_connections,
            max_qos: self.max_qos,
            topic_alias_maximum: self.max_topic_alias,
            topic_alias_maximum_out: self.max_topic_alias_broker,
            mount_point: self.mount_point.as_deref().map(Into::into),
            auto_id_prefix: auto_id_prefix
                .unwrap_or(&security.auto_id_prefix)
                .as_str()
                .into(),
            empty_client_id: security.allow_zero_length_clientid,
            username_as_client_id: self.username_as_client_id,
        }
    }
}

//! What has been set, by listener.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::super::access::FilePlan;
use super::log::LogSettings;
use crate::broker::{Config, Versions};
use crate::mqtt::QoS;

/// Everything that a configuration says.
#[derive(Debug)]
pub(in crate::cmd::broker) struct Settings {
    pub(super) per_listener: bool,
    /// For every listener, unless `per_listener`.
    pub(super) security: Security,
    /// What is set before the first `listener` line.
    pub(super) default_listener: Listener,
    /// Whether any of that makes it a listener.
    pub(super) has_default_listener: bool,
    /// Whether clients of other machines were thought of: a listener, a port, an address.
    pub(super) reaches_out: bool,
    pub(super) listeners: Vec<Listener>,
    pub(super) config: Config,
    pub(super) no_delay: bool,
    pub(super) persistence: bool,
    pub(super) persistence_file: PathBuf,
    pub(super) persistence_location: PathBuf,
    pub(in crate::cmd::broker) log: LogSettings,
    /// As whom mosquitto would go on, if it is root.
    pub(in crate::cmd::broker) user: Option<String>,
    /// File and line that are read now.
    pub(super) here: Rc<str>,
    /// Where the process's number is written.
    pub(in crate::cmd::broker) pid_file: Option<PathBuf>,
}

/// Who may connect and do what.
#[derive(Debug, Clone)]
pub(super) struct Security {
    pub(super) allow_anonymous: Option<bool>,
    pub(super) password_file: Option<FilePlan>,
    pub(super) acl_file: Option<FilePlan>,
    pub(super) auto_id_prefix: String,
    pub(super) allow_zero_length_clientid: bool,
}

/// A listener.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) port: u16,
    pub(super) host: Option<String>,
    pub(super) unix_path: Option<PathBuf>,
    /// `Some(true)`: IPv6 only; `Some(false)`: IPv4 only.
    pub(super) ipv6: Option<bool>,
    pub(super) websockets: bool,
    pub(super) max_connections: Option<usize>,
    pub(super) max_qos: QoS,
    pub(super) max_topic_alias: Option<u16>,
    pub(super) max_topic_alias_broker: Option<u16>,
    pub(super) mount_point: Option<String>,
    /// Before what `auto_id_prefix` says.
    pub(super) auto_id_prefix: Option<String>,
    pub(super) username_as_client_id: bool,
    pub(super) versions: Versions,
    pub(super) tls: Tls,
    /// Before what `allow_anonymous` says.
    pub(super) allow_anonymous: Option<bool>,
    /// With `per_listener_settings`.
    pub(super) security: Security,
}

/// The TLS of a listener.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) ca_path: Option<PathBuf>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) crl_file: Option<PathBuf>,
    pub(super) require_certificate: bool,
    pub(super) identity_as_username: bool,
    pub(super) subject_as_username: bool,
    pub(super) only_1_3: bool,
    /// Where the last of it is said.
    pub(super) at: Option<Rc<str>>,
}

impl Settings {
    /// Whether it says where to listen.
    pub(in crate::cmd::broker) fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// The listener that options are for now.
    pub(super) fn listener(&mut self) -> &mut Listener {
        match self.listeners.last_mut() {
            Some(listener) => listener,
            None => {
                self.has_default_listener = true;
                &mut self.default_listener
            }
        }
    }

    /// The same for its TLS.
    pub(super) fn tls(&mut self) -> &mut Tls {
        let here = self.here.clone();
        let tls = &mut self.listener().tls;
        tls.at = Some(here);
        tls
    }

    /// A file that the line read now names.
    pub(super) fn file(&self, path: PathBuf) -> FilePlan {
        FilePlan {
            path,
            at: Some(self.here.clone()),
        }
    }

    /// What security options set now.
    pub(super) fn security(&mut self) -> &mut Security {
        match self.per_listener {
            true => &mut self.listener().security,
            false => &mut self.security,
        }
    }
}

/// mosquitto's.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            per_listener: false,
            security: Security::default(),
            default_listener: Listener::default(),
            has_default_listener: false,
            reaches_out: false,
            listeners: Vec::new(),
            config: Config {
                receive_maximum: 20,
                max_inflight: 20,
                max_queued_messages: 1_000,
                allow_duplicates: true,
                sys_interval: Some(Duration::from_secs(10)),
                ..Config::default()
            },
            no_delay: true,
            persistence: false,
            persistence_file: PathBuf::from("mosquitto.db"),
            persistence_location: PathBuf::new(),
            log: LogSettings::default(),
            user: None,
            here: Rc::from(""),
            pid_file: None,
        }
    }
}

impl Default for Security {
    fn default() -> Security {
        Security {
            allow_anonymous: None,
            password_file: None,
            acl_file: None,
            auto_id_prefix: "auto-".to_owned(),
            allow_zero_length_clientid: true,
        }
    }
}

impl Default for Listener {
    fn default() -> Listener {
        Listener {
            port: 1883,
            host: None,
            unix_path: None,
            ipv6: None,
            websockets: false,
            max_connections: None,
            max_qos: QoS::ExactlyOnce,
            max_topic_alias: None,
            max_topic_alias_broker: None,
            mount_point: None,
            auto_id_prefix: None,
            username_as_client_id: false,
            versions: Versions::default(),
            tls: Tls::default(),
            allow_anonymous: None,
            security: Security::default(),
        }
    }
}

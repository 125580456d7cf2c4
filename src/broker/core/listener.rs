//! What can be set for each listener, as far as it concerns packets.

use std::sync::Arc;

use crate::broker::access::Access;
use crate::mqtt::{QoS, Version};

/// How clients that come through one listener are treated.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Who may connect, and what they may do.
    pub access: Arc<Access>,
    /// Versions of the protocol that are taken.
    pub versions: Versions,
    /// Connections at a time, those included that have sent no CONNECT yet; `None`: any number.
    pub max_connections: Option<usize>,
    /// Highest QoS taken in a PUBLISH, and granted to a subscription.
    pub max_qos: QoS,
    /// Highest Topic Alias taken, where it differs from
    /// [`Config::topic_alias_maximum`](super::Config::topic_alias_maximum).
    pub topic_alias_maximum: Option<u16>,
    /// Highest Topic Alias used towards a client, as far as it takes aliases; `None`: the default.
    pub topic_alias_maximum_out: Option<u16>,
    /// What stands before every topic of these clients, unseen by them.
    pub mount_point: Option<Arc<str>>,
    /// Beginning of the client identifiers that the broker makes.
    pub auto_id_prefix: Arc<str>,
    /// Whether an empty client identifier is replaced by one of the broker's making.
    pub empty_client_id: bool,
    /// Whether the user name stands in for the client identifier.
    pub username_as_client_id: bool,
}

impl Default for ListenerConfig {
    fn default() -> ListenerConfig {
        ListenerConfig {
            access: Arc::default(),
            versions: Versions::default(),
            max_connections: None,
            max_qos: QoS::ExactlyOnce,
            topic_alias_maximum: None,
            topic_alias_maximum_out: None,
            mount_point: None,
            auto_id_prefix: "auto-".into(),
            empty_client_id: true,
            username_as_client_id: false,
        }
    }
}

/// A set of protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// 3.1
    pub v31: bool,
    /// 3.1.1
    pub v311: bool,
    /// 5.0
    pub v5: bool,
}

impl Versions {
    /// Whether it is one of them.
    pub const fn contains(self, version: Version) -> bool {
        match version {
            Version::V31 => self.v31,
            Version::V311 => self.v311,
            Version::V5 => self.v5,
        }
    }
}

/// All of them.
impl Default for Versions {
    fn default() -> Versions {
        Versions {
            v31: true,
            v311: true,
            v5: true,
        }
    }
}

//! What the rules of a listener, and its limits, say to a client.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use super::connection::{Connection, State};
use super::ending::{Cause, Ending};
use super::publish::is_reserved;
use super::session::Session;
use super::{Config, ConnectionId, Core, ListenerConfig, Peer, SessionId, Time};
use crate::broker::access::{Access, Client, Rules};
use crate::mqtt::packet::Connect;
use crate::mqtt::{ReasonCode, Version};

/// Who stands behind a session, as rules see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub(super) username: Option<Rc<str>>,
    pub(super) address: Option<IpAddr>,
    /// Whose rules count.
    pub(super) listener: usize,
}

/// Who has published a retained message.
#[derive(Debug, Clone)]
pub(super) struct Source {
    client_id: Rc<str>,
    who: Who,
}

impl Who {
    fn client<'w>(&'w self, client_id: &'w str) -> Client<'w> {
        Client {
            username: self.username.as_deref(),
            client_id,
            address: self.address,
        }
    }
}

impl Source {
    /// What [`parts`](Self::parts) has given.
    pub(super) fn restored(client_id: Rc<str>, who: Who) -> Source {
        Source { client_id, who }
    }

    pub(super) fn parts(&self) -> (&Rc<str>, &Who) {
        (&self.client_id, &self.who)
    }

    pub(super) fn new(session: &Session) -> Source {
        Source {
            client_id: session.client_id.clone(),
            who: session.who.clone(),
        }
    }
}

impl Config {
    /// What is set for a listener.
    pub fn listener(&self, index: usize) -> &ListenerConfig {
        static DEFAULT: LazyLock<ListenerConfig> = LazyLock::new(ListenerConfig::default);
        self.listeners.get(index).unwrap_or_else(|| &DEFAULT)
    }

    pub(super) fn has_rules(&self) -> bool {
        self.listeners.iter().any(|l| l.access.rules.is_some())
    }

    fn rules(&self, listener: usize) -> Option<&Rules> {
        self.listener(listener).access.rules.as_ref()
    }

    /// Whether a message may go to a session. Only to be asked where there are rules.
    pub(super) fn may_receive(&self, session: &Session, topic: &str) -> bool {
        let who = &session.who;
        self.rules(who.listener).is_none_or(|rules| {
            rules.may_receive(&who.client(&session.client_id), self.seen(who, topic))
        })
    }

    fn may_publish(&self, who: &Who, client_id: &str, topic: &str) -> bool {
        self.rules(who.listener)
            .is_none_or(|rules| rules.may_publish(&who.client(client_id), self.seen(who, topic)))
    }

    /// Whether a retained message's publisher may publish it still.
    pub(super) fn may_source_publish(&self, source: &Source, topic: &str) -> bool {
        self.may_publish(&source.who, &source.client_id, topic)
    }

    /// A topic without the listener's mount point, as its clients know it.
    fn seen<'t>(&self, who: &Who, topic: &'t str) -> &'t str {
        match &self.listener(who.listener).mount_point {
            Some(mount) => topic.strip_prefix(&**mount).unwrap_or(topic),
            None => topic,
        }
    }
}

/// A client that is let in.
pub(super) struct Admitted {
    pub(super) who: Who,
    /// The client identifier, if it is not the one in CONNECT.
    pub(super) client_id: Option<Rc<str>>,
}

impl Core {
    /// New access rules for the listeners, in their order. What a connection sends and gets from
    /// now on is checked by the new ones; one that they would not have let in as it came, since its
    /// user is gone or has another password now, is closed.
    pub fn set_access(&mut self, now: Time, access: Vec<Arc<Access>>) {
        let mut unwelcome: Vec<ConnectionId> = self
            .connections
            .values()
            .filter(|connection| {
                let State::Connected(session) = connection.state else {
                    return false;
                };
                let listener = connection.peer.listener;
                let old = &self.config.listener(listener).access;
                access.get(listener).is_some_and(|new| {
                    let session = self.sessions.get(&session);
                    let username = session.and_then(|session| session.who.username.as_deref());
                    !new.keeps(old, username)
                })
            })
            .map(|connection| connection.id)
            .collect();
        for (listener, access) in self.config.listeners.iter_mut().zip(access) {
            listener.access = access;
        }
        self.has_rules = self.config.has_rules();
        unwelcome.sort_unstable();
        for connection in unwelcome {
            let why = "its user may no longer connect, or has another password";
            let cause = Cause::Other(ReasonCode::ADMINISTRATIVE_ACTION, why);
            self.end_connection(now, connection, Ending::Refused(cause));
        }
    }

    /// Whether a client is let in; if not, why.
    pub(super) fn admit(
        &self,
        connection: &Connection,
        connect: &Connect<'_>,
    ) -> Result<Admitted, (ReasonCode, &'static str)> {
        let Peer {
            address,
            identity,
            listener,
        } = &connection.peer;
        let config = self.config.listener(*listener);
        let denied = |why| Err((ReasonCode::NOT_AUTHORIZED, why));
        if !config.versions.contains(connect.version) {
            let why = "this listener does not take this version of MQTT";
            return Err((ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, why));
        }
        if connect.client_id.is_empty() && !config.empty_client_id {
            let why = "a client identifier is wanted";
            return Err((ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, why));
        }
        if let Some(prefix) = &self.config.client_id_prefix
            && !connect.client_id.starts_with(&**prefix)
        {
            return denied("the client identifier does not begin as it must");
        }
        if let Some(will) = &connect.will {
            if will.retain && !self.config.retain_available {
                let why = "the will is retained, and that is not available";
                return Err((ReasonCode::RETAIN_NOT_SUPPORTED, why));
            }
            // [MQTT-3.2.2-12]
            if will.qos > config.max_qos {
                let why = "the will has a higher QoS than is taken";
                return Err((ReasonCode::QOS_NOT_SUPPORTED, why));
            }
        }
        let access = &config.access;
        let username = match access.by_certificate {
            true if identity.is_none() => {
                return denied("the certificate has no user name");
            }
            true => identity.clone(),
            false if !access.admits(connect.username, connect.password) => {
                return denied(match connect.username {
                    None => "anonymous clients are not allowed",
                    Some(_) => "user name or password is wrong",
                });
            }
            false => connect.username.map(Rc::from),
        };
        let client_id = match (config.username_as_client_id, &username) {
            (false, _) => None,
            (true, Some(username)) => Some(username.clone()),
            (true, None) => return denied("the user name is to be the client identifier"),
        };
        Ok(Admitted {
            who: Who {
                username,
                address: address.map(|address| address.ip()),
                listener: *listener,
            },
            client_id,
        })
    }

    /// Whether a session may publish, and if not, the code for that.
    pub(super) fn check_publish(
        &self,
        id: SessionId,
        topic: &str,
        payload_len: usize,
    ) -> Result<(), ReasonCode> {
        // [MQTT-3.3.5-2] of 3.1.1: there it is acknowledged as if it had been delivered.
        if is_reserved(topic) {
            return Err(ReasonCode::NOT_AUTHORIZED);
        }
        if payload_len > self.config.max_payload {
            return Err(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR);
        }
        let is_allowed = |session: &Session| {
            self.config
                .may_publish(&session.who, &session.client_id, topic)
        };
        match !self.has_rules || self.sessions.get(&id).is_some_and(is_allowed) {
            true => Ok(()),
            false => Err(ReasonCode::NOT_AUTHORIZED),
        }
    }

    /// Who publishes, if the message is retained and that is asked later.
    pub(super) fn source(&self, id: SessionId, retain: bool) -> Option<Box<Source>> {
        let wanted = retain && self.has_rules && self.config.check_retain_source;
        let session = self.sessions.get(&id).filter(|_| wanted)?;
        Some(Box::new(Source::new(session)))
    }

    /// Whether a session may subscribe to a filter, given without its mount point.
    pub(super) fn check_subscribe(&self, id: SessionId, filter: &str) -> bool {
        !self.has_rules
            || self.sessions.get(&id).is_some_and(|session| {
                let who = &session.who;
                self.config.rules(who.listener).is_none_or(|rules| {
                    rules.may_subscribe(&who.client(&session.client_id), filter)
                })
            })
    }
}

impl Connection {
    /// A topic or filter of the client's, with its listener's mount point.
    pub(super) fn mounted(&self, topic: &str) -> Rc<str> {
        match &self.mount_point {
            Some(mount) => format!("{mount}{topic}").into(),
            None => topic.into(),
        }
    }

    /// A topic as this client knows it.
    pub(super) fn unmounted<'t>(&self, topic: &'t str) -> &'t str {
        match &self.mount_point {
            Some(mount) => topic.strip_prefix(&**mount).unwrap_or(topic),
            None => topic,
        }
    }

    /// The code for a PUBLISH that is acknowledged and dropped: before 5.0 there is none.
    pub(super) fn publish_code(&self, code: ReasonCode) -> ReasonCode {
        match self.version {
            Version::V5 => code,
            Version::V31 | Version::V311 => ReasonCode::SUCCESS,
        }
    }
}

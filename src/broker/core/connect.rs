//! CONNECT and its answer (3.1, 3.2).

use std::rc::Rc;
use std::time::Duration;

use super::alias::OutgoingAliases;
use super::connection::State;
use super::ending::{Cause, Ending};
use super::memory::Level;
use super::message::push;
use super::permission::Admitted;
use super::publish::check_topic;
use super::session::{NEVER_EXPIRES, Session};
use super::timers::Timer;
use super::will::Will;
use super::{ConnectionId, Core, EventKind, SessionId, Time};
use crate::mqtt::packet::{ConnAck, Connect};
use crate::mqtt::property::Value;
use crate::mqtt::rule::{Detail, Rule, Violation};
use crate::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Version};

impl Core {
    /// A well-formed CONNECT: takes the client on, or refuses it.
    pub(super) fn handle_connect(&mut self, now: Time, id: ConnectionId, connect: &Connect<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let properties = connect.properties;
        let number = |id| properties.number(id);
        connection.take_wishes(connect);
        self.output.counters.connects += 1;
        let aliases = number(PropertyId::TOPIC_ALIAS_MAXIMUM).unwrap_or(0);
        let listener = self.config.listener(connection.peer.listener);
        let most = self.config.outgoing_topic_aliases(listener);
        let aliases = u16::try_from(aliases).unwrap_or(u16::MAX).min(most);
        connection.outgoing_aliases = OutgoingAliases::new(aliases);
        if self.config.events {
            connection.asked_client_id = Some(connect.client_id.into());
        }
        let keep_alive = self.config.limited_keep_alive(connect);
        connection.keep_alive = (keep_alive != 0)
            // [MQTT-3.1.2-22]: one and a half times, so 1500 ms for each second.
            .then(|| Duration::from_millis(u64::from(keep_alive) * 1500));

        let assigned = connect.client_id.is_empty();
        if assigned && connect.version == Version::V31 {
            let reason = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
            return self.refuse_with(now, id, reason, "MQTT 3.1 has no empty client identifier");
        }
        if let Some(will) = &connect.will
            && let Err(rule) = check_topic(will.topic, connect.version)
        {
            return self.end_connection(now, id, Ending::Refused(rule.into()));
        }
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let Admitted { who, client_id } = match self.admit(connection, connect) {
            Ok(admitted) => admitted,
            Err((reason, why)) => return self.refuse_with(now, id, reason, why),
        };
        let assigned = assigned || client_id.is_some();
        let client_id: Rc<str> = match client_id {
            Some(client_id) => client_id,
            // [MQTT-3.1.3-6], [MQTT-3.1.3-7]
            None if assigned => self.assign_client_id(who.listener),
            None => connect.client_id.into(),
        };

        if self.memory.is(Level::Short) && !self.client_ids.contains_key(&client_id) {
            let why = "the broker has no memory for more sessions";
            return self.refuse_with(now, id, ReasonCode::QUOTA_EXCEEDED, why);
        }
        let (session_id, session_present) = self.open_session(now, &client_id, connect.clean_start);
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        session.connection = Some(id);
        let username = who.username.clone();
        session.who = who;
        let wanted_expiry = match connect.version {
            Version::V5 => number(PropertyId::SESSION_EXPIRY_INTERVAL).unwrap_or(0),
            Version::V31 | Version::V311 if connect.clean_start => 0,
            Version::V31 | Version::V311 => NEVER_EXPIRES,
        };
        session.expiry_interval = self.config.limited_expiry(wanted_expiry);
        let receive_maximum = number(PropertyId::RECEIVE_MAXIMUM)
            .and_then(|max| u16::try_from(max).ok())
            .unwrap_or(u16::MAX);
        session
            .outgoing
            .resume(receive_maximum.min(self.config.max_inflight));
        session.incoming.resume(match connect.version {
            Version::V5 => self.config.receive_maximum,
            Version::V31 | Version::V311 => u16::MAX,
        });
        connection.state = State::Connected(session_id);
        if self.config.events {
            connection.asked_client_id = Some(client_id.clone());
        }
        connection.expiry_was_zero = session.expiry_interval == 0;
        connection.will = connect
            .will
            .as_ref()
            .map(|will| Will::new(connection.mounted(will.topic), will));
        connection.recharge();
        let deadline = connection.deadline(&self.config);
        self.timers
            .set(Timer::Connection(id), &mut connection.timer, deadline);

        self.note_session(session_id);

        let connack_properties = match connect.version {
            Version::V5 => {
                let mut list = self.announce(id, assigned.then_some(&*client_id));
                let expiry = self.config.limited_expiry(wanted_expiry);
                if expiry != wanted_expiry {
                    // 3.2.2.3.2: the broker's own word counts.
                    let id = PropertyId::SESSION_EXPIRY_INTERVAL;
                    push(&mut list, id, Value::U32(expiry));
                }
                if keep_alive != connect.keep_alive {
                    // [MQTT-3.1.2-21]
                    let id = PropertyId::SERVER_KEEP_ALIVE;
                    push(&mut list, id, Value::U16(keep_alive));
                }
                if let Some(auth) = self.connections.get(&id).and_then(|c| c.auth.as_ref()) {
                    auth.properties(&mut list);
                }
                list
            }
            Version::V31 | Version::V311 => PropertiesBuf::new(),
        };
        let kind = EventKind::Connected {
            version: connect.version,
            session_present,
            keep_alive,
            clean_start: connect.clean_start,
            username,
        };
        self.output.log(id, Some(&client_id), kind);
        // [MQTT-3.1.4-5]
        let connack = ConnAck {
            session_present,
            code: 0,
            properties: connack_properties.as_properties(),
        };
        if let Some(connection) = self.connections.get_mut(&id)
            && !self
                .output
                .send_packet(connection, &Packet::ConnAck(connack))
        {
            return self.end_connection(now, id, Ending::TakesNothing);
        }
        self.pump(now, session_id);
    }

    /// A CONNECT that breaks a rule (`[MQTT-3.1.4-1]`). A server may answer before it closes;
    /// in 3.1.1 it may do so only with the codes that it has.
    pub(super) fn refuse_connect(&mut self, now: Time, id: ConnectionId, violation: Violation) {
        let answer = match violation.rule {
            // [MQTT-3.1.2-2]: in the form that the peer is likely to know.
            Rule::ProtocolLevel => match violation.detail {
                Detail::Found(level) if level & 0x7f >= 5 => Some(Version::V5),
                _ => Some(Version::V311),
            },
            // 3.1.1 [MQTT-3.1.3-8]
            Rule::ClientIdEmpty => Some(violation.version),
            _ => Some(violation.version).filter(|&version| version == Version::V5),
        };
        if let (Some(version), Some(connection)) = (answer, self.connections.get_mut(&id)) {
            connection.version = version;
            self.send_refusal(id, violation.reason(), &violation.to_string());
        }
        self.end_connection(now, id, Ending::Refused(violation.into()));
    }

    pub(super) fn refuse_with(
        &mut self,
        now: Time,
        id: ConnectionId,
        reason: ReasonCode,
        why: &'static str,
    ) {
        self.send_refusal(id, reason, why);
        self.end_connection(now, id, Ending::Refused(Cause::Other(reason, why)));
    }

    /// CONNACK with an error; what is left to do is to close (`[MQTT-3.2.2-7]`).
    fn send_refusal(&mut self, id: ConnectionId, reason: ReasonCode, why: &str) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let code = match connection.version {
            Version::V5 => reason.0,
            Version::V31 | Version::V311 => reason.to_return_code(),
        };
        let properties = connection.explain(why);
        // [MQTT-3.2.2-19]: without the Reason String where it makes the packet too large.
        for properties in [properties.as_properties(), Properties::EMPTY] {
            let connack = ConnAck {
                session_present: false,
                code,
                properties,
            };
            if self
                .output
                .send_packet(connection, &Packet::ConnAck(connack))
            {
                break;
            }
        }
    }

    /// What CONNACK says of the broker's limits.
    fn announce(&self, id: ConnectionId, assigned: Option<&str>) -> PropertiesBuf {
        let mut list = PropertiesBuf::new();
        let config = &self.config;
        let listener = self.connections.get(&id).map_or(0, |c| c.peer.listener);
        let listener = config.listener(listener);
        // [MQTT-3.2.2-9]
        if listener.max_qos != QoS::ExactlyOnce {
            let value = Value::Byte(listener.max_qos.as_u8());
            push(&mut list, PropertyId::MAXIMUM_QOS, value);
        }
        if !config.retain_available {
            push(&mut list, PropertyId::RETAIN_AVAILABLE, Value::Byte(0));
        }
        let max_packet_size = u32::try_from(config.max_packet_size).unwrap_or(u32::MAX);
        for (id, value) in [
            (
                PropertyId::RECEIVE_MAXIMUM,
                Value::U16(config.receive_maximum),
            ),
            (
                PropertyId::TOPIC_ALIAS_MAXIMUM,
                Value::U16(config.alias_maximum(listener)),
            ),
            (PropertyId::MAXIMUM_PACKET_SIZE, Value::U32(max_packet_size)),
        ] {
            push(&mut list, id, value);
        }
        if let Some(client_id) = assigned {
            // [MQTT-3.2.2-16]
            push(
                &mut list,
                PropertyId::ASSIGNED_CLIENT_IDENTIFIER,
                Value::Str(client_id.as_bytes()),
            );
        }
        list
    }

    /// A client identifier that no session has.
    fn assign_client_id(&mut self, listener: usize) -> Rc<str> {
        let prefix = self.config.listener(listener).auto_id_prefix.clone();
        loop {
            self.next_assigned += 1;
            let client_id = format!("{prefix}{}", self.next_assigned);
            if !self.client_ids.contains_key(client_id.as_str()) {
                return client_id.into();
            }
        }
    }

    /// The session for a client identifier, and whether it is an old one: a connection that holds
    /// it is taken over, Clean Start throws it away (`[MQTT-3.1.2-4]` to `[MQTT-3.1.2-6]`).
    fn open_session(
        &mut self,
        now: Time,
        client_id: &Rc<str>,
        clean_start: bool,
    ) -> (SessionId, bool) {
        if let Some(&old) = self.client_ids.get(client_id) {
            if clean_start && let Some(session) = self.sessions.get_mut(&old) {
                // Ends with its connection; a will that waits for its delay goes out then.
                session.expiry_interval = 0;
            }
            let connection = self.sessions.get(&old).and_then(|s| s.connection);
            match connection {
                // [MQTT-3.1.4-3]
                Some(connection) => self.end_connection(now, connection, Ending::TakenOver),
                None if clean_start => self.end_session(now, old),
                None => {}
            }
        }
        // Looked up again: the session may have ended with its connection.
        if let Some(&old) = self.client_ids.get(client_id)
            && let Some(session) = self.sessions.get_mut(&old)
        {
            // [MQTT-3.1.3-9]
            session.delayed_will = None;
            session.ends_at = None;
            self.timers
                .set(Timer::Session(old), &mut session.timer, None);
            return (old, true);
        }
        self.next_session += 1;
        let id = SessionId(self.next_session);
        let session = Session::new(id, client_id.clone(), &self.config, &self.memory);
        self.sessions.insert(id, session);
        self.client_ids.insert(client_id.clone(), id);
        let most = &mut self.output.counters.most_sessions;
        *most = self.sessions.len().max(*most);
        (id, false)
    }
}

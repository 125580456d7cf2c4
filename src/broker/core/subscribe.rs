//! SUBSCRIBE and UNSUBSCRIBE.

use std::borrow::Cow;

use super::ending::Ending;
use super::memory::{LEVEL, Level, filter_cost};
use super::subscriptions::{Subscriber, split_shared};
use super::{ConnectionId, Core, EventKind, SessionId, Time};
use crate::mqtt::packet::{Codes, Subscribe, SubscriptionOptions};
use crate::mqtt::topic;
use crate::mqtt::{Packet, Properties, PropertyId, ReasonCode, Version};

/// Retain Handling (5.0, 3.8.3.1).
const SEND_IF_NEW: u8 = 1;
const DO_NOT_SEND: u8 = 2;

impl Core {
    /// Makes the subscriptions, answers with one code for each in their order
    /// (`[MQTT-3.8.4-6]`, `[MQTT-3.9.3-1]`), then sends retained messages.
    pub(super) fn handle_subscribe(
        &mut self,
        now: Time,
        id: ConnectionId,
        session_id: SessionId,
        subscribe: &Subscribe<'_>,
    ) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let (version, bridge) = (connection.version, connection.bridge);
        let mount_point = connection.mount_point.clone();
        let max_qos = self.config.listener(connection.peer.listener).max_qos;
        let identifier = subscribe
            .properties
            .number(PropertyId::SUBSCRIPTION_IDENTIFIER)
            .unwrap_or(0);
        let mut codes = Vec::new();
        let mut retained = Vec::new();
        for (filter, mut options) in subscribe.filters.iter() {
            options.qos = options.qos.min(max_qos);
            if bridge {
                options.no_local = true;
                options.retain_as_published = true;
            }
            let subscriber = Subscriber {
                session: session_id,
                options,
                identifier,
            };
            let mounted = mounted(mount_point.as_deref(), filter);
            let code = match self.subscribe(filter, &mounted, subscriber) {
                Ok(is_new) => {
                    if wants_retained(filter, &options, is_new) {
                        retained.push((mounted, subscriber));
                    }
                    ReasonCode(options.qos.as_u8())
                }
                Err(code) if version == Version::V5 => code,
                // 3.1 has no word for it, and says that it is then granted in appearance (3.8).
                Err(ReasonCode::NOT_AUTHORIZED) if version == Version::V31 => {
                    ReasonCode(options.qos.as_u8())
                }
                Err(_) => ReasonCode::UNSPECIFIED_ERROR,
            };
            self.log_filter(
                id,
                session_id,
                |filter| EventKind::Subscribed { filter, code },
                filter,
            );
            codes.push(code.0);
        }
        if version == Version::V31 && codes.iter().any(|&code| ReasonCode(code).is_error()) {
            // 3.1 has no failure code in SUBACK.
            return self.end_connection(now, id, Ending::FilterNotTaken);
        }
        let suback = Codes {
            packet_id: subscribe.packet_id,
            properties: Properties::EMPTY,
            codes: &codes,
        };
        self.send(id, &Packet::SubAck(suback));
        self.watch_sys(now);
        for (filter, subscriber) in retained {
            self.deliver_retained(now, &filter, &subscriber);
        }
    }

    /// Whether the subscription is new, or why it is not taken. `mounted` is what the client's
    /// filter `text` comes to.
    fn subscribe(
        &mut self,
        text: &str,
        mounted: &str,
        subscriber: Subscriber,
    ) -> Result<bool, ReasonCode> {
        // Only a 3.1.1 filter can be wrong here: for 5.0 the decoder has looked at `$share`.
        if topic::parse_shared(text).is_err() {
            return Err(ReasonCode::TOPIC_FILTER_INVALID);
        }
        if text.split('/').count() > self.config.max_filter_levels {
            return Err(ReasonCode::TOPIC_FILTER_INVALID);
        }
        if !self.check_subscribe(subscriber.session, split_shared(text).1) {
            return Err(ReasonCode::NOT_AUTHORIZED);
        }
        let (share_name, filter) = split_shared(mounted);
        let session = self
            .sessions
            .get_mut(&subscriber.session)
            .ok_or(ReasonCode::UNSPECIFIED_ERROR)?;
        if !session.filters.contains(mounted) {
            if self.memory.is(Level::Half) {
                return Err(ReasonCode::QUOTA_EXCEEDED);
            }
            session.filter_bytes += filter_cost(mounted);
            session.filters.insert(mounted.into());
            session.recharge();
        }
        self.journal.subscribed(session, mounted, &subscriber);
        let is_new = self.subscriptions.insert(filter, share_name, subscriber);
        self.tree.set(LEVEL * self.subscriptions.levels());
        Ok(is_new)
    }

    /// Removes subscriptions (`[MQTT-3.10.4-1]`); what is on its way is finished
    /// (`[MQTT-3.10.4-3]`). Answers in any case (`[MQTT-3.10.4-5]`).
    pub(super) fn handle_unsubscribe(
        &mut self,
        id: ConnectionId,
        session_id: SessionId,
        unsubscribe: &Subscribe<'_>,
    ) {
        let mut codes = Vec::new();
        let connection = self.connections.get(&id);
        let mount_point = connection.and_then(|connection| connection.mount_point.clone());
        for (text, _) in unsubscribe.filters.iter() {
            let mounted = mounted(mount_point.as_deref(), text);
            let (share_name, filter) = split_shared(&mounted);
            let existed = self.subscriptions.remove(filter, share_name, session_id);
            if let Some(session) = self.sessions.get_mut(&session_id) {
                if session.filters.remove(&*mounted) {
                    session.filter_bytes -= filter_cost(&mounted);
                    session.recharge();
                }
                self.journal.unsubscribed(session, &mounted);
            }
            let code = match existed {
                true => ReasonCode::SUCCESS,
                false => ReasonCode::NO_SUBSCRIPTION_EXISTED,
            };
            self.log_filter(
                id,
                session_id,
                |filter| EventKind::Unsubscribed { filter, code },
                text,
            );
            codes.push(code.0);
        }
        let is_v5 = self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.version == Version::V5);
        let unsuback = Codes {
            packet_id: unsubscribe.packet_id,
            properties: Properties::EMPTY,
            codes: if is_v5 { &codes } else { &[] },
        };
        self.send(id, &Packet::UnsubAck(unsuback));
    }

    fn log_filter(
        &mut self,
        id: ConnectionId,
        session: SessionId,
        kind: impl FnOnce(String) -> EventKind,
        filter: &str,
    ) {
        if self.output.logs() {
            let client_id = self.sessions.get(&session).map(|s| &s.client_id);
            self.output.log(id, client_id, kind(filter.to_owned()));
        }
    }
}

/// A filter with the listener's mount point before the topics that it matches.
fn mounted<'f>(mount_point: Option<&str>, text: &'f str) -> Cow<'f, str> {
    match (mount_point, split_shared(text)) {
        (None, _) => Cow::Borrowed(text),
        (Some(mount), (None, filter)) => Cow::Owned(format!("{mount}{filter}")),
        (Some(mount), (Some(name), filter)) => Cow::Owned(format!("$share/{name}/{mount}{filter}")),
    }
}

/// Retained messages are for plain subscriptions (4.8.2) and as Retain Handling says
/// (`[MQTT-3.3.1-9]` to `[MQTT-3.3.1-11]`).
fn wants_retained(filter: &str, options: &SubscriptionOptions, is_new: bool) -> bool {
    split_shared(filter).0.is_none()
        && match options.retain_handling {
            SEND_IF_NEW => is_new,
            DO_NOT_SEND => false,
            _ => true,
        }
}

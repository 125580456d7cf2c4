//! What the caller asks for: each command appends a packet to the output.

use std::time::{Duration, Instant};

use super::super::error::{ConnectError, PublishError, RequestError};
use super::super::event::{ServerLimits, Token};
use super::super::message::Publication;
use super::super::prepared::{Patch, Prepared};
use super::aliases::Aliases;
use super::session::{Content, Stored};
use super::subscriptions::{Request, Wish};
use super::timer::{KeepAlive, Patience};
use super::{Phase, Protocol};
use crate::mqtt::encode::EncodeError;
use crate::mqtt::frame::Framer;
use crate::mqtt::packet::{Packet, Reason, SubscriptionOptions};
use crate::mqtt::{Properties, QoS, ReasonCode, Version};

impl Protocol {
    /// Opens a connection: CONNECT. A CONNACK has to come within `timeout`.
    ///
    /// `clean_start` overrules the options: the first connection passes what they say, a reconnect
    /// that wants its session back passes `false`. What an earlier connection left unsent or
    /// undecoded is dropped; its messages stay in the session.
    ///
    /// # Errors
    /// [`ConnectError::Encode`] and [`ConnectError::Property`] if a field of CONNECT is too long.
    pub fn connect(
        &mut self,
        now: Instant,
        timeout: Duration,
        clean_start: bool,
    ) -> Result<(), ConnectError> {
        self.output.clear();
        self.is_in_use = false;
        self.events.clear();
        self.aliases.clear();
        self.own_aliases = None;
        if self.session.has_rest() {
            self.session.rest().subscriptions.handle_cut();
        }
        self.framer = Framer::new(self.options.maximum_packet_size());
        self.limits = ServerLimits::NONE;
        self.keep_alive = KeepAlive::new(now, self.options.keep_alive);
        self.patience = (self.options.answer_timeout).map(|limit| Box::new(Patience::new(limit)));
        let options = self.options.clone();
        let properties = self.connect_properties()?;
        let client_id = self.client_id.take();
        let mut packet = options.as_packet(clean_start);
        if let Some(properties) = &properties {
            packet.properties = properties.as_properties();
        }
        if let Some(id) = &client_id {
            packet.client_id = id;
        }
        // Before 5.0 a session without a name cannot be kept (`[MQTT-3.1.3-7]`).
        let nameless = packet.client_id.is_empty() && self.version() < Version::V5;
        packet.clean_start |= nameless;
        let clean_start = packet.clean_start;
        let sent = self.send(&Packet::Connect(packet));
        self.client_id = client_id;
        sent?;
        self.phase = Phase::Connecting {
            until: now + timeout,
            timeout,
            clean_start,
        };
        Ok(())
    }

    /// Publishes. For QoS 1 and 2 an [`Event::Published`](super::super::Event::Published) with the
    /// same token follows, on this connection or a later one.
    ///
    /// # Errors
    /// [`PublishError::QuotaFull`] and [`PublishError::NotConnected`] give the message back; the
    /// others say why the server would not take it.
    pub fn publish(&mut self, publication: Publication) -> Result<Token, PublishError> {
        if !self.is_connected() {
            return Err(PublishError::NotConnected(Box::new(publication)));
        }
        self.check_publication(&publication)?;
        let token = self.token();
        let id = match publication.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => {
                if self.session.quota() == 0 {
                    return Err(PublishError::QuotaFull(Box::new(publication)));
                }
                let stored = || Stored {
                    token,
                    content: Content::Whole(publication.clone()),
                };
                match (self.session.outgoing).publish_with(publication.qos, stored) {
                    Some(id) => id,
                    None => return Err(PublishError::QuotaFull(Box::new(publication))),
                }
            }
        };
        self.send_publication(&publication, id, false);
        Ok(token)
    }

    /// [`publish`](Self::publish) for a message that is ready; `patch` takes the place of the first
    /// bytes of its payload, at most [`MAX_PATCH`](super::super::prepared::MAX_PATCH). Allocates
    /// nothing for QoS 0, nor for the others once there is room for as many as are in flight.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); the message that is given back is patched.
    pub fn publish_prepared(
        &mut self,
        prepared: &Prepared,
        patch: &[u8],
    ) -> Result<Token, PublishError> {
        let patch = Patch::new(patch, prepared);
        let is_ready = self.is_connected()
            && self.trace.is_none()
            && self.own_aliases.is_none()
            && prepared.fits(self.version(), &self.limits);
        if !is_ready {
            return self.publish(prepared.patched(&patch));
        }
        let qos = prepared.publication().qos;
        self.is_in_use = true;
        if qos == QoS::AtMostOnce {
            prepared.append(&patch, 0, &mut self.output);
            return Ok(self.token());
        }
        let full = || PublishError::QuotaFull(Box::new(prepared.patched(&patch)));
        if self.session.quota() == 0 {
            return Err(full());
        }
        let token = self.token();
        let content = self.session.keep(prepared, patch);
        let stored = || Stored { token, content };
        let id = self.session.outgoing.publish_with(qos, stored);
        let id = id.ok_or_else(full)?;
        prepared.append(&patch, id, &mut self.output);
        Ok(token)
    }

    /// Subscribes; one [`Event::Subscribed`](super::super::Event::Subscribed) follows. The filters
    /// must have passed their check ([`mqtt::topic`](crate::mqtt::topic)).
    ///
    /// # Errors
    /// [`RequestError`]; nothing is sent then.
    pub fn subscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        let filters = filters
            .into_iter()
            .map(|(f, options)| (f.to_owned(), options));
        self.ask(Wish::Subscribe, filters.collect(), properties)
    }

    /// Unsubscribes; one [`Event::Unsubscribed`](super::super::Event::Unsubscribed) follows.
    ///
    /// # Errors
    /// [`RequestError`]; nothing is sent then.
    pub fn unsubscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = &'f str>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        let no_options = SubscriptionOptions::default();
        let filters = filters.into_iter().map(|f| (f.to_owned(), no_options));
        self.ask(Wish::Unsubscribe, filters.collect(), properties)
    }

    /// Ends the connection: DISCONNECT, whose reason and properties only 5.0 can say. Nothing is
    /// received after it; the output still has to be sent.
    ///
    /// # Errors
    /// If the properties are too long.
    pub fn disconnect(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), EncodeError> {
        if self.is_connected() {
            self.send(&Packet::Disconnect(Reason { reason, properties }))?;
        }
        self.phase = Phase::Closed;
        Ok(())
    }

    /// Shortens topics to Topic Aliases from now on, as far as the server takes them (5.0,
    /// 3.3.2.3.4), whatever the options say.
    pub fn give_aliases(&mut self) {
        let maximum = self.limits.topic_alias_maximum;
        if self.own_aliases.is_none() && maximum > 0 {
            self.own_aliases = Some(Box::new(Aliases::new(maximum)));
        }
    }

    fn ask(
        &mut self,
        wish: impl FnOnce(Token) -> Wish,
        filters: Vec<(String, SubscriptionOptions)>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        if !self.is_connected() {
            return Err(RequestError::NotConnected);
        }
        let token = self.token();
        let request = Request {
            wish: wish(token),
            filters,
            properties: properties.to_buf(),
        };
        self.request(request).map_err(|(error, _)| error)?;
        Ok(token)
    }

    /// See [`ServerLimits::check`](super::super::ServerLimits::check).
    pub(super) fn check_publication(&self, publication: &Publication) -> Result<(), PublishError> {
        self.limits.check(publication, self.version())
    }
}

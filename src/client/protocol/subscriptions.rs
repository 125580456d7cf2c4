//! What was asked of the server by SUBSCRIBE and UNSUBSCRIBE: it waits for its answer, over
//! reconnects too, and what was granted is asked for again when the server has lost the session.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::error::{ProtocolError, RequestError};
use super::super::event::{Event, Token};
use super::Protocol;
use super::receive::{Handled, reason_string};
use crate::mqtt::packet::{Codes, FiltersBuf, Packet, Subscribe, SubscriptionOptions};
use crate::mqtt::{PacketType, PropertiesBuf, ReasonCode, Version};

/// Requests and what came of them.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Sent on this connection, by Packet Identifier.
    open: FxHashMap<u16, Request>,
    /// Sent on an earlier connection and not answered, oldest first.
    unanswered: Vec<Request>,
    /// What the server has said yes to; a filter stands here once.
    granted: Vec<(Vec<Filter>, PropertiesBuf)>,
}

type Filter = (String, SubscriptionOptions);

/// A SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) wish: Wish,
    /// The options mean nothing in UNSUBSCRIBE.
    pub(super) filters: Vec<Filter>,
    pub(super) properties: PropertiesBuf,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Subscribe(Token),
    Unsubscribe(Token),
    /// The server has lost the session: what it had granted.
    SubscribeAgain,
}

impl Wish {
    fn token(self) -> Option<Token> {
        match self {
            Wish::Subscribe(token) | Wish::Unsubscribe(token) => Some(token),
            Wish::SubscribeAgain => None,
        }
    }
}

impl Subscriptions {
    /// Whether an answer is due.
    pub(super) fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The connection is over: what is open has no Packet Identifier any more.
    pub(super) fn handle_cut(&mut self) {
        let open = self.open.drain().map(|(_, request)| request);
        // What was to be granted again still stands in `granted`.
        self.unanswered
            .extend(open.filter(|request| request.wish != Wish::SubscribeAgain));
        self.unanswered.sort_by_key(|request| request.wish.token());
    }

    /// These filters are not granted any more.
    fn forget(&mut self, filters: &[Filter]) {
        let gone: FxHashSet<&str> = filters.iter().map(|(filter, _)| filter.as_str()).collect();
        for (filters, _) in &mut self.granted {
            filters.retain(|(filter, _)| !gone.contains(filter.as_str()));
        }
        self.granted.retain(|(filters, _)| !filters.is_empty());
    }
}

impl Protocol {
    /// Sends a request; gives it back if that is not possible.
    pub(super) fn request(&mut self, request: Request) -> Result<(), (RequestError, Request)> {
        if request.filters.is_empty() {
            return Err((RequestError::NoFilter, request));
        }
        let Some(id) = self.session.outgoing.request() else {
            return Err((RequestError::NoPacketId, request));
        };
        if let Err(error) = self.send_request(id, &request) {
            self.session.outgoing.handle_request_ack(id);
            return Err((error, request));
        }
        self.session.rest().subscriptions.open.insert(id, request);
        Ok(())
    }

    fn send_request(&mut self, packet_id: u16, request: &Request) -> Result<(), RequestError> {
        let properties = request.properties.as_properties();
        let filters = request.filters.iter().map(|(f, o)| (f.as_str(), *o));
        let before = self.output.len();
        if !matches!(request.wish, Wish::Unsubscribe(_)) {
            let list = FiltersBuf::subscribe(filters, self.version())?;
            self.send(&Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                filters: list.with_options(),
            }))?;
        } else {
            let list = FiltersBuf::unsubscribe(filters.map(|(filter, _)| filter))?;
            self.send(&Packet::Unsubscribe(Subscribe {
                packet_id,
                properties,
                filters: list.without_options(),
            }))?;
        }
        let (len, limit) = (self.output.len() - before, self.limits.packet_limit());
        if len > limit {
            self.output.truncate(before);
            return Err(RequestError::TooLarge { len, limit });
        }
        Ok(())
    }

    /// CONNACK has come: asks again for what is not answered, and, if the server has lost the
    /// session, for what it had granted.
    pub(super) fn resume_subscriptions(&mut self, session_is_kept: bool) {
        if !self.session.has_rest() {
            return;
        }
        if !session_is_kept {
            for (filters, properties) in self.session.rest().subscriptions.granted.clone() {
                self.request_again(Request {
                    wish: Wish::SubscribeAgain,
                    filters,
                    properties,
                });
            }
        }
        for request in std::mem::take(&mut self.session.rest().subscriptions.unanswered) {
            self.request_again(request);
        }
    }

    fn request_again(&mut self, request: Request) {
        // Only a server with smaller limits than before makes this fail; then this is the answer.
        if let Err((_, request)) = self.request(request) {
            let reasons = vec![ReasonCode::PACKET_TOO_LARGE; request.filters.len()];
            let event = self.answer(request, reasons, None);
            self.events.push_back(event);
        }
    }

    /// SUBACK or UNSUBACK.
    pub(super) fn handle_codes(&mut self, packet: PacketType, codes: &Codes<'_>) -> Handled {
        let id = codes.packet_id;
        if !self.session.outgoing.handle_request_ack(id) {
            return Ok(None);
        }
        let Some(request) = self.session.rest().subscriptions.open.remove(&id) else {
            return Ok(None);
        };
        let asked_for = match request.wish {
            Wish::Unsubscribe(_) => PacketType::UNSUBACK,
            Wish::Subscribe(_) | Wish::SubscribeAgain => PacketType::SUBACK,
        };
        if packet != asked_for {
            return Err(ProtocolError::Unexpected {
                packet,
                before_connack: false,
            });
        }
        self.handle_answer();
        let reasons: Vec<_> = codes.reasons().collect();
        let has_codes = packet == PacketType::SUBACK || self.version() == Version::V5;
        if has_codes && reasons.len() != request.filters.len() {
            return Err(ProtocolError::CodeCount {
                packet,
                codes: reasons.len(),
                filters: request.filters.len(),
            });
        }
        let text = reason_string(codes.properties);
        Ok(Some(self.answer(request, reasons, text)))
    }

    fn answer(
        &mut self,
        request: Request,
        reasons: Vec<ReasonCode>,
        reason_string: Option<String>,
    ) -> Event {
        let subscriptions = &mut self.session.rest().subscriptions;
        let Request {
            wish,
            mut filters,
            properties,
        } = request;
        subscriptions.forget(&filters);
        if let Wish::Unsubscribe(token) = wish {
            return Event::Unsubscribed { token, reasons };
        }
        let asked: Vec<_> = filters.iter().map(|(filter, _)| filter.clone()).collect();
        let mut codes = reasons.iter();
        filters.retain(|_| codes.next().is_some_and(|reason| !reason.is_error()));
        if !filters.is_empty() {
            subscriptions.granted.push((filters, properties));
        }
        match wish.token() {
            Some(token) => Event::Subscribed {
                token,
                reasons,
                reason_string,
            },
            None => Event::Resubscribed {
                filters: asked,
                reasons,
                reason_string,
            },
        }
    }
}

//! The session: what outlives a connection, and what a new connection sends again.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::super::error::PublishError;
use super::super::event::{Event, Token};
use super::super::message::Publication;
use super::super::options::ConnectOptions;
use super::super::prepared::{Patch, Prepared};
use super::Protocol;
use super::aliases::Form;
use super::subscriptions::Subscriptions;
use crate::mqtt::flow::{Incoming, Outgoing, Resend};
use crate::mqtt::packet::{Ack, AckKind, Packet, Publish};
use crate::mqtt::{PropertyId, QoS, ReasonCode, Version, encode};

/// Session State of the client (4.1).
#[derive(Debug)]
pub(super) struct Session {
    pub(super) outgoing: Outgoing<Stored>,
    pub(super) incoming: Incoming,
    /// What most prepared messages in flight are, so that not each of them holds a share of it.
    shape: Option<Prepared>,
    rest: Option<Box<Rest>>,
}

/// What few sessions have. In a box, since of many thousand connections that are idle each byte counts.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) subscriptions: Subscriptions,
    /// QoS 2 messages that the server owns, by id, with the code of their PUBREC: they wait for
    /// PUBCOMP.
    pub(super) released: FxHashMap<u16, (Token, ReasonCode)>,
    /// What the server has forgotten with its session: it goes out as new messages.
    backlog: VecDeque<Stored>,
}

/// A message in flight.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) token: Token,
    pub(super) content: Content,
}

/// What has to be sent again if the connection is lost.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Whole(Publication),
    Prepared(Prepared, Patch),
    /// Of the session's own shape.
    Shaped(Patch),
}

impl Session {
    pub(super) fn new(options: &ConnectOptions) -> Session {
        Session {
            outgoing: Outgoing::new(u16::MAX),
            incoming: Incoming::new(own_receive_maximum(options)),
            shape: None,
            rest: None,
        }
    }

    /// How a message that is prepared is kept.
    #[inline]
    pub(super) fn keep(&mut self, prepared: &Prepared, patch: Patch) -> Content {
        match self
            .shape
            .get_or_insert_with(|| prepared.clone())
            .is(prepared)
        {
            true => Content::Shaped(patch),
            false => Content::Prepared(prepared.clone(), patch),
        }
    }

    /// The message that was kept. There is a shape where one is `Shaped`.
    fn publication(&self, content: &Content) -> Option<Publication> {
        Some(match content {
            Content::Whole(publication) => publication.clone(),
            Content::Prepared(prepared, patch) => prepared.patched(patch),
            Content::Shaped(patch) => self.shape.as_ref()?.patched(patch),
        })
    }

    /// To change it.
    pub(super) fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// Whether there is something in it.
    pub(super) fn has_rest(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether a SUBSCRIBE or UNSUBSCRIBE waits for its answer.
    pub(super) fn is_asking(&self) -> bool {
        (self.rest.as_ref()).is_some_and(|rest| rest.subscriptions.is_waiting())
    }

    fn backlog(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.backlog.len())
    }

    pub(super) fn quota(&self) -> u16 {
        match self.backlog() {
            0 => self.outgoing.quota(),
            // Those that wait come first.
            _ => 0,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.outgoing.in_flight() + self.backlog()
    }
}

/// QoS 1 and 2 messages that the server may leave unacknowledged.
fn own_receive_maximum(options: &ConnectOptions) -> u16 {
    options
        .number(PropertyId::RECEIVE_MAXIMUM)
        .and_then(|n| u16::try_from(n).ok())
        .unwrap_or(u16::MAX)
}

impl Protocol {
    /// Goes on with the messages of an earlier connection of the same client; its subscriptions are
    /// left to the server. To be called before there is a connection.
    pub(in crate::client) fn continue_session(&mut self, before: Protocol) {
        self.next_token = before.next_token;
        self.session = before.session;
        if let Some(rest) = &mut self.session.rest {
            rest.subscriptions = Subscriptions::default();
        }
    }

    /// CONNACK has come: everything unacknowledged goes out again, in its order
    /// (`[MQTT-4.4.0-1]`).
    pub(super) fn start_session(&mut self, present: bool, receive_maximum: u16) {
        let own_receive_maximum = own_receive_maximum(&self.options);
        if present {
            let session = &mut self.session;
            session.incoming.resume(own_receive_maximum);
            session.outgoing.resume(receive_maximum);
        } else {
            self.session.incoming = Incoming::new(own_receive_maximum);
            self.start_over(receive_maximum);
        }
        // Before messages go out again: some may come back by these subscriptions.
        self.resume_subscriptions(present);
        self.send_waiting();
    }

    /// The server has no session: what it had not acknowledged becomes new messages, so that
    /// nothing is lost. What it had taken over (PUBREC) was its own affair and counts as done.
    fn start_over(&mut self, receive_maximum: u16) {
        let session = &mut self.session;
        let mut again: VecDeque<Stored> = session
            .outgoing
            .resend()
            .filter_map(|resend| match resend {
                Resend::Publish(_, _, stored) => Some(stored.clone()),
                Resend::PubRel(_) => None,
            })
            .collect();
        session.outgoing = Outgoing::new(receive_maximum);
        if again.is_empty() && session.rest.is_none() {
            return;
        }
        let rest = session.rest();
        again.append(&mut rest.backlog);
        rest.backlog = again;
        let mut done: Vec<_> = rest.released.drain().map(|(_, done)| done).collect();
        done.sort_unstable_by_key(|&(token, _)| token);
        for (token, reason) in done {
            self.events.push_back(Event::Published {
                token,
                reason,
                reason_string: None,
            });
        }
    }

    /// Sends what waits, as far as the Receive Maximum allows (`[MQTT-3.3.4-7]`): first what
    /// goes out again, then what goes out anew. To be called whenever an exchange has ended.
    pub(super) fn send_waiting(&mut self) {
        while let Some(resend) = self.session.outgoing.next_resend() {
            match resend {
                Resend::PubRel(id) => self.send_ack(AckKind::PubRel, id, ReasonCode::SUCCESS),
                Resend::Publish(id, qos, stored) => {
                    let Stored { token, content } = stored.clone();
                    let Some(publication) = self.session.publication(&content) else {
                        continue;
                    };
                    if let Err(error) = self.check_publication(&publication) {
                        match qos {
                            QoS::ExactlyOnce => drop(
                                (self.session.outgoing)
                                    .handle_pubrec(id, ReasonCode::UNSPECIFIED_ERROR),
                            ),
                            _ => drop(self.session.outgoing.handle_puback(id)),
                        }
                        self.give_up(token, &error);
                        continue;
                    }
                    self.send_publication(&publication, id, true);
                }
            }
        }
        while let Some(rest) = &mut self.session.rest
            && let Some(stored) = rest.backlog.pop_front()
        {
            let Some(publication) = self.session.publication(&stored.content) else {
                continue;
            };
            if let Err(error) = self.check_publication(&publication) {
                self.give_up(stored.token, &error);
                continue;
            }
            match self.session.outgoing.publish(publication.qos, stored) {
                Ok(id) => self.send_publication(&publication, id, false),
                Err(stored) => {
                    self.session.rest().backlog.push_front(stored);
                    return;
                }
            }
        }
    }

    /// A message that an earlier connection could send, and this one cannot: its server has
    /// smaller limits.
    fn give_up(&mut self, token: Token, error: &PublishError) {
        self.events.push_back(Event::Published {
            token,
            reason: error.reason().unwrap_or(ReasonCode::UNSPECIFIED_ERROR),
            reason_string: None,
        });
    }

    /// Writes a PUBLISH that has passed its check; a Topic Alias takes the place of its topic where
    /// that saves bytes.
    pub(super) fn send_publication(&mut self, publication: &Publication, id: u16, dup: bool) {
        self.is_in_use = true;
        let mut packet = publication.as_packet(id, dup);
        if self.own_aliases.is_some() && packet.properties.number(PropertyId::TOPIC_ALIAS).is_some()
        {
            // The caller gives aliases by itself, which could be the same numbers.
            self.own_aliases = None;
        }
        let limit = self.limits.packet_limit();
        // Taken out while it lends its properties to the packet.
        let mut aliases = self.own_aliases.take();
        if let Some(aliases) = &mut aliases {
            match aliases.form(&publication.topic) {
                Form::Plain => {}
                Form::Alias(alias) => {
                    packet.topic = "";
                    packet.properties = aliases.with_alias(packet.properties, alias);
                }
                Form::Give(alias) => {
                    let longer = Publish {
                        properties: aliases.with_alias(packet.properties, alias),
                        ..packet
                    };
                    if encode::publish_len(&longer, Version::V5) <= limit {
                        // Its length was checked.
                        let _ = self.send(&Packet::Publish(longer));
                        aliases.given(&publication.topic, alias);
                        self.own_aliases = Some(std::mem::take(aliases));
                        return;
                    }
                }
            }
        }
        // Its length was checked.
        let _ = self.send(&Packet::Publish(packet));
        self.own_aliases = aliases;
    }

    pub(super) fn send_ack(&mut self, kind: AckKind, id: u16, reason: ReasonCode) {
        self.is_in_use = true;
        // A packet of at most five bytes always fits.
        let _ = self.send(&Packet::Ack(Ack::new(kind, id, reason)));
    }
}

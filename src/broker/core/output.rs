//! What leaves the core: actions in order, and the bytes of packets.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::connection::Connection;
use super::event::Payload;
use super::memory::UNWRITTEN;
use super::message::Message;
use super::sys::Counters;
use super::{Action, Config, ConnectionId, Event, EventKind};
use crate::mqtt::encode::encode;
use crate::mqtt::{Packet, Side, Version};

/// How much memory is taken at a time for encoded packets.
const ARENA: usize = 16 << 10;
/// Packets up to this size are copied behind each other for their connection, so that a step has one
/// action for it; larger ones are shared.
const COPY_UP_TO: usize = 4 << 10;

/// The actions that the shell has not fetched yet.
#[derive(Debug)]
pub(super) struct Output {
    items: VecDeque<Item>,
    /// Packets that are shared are written one behind the other and handed out in slices, so that most need no
    /// allocation of their own.
    arena: BytesMut,
    events: bool,
    packets: bool,
    /// What has been sent, and received.
    pub(super) counters: Counters,
}

/// Something to do, in its place among the others.
#[derive(Debug)]
pub(super) enum Item {
    Act(Action),
    /// Send what is in the connection's [`Pending`], if it is still this one.
    Flush(ConnectionId, u32),
}

/// Packets for a connection that are not yet an action.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: BytesMut,
    /// Counts up when the bytes become an action at another place than their item.
    number: u32,
}

impl Pending {
    /// The action that an item of this number stands for.
    pub(super) fn take(&mut self, connection: ConnectionId, number: u32) -> Option<Action> {
        if self.number != number || self.bytes.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes).freeze();
        Some(Action::Send { connection, bytes })
    }
}

impl Output {
    pub(super) fn new(config: &Config) -> Output {
        Output {
            items: VecDeque::new(),
            arena: BytesMut::new(),
            events: config.events,
            packets: config.packets && config.events,
            counters: Counters::default(),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    /// The packet's bytes, or `None` if it is too long for the protocol.
    pub(super) fn encode(&mut self, packet: &Packet<'_>, version: Version) -> Option<Bytes> {
        if let Packet::Publish(publish) = packet {
            let len = crate::mqtt::encode::publish_len(publish, version);
            if self.arena.capacity() < len {
                self.arena = BytesMut::with_capacity(len.max(ARENA));
            }
        } else if self.arena.capacity() < 64 {
            self.arena = BytesMut::with_capacity(ARENA);
        }
        encode(packet, version, &mut self.arena).ok()?;
        Some(self.arena.split().freeze())
    }

    /// Encodes and sends; whether the packet was within the client's limit.
    pub(super) fn send_packet(&mut self, connection: &mut Connection, packet: &Packet<'_>) -> bool {
        if let Packet::Publish(publish) = packet
            && publish.payload.len() > COPY_UP_TO
        {
            return match self.encode(packet, connection.version) {
                Some(bytes) => self.send_bytes(connection, &bytes),
                None => false,
            };
        }
        let before = connection.pending.bytes.len();
        let pending = &mut connection.pending.bytes;
        if encode(packet, connection.version, pending).is_err() {
            return false;
        }
        let len = pending.len() - before;
        if len > connection.max_packet_size {
            pending.truncate(before);
            return false;
        }
        if self.packets {
            let bytes = Bytes::copy_from_slice(pending.get(before..).unwrap_or_default());
            self.packet(connection, Side::Server, bytes);
        }
        self.added(connection, before, len);
        true
    }

    /// Sends a whole packet unless it is larger than the client takes (`[MQTT-3.1.2-24]`).
    pub(super) fn send_bytes(&mut self, connection: &mut Connection, bytes: &Bytes) -> bool {
        if bytes.len() > connection.max_packet_size {
            return false;
        }
        if self.packets {
            self.packet(connection, Side::Server, bytes.clone());
        }
        if bytes.len() <= COPY_UP_TO {
            let before = connection.pending.bytes.len();
            connection.pending.bytes.extend_from_slice(bytes);
            self.added(connection, before, bytes.len());
            return true;
        }
        self.flush(connection);
        self.count(connection, bytes.len());
        self.items.push_back(Item::Act(Action::Send {
            connection: connection.id,
            bytes: bytes.clone(),
        }));
        true
    }

    /// Makes an action of what is pending, here and not at its item's place.
    pub(super) fn flush(&mut self, connection: &mut Connection) {
        let pending = &mut connection.pending;
        if let Some(action) = pending.take(connection.id, pending.number) {
            pending.number = pending.number.wrapping_add(1);
            self.items.push_back(Item::Act(action));
        }
    }

    /// `len` bytes were added behind the `before` that were pending.
    fn added(&mut self, connection: &mut Connection, before: usize, len: usize) {
        self.count(connection, len);
        if before == 0 {
            let item = Item::Flush(connection.id, connection.pending.number);
            self.items.push_back(item);
        }
    }

    fn count(&mut self, connection: &mut Connection, len: usize) {
        self.counters.sent.add(len);
        connection.unwritten += len;
        connection.charge.add(UNWRITTEN * len);
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.items
            .push_back(Item::Act(Action::Close { connection }));
    }

    pub(super) fn log(
        &mut self,
        connection: impl Into<Option<ConnectionId>>,
        client_id: Option<&Rc<str>>,
        kind: EventKind,
    ) {
        if self.events {
            self.items.push_back(Item::Act(Action::Log(Event {
                connection: connection.into(),
                client_id: client_id.cloned(),
                kind,
            })));
        }
    }

    /// Whether packets are told from now on; not without [`Config::events`].
    pub(super) fn tell_packets(&mut self, packets: bool) {
        self.packets = packets && self.events;
    }

    /// A packet came, if that is to be told.
    pub(super) fn received(&mut self, connection: &Connection, bytes: &[u8]) {
        if self.packets {
            self.packet(connection, Side::Client, Bytes::copy_from_slice(bytes));
        }
    }

    /// Only with [`Config::packets`].
    fn packet(&mut self, connection: &Connection, from: Side, bytes: Bytes) {
        let kind = EventKind::Packet {
            from,
            version: connection.version,
            bytes,
        };
        self.items.push_back(Item::Act(Action::Log(Event {
            connection: Some(connection.id),
            client_id: connection.asked_client_id.clone(),
            kind,
        })));
    }

    /// A client published a message, or its will was. Only with [`Config::messages`].
    pub(super) fn published(
        &mut self,
        connection: Option<ConnectionId>,
        client_id: Option<&Rc<str>>,
        message: &Rc<Message>,
    ) {
        self.items.push_back(Item::Act(Action::Log(Event {
            connection,
            client_id: client_id.cloned(),
            kind: EventKind::Published {
                topic: message.topic.clone(),
                payload: Payload(message.clone()),
            },
        })));
    }

    /// Whether building an [`EventKind`] is worth the work.
    pub(super) fn logs(&self) -> bool {
        self.events
    }
}

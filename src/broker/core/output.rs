//! What leaves the core: actions in order, and the bytes of packets.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use super::connection::Connection;
use super::memory::UNWRITTEN;
use super::{Action, ConnectionId, Event, EventKind};
use crate::mqtt::encode::encode;
use crate::mqtt::{Packet, Version};

/// How much memory is taken at a time for encoded packets.
const ARENA: usize = 16 << 10;

/// The actions that the shell has not fetched yet.
#[derive(Debug)]
pub(super) struct Output {
    actions: VecDeque<Action>,
    /// Packets are written one behind the other and handed out in slices, so that most need no
    /// allocation of their own.
    arena: BytesMut,
    events: bool,
}

impl Output {
    pub(super) fn new(events: bool) -> Output {
        Output {
            actions: VecDeque::new(),
            arena: BytesMut::new(),
            events,
        }
    }

    pub(super) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
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
        match self.encode(packet, connection.version) {
            Some(bytes) => self.send_bytes(connection, bytes),
            None => false,
        }
    }

    /// Sends a whole packet unless it is larger than the client takes (`[MQTT-3.1.2-24]`).
    pub(super) fn send_bytes(&mut self, connection: &mut Connection, bytes: Bytes) -> bool {
        if bytes.len() > connection.max_packet_size {
            return false;
        }
        connection.unwritten += bytes.len();
        connection.charge.add(UNWRITTEN * bytes.len());
        self.actions.push_back(Action::Send {
            connection: connection.id,
            bytes,
        });
        true
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.actions.push_back(Action::Close { connection });
    }

    pub(super) fn log(
        &mut self,
        connection: impl Into<Option<ConnectionId>>,
        client_id: Option<&Rc<str>>,
        kind: EventKind,
    ) {
        if self.events {
            self.actions.push_back(Action::Log(Event {
                connection: connection.into(),
                client_id: client_id.cloned(),
                kind,
            }));
        }
    }

    /// Whether building an [`EventKind`] is worth the work.
    pub(super) fn logs(&self) -> bool {
        self.events
    }
}

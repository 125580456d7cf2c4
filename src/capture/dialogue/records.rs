//! What a connection puts out: packets with their version and sides, and what stands in their place.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Dialogue, MQTT_PORT, Verdict, flow::Event};
use crate::capture::{
    detect,
    follower::{End, Pair},
    packets::Out,
    record::{CapturedPacket, Gap, Location, Place, Record, Skipped, Turn, TurnKind, VersionFrom},
};
use crate::mqtt::{
    PacketType, Side, Version,
    decode::{connect_version, old_refusal},
};

/// What is remembered of what happened to a connection while it is not known whether it is MQTT.
const MAX_TURNS: usize = 256;

impl Dialogue {
    /// Takes in what both ends sent, in the order of the frames.
    pub(super) fn merge(&mut self, found: Pair<Vec<Event>>, out: &mut Out) {
        let mut first = found.first.into_iter().peekable();
        let mut second = found.second.into_iter().peekable();
        loop {
            let end = match (first.peek(), second.peek()) {
                (None, None) => return,
                (Some(a), Some(b)) if b.frame() < a.frame() => End::Second,
                (Some(_), _) => End::First,
                (None, Some(_)) => End::Second,
            };
            let next = match end {
                End::First => first.next(),
                End::Second => second.next(),
            };
            if let Some(event) = next {
                self.event(end, event, out);
            }
        }
    }

    pub(super) fn event(&mut self, end: End, event: Event, out: &mut Out) {
        match event {
            Event::Packet {
                bytes,
                announced_len,
                place,
            } => self.packet(end, bytes, announced_len, place, out),
            Event::Gap {
                lost,
                place,
                resynced_at_frame,
            } => {
                let gap = Record::Gap(Gap {
                    at: self.at(end, place),
                    lost,
                    resynced_at_frame,
                });
                self.record(gap, out);
            }
            Event::Skipped { len, place, reason } => {
                let skipped = Record::Skipped(Skipped {
                    at: self.at(end, place),
                    len,
                    reason,
                });
                self.record(skipped, out);
            }
        }
    }

    fn packet(&mut self, end: End, bytes: Bytes, announced: usize, place: Place, out: &mut Out) {
        let kind = PacketType::from_byte1(bytes.first().copied().unwrap_or_default());
        if kind == PacketType::CONNECT {
            self.hold.connecting = false;
            if let Some(version) = connect_version(&bytes) {
                self.client = Some(end);
                self.hold.connect(version);
                self.release(out);
            }
        } else if self.client.is_none() {
            self.client = detect::sender(kind).map(|side| match side {
                Side::Client => end,
                Side::Server => end.other(),
            });
        }
        if bytes.len() == announced {
            self.hold.watch(&bytes, self.side(end));
        }
        let (mut version, mut version_from) = self.hold.version();
        if self.side(end) == Some(Side::Server) {
            let is_answer = !std::mem::replace(&mut self.is_answered, true);
            // The caller's word is law.
            if is_answer
                && (version, version_from) == (Version::V5, VersionFrom::Connect)
                && old_refusal(&bytes).is_some()
            {
                (version, version_from) = (Version::V311, VersionFrom::Inferred);
            }
        }
        let packet = Record::Packet(CapturedPacket {
            at: self.at(end, place),
            version,
            version_from,
            bytes,
            announced_len: announced,
        });
        self.record(packet, out);
    }

    /// Something happens to the connection.
    pub(in crate::capture) fn turn(
        &mut self,
        end: End,
        kind: TurnKind,
        place: Place,
        out: &mut Out,
    ) {
        if !self.connection.options.turns {
            return;
        }
        match self.verdict {
            Verdict::Mqtt => {
                let at = self.at(end, place);
                self.record(Record::Turn(Turn { at, kind }), out);
            }
            Verdict::Undecided => {
                if self.turns.len() >= MAX_TURNS {
                    self.turns.pop_front();
                }
                self.turns.push_back((end, kind, place));
            }
            Verdict::NotMqtt => {}
        }
    }

    fn at(&self, end: End, place: Place) -> Location {
        let (src, dst) = self.connection.ends(end);
        Location {
            frame: place.frame,
            time: place.time,
            stream: self.connection.stream,
            src,
            dst,
            from: self.side(end),
            transport: self.connection.transport,
        }
    }

    #[inline]
    fn record(&mut self, record: Record, out: &mut Out) {
        if self.hold.is_settled() {
            out.records.push_back(record);
            return;
        }
        self.hold.push(record);
        out.unsettled += 1;
        if self.hold.is_settled() {
            self.release(out);
        }
    }

    /// Gives out what waited for the version; the client may have become known since.
    pub(super) fn release(&mut self, out: &mut Out) {
        for mut record in self.hold.release() {
            out.unsettled -= 1;
            let at = match &mut record {
                Record::Packet(packet) => &mut packet.at,
                Record::Gap(gap) => &mut gap.at,
                Record::Skipped(skipped) => &mut skipped.at,
                Record::Turn(turn) => &mut turn.at,
                // Only datagrams carry the one, and only TLS the other.
                Record::Message(_) | Record::Sealed(_) => continue,
            };
            at.from = self.side(self.end_of(at.src));
            out.records.push_back(record);
        }
    }

    fn end_of(&self, src: SocketAddr) -> End {
        if src == self.connection.addrs.first {
            End::First
        } else {
            End::Second
        }
    }

    pub(super) fn side(&self, end: End) -> Option<Side> {
        let by_port = || {
            let is_server = |end| {
                let port = self.connection.addrs.get(end).port();
                port == MQTT_PORT || self.connection.options.ports.contains(&port)
            };
            match (is_server(End::First), is_server(End::Second)) {
                (true, false) => Some(End::Second),
                (false, true) => Some(End::First),
                _ => None,
            }
        };
        self.client
            .or_else(by_port)
            .map(|client| side_of(end, client))
    }
}

fn side_of(end: End, client: End) -> Side {
    if end == client {
        Side::Client
    } else {
        Side::Server
    }
}

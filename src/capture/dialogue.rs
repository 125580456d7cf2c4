//! One TCP connection: is it MQTT, who is the client, which version, and which packets.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;

use super::{
    detect::{self, Opening},
    packets::{Options, Out},
    record::{CapturedPacket, Gap, Place, Record, Skipped, VersionFrom},
    tcp::{End, Follower, Pair},
};
use crate::mqtt::{PacketType, Side, Version, frame::FixedHeader, infer::Inference};

mod flow;

use flow::{Event, Flow};

/// The port of MQTT over TCP: a hint, never a proof.
const MQTT_PORT: u16 = 1883;

/// Packets, and bytes of packets, that are held back until the version is known.
const MAX_HELD: usize = 16;
const MAX_HELD_BYTES: usize = 64 * 1024;

/// What is kept of one direction while it is not known whether it is MQTT.
const WINDOW: usize = 64 * 1024;

/// The same in all streams together; beyond it only the expected ports are still looked at, and
/// [`SMALL_WINDOW`] is kept.
const MAX_UNDECIDED: usize = 8 << 20;
const SMALL_WINDOW: usize = 2 * 1024;

/// Bytes of one direction on any port after which MQTT is not looked for any longer.
const GIVE_UP: u64 = 256 * 1024;

#[derive(Debug)]
pub(super) struct Dialogue {
    stream: u64,
    addrs: Pair<SocketAddr>,
    options: Arc<Options>,
    verdict: Verdict,
    /// The end that opened the TCP connection.
    opener: Option<End>,
    client: Option<End>,
    version: Option<(Version, VersionFrom)>,
    inference: Inference,
    /// The end whose CONNECT has begun and is not whole yet: it will say the version.
    connecting: Option<End>,
    /// Records that wait for the version.
    held: Vec<Record>,
    held_packets: usize,
    held_bytes: usize,
    flows: Pair<Flow>,
    /// What this stream adds to [`Out::undecided`].
    undecided: usize,
    events: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Undecided,
    Mqtt,
    NotMqtt,
}

impl Dialogue {
    pub(super) fn new(
        stream: u64,
        first: SocketAddr,
        second: SocketAddr,
        options: &Arc<Options>,
    ) -> Dialogue {
        let has = |ports: &[u16]| ports.contains(&first.port()) || ports.contains(&second.port());
        let verdict = if has(&options.not_ports) {
            Verdict::NotMqtt
        } else {
            Verdict::Undecided
        };
        Dialogue {
            stream,
            addrs: Pair { first, second },
            options: Arc::clone(options),
            verdict,
            opener: None,
            client: None,
            version: options.version.map(|version| (version, VersionFrom::Given)),
            inference: Inference::new(),
            connecting: None,
            held: Vec::new(),
            held_packets: 0,
            held_bytes: 0,
            flows: Pair::default(),
            undecided: 0,
            events: Vec::new(),
        }
    }

    fn forced(&self) -> bool {
        let ports = &self.options.ports;
        ports.contains(&self.addrs.first.port()) || ports.contains(&self.addrs.second.port())
    }

    fn expected(&self) -> bool {
        self.forced()
            || self.addrs.first.port() == MQTT_PORT
            || self.addrs.second.port() == MQTT_PORT
    }

    /// Looks for MQTT in what has come so far. `last`: nothing more will come.
    fn decide(&mut self, last: bool, out: &mut Out) {
        let expected = self.expected();
        for end in [End::First, End::Second] {
            let flow = self.flows.get(end);
            if !flow.is_empty()
                && detect::opening(flow.bytes(), expected && flow.from_start) == Opening::Connect
            {
                self.connecting = Some(end);
                self.accept(Some(end), out);
                return;
            }
        }
        if self.forced() && self.opener.is_some() {
            // The port says that it is MQTT; the first byte only has to be there.
            self.accept(self.opener, out);
            return;
        }
        if !last && self.awaits_connect() {
            return;
        }
        if !last && !self.flows.first.is_scan_due() && !self.flows.second.is_scan_due() {
            return;
        }
        let needed = if expected {
            detect::EXPECTED
        } else {
            detect::ANYWHERE
        };
        let mut evidence = 0;
        for end in [End::First, End::Second] {
            let flow = self.flows.get_mut(end);
            let found = flow.scan(needed, last);
            if flow.refuted && self.opener.is_none_or(|opener| opener == end) {
                self.reject();
                return;
            }
            evidence += found;
        }
        if evidence >= needed || (self.forced() && last) {
            self.accept(None, out);
        } else if last || (!expected && self.flows.first.seen.max(self.flows.second.seen) > GIVE_UP)
        {
            self.reject();
        } else {
            for end in [End::First, End::Second] {
                self.flows.get_mut(end).keep_last(WINDOW);
            }
        }
    }

    /// Whether the first bytes of the end that opened the connection are still to come, in order:
    /// an answer to a CONNECT may be captured before it.
    fn awaits_connect(&self) -> bool {
        let Some(opener) = self.opener else {
            return false;
        };
        let flow = self.flows.get(opener);
        flow.from_start
            && detect::opening(flow.bytes(), self.expected()) == Opening::Unclear
            && self.flows.get(opener.other()).bytes().len() < WINDOW
    }

    /// Keeps the memory of all undecided streams within its bound.
    fn bound(&mut self, out: &mut Out) {
        self.count_undecided(out);
        if out.undecided > MAX_UNDECIDED && self.verdict == Verdict::Undecided {
            if self.expected() {
                self.flows.first.keep_last(SMALL_WINDOW);
                self.flows.second.keep_last(SMALL_WINDOW);
            } else {
                self.reject();
            }
            self.count_undecided(out);
        }
    }

    fn count_undecided(&mut self, out: &mut Out) {
        let now = match self.verdict {
            Verdict::Undecided => self.flows.first.bytes().len() + self.flows.second.bytes().len(),
            Verdict::Mqtt | Verdict::NotMqtt => 0,
        };
        out.undecided = out.undecided + now - self.undecided;
        self.undecided = now;
    }

    fn accept(&mut self, connect_from: Option<End>, out: &mut Out) {
        self.verdict = Verdict::Mqtt;
        out.mqtt_streams += 1;
        self.client = connect_from.or(self.opener);
        for end in [End::First, End::Second] {
            self.flows.get_mut(end).accept(connect_from == Some(end));
        }
        // The client speaks first.
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            self.pump(end, false, out);
        }
    }

    fn reject(&mut self) {
        self.verdict = Verdict::NotMqtt;
        self.flows = Pair::default();
    }

    /// Cuts what has come from `end` into packets.
    fn pump(&mut self, end: End, last: bool, out: &mut Out) {
        let mut events = std::mem::take(&mut self.events);
        let flow = self.flows.get_mut(end);
        flow.pump(self.options.max_packet, last, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Packet {
                    bytes,
                    announced_len,
                    place,
                } => {
                    self.packet(end, bytes, announced_len, place, out);
                }
                Event::Gap {
                    lost,
                    place,
                    resynced_at_frame,
                } => {
                    let (src, dst) = self.ends(end);
                    let gap = Record::Gap(Gap {
                        frame: place.frame,
                        time: place.time,
                        stream: self.stream,
                        src,
                        dst,
                        from: self.side(end),
                        lost,
                        resynced_at_frame,
                    });
                    self.record(gap, out);
                }
                Event::Skipped { len, place, reason } => {
                    let (src, dst) = self.ends(end);
                    let skipped = Record::Skipped(Skipped {
                        frame: place.frame,
                        time: place.time,
                        stream: self.stream,
                        src,
                        dst,
                        from: self.side(end),
                        len,
                        reason,
                    });
                    self.record(skipped, out);
                }
            }
        }
        self.events = events;
    }

    fn packet(&mut self, end: End, bytes: Bytes, announced: usize, place: Place, out: &mut Out) {
        let byte1 = bytes.first().copied().unwrap_or_default();
        let kind = PacketType::from_byte1(byte1);
        if self.connecting == Some(end) {
            self.connecting = None;
        }
        if kind == PacketType::CONNECT {
            if let Some(version) = connect_version(&bytes) {
                self.client = Some(end);
                if self.options.version.is_none() {
                    self.version = Some((version, VersionFrom::Connect));
                    self.release(out);
                }
            }
        } else if self.client.is_none() {
            self.client = detect::sender(kind).map(|side| match side {
                Side::Client => end,
                Side::Server => end.other(),
            });
        }
        let (src, dst) = self.ends(end);
        let cut = bytes.len() < announced;
        let (version, version_from) = self.version.unwrap_or_default_version();
        if self.version.is_none() && !cut {
            let from = self.client.map(|client| side_of(end, client));
            self.inference.observe(&bytes, from);
        }
        self.held_packets += 1;
        self.held_bytes += bytes.len();
        let packet = Record::Packet(CapturedPacket {
            frame: place.frame,
            time: place.time,
            stream: self.stream,
            src,
            dst,
            from: self.side(end),
            transport: "tcp",
            version,
            version_from,
            bytes,
            announced_len: announced,
        });
        self.record(packet, out);
        if self.version.is_none() {
            if let Some(version) = self.inference.decided()
                && self.connecting.is_none()
            {
                self.version = Some((version, VersionFrom::Inferred));
                self.release(out);
            } else if self.held_packets >= MAX_HELD || self.held_bytes >= MAX_HELD_BYTES {
                self.guess_version();
                self.release(out);
            }
        }
    }

    fn record(&mut self, record: Record, out: &mut Out) {
        if self.version.is_some() {
            out.records.push_back(record);
        } else {
            self.held.push(record);
        }
    }

    /// Gives out what waited for the version.
    fn release(&mut self, out: &mut Out) {
        let (version, version_from) = self.version.unwrap_or_default_version();
        for mut record in std::mem::take(&mut self.held) {
            let (src, from) = match &mut record {
                Record::Packet(packet) => {
                    packet.version = version;
                    packet.version_from = version_from;
                    (packet.src, &mut packet.from)
                }
                Record::Gap(gap) => (gap.src, &mut gap.from),
                Record::Skipped(skipped) => (skipped.src, &mut skipped.from),
            };
            let end = if src == self.addrs.first {
                End::First
            } else {
                End::Second
            };
            *from = self.side(end);
            out.records.push_back(record);
        }
        self.held_packets = 0;
        self.held_bytes = 0;
    }

    fn guess_version(&mut self) {
        self.version = Some(match self.inference.best() {
            Some(version) => (version, VersionFrom::Inferred),
            None => (Version::default(), VersionFrom::Default),
        });
    }

    fn ends(&self, end: End) -> (SocketAddr, SocketAddr) {
        (*self.addrs.get(end), *self.addrs.get(end.other()))
    }

    fn side(&self, end: End) -> Option<Side> {
        let by_port = || {
            let is_server = |end| {
                let port = self.addrs.get(end).port();
                port == MQTT_PORT || self.options.ports.contains(&port)
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

/// The version to show while none is known.
trait OrDefault {
    fn unwrap_or_default_version(self) -> (Version, VersionFrom);
}

impl OrDefault for Option<(Version, VersionFrom)> {
    fn unwrap_or_default_version(self) -> (Version, VersionFrom) {
        self.unwrap_or((Version::default(), VersionFrom::Default))
    }
}

fn side_of(end: End, client: End) -> Side {
    if end == client {
        Side::Client
    } else {
        Side::Server
    }
}

/// The version that a CONNECT asks for; the bit 0x80 of the level marks a bridge.
fn connect_version(packet: &[u8]) -> Option<Version> {
    let header = FixedHeader::parse(packet).ok()??;
    let [h, l, rest @ ..] = packet.get(header.len..)? else {
        return None;
    };
    let name = usize::from(u16::from_be_bytes([*h, *l]));
    let level = rest.get(name)? & 0x7f;
    Some(
        Version::from_level(level).unwrap_or(match (rest.get(..name)?, level) {
            (b"MQIsdp" | b"MQIpdp", _) => Version::V31,
            (_, 6..) => Version::V5,
            _ => Version::V311,
        }),
    )
}

impl Follower for Dialogue {
    type Out = Out;

    fn syn(&mut self, end: End, opens: bool, _out: &mut Out) {
        self.opener = Some(if opens { end } else { end.other() });
        let flow = self.flows.get_mut(end);
        flow.from_start = flow.seen == 0 || flow.from_start;
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        if self.verdict == Verdict::NotMqtt {
            return;
        }
        self.flows.get_mut(end).push(bytes, place);
        match self.verdict {
            Verdict::Undecided => {
                self.decide(false, out);
                self.bound(out);
            }
            Verdict::Mqtt => self.pump(end, false, out),
            Verdict::NotMqtt => {}
        }
    }

    fn gap(&mut self, end: End, lost: u64, place: Place, out: &mut Out) {
        match self.verdict {
            Verdict::NotMqtt => {}
            Verdict::Undecided => {
                self.flows.get_mut(end).gap_before_anything(lost, place);
                self.decide(false, out);
            }
            Verdict::Mqtt => {
                let mut events = std::mem::take(&mut self.events);
                self.flows.get_mut(end).gap(lost, place, &mut events);
                self.events = events;
                self.pump(end, false, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Out) {
        if self.verdict == Verdict::Undecided {
            self.decide(true, out);
        }
        out.undecided -= self.undecided;
        self.undecided = 0;
        if self.verdict != Verdict::Mqtt {
            return;
        }
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            self.pump(end, true, out);
        }
        if self.version.is_none() {
            self.guess_version();
        }
        self.release(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_connect() {
        let with = |level| {
            [
                &b"\x10\x0d\x00\x04MQTT"[..],
                &[level],
                b"\x02\x00\x3c\x00\x01a",
            ]
            .concat()
        };
        assert_eq!(connect_version(&with(4)), Some(Version::V311));
        assert_eq!(connect_version(&with(5)), Some(Version::V5));
        assert_eq!(connect_version(&with(0x84)), Some(Version::V311));
        assert_eq!(
            connect_version(b"\x10\x0f\x00\x06MQIsdp\x83\x02\x00\x3c\x00\x01a"),
            Some(Version::V31)
        );
        assert_eq!(connect_version(b"\x10\x0d\x00\x04MQTT"), None);
    }
}

//! UDP: which peer pairs speak MQTT-SN, and their messages.
//!
//! There is no port to go by, so the content decides. Every datagram of a pair must be a message
//! that can be read, whole and of exactly the announced length, up to the one that convinces:
//! evidence is counted roughly in bits, by how unlikely the form of a message is by chance. A
//! CONNECT or a PUBLISH of QoS -1 convinces alone, small messages only several together. From then
//! on every datagram of the pair is a message, also one that is damaged.

use std::{collections::hash_map::Entry, net::SocketAddr};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{
    ip::Datagram,
    packets::{Options, Out},
    record::{CapturedMessage, Location, Place, Record},
};
use crate::mqtt::{QoS, Side, decode::Strict};
use crate::mqttsn::{
    Flags, Message, MessageType,
    decode::{Header, decode},
    message::{Ack, Topic},
};

/// The UDP port that is registered for MQTT, and the default of many MQTT-SN gateways: a hint.
const MQTT_PORT: u16 = 1883;

/// Evidence that convinces on any port: one CONNECT has it.
const ANYWHERE: u32 = 36;

/// Evidence that convinces on [`MQTT_PORT`].
const EXPECTED: u32 = 16;

/// Evidence of a length and a type that are right.
const FORM: u32 = 16;

/// What a type adds that the same side has sent before.
const AGAIN: u32 = 4;

/// Peer pairs that are followed at once. Beyond it the ones that were silent the longest are
/// forgotten.
const MAX_PAIRS: usize = 16_384;

/// Datagrams of one pair that wait for the verdict.
const MAX_HELD: usize = 32;

/// Bytes that wait for a verdict in all pairs together.
const MAX_HELD_BYTES: usize = 4 << 20;

/// All UDP peer pairs of a capture.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: FxHashMap<(SocketAddr, SocketAddr), Pair>,
    opened: u64,
    held_bytes: usize,
}

/// One peer pair.
#[derive(Debug)]
struct Pair {
    number: u64,
    last_frame: u64,
    verdict: Verdict,
    client: Option<SocketAddr>,
}

#[derive(Debug)]
enum Verdict {
    Undecided(Box<Case>),
    MqttSn,
    Other,
}

/// What speaks for MQTT-SN so far.
#[derive(Debug, Default)]
struct Case {
    evidence: u32,
    /// What has been sent already.
    seen: Vec<(SocketAddr, MessageType)>,
    held: Vec<CapturedMessage>,
}

impl Case {
    fn held_bytes(&self) -> usize {
        self.held.iter().map(|message| message.bytes.len()).sum()
    }
}

impl Pairs {
    /// How many peer pairs there have been.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Bytes that wait for a verdict.
    pub(super) fn held(&self) -> usize {
        self.held_bytes
    }

    /// Takes a datagram.
    pub(super) fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        place: Place,
        options: &Options,
        out: &mut Out,
    ) {
        let (src, dst) = (datagram.src, datagram.dst);
        let pair = match self.pairs.entry((src.min(dst), src.max(dst))) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.opened += 1;
                entry.insert(Pair::new(self.opened - 1, src, dst, options))
            }
        };
        pair.last_frame = place.frame;
        if !matches!(pair.verdict, Verdict::Other) {
            let before = pair.held_bytes();
            pair.take(datagram, place, options, out);
            self.held_bytes = self.held_bytes + pair.held_bytes() - before;
            if self.held_bytes > MAX_HELD_BYTES {
                self.held_bytes -= pair.held_bytes();
                pair.verdict = Verdict::Other;
            }
        }
        if self.pairs.len() > MAX_PAIRS {
            self.evict();
        }
    }

    /// Forgets the eighth part of the pairs that was silent the longest.
    fn evict(&mut self) {
        let mut frames: Vec<u64> = self.pairs.values().map(|pair| pair.last_frame).collect();
        let eighth = frames.len() / 8;
        let (_, &mut limit, _) = frames.select_nth_unstable(eighth);
        self.pairs.retain(|_, pair| pair.last_frame > limit);
        self.held_bytes = self.pairs.values().map(Pair::held_bytes).sum();
    }
}

impl Pair {
    fn new(number: u64, src: SocketAddr, dst: SocketAddr, options: &Options) -> Pair {
        let has = |ports: &[u16]| ports.contains(&src.port()) || ports.contains(&dst.port());
        Pair {
            number,
            last_frame: 0,
            verdict: match has(&options.not_ports) {
                true => Verdict::Other,
                false => Verdict::Undecided(Box::default()),
            },
            client: None,
        }
    }

    fn held_bytes(&self) -> usize {
        match &self.verdict {
            Verdict::Undecided(case) => case.held_bytes(),
            Verdict::MqttSn | Verdict::Other => 0,
        }
    }

    fn take(&mut self, datagram: &Datagram<'_>, place: Place, options: &Options, out: &mut Out) {
        let mut captured = CapturedMessage {
            at: Location {
                frame: place.frame,
                time: place.time,
                stream: self.number,
                src: datagram.src,
                dst: datagram.dst,
                from: None,
                transport: "udp",
            },
            bytes: Bytes::new(),
        };
        let Verdict::Undecided(case) = &mut self.verdict else {
            self.learn_client(datagram);
            captured.at.from = self.side(captured.at.src);
            captured.bytes = Bytes::copy_from_slice(datagram.payload);
            out.records.push_back(Record::Message(captured));
            return;
        };
        // A datagram that the capture cut says nothing about its length, and so nothing at all.
        if datagram.missing == 0 {
            let Some((message_type, evidence)) = judge(datagram.payload) else {
                self.verdict = Verdict::Other;
                return;
            };
            let seen = (datagram.src, message_type);
            case.evidence += match case.seen.contains(&seen) {
                true => AGAIN,
                false => evidence,
            };
            case.seen.push(seen);
        }
        captured.bytes = Bytes::copy_from_slice(datagram.payload);
        case.held.push(captured);
        let needed = needed(datagram, options);
        let (enough, full) = (case.evidence >= needed, case.held.len() >= MAX_HELD);
        self.learn_client(datagram);
        if enough {
            self.accept(out);
        } else if full {
            self.verdict = Verdict::Other;
        }
    }

    fn accept(&mut self, out: &mut Out) {
        let Verdict::Undecided(case) = std::mem::replace(&mut self.verdict, Verdict::MqttSn) else {
            return;
        };
        out.mqttsn_pairs += 1;
        for mut message in case.held {
            message.at.from = self.side(message.at.src);
            out.records.push_back(Record::Message(message));
        }
    }

    /// Only one side sends some types.
    fn learn_client(&mut self, datagram: &Datagram<'_>) {
        let Some((at, header)) = Header::of_message(datagram.payload) else {
            return;
        };
        let flags = datagram.payload.get(at + header.header_len);
        let side = match (header.message_type, flags) {
            (MessageType::PUBLISH, Some(&flags)) if Flags(flags).qos().is_none() => {
                Some(Side::Client)
            }
            (message_type, _) => message_type.sender(),
        };
        // The ends of a datagram that is read as MQTT-SN by mistake must not change with it, and
        // those of a true one never do.
        if self.client.is_none() {
            self.client = side.map(|side| match side {
                Side::Client => datagram.src,
                Side::Server => datagram.dst,
            });
        }
    }

    fn side(&self, src: SocketAddr) -> Option<Side> {
        self.client.map(|client| match client == src {
            true => Side::Client,
            false => Side::Server,
        })
    }
}

fn needed(datagram: &Datagram<'_>, options: &Options) -> u32 {
    let is = |port: u16| datagram.src.port() == port || datagram.dst.port() == port;
    if options.ports.iter().any(|&port| is(port)) {
        0
    } else if is(MQTT_PORT) {
        EXPECTED
    } else {
        ANYWHERE
    }
}

/// The type of the message in a whole datagram and how unlikely its form is by chance, in bits;
/// `None` if it cannot be a message.
fn judge(payload: &[u8]) -> Option<(MessageType, u32)> {
    let envelope = decode(payload, None, &mut Strict).ok()?;
    let message_type = envelope.message.message_type();
    let has_only = |flags: Flags| flags.0 & !Flags::used_by(message_type) == 0;
    let answers = |ack: Ack| ack.return_code.name().map(|_| 6);
    let more = match envelope.message {
        Message::Advertise { .. }
        | Message::SearchGw { .. }
        | Message::GwInfo { .. }
        | Message::WillTopicReq
        | Message::WillMsgReq
        | Message::WillMsg(_)
        | Message::WillMsgUpd(_)
        | Message::PingResp
        | Message::Disconnect { .. } => Some(0),
        Message::Connect {
            flags, client_id, ..
        } => (has_only(flags) && is_printable(client_id)).then_some(20),
        Message::ConnAck { return_code }
        | Message::WillTopicResp { return_code }
        | Message::WillMsgResp { return_code } => return_code.name().map(|_| 6),
        Message::WillTopic(will) | Message::WillTopicUpd(will) => match will {
            Some((flags, topic)) => (has_only(flags) && is_printable(topic)).then_some(8),
            None => Some(0),
        },
        Message::Register {
            msg_id, topic_name, ..
        } => (msg_id != 0 && is_printable(topic_name)).then_some(8),
        Message::RegAck(ack) | Message::PubAck(ack) => answers(ack),
        Message::SubAck { flags, ack } => answers(ack).filter(|_| has_only(flags)).map(|n| n + 6),
        Message::PubComp { msg_id }
        | Message::PubRec { msg_id }
        | Message::PubRel { msg_id }
        | Message::UnsubAck { msg_id } => (msg_id != 0).then_some(0),
        Message::Publish { flags, msg_id, .. } => match flags.qos() {
            _ if !has_only(flags) => None,
            // The type of the topic id and the zero must be right.
            None => (msg_id == 0).then_some(20),
            Some(QoS::AtMostOnce) if msg_id == 0 => Some(14),
            Some(QoS::AtMostOnce) => Some(0),
            Some(QoS::AtLeastOnce | QoS::ExactlyOnce) => (msg_id != 0).then_some(0),
        },
        Message::Subscribe {
            flags,
            msg_id,
            topic,
        }
        | Message::Unsubscribe {
            flags,
            msg_id,
            topic,
        } => match topic {
            _ if !has_only(flags) || msg_id == 0 => None,
            Topic::Name(name) => is_printable(name).then_some(8),
            Topic::Predefined(_) => Some(4),
        },
        Message::PingReq { client_id } => client_id.is_none_or(is_printable).then_some(0),
    }?;
    Some((message_type, FORM + more))
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The evidence of one datagram.
    fn evidence(payload: &[u8]) -> Option<u32> {
        judge(payload).map(|(_, evidence)| evidence)
    }

    #[test]
    fn what_convinces_alone() {
        let connect = b"\x0a\x04\x04\x01\x00\x14sub2";
        let publish = b"\x0a\x0c\x62ab\x00\x00abc";
        let forwarded = b"\x06\xfe\x00\x36\x46\x34\x0b\x04\x04\x01\x00\x14subfe";
        for payload in [&connect[..], publish, forwarded] {
            assert!(evidence(payload) >= Some(ANYWHERE), "{payload:02x?}");
        }
    }

    #[test]
    fn what_does_not() {
        for payload in [
            &[2, 0x16][..],               // PINGREQ
            &[3, 1, 0],                   // SEARCHGW
            &[5, 0, 1, 3, 0x84],          // ADVERTISE
            &[8, 0x0c, 0, 0, 1, 0, 0, 7], // PUBLISH at QoS 0
        ] {
            assert!(evidence(payload).is_some(), "{payload:02x?}");
            assert!(evidence(payload) < Some(ANYWHERE), "{payload:02x?}");
        }
    }

    #[test]
    fn what_is_none() {
        for payload in [
            &b""[..],
            b"\x0a\x04\x04\x01\x00\x14sub",     // a byte is missing
            b"\x0a\x04\x04\x01\x00\x14sub2!",   // a byte too many
            b"\x0a\x04\x01\x01\x00\x14sub2",    // flags that CONNECT does not use
            b"\x0a\x04\x04\x02\x00\x14sub2",    // another protocol
            b"\x0a\x04\x04\x01\x00\x14su\x002", // no text
            b"\x0a\x0c\x60ab\x00\x00abc",       // QoS -1 with a normal topic id
            b"\x0a\x0c\x62ab\x00\x01abc",       // QoS -1 with a message id
        ] {
            assert_eq!(evidence(payload), None, "{payload:02x?}");
        }
    }
}

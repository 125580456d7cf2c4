//! Packets, as lines of mosquitto's log, whose words these are.

use crate::cmd::mosquitto::in_brackets;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::packet::{AckKind, Publish};
use crate::mqtt::{Packet, PropertyId, Side, Version};
use crate::output::text::Safe;

/// What is remembered of a connection.
#[derive(Debug, Default)]
pub(super) struct Talk {
    will: Option<Vec<String>>,
    publish: String,
}

impl Talk {
    /// What CONNECT has said of the will.
    pub(super) fn take_will(&mut self) -> Option<Vec<String>> {
        self.will.take()
    }

    /// The PUBLISH that came last, as it was shown.
    pub(super) fn last_publish(&self) -> &str {
        &self.publish
    }
}

/// The lines of a packet; `id` is the client, made safe for a terminal.
pub(super) fn of(
    talk: &mut Talk,
    from: Side,
    version: Version,
    bytes: &[u8],
    id: &str,
) -> Vec<String> {
    let context = Context {
        version,
        from: Some(from),
    };
    let Ok(packet) = decode(bytes, context, &mut Strict) else {
        return Vec::new();
    };
    match from {
        Side::Client => received(talk, &packet, id),
        Side::Server => vec![sent(&packet, id)],
    }
}

fn received(talk: &mut Talk, packet: &Packet<'_>, id: &str) -> Vec<String> {
    let line = match packet {
        // It is told with its outcome.
        Packet::Connect(connect) => {
            talk.will = Some(match &connect.will {
                None => vec!["No will message specified.".to_owned()],
                Some(will) => vec![
                    format!(
                        "Will message specified ({} bytes) (r{}, q{}).",
                        will.payload.len(),
                        u8::from(will.retain),
                        will.qos
                    ),
                    format!("\t{}", Safe(will.topic)),
                ],
            });
            return Vec::new();
        }
        Packet::Publish(publish) => {
            talk.publish = shown(publish);
            format!("Received PUBLISH from {id} {}", talk.publish)
        }
        Packet::Ack(ack) => {
            let (name, number) = (ack.kind.packet_type(), ack.packet_id);
            match ack.kind {
                AckKind::PubAck | AckKind::PubComp => {
                    let reason = ack.reason.0;
                    format!("Received {name} from {id} (Mid: {number}, RC:{reason})")
                }
                AckKind::PubRec | AckKind::PubRel => {
                    format!("Received {name} from {id} (Mid: {number})")
                }
            }
        }
        Packet::Subscribe(packet) => {
            let filters = packet.filters.iter();
            let filters = filters
                .map(|(filter, options)| format!("\t{} (QoS {})", Safe(filter), options.qos));
            return std::iter::once(format!("Received SUBSCRIBE from {id}"))
                .chain(filters)
                .collect();
        }
        Packet::Unsubscribe(packet) => {
            let filters = packet.filters.iter();
            let filters = filters.map(|(filter, _)| format!("\t{}", Safe(filter)));
            return std::iter::once(format!("Received UNSUBSCRIBE from {id}"))
                .chain(filters)
                .collect();
        }
        Packet::Auth(reason) => format!("Received AUTH from {id} (rc{})", reason.reason.0),
        packet => format!("Received {} from {id}", packet.packet_type()),
    };
    vec![line]
}

fn sent(packet: &Packet<'_>, id: &str) -> String {
    match packet {
        Packet::ConnAck(connack) => {
            // The identifier that the client is told counts.
            let assigned = PropertyId::ASSIGNED_CLIENT_IDENTIFIER;
            let assigned = connack
                .properties
                .text(assigned)
                .map(|id| Safe(id).to_string());
            let id = assigned.as_deref().unwrap_or(id);
            let session = u8::from(connack.session_present);
            format!("Sending CONNACK to {id} ({session}, {})", connack.code)
        }
        Packet::Publish(publish) => format!("Sending PUBLISH to {id} {}", shown(publish)),
        Packet::Ack(ack) => {
            let (name, number) = (ack.kind.packet_type(), ack.packet_id);
            match ack.kind {
                AckKind::PubAck | AckKind::PubRec => {
                    let reason = ack.reason.0;
                    format!("Sending {name} to {id} (m{number}, rc{reason})")
                }
                AckKind::PubRel | AckKind::PubComp => {
                    format!("Sending {name} to {id} (m{number})")
                }
            }
        }
        Packet::Disconnect(reason) | Packet::Auth(reason) => {
            let name = packet.packet_type();
            format!("Sending {name} to {id} (rc{})", reason.reason.0)
        }
        packet => format!("Sending {} to {id}", packet.packet_type()),
    }
}

fn shown(publish: &Publish<'_>) -> String {
    let topic = Safe(publish.topic).to_string();
    let safe = Publish {
        topic: &topic,
        ..*publish
    };
    in_brackets(&safe, publish.packet_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(from: Side, version: Version, bytes: &[u8]) -> Vec<String> {
        of(&mut Talk::default(), from, version, bytes, "c1")
    }

    /// As mosquitto 2.0.11 writes them, seen side by side.
    #[test]
    fn words() {
        use Side::{Client, Server};
        use Version::{V5, V311};
        for (from, version, bytes, expected) in [
            (
                Client,
                V311,
                &b"\x32\x0b\x00\x04no/x\x00\x01hel"[..],
                &["Received PUBLISH from c1 (d0, q1, r0, m1, 'no/x', ... (3 bytes))"][..],
            ),
            (
                Server,
                V311,
                b"\x30\x06\x00\x03t/xy",
                &["Sending PUBLISH to c1 (d0, q0, r0, m0, 't/x', ... (1 bytes))"],
            ),
            (
                Server,
                V5,
                b"\x40\x03\x00\x01\x87",
                &["Sending PUBACK to c1 (m1, rc135)"],
            ),
            (
                Client,
                V5,
                b"\x62\x02\x00\x01",
                &["Received PUBREL from c1 (Mid: 1)"],
            ),
            (
                Client,
                V5,
                b"\x70\x02\x00\x01",
                &["Received PUBCOMP from c1 (Mid: 1, RC:0)"],
            ),
            (
                Client,
                V311,
                b"\x82\x08\x00\x01\x00\x03t/#\x02",
                &["Received SUBSCRIBE from c1", "\tt/# (QoS 2)"],
            ),
            (
                Client,
                V311,
                b"\xa2\x07\x00\x01\x00\x03t/2",
                &["Received UNSUBSCRIBE from c1", "\tt/2"],
            ),
            (Client, V311, b"\xc0\x00", &["Received PINGREQ from c1"]),
            (Server, V311, b"\xd0\x00", &["Sending PINGRESP to c1"]),
            (Client, V311, b"\xe0\x00", &["Received DISCONNECT from c1"]),
            (
                Server,
                V311,
                b"\x20\x02\x00\x05",
                &["Sending CONNACK to c1 (0, 5)"],
            ),
            (
                Server,
                V311,
                b"\x90\x03\x00\x01\x00",
                &["Sending SUBACK to c1"],
            ),
        ] {
            assert_eq!(lines(from, version, bytes), expected);
        }
    }

    #[test]
    fn what_waits_for_its_outcome() {
        let mut talk = Talk::default();
        // 3.1.1 with a will of QoS 0: "w", "bye".
        let connect = b"\x10\x15\x00\x04MQTT\x04\x06\x00\x00\x00\x01a\x00\x01w\x00\x03bye";
        assert!(of(&mut talk, Side::Client, Version::V311, connect, "a").is_empty());
        let will = talk.take_will().unwrap();
        assert_eq!(will, ["Will message specified (3 bytes) (r0, q0).", "\tw"]);
        of(
            &mut talk,
            Side::Client,
            Version::V311,
            b"\x30\x04\x00\x01tx",
            "a",
        );
        assert_eq!(talk.last_publish(), "(d0, q0, r0, m0, 't', ... (1 bytes))");
    }
}

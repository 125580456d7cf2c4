//! Requests and what answers them: what a packet has to do with an exchange, in MQTT and in MQTT-SN.
//! Both give the same packets the same names, so one table by name does for both.

use super::{Decoded, sn};
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, Side, Version};
use crate::mqttsn::decode::Field as SnField;
use crate::mqttsn::{Flags, ReturnCode};

/// A packet or message, as far as exchanges are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name in the newest version.
    pub name: &'static str,
    /// Who sent it.
    pub from: Side,
    /// Packet Identifier or message id; 0 if it has none.
    pub id: u16,
    /// PUBLISH only.
    pub qos: u8,
    /// The code says no, so that no further packet of the exchange follows.
    pub is_refused: bool,
}

/// An exchange: who began it with what. Together with a connection that names at most one that is
/// open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// The name of the packet that began it.
    pub request: &'static str,
    /// Who sent that one.
    pub from: Side,
    /// Its identifier.
    pub id: u16,
}

/// What a packet does to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is the first one.
    Begins,
    /// More will come.
    Goes,
    /// It is the last one.
    Ends,
}

/// A packet in its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Which exchange.
    pub exchange: Exchange,
    /// What the packet does to it.
    pub part: Part,
    /// The QoS of the PUBLISH that this is an answer to; `None` if any will do.
    pub qos: Option<u8>,
    /// The packet that comes next.
    pub next: &'static str,
}

impl Step {
    /// What a packet has to do with an exchange.
    pub fn of_packet(decoded: &Decoded<'_>) -> Step {
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let mut step = Step {
            name: packet_type.name(Version::V5),
            from: sender(decoded, packet_type),
            id: 0,
            qos: match packet_type {
                PacketType::PUBLISH => byte1 >> 1 & 3,
                _ => 0,
            },
            is_refused: false,
        };
        for record in &decoded.record.fields {
            match (record.field, record.value) {
                (Field::PacketId, Value::U16(id)) => step.id = id,
                (Field::ReasonCode, Value::Byte(code)) => step.is_refused = code >= 0x80,
                _ => {}
            }
        }
        step
    }

    /// The same for a message of MQTT-SN. QoS -1 is a QoS 0 here: nothing answers it.
    pub fn of_message(decoded: &sn::Decoded<'_>) -> Step {
        let mut step = Step {
            name: decoded.name(),
            from: decoded.place.from.unwrap_or(Side::Client),
            id: 0,
            qos: 0,
            is_refused: false,
        };
        for record in &decoded.record.fields {
            match (record.field, record.value) {
                (SnField::MsgId, Value::U16(id)) => step.id = id,
                (SnField::Flags, Value::Byte(flags)) => {
                    step.qos = Flags(flags).qos().map_or(0, |qos| qos.as_u8());
                }
                (SnField::ReturnCode, Value::Byte(code)) => {
                    step.is_refused = ReturnCode(code) != ReturnCode::ACCEPTED;
                }
                _ => {}
            }
        }
        step
    }

    /// The same packet, had the other side sent it.
    pub const fn from_other(self) -> Step {
        Step {
            from: self.from.other(),
            ..self
        }
    }

    /// The exchange that a packet belongs to; `None` if nothing answers it.
    pub fn role(self) -> Option<Role> {
        use Part::{Begins, Ends, Goes};
        let (own, other) = (self.from, self.from.other());
        let (request, from, part, qos, next) = match self.name {
            "CONNECT" => ("CONNECT", own, Begins, None, "CONNACK"),
            // MQTT-SN asks for the will in between.
            "WILLTOPICREQ" | "WILLMSGREQ" => ("CONNECT", other, Goes, None, "CONNACK"),
            "WILLTOPIC" | "WILLMSG" => ("CONNECT", own, Goes, None, "CONNACK"),
            "CONNACK" => ("CONNECT", other, Ends, None, ""),
            "PUBLISH" if self.qos == 1 => ("PUBLISH", own, Begins, None, "PUBACK"),
            "PUBLISH" if self.qos == 2 => ("PUBLISH", own, Begins, None, "PUBREC"),
            "PUBACK" => ("PUBLISH", other, Ends, Some(1), ""),
            "PUBREC" if self.is_refused => ("PUBLISH", other, Ends, Some(2), ""),
            "PUBREC" => ("PUBLISH", other, Goes, Some(2), "PUBREL"),
            "PUBREL" => ("PUBLISH", own, Goes, Some(2), "PUBCOMP"),
            "PUBCOMP" => ("PUBLISH", other, Ends, Some(2), ""),
            "SUBSCRIBE" => ("SUBSCRIBE", own, Begins, None, "SUBACK"),
            "SUBACK" => ("SUBSCRIBE", other, Ends, None, ""),
            "UNSUBSCRIBE" => ("UNSUBSCRIBE", own, Begins, None, "UNSUBACK"),
            "UNSUBACK" => ("UNSUBSCRIBE", other, Ends, None, ""),
            "PINGREQ" => ("PINGREQ", own, Begins, None, "PINGRESP"),
            "PINGRESP" => ("PINGREQ", other, Ends, None, ""),
            "REGISTER" => ("REGISTER", own, Begins, None, "REGACK"),
            "REGACK" => ("REGISTER", other, Ends, None, ""),
            "WILLTOPICUPD" => ("WILLTOPICUPD", own, Begins, None, "WILLTOPICRESP"),
            "WILLTOPICRESP" => ("WILLTOPICUPD", other, Ends, None, ""),
            "WILLMSGUPD" => ("WILLMSGUPD", own, Begins, None, "WILLMSGRESP"),
            "WILLMSGRESP" => ("WILLMSGUPD", other, Ends, None, ""),
            _ => return None,
        };
        let id = match request {
            "PUBLISH" | "SUBSCRIBE" | "UNSUBSCRIBE" | "REGISTER" => self.id,
            _ => 0,
        };
        Some(Role {
            exchange: Exchange { request, from, id },
            part,
            qos,
            next,
        })
    }
}

impl Role {
    /// Whether this packet can be part of an exchange that was begun by a PUBLISH of `qos`.
    pub fn fits(self, qos: u8) -> bool {
        self.qos.is_none_or(|of| of == qos)
    }
}

/// Who sent a packet; where nobody says, who alone may send it, or the client.
fn sender(decoded: &Decoded<'_>, packet_type: PacketType) -> Side {
    let version = decoded.origin.version;
    let place = &decoded.origin.place;
    let only = || packet_type.only_sender(version);
    place.from.or_else(only).unwrap_or(Side::Client)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(name: &'static str, qos: u8, is_refused: bool) -> Step {
        Step {
            name,
            from: Side::Server,
            id: 7,
            qos,
            is_refused,
        }
    }

    #[test]
    fn answers_belong_to_the_other_side() {
        for (step, request, from, part, qos) in [
            (
                step("PUBLISH", 2, false),
                "PUBLISH",
                Side::Server,
                Part::Begins,
                None,
            ),
            (
                step("PUBREC", 0, false),
                "PUBLISH",
                Side::Client,
                Part::Goes,
                Some(2),
            ),
            (
                step("PUBREC", 0, true),
                "PUBLISH",
                Side::Client,
                Part::Ends,
                Some(2),
            ),
            (
                step("PUBREL", 0, false),
                "PUBLISH",
                Side::Server,
                Part::Goes,
                Some(2),
            ),
            (
                step("REGACK", 0, false),
                "REGISTER",
                Side::Client,
                Part::Ends,
                None,
            ),
        ] {
            let role = step.role().unwrap();
            let exchange = Exchange {
                request,
                from,
                id: 7,
            };
            assert_eq!((role.exchange, role.part, role.qos), (exchange, part, qos));
        }
        // Both QoS bits set, or none: nobody answers.
        assert_eq!(step("PUBLISH", 3, false).role(), None);
        assert_eq!(step("PUBLISH", 0, false).role(), None);
        assert_eq!(step("ADVERTISE", 0, false).role(), None);
    }
}

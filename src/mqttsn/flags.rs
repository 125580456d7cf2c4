//! The Flags octet (5.3.4): DUP, QoS, Retain, Will, CleanSession, TopicIdType.

use super::MessageType;
use crate::mqtt::QoS;

/// The Flags octet as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

/// What a topic id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicIdType {
    /// 0: an id from REGISTER or SUBSCRIBE; in SUBSCRIBE and UNSUBSCRIBE a topic name.
    Normal,
    /// 1: an id that both sides know beforehand.
    Predefined,
    /// 2: a topic name of two octets in the place of the id.
    Short,
    /// 3: no meaning in 1.2.
    Reserved,
}

impl TopicIdType {
    /// `normal`, `predefined`, `short` or `reserved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TopicIdType::Normal => "normal",
            TopicIdType::Predefined => "predefined",
            TopicIdType::Short => "short",
            TopicIdType::Reserved => "reserved",
        }
    }
}

impl Flags {
    /// Bit 7: the message was sent before.
    pub const DUP: u8 = 0x80;
    /// Bits 6 and 5.
    pub const QOS: u8 = 0x60;
    /// Bit 4.
    pub const RETAIN: u8 = 0x10;
    /// Bit 3: CONNECT wants to be asked for a will.
    pub const WILL: u8 = 0x08;
    /// Bit 2.
    pub const CLEAN_SESSION: u8 = 0x04;
    /// Bits 1 and 0.
    pub const TOPIC_ID_TYPE: u8 = 0x03;

    /// Whether the message was sent before.
    pub const fn dup(self) -> bool {
        self.0 & Flags::DUP != 0
    }

    /// The QoS; `None` is -1: no connection, no answer.
    pub const fn qos(self) -> Option<QoS> {
        QoS::from_u8((self.0 & Flags::QOS) >> 5)
    }

    /// The QoS as a number, -1 to 2.
    pub const fn qos_number(self) -> i8 {
        match self.qos() {
            Some(qos) => qos.as_u8() as i8,
            None => -1,
        }
    }

    /// Whether the message is to be retained, or was.
    pub const fn retain(self) -> bool {
        self.0 & Flags::RETAIN != 0
    }

    /// Whether the client wants to be asked for a will.
    pub const fn will(self) -> bool {
        self.0 & Flags::WILL != 0
    }

    /// Whether the client starts without its old subscriptions and will.
    pub const fn clean_session(self) -> bool {
        self.0 & Flags::CLEAN_SESSION != 0
    }

    /// What the topic id is.
    pub const fn topic_id_type(self) -> TopicIdType {
        match self.0 & Flags::TOPIC_ID_TYPE {
            0 => TopicIdType::Normal,
            1 => TopicIdType::Predefined,
            2 => TopicIdType::Short,
            _ => TopicIdType::Reserved,
        }
    }

    /// The bits that messages of this type use; the others have no demanded value.
    pub const fn used_by(message_type: MessageType) -> u8 {
        match message_type {
            MessageType::CONNECT => Flags::WILL | Flags::CLEAN_SESSION,
            MessageType::WILLTOPIC | MessageType::WILLTOPICUPD => Flags::QOS | Flags::RETAIN,
            MessageType::PUBLISH => Flags::DUP | Flags::QOS | Flags::RETAIN | Flags::TOPIC_ID_TYPE,
            MessageType::SUBSCRIBE => Flags::DUP | Flags::QOS | Flags::TOPIC_ID_TYPE,
            MessageType::UNSUBSCRIBE => Flags::TOPIC_ID_TYPE,
            MessageType::SUBACK => Flags::QOS,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qos_bits_11_are_minus_one() {
        let levels = [0x00, 0x20, 0x40, 0x60].map(|byte| Flags(byte).qos_number());
        assert_eq!(levels, [0, 1, 2, -1]);
    }
}

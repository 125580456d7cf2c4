//! Message types: the MsgType octet (5.2.2).

use crate::mqtt::Side;

/// A message type. An open number: reserved types can be read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

macro_rules! message_types {
    ($($doc:literal $name:ident = $code:literal $senders:ident;)*) => {
        impl MessageType {
            $(#[doc = $doc] pub const $name: MessageType = MessageType($code);)*

            /// Every type that 1.2 defines, by number.
            pub const ALL: &[MessageType] = &[$(MessageType::$name),*];

            /// The standard's name in capitals; `RESERVED` if 1.2 defines none.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "RESERVED",
                }
            }

            const fn senders(self) -> Senders {
                match self.0 {
                    $($code => Senders::$senders,)*
                    _ => Senders::Both,
                }
            }
        }
    };
}

/// Who sends a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Senders {
    Client,
    Gateway,
    Both,
}

// The order of PUBACK, PUBCOMP, PUBREC and PUBREL is not that of MQTT.
message_types! {
    "A gateway tells that it is there." ADVERTISE = 0x00 Gateway;
    "A client looks for a gateway." SEARCHGW = 0x01 Client;
    "The answer to SEARCHGW, from a gateway or from a client that knows one." GWINFO = 0x02 Both;
    "A client connects." CONNECT = 0x04 Client;
    "The gateway answers CONNECT." CONNACK = 0x05 Gateway;
    "The gateway asks for the will topic." WILLTOPICREQ = 0x06 Gateway;
    "The client says the will topic." WILLTOPIC = 0x07 Client;
    "The gateway asks for the will message." WILLMSGREQ = 0x08 Gateway;
    "The client says the will message." WILLMSG = 0x09 Client;
    "Asks for the id of a topic name, or tells it." REGISTER = 0x0a Both;
    "The answer to REGISTER." REGACK = 0x0b Both;
    "A message." PUBLISH = 0x0c Both;
    "QoS 1 acknowledgement, and refusal of any PUBLISH." PUBACK = 0x0d Both;
    "QoS 2, fourth and last message." PUBCOMP = 0x0e Both;
    "QoS 2, second message." PUBREC = 0x0f Both;
    "QoS 2, third message." PUBREL = 0x10 Both;
    "A client asks for a subscription." SUBSCRIBE = 0x12 Client;
    "The gateway answers SUBSCRIBE." SUBACK = 0x13 Gateway;
    "A client ends a subscription." UNSUBSCRIBE = 0x14 Client;
    "The gateway answers UNSUBSCRIBE." UNSUBACK = 0x15 Gateway;
    "Is the other side there? Or: a sleeping client wakes." PINGREQ = 0x16 Both;
    "The answer to PINGREQ." PINGRESP = 0x17 Both;
    "The end of a connection, or the beginning of sleep." DISCONNECT = 0x18 Both;
    "The client changes its will topic." WILLTOPICUPD = 0x1a Client;
    "The gateway answers WILLTOPICUPD." WILLTOPICRESP = 0x1b Gateway;
    "The client changes its will message." WILLMSGUPD = 0x1c Client;
    "The gateway answers WILLMSGUPD." WILLMSGRESP = 0x1d Gateway;
    "What a forwarder wraps around a message (5.5)." ENCAPSULATED = 0xfe Both;
}

impl MessageType {
    /// Whether 1.2 defines the type.
    pub fn is_defined(self) -> bool {
        MessageType::ALL.contains(&self)
    }

    /// Whether this side sends messages of this type.
    pub fn may_be_sent_by(self, side: Side) -> bool {
        self.sender().is_none_or(|sender| sender == side)
    }

    /// The only side that sends messages of this type, if there is one. A gateway is a server.
    pub fn sender(self) -> Option<Side> {
        match self.senders() {
            Senders::Client => Some(Side::Client),
            Senders::Gateway => Some(Side::Server),
            Senders::Both => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_acknowledgements_is_their_own() {
        let names: Vec<_> = (0x0c..=0x11).map(|code| MessageType(code).name()).collect();
        assert_eq!(
            names,
            [
                "PUBLISH", "PUBACK", "PUBCOMP", "PUBREC", "PUBREL", "RESERVED"
            ]
        );
        assert_eq!(MessageType::ALL.len(), 28);
    }
}

//! MQTT-SN 1.2, the MQTT of datagrams, and nothing else.
//!
//! Pure, as [`mqtt`](crate::mqtt) is: no I/O, no clock, no printing. Taken from there is what
//! both protocols share: sides, QoS, field values, severities, and the sinks of the decoder.
//! What has no counterpart there is here: message types, flags, topic ids, return codes, rules.
//!
//! Version 1.2 numbers no statements, so rules cite its sections, as `MQTT-SN 1.2 section 5.3.4`.

pub mod decode;
pub mod flags;
pub mod message;
pub mod message_type;
pub mod predefined;
pub mod return_code;
pub mod rule;
pub mod topics;

pub use flags::{Flags, TopicIdType};
pub use message::{Envelope, Forwarder, Message};
pub use message_type::MessageType;
pub use predefined::Predefined;
pub use return_code::ReturnCode;

/// The version of the protocol that this room speaks.
pub const VERSION: &str = "1.2";

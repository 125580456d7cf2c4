//! The MQTT protocol, 3.1, 3.1.1 and 5.0, and nothing else.
//!
//! Pure: no I/O, no clock, no printing. One decoder ([`decode`]) with two sinks, one encoder
//! ([`encode`]), one table each for properties, reason codes and rules, one QoS 1/2 state
//! machine ([`flow`]). The version is a value, not a module: 3.1.1 is 5.0 without properties.
//!
//! ```
//! use midge::mqtt::decode::{Context, Strict, decode};
//! use midge::mqtt::{Packet, Side, Version};
//!
//! let context = Context { version: Version::V311, from: Some(Side::Client) };
//! let Ok(Packet::Publish(publish)) = decode(b"\x30\x05\x00\x01ahi", context, &mut Strict) else {
//!     panic!("these bytes are a PUBLISH");
//! };
//! assert_eq!((publish.topic, publish.payload), ("a", &b"hi"[..]));
//!
//! // QoS 3: the violation says which statement forbids it.
//! let violation = decode(b"\x36\x05\x00\x01a\x00\x01", context, &mut Strict).unwrap_err();
//! assert_eq!(violation.citations().next(), Some("MQTT-3.3.1-4"));
//! ```

pub mod alias;
pub mod decode;
pub mod encode;
pub mod flow;
pub mod frame;
pub mod infer;
pub mod packet;
pub mod packet_type;
pub mod property;
pub mod qos;
pub mod reason;
pub mod rule;
pub mod session;
pub mod topic;
pub mod varint;
pub mod version;

pub use packet::Packet;
pub use packet_type::PacketType;
pub use property::{Properties, PropertiesBuf, PropertyId};
pub use qos::QoS;
pub use reason::ReasonCode;
pub use version::{Side, Version};

//! The decoder, one datagram at a time.
//!
//! It works as [`mqtt::decode`](crate::mqtt::decode) does, with the same sinks: [`Strict`] stops
//! at the first error, [`Recorder`] keeps every field with its place and every violation, and goes
//! on as far as the bytes allow. The code is the same for both.

mod cursor;
mod field;
mod messages;

pub use field::{Field, Section};

use super::message::{Envelope, Forwarder};
use super::message_type::MessageType;
use super::rule::{Detail, Rule, Violation};
use crate::mqtt::Side;
use crate::mqtt::decode::{self, Strict};
use crate::mqtt::property::Value;
use crate::mqtt::rule::Severity;
use cursor::Decoder;

/// The recording sink for messages.
pub type Recorder<'a> = decode::Recorder<'a, Field, Violation>;

/// A field of a message, its place and its value.
pub type FieldRecord<'a> = decode::FieldRecord<'a, Field>;

/// Takes what the decoder finds; any [`decode::Sink`] for the fields and violations of this room.
pub trait Sink<'a>: decode::Sink<'a, Field, Violation> {}

impl<'a, S: decode::Sink<'a, Field, Violation>> Sink<'a> for S {}

impl<'a> decode::Sink<'a, Field, Violation> for Strict {
    const RECORDS: bool = false;

    fn field(&mut self, _: Field, _: usize, _: usize, _: Value<'a>) {}

    fn violation(&mut self, violation: Violation) -> Result<(), Violation> {
        match violation.severity() {
            Severity::Error => Err(violation),
            Severity::Warning | Severity::Info => Ok(()),
        }
    }
}

/// Decodes one datagram: a message, in a forwarder encapsulation or without. `from`: who sent it,
/// if that is known; a gateway is a server.
///
/// # Errors
/// The first violation that the sink does not let pass, or the one that makes it impossible to
/// represent the message.
pub fn decode<'a, S: Sink<'a>>(
    bytes: &'a [u8],
    from: Option<Side>,
    sink: &mut S,
) -> Result<Envelope<'a>, Violation> {
    let mut decoder = Decoder::new(bytes, from, sink);
    let envelope = decoder.envelope();
    if decoder.is_cut || bytes.len() <= decoder.end {
        return envelope;
    }
    // Reported last, since that is where the bytes are; only a length that can be read has an end.
    let (start, len) = (decoder.end, bytes.len() - decoder.end);
    decoder.record_raw(Field::Extra, start, bytes.len());
    let left_over = decoder.violate(Rule::LeftOver, start, len, Detail::Found(len as u32));
    envelope.and_then(|envelope| left_over.map(|()| envelope))
}

/// The header of a message (5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length of the header itself: 2, or 4 in the long form.
    pub header_len: usize,
    /// Length of the whole message, the header included.
    pub len: usize,
    /// The type.
    pub message_type: MessageType,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` if it is not all there. The length may be
    /// smaller than the header, which no legal one is.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        match *bytes {
            [1, high, low, message_type, ..] => Some(Header {
                header_len: 4,
                len: usize::from(u16::from_be_bytes([high, low])),
                message_type: MessageType(message_type),
            }),
            [len, message_type, ..] if len != 1 => Some(Header {
                header_len: 2,
                len: usize::from(len),
                message_type: MessageType(message_type),
            }),
            _ => None,
        }
    }

    /// The header of the message in a datagram, behind a forwarder encapsulation if there is one,
    /// and where it stands.
    pub fn of_message(datagram: &[u8]) -> Option<(usize, Header)> {
        let header = Header::parse(datagram)?;
        if header.message_type != MessageType::ENCAPSULATED {
            return Some((0, header));
        }
        let inner = Header::parse(datagram.get(header.len..)?)?;
        Some((header.len, inner))
    }
}

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    fn envelope(&mut self) -> Result<Envelope<'a>, Violation> {
        let mut message_type = self.header()?;
        let mut forwarder = None;
        if message_type == MessageType::ENCAPSULATED {
            forwarder = Some(self.forwarder()?);
            if let Some(violation) = self.broken {
                // Cut: there is no message behind it.
                return Err(violation);
            }
            self.pos = self.end;
            self.end = self.bytes.len();
            message_type = self.header()?;
            if message_type == MessageType::ENCAPSULATED {
                let start = self.pos;
                self.end = self.bytes.len();
                self.record_raw(Field::Extra, start, self.end);
                return Err(self.fatal(Rule::Nested, start.saturating_sub(1), 1, Detail::None));
            }
        }
        let message = self.message(message_type)?;
        match self.broken {
            Some(violation) => Err(violation),
            None => Ok(Envelope { forwarder, message }),
        }
    }

    /// Reads the header at `pos` and sets `end` to where the message ends, or the encapsulation if
    /// it is one.
    fn header(&mut self) -> Result<MessageType, Violation> {
        let start = self.pos;
        let bytes = self.rest();
        let Some(header) = Header::parse(bytes) else {
            self.record_raw(Field::Length, start, self.end);
            self.is_cut = true;
            return Err(self.fatal(Rule::Incomplete, self.end, 0, Detail::None));
        };
        let is_long = header.header_len == 4;
        let type_at = start + header.header_len - 1;
        let (length, kind) = match header.message_type {
            MessageType::ENCAPSULATED => (Field::ForwarderLength, Field::ForwarderType),
            _ => (Field::Length, Field::MsgType),
        };
        let value = match is_long {
            true => Value::U16(header.len as u16),
            false => Value::Byte(header.len as u8),
        };
        self.sink.field(length, start, type_at, value);
        let code = Value::Byte(header.message_type.0);
        self.sink.field(kind, type_at, type_at + 1, code);
        self.pos = type_at + 1;
        let says = header.len as u32;
        if header.len < header.header_len {
            // Where the message ends is not known, so everything counts to it.
            self.record_raw(Field::Extra, self.pos, self.end);
            let detail = Detail::Found(says);
            return Err(self.fatal(Rule::LengthTooSmall, start, type_at - start, detail));
        }
        if is_long && header.len < 256 {
            let detail = Detail::Found(says);
            self.violate(Rule::LengthLong, start, type_at - start, detail)?;
        }
        if bytes.len() < header.len {
            self.is_cut = true;
            let has = bytes.len() as u32;
            let detail = Detail::Length { says, has };
            self.break_message(Rule::Incomplete, self.bytes.len(), 0, detail)?;
        } else {
            self.end = start + header.len;
        }
        Ok(header.message_type)
    }

    fn forwarder(&mut self) -> Result<Forwarder<'a>, Violation> {
        let ctrl = self.byte(Field::Ctrl)?;
        if ctrl & !0b11 != 0 {
            self.violate_last(Rule::CtrlReserved, 1)?;
        }
        let wireless_node_id = self.data(Field::WirelessNodeId);
        Ok(Forwarder {
            ctrl,
            wireless_node_id,
        })
    }
}

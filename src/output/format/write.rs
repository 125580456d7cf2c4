//! Writing a message in a format.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use super::clock::Clock;
use super::json::{self, NotJson};
use super::{Field, Format, Padding, Piece};
use crate::mqtt::PropertyId;
use crate::mqtt::property::Value;
use crate::output::json::Message;
use crate::output::text::push_for_terminal;

impl Format {
    /// Appends the message; its time is when it came.
    ///
    /// # Errors
    /// If `%J` meets a payload that is no JSON; everything else is written all the same.
    pub fn push(&self, out: &mut Vec<u8>, message: &Message<'_>) -> Result<(), NotJson> {
        let mut clock = Clock::new(message.time);
        let mut result = Ok(());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Time(what) => clock.push(out, *what),
                Piece::Json { parsed } => {
                    let written = json::push(out, message, &mut clock, *parsed, self.pretty);
                    result = result.and(written);
                }
                Piece::Field(field, padding) => {
                    let start = out.len();
                    push_field(out, *field, *padding, message, &mut clock);
                    if self.escape {
                        escape(out, start);
                    }
                }
            }
        }
        result
    }
}

fn push_field(
    out: &mut Vec<u8>,
    field: Field,
    padding: Padding,
    message: &Message<'_>,
    clock: &mut Clock,
) {
    let properties = message.properties;
    let number = |id| properties.number(id);
    let text = |id| match properties.get(id) {
        Some(Value::Str(bytes) | Value::Binary(bytes)) => bytes,
        _ => b"",
    };
    match field {
        Field::Topic => push_text(out, message.topic.as_bytes(), padding),
        Field::ContentType => push_text(out, text(PropertyId::CONTENT_TYPE), padding),
        // Alone among the texts it takes no room if it is not there.
        Field::ResponseTopic => match text(PropertyId::RESPONSE_TOPIC) {
            b"" => {}
            topic => push_text(out, topic, padding),
        },
        Field::CorrelationData => out.extend_from_slice(text(PropertyId::CORRELATION_DATA)),
        Field::Iso8601 => {
            let mut time = Vec::new();
            clock.push_iso_8601(&mut time);
            push_text(out, &time, padding);
        }
        Field::UnixTime => clock.push_unix(out),
        Field::TopicAlias => push_number(out, number(PropertyId::TOPIC_ALIAS), padding),
        Field::Expiry => {
            push_number(out, number(PropertyId::MESSAGE_EXPIRY_INTERVAL), padding);
        }
        Field::PayloadFormat => {
            push_number(out, number(PropertyId::PAYLOAD_FORMAT_INDICATOR), padding);
        }
        Field::SubscriptionId => {
            push_number(out, number(PropertyId::SUBSCRIPTION_IDENTIFIER), padding);
        }
        Field::PayloadLen => push_number(out, Some(message.payload.len()), padding),
        Field::PacketId => push_number(out, Some(message.packet_id.unwrap_or(0)), padding),
        Field::Qos => out.push(b'0' + message.qos),
        Field::Retain => out.push(b'0' + u8::from(message.retain)),
        Field::UserProperties => {
            let mut space: &[u8] = b"";
            for property in properties {
                if let Value::Pair(name, value) = property.value {
                    for part in [space, name, b":", value] {
                        out.extend_from_slice(part);
                    }
                    space = b" ";
                }
            }
        }
        Field::Payload => push_payload(out, message.payload, padding),
        Field::Hex { upper, separator } => {
            push_hex(out, message.payload, padding, upper, separator);
        }
        Field::Float => {
            let value = message.payload.try_into().map(f32::from_ne_bytes);
            push_float(out, value.ok().map(f64::from), padding);
        }
        Field::Double => {
            let value = message.payload.try_into().map(f64::from_ne_bytes);
            push_float(out, value.ok(), padding);
        }
    }
}

/// Numbers: filled up with blanks or zeros; one that is not there is nothing but those.
fn push_number(out: &mut Vec<u8>, number: Option<impl Display>, padding: Padding) {
    let start = out.len();
    if let Some(number) = number {
        // Writing to a Vec does not fail.
        let _ = write!(out, "{number}");
    }
    let fill = if padding.zeros { b'0' } else { b' ' };
    fill_up(out, start, padding, fill);
}

/// Strings: cut to the precision, filled up with blanks.
fn push_text(out: &mut Vec<u8>, text: &[u8], padding: Padding) {
    let len = padding.precision.unwrap_or(text.len()).min(text.len());
    let start = out.len();
    out.extend_from_slice(text.get(..len).unwrap_or(text));
    fill_up(out, start, padding, b' ');
}

/// Payloads: cut to the width, filled up with blanks or zeros.
fn push_payload(out: &mut Vec<u8>, payload: &[u8], padding: Padding) {
    let start = out.len();
    match padding.width {
        0 => out.extend_from_slice(payload),
        width => out.extend_from_slice(payload.get(..width).unwrap_or(payload)),
    }
    fill_payload(out, start, payload.len(), padding);
}

/// Payloads in hex: a width cuts the bytes to as many, and then to half of them.
fn push_hex(
    out: &mut Vec<u8>,
    payload: &[u8],
    padding: Padding,
    upper: bool,
    separator: Option<char>,
) {
    const DIGITS: [&[u8; 16]; 2] = [b"0123456789abcdef", b"0123456789ABCDEF"];
    let [lower_digits, upper_digits] = DIGITS;
    let digits = if upper { upper_digits } else { lower_digits };
    let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or(b'?');
    let shown = match padding.width {
        0 => payload,
        width => {
            let len = payload.len().min(width) / 2;
            payload.get(..len).unwrap_or(payload)
        }
    };
    let start = out.len();
    let mut utf8 = [0; 4];
    let separator = separator.map(|c| c.encode_utf8(&mut utf8).as_bytes());
    for (i, byte) in shown.iter().enumerate() {
        if i > 0
            && let Some(separator) = separator
        {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    fill_payload(out, start, payload.len(), padding);
}

/// As printf has it.
fn push_float(out: &mut Vec<u8>, value: Option<f64>, padding: Padding) {
    let mut text = String::new();
    let mut fill = b' ';
    if let Some(value) = value {
        let digits = padding.precision.unwrap_or(6).min(MAX_DECIMALS);
        // Writing to a String does not fail.
        let _ = match (value.is_nan(), value.is_infinite(), value < 0.0) {
            (true, ..) => write!(text, "nan"),
            (_, true, false) => write!(text, "inf"),
            (_, true, true) => write!(text, "-inf"),
            _ => write!(text, "{value:.digits$}"),
        };
        if padding.zeros && value.is_finite() {
            fill = b'0';
        }
    }
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    let at = match (fill, text.starts_with('-')) {
        (b'0', true) => start + 1,
        _ => start,
    };
    let sign = at - start;
    let padding = Padding {
        width: padding.width.saturating_sub(sign),
        ..padding
    };
    fill_up(out, at, padding, fill);
}

/// Digits behind the point of a float: it has no more that mean something.
const MAX_DECIMALS: usize = 1100;

/// Fills up what begins at `start`; to the right of the field there are only blanks.
fn fill_up(out: &mut Vec<u8>, start: usize, padding: Padding, fill: u8) {
    let len = out.len() - start;
    let missing = padding.width.saturating_sub(len);
    if missing == 0 {
        return;
    }
    let (at, fill) = match (padding.left, fill) {
        // Zeros stand for a number that is not there also on the left.
        (true, _) if len > 0 || !padding.zeros => (out.len(), b' '),
        (true, fill) => (out.len(), fill),
        (false, fill) => (start, fill),
    };
    out.resize(out.len() + missing, fill);
    if at == start && len > 0 {
        out.get_mut(start..)
            .unwrap_or_default()
            .rotate_right(missing);
    }
}

/// The same for a payload of `len` bytes, which on the left is filled up to twice its length if
/// there is no width.
fn fill_payload(out: &mut Vec<u8>, start: usize, len: usize, padding: Padding) {
    if padding.left && padding.width == 0 {
        out.resize(out.len() + len, b' ');
        return;
    }
    let fill = match (padding.zeros, padding.left) {
        (true, false) => b'0',
        _ => b' ',
    };
    let zeros = false;
    fill_up(out, start, Padding { zeros, ..padding }, fill);
}

/// Makes what begins at `start` safe for a terminal; line ends and tabs stay.
fn escape(out: &mut Vec<u8>, start: usize) {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if out.get(start..).is_none_or(|text| text.iter().all(plain)) {
        return;
    }
    let text = out.split_off(start);
    push_for_terminal(out, &text);
}

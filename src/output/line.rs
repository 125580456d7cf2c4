//! One line per packet.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use super::text::{Bytes, Hex, Safe, push_safe, shorten};
use super::{Decoded, Place, colour};
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::rule::Severity;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// Characters of a topic or a payload that a line shows.
const SHOWN_TEXT: usize = 60;

/// Writes a packet as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
    Lines::default().packet(out, decoded)
}

/// Writes packets, each as one line: frame, time, who, type, and what matters in it.
#[derive(Debug, Default)]
pub struct Lines {
    /// The last line.
    text: String,
    /// What the line begins with, and how long that is: packets of one segment share it.
    front: Option<(Place, usize)>,
}

impl Lines {
    /// Writes a packet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn packet(&mut self, out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
        let version = decoded.origin.version;
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let name = packet_type.name(version);
        self.columns(&decoded.origin.place);
        let mut words = Words::behind(&mut self.text, name, packet_type);
        summary(&mut words, decoded, packet_type);
        if let Some(worst) = decoded
            .record
            .violations
            .iter()
            .max_by_key(|v| v.severity())
        {
            words.mark(worst.severity(), worst);
        }
        self.end(out)
    }

    /// Begins a line with where it comes from.
    pub(super) fn columns(&mut self, place: &Place) -> &mut String {
        match self.front {
            Some((last, len)) if last == *place => self.text.truncate(len),
            _ => {
                self.text.clear();
                self.text.push_str(&colour::dim(&columns(place)));
                self.front = Some((*place, self.text.len()));
            }
        }
        &mut self.text
    }

    /// Writes the line that was begun.
    pub(super) fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.text.push('\n');
        out.write_all(self.text.as_bytes())
    }
}

/// The rest of a line: a name, and words behind it.
#[derive(Debug)]
pub(super) struct Words<'t> {
    text: &'t mut String,
    /// What stands before the next word: the first one has a column of its own.
    padding: usize,
}

impl<'t> Words<'t> {
    /// Begins behind the name of a packet, in the colour of its type.
    pub(super) fn behind(text: &'t mut String, name: &str, packet_type: PacketType) -> Words<'t> {
        text.push_str(&colour::packet_type(name, packet_type));
        Words {
            text,
            padding: 12usize.saturating_sub(name.len()),
        }
    }

    /// The place for the next word.
    pub(super) fn next(&mut self) -> &mut String {
        let spaces = "            ";
        self.text
            .push_str(spaces.get(..self.padding).unwrap_or(" "));
        self.padding = 1;
        self.text
    }

    /// A word.
    pub(super) fn word(&mut self, word: &str) {
        self.next().push_str(word);
    }

    /// A word to format.
    pub(super) fn shown(&mut self, word: impl Display) {
        // Writing to a String does not fail.
        let _ = write!(self.next(), "{word}");
    }

    /// Text from the network, quoted where its ends would not be seen.
    pub(super) fn text(&mut self, prefix: &str, bytes: &[u8]) {
        let word = self.next();
        word.push_str(prefix);
        push_text(word, bytes);
    }

    /// A payload: its length, and what it says.
    pub(super) fn payload(&mut self, payload: &[u8]) {
        self.shown(format_args!("({})", payload.len()));
        if payload.is_empty() {
            return;
        }
        match std::str::from_utf8(payload) {
            Ok(text) => push_safe(self.next(), text, SHOWN_TEXT),
            Err(_) => {
                // No more of it than can be seen.
                let shown = payload.get(..SHOWN_TEXT).unwrap_or(payload);
                let hex = shorten(Hex(shown).to_string(), SHOWN_TEXT);
                self.word(&hex);
            }
        }
    }

    /// What is wrong.
    pub(super) fn mark(&mut self, severity: Severity, what: impl Display) {
        let severity = colour::severity(severity);
        self.padding = self.padding.max(2);
        self.shown(format_args!("[{severity}: {what}]"));
    }
}

/// The columns in front of every line: frame, time of day, sender and receiver.
fn columns(place: &Place) -> String {
    let mut columns = String::new();
    if let Some(frame) = place.frame {
        let _ = write!(columns, "{frame:>6}  ");
    }
    if let Some(time) = place.time {
        // The date is in the other views.
        let time = time.to_string();
        let clock = time
            .split_once('T')
            .map_or(time.as_str(), |(_, clock)| clock);
        let _ = write!(columns, "{}  ", clock.trim_end_matches('Z'));
    }
    if let Some((src, dst)) = place.endpoints {
        let _ = write!(columns, "{src} → {dst}  ");
    }
    columns
}

fn summary(words: &mut Words<'_>, decoded: &Decoded<'_>, packet_type: PacketType) {
    let version = decoded.origin.version;
    if packet_type == PacketType::PUBLISH {
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        words.word(match byte1 >> 1 & 0b11 {
            0 => "q0",
            1 => "q1",
            2 => "q2",
            _ => "q3",
        });
        if byte1 & 8 != 0 {
            words.word("DUP");
        }
        if byte1 & 1 != 0 {
            words.word("RETAIN");
        }
    }
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::ProtocolLevel, _) => words.shown(format_args!("MQTT {version}")),
            (Field::ClientId, Value::Str(id)) => words.text("id=", id),
            (Field::ConnectFlags, Value::Byte(flags)) if flags & 2 != 0 => words.word("clean"),
            (Field::KeepAlive, Value::U16(seconds)) => {
                words.shown(format_args!("keep-alive={seconds}s"));
            }
            (Field::WillTopic, Value::Str(topic)) => words.text("will=", topic),
            (Field::UserName, Value::Str(name)) => words.text("user=", name),
            (Field::AckFlags, Value::Byte(flags)) if flags & 1 != 0 && version != Version::V31 => {
                words.word("session-present");
            }
            (Field::PacketId, Value::U16(id)) => words.shown(format_args!("#{id}")),
            (Field::ReasonCode, Value::Byte(code)) => reason(words, code, packet_type, version),
            (Field::Code, Value::Byte(code)) => match QoS::from_u8(code) {
                Some(qos) if packet_type == PacketType::SUBACK => {
                    words.shown(format_args!("granted q{qos}"));
                }
                _ => reason(words, code, packet_type, version),
            },
            (Field::Topic, Value::Str(topic)) => match decoded.topic_resolved {
                Some(resolved) => words.shown(format_args!("{} (alias)", Safe(resolved))),
                None => words.text("", topic),
            },
            (Field::Filter, Value::Str(filter)) => words.text("", filter),
            (Field::SubscriptionOptions, Value::Byte(options)) => {
                words.shown(format_args!("q{}", options & 0b11));
            }
            (Field::Payload, Value::Binary(bytes)) => words.payload(bytes),
            _ => {}
        }
    }
}

fn push_text(out: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok("") => out.push_str("\"\""),
        Ok(text) if !text.contains(' ') => push_safe(out, text, SHOWN_TEXT),
        _ => out.push_str(&shorten(Bytes(bytes).to_string(), SHOWN_TEXT)),
    }
}

fn reason(words: &mut Words<'_>, code: u8, packet_type: PacketType, version: Version) {
    match ReasonCode(code).name(packet_type, version) {
        Some(name) => words.shown(format_args!("0x{code:02x} {name}")),
        None => words.shown(format_args!("0x{code:02x}")),
    }
}

//! One line per packet.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use super::payload::{About, Rules, as_said, text_of};
use super::text::{Bytes, Safe, columns, cut_line, hex_within, push_safe, shorten, wrap};
use super::time::{Time, Times};
use super::{Decoded, Place, colour, finding};
use crate::mqtt::decode::Field;
use crate::mqtt::property::{PropertyId, Value};
use crate::mqtt::rule::Severity;
use crate::mqtt::{PacketType, QoS, ReasonCode, Side, Version};

/// Characters of a payload that a line shows.
const SHOWN_PAYLOAD: usize = 60;
/// Characters of a name that a line of limited width shows.
const SHOWN_NAME: usize = 60;
/// Columns of the client: enough for any IPv4 address with its port.
const CLIENT: usize = 21;
/// The same on a narrow terminal.
const NARROW_CLIENT: usize = 12;
/// A terminal with fewer columns is narrow.
const NARROW: usize = 100;
/// On one with even fewer, nothing stands in columns.
const TINY: usize = 60;
/// Columns of sentences at least, or they begin in a line of their own.
const ROOM: usize = 36;
/// Columns in front of that.
const INDENT: usize = 4;
/// The column of clients grows for those with longer names, so far.
const LONG_CLIENT: usize = 48;

/// How lines look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// The time in front.
    pub times: Times,
    /// Columns of the terminal, at which lines are cut; `None` if nothing is.
    pub width: Option<usize>,
}

/// Writes a packet as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
    Lines::default().packet(out, decoded)
}

/// Cuts a line at the edge of the terminal.
pub(super) fn cut(line: &mut String, style: Style) {
    if let Some(width) = style.width {
        cut_line(line, width);
    }
}

/// Writes packets, each as one line: frame, time, who, type, and what matters in it.
#[derive(Debug, Default)]
pub struct Lines {
    style: Style,
    /// The last line.
    text: String,
    /// What the line begins with, and how long that is: packets of one segment share it.
    front: Option<(Place, usize)>,
    /// The client of that front.
    client: Option<String>,
    /// Where relative times begin.
    start: Option<Time>,
    /// When the last line was.
    last: Option<Time>,
    /// The longest name of a client so far, where nothing is cut.
    longest: usize,
    /// How to read payloads.
    payloads: Arc<Rules>,
}

impl Lines {
    /// Nothing is written yet.
    pub fn new(style: Style) -> Lines {
        Lines {
            style,
            ..Lines::default()
        }
    }

    /// Reads payloads as the user asked for.
    pub fn with_payloads(self, payloads: Rules) -> Lines {
        Lines {
            payloads: Arc::new(payloads),
            ..self
        }
    }

    pub(super) fn payloads(&self) -> Arc<Rules> {
        Arc::clone(&self.payloads)
    }

    /// Relative times count from `start`, unless an earlier call said so.
    pub fn begin(&mut self, start: Time) {
        self.start.get_or_insert(start);
    }

    /// Writes a packet, and a line for each finding.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn packet(&mut self, out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
        let version = decoded.origin.version;
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let name = packet_type.name(version);
        let text_width = self.text_width();
        let is_tiny = self.is_tiny();
        self.columns(&decoded.origin.place, decoded.client);
        let mut words = Words::behind(&mut self.text, name, packet_type);
        words.width = text_width;
        words.payloads = Some(&self.payloads);
        if is_tiny {
            words.close_up();
        }
        summary(&mut words, decoded, packet_type);
        self.end(out)?;
        match decoded.findings.is_empty() {
            true => Ok(()),
            false => self.findings(out, decoded),
        }
    }

    /// Kept apart from what every packet goes through.
    #[cold]
    fn findings(&mut self, out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
        for finding in decoded.findings {
            finding::write_line(out, self, finding, decoded.client)?;
        }
        Ok(())
    }

    /// Characters of a name that make sense.
    fn text_width(&self) -> usize {
        match self.style.width {
            Some(_) => SHOWN_NAME,
            None => usize::MAX,
        }
    }

    /// Whether there is no room for columns.
    fn is_tiny(&self) -> bool {
        self.style.width.is_some_and(|width| width < TINY)
    }

    /// Begins a line with where it comes from.
    pub(super) fn columns(&mut self, place: &Place, client: Option<&str>) -> &mut String {
        let is_same = self.style.times != Times::Delta && self.client.as_deref() == client;
        match self.front {
            Some((last, len)) if is_same && last == *place => self.text.truncate(len),
            _ => {
                self.text.clear();
                let columns = self.front_columns(place, client);
                self.text.push_str(&colour::dim(&columns));
                self.front = Some((*place, self.text.len()));
                match client {
                    Some(client) => client.clone_into(self.client.get_or_insert_default()),
                    None => self.client = None,
                }
            }
        }
        &mut self.text
    }

    /// The columns in front of every line: frame, time, stream, the client, and an arrow to or
    /// from the server.
    fn front_columns(&mut self, place: &Place, client: Option<&str>) -> String {
        let mut columns = String::new();
        let is_tiny = self.is_tiny();
        match place.frame {
            Some(frame) if is_tiny => {
                let _ = write!(columns, "{frame:>4} ");
            }
            Some(frame) => {
                let _ = write!(columns, "{frame:>6} ");
            }
            None => {}
        }
        if let Some(time) = place.time {
            let start = *self.start.get_or_insert(time);
            let last = self.last.replace(time).unwrap_or(time);
            match is_tiny {
                true => {
                    let mut shown = String::new();
                    self.style.times.push(&mut shown, time, start, last);
                    let _ = write!(columns, "{:>8} ", shown.trim_start());
                }
                false => {
                    self.style.times.push(&mut columns, time, start, last);
                    columns.push_str("  ");
                }
            }
        }
        if let Some(stream) = place.stream {
            let mut number = itoa::Buffer::new();
            let number = number.format(stream);
            let udp = if place.transport == Some("udp") {
                "u"
            } else {
                ""
            };
            let padding = 2usize.saturating_sub(udp.len() + number.len());
            let _ = write!(columns, "[{udp}{number}]{:padding$} ", "");
        }
        let Some((src, dst)) = place.endpoints else {
            return columns;
        };
        let (address, arrow) = match place.from {
            Some(Side::Client) => (src, "→  "),
            Some(Side::Server) => (dst, "←  "),
            None => {
                let _ = write!(columns, "{src} → {dst}  ");
                return columns;
            }
        };
        if is_tiny {
            columns.push_str(arrow.trim_end());
            columns.push(' ');
            return columns;
        }
        let (at_least, at_most) = match self.style.width {
            Some(width) if width < NARROW => (NARROW_CLIENT, NARROW_CLIENT),
            Some(_) => (CLIENT, CLIENT),
            None => (self.longest.clamp(CLIENT, LONG_CLIENT), usize::MAX),
        };
        let begin = columns.len();
        match client {
            Some(client) => push_safe(&mut columns, client, at_most),
            None => push_safe(&mut columns, &address.to_string(), at_most),
        }
        let shown = columns
            .get(begin..)
            .map_or(0, |shown| shown.chars().count());
        self.longest = self.longest.max(shown.min(LONG_CLIENT));
        columns.extend(std::iter::repeat_n(' ', at_least.saturating_sub(shown) + 1));
        columns.push_str(arrow);
        columns
    }

    /// Writes the line that was begun with text behind it, which goes on in further lines where the
    /// terminal ends.
    pub(super) fn end_with(&mut self, out: &mut impl Write, text: &str) -> io::Result<()> {
        let Some(width) = self.style.width else {
            self.text.push_str(text);
            return self.end(out);
        };
        let front = columns(&self.text);
        // A narrow column of words is hard to read.
        let indent = if front + ROOM <= width { front } else { INDENT };
        let room = width.saturating_sub(indent);
        for (i, part) in wrap(text, Some(room)).iter().enumerate() {
            if i > 0 || indent < front {
                if i == 0 {
                    self.end(out)?;
                }
                self.text.clear();
                self.front = None;
                self.text.extend(std::iter::repeat_n(' ', indent));
            }
            self.text.push_str(part);
            self.end(out)?;
        }
        Ok(())
    }

    /// Writes the line that was begun.
    pub(super) fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        cut(&mut self.text, self.style);
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
    /// Characters of a name that are shown.
    width: usize,
    /// How to read payloads.
    pub(super) payloads: Option<&'t Rules>,
}

impl<'t> Words<'t> {
    /// Begins behind the name of a packet, in the colour of its type.
    pub(super) fn behind(text: &'t mut String, name: &str, packet_type: PacketType) -> Words<'t> {
        text.push_str(&colour::packet_type(name, packet_type));
        Words {
            text,
            padding: 12usize.saturating_sub(name.len()),
            width: usize::MAX,
            payloads: None,
        }
    }

    /// Gives the first word no column of its own.
    pub(super) fn close_up(&mut self) {
        self.padding = 1;
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
        let width = self.width;
        let word = self.next();
        word.push_str(prefix);
        push_text(word, bytes, width);
    }

    /// A payload: its length, and what it says.
    pub(super) fn payload(&mut self, payload: &[u8], about: About<'_>) {
        self.shown(format_args!("({})", payload.len()));
        if payload.is_empty() {
            return;
        }
        let said = as_said(payload, about, self.payloads);
        if let Some(Ok(shown)) = &said {
            let line = shorten(shown.line(), SHOWN_PAYLOAD);
            return self.word(&line);
        }
        match text_of(payload) {
            Some(text) => push_safe(self.next(), text, SHOWN_PAYLOAD),
            None => {
                let hex = hex_within(payload, SHOWN_PAYLOAD);
                self.word(&hex);
            }
        }
        if let Some(Err(problem)) = said {
            self.padding = 2;
            self.shown(format_args!("[{}]", colour::alert(&problem)));
        }
    }

    /// What is wrong.
    pub(super) fn mark(&mut self, severity: Severity, what: impl Display) {
        let severity = colour::severity(severity);
        self.padding = self.padding.max(2);
        self.shown(format_args!("[{severity}: {what}]"));
    }
}

/// What matters in a packet, and what is wrong with it.
pub(super) fn summary(words: &mut Words<'_>, decoded: &Decoded<'_>, packet_type: PacketType) {
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
    let mut about = About {
        topic: decoded.topic_resolved,
        ..About::default()
    };
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
                None => {
                    about.topic = std::str::from_utf8(topic).ok();
                    words.text("", topic);
                }
            },
            (Field::Property(PropertyId::CONTENT_TYPE), Value::Str(content_type)) => {
                about.content_type = std::str::from_utf8(content_type).ok();
            }
            (Field::Filter, Value::Str(filter)) => words.text("", filter),
            (Field::SubscriptionOptions, Value::Byte(options)) => {
                words.shown(format_args!("q{}", options & 0b11));
            }
            (Field::Payload, Value::Binary(bytes)) => words.payload(bytes, about),
            _ => {}
        }
    }
    let violations = decoded.record.violations.iter();
    if let Some(worst) = violations.max_by_key(|violation| violation.severity()) {
        words.mark(worst.severity(), worst);
    }
}

fn push_text(out: &mut String, bytes: &[u8], width: usize) {
    match std::str::from_utf8(bytes) {
        Ok("") => out.push_str("\"\""),
        Ok(text) if !text.contains(' ') => push_safe(out, text, width),
        _ => out.push_str(&shorten(Bytes(bytes).to_string(), width)),
    }
}

fn reason(words: &mut Words<'_>, code: u8, packet_type: PacketType, version: Version) {
    match ReasonCode(code).name(packet_type, version) {
        Some(name) => words.shown(format_args!("0x{code:02x} {name}")),
        None => words.shown(format_args!("0x{code:02x}")),
    }
}

//! How `midge sub` shows a message.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::Message;
use crate::mqtt::{QoS, Version};
use crate::output::format::{Format, NotJson};
use crate::output::json;
use crate::output::payload::{Coding, CodingError};
use crate::output::text::{Safe, push_for_terminal};
use crate::output::time::Time;

/// Topics that have a line of their own with `-w`; the others share the last.
const MAX_LINES: usize = 10_000;

/// The form of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd) enum Form {
    /// The payload as it is.
    Text {
        /// Topic and a space first.
        topic: bool,
        /// For a terminal: no control character comes through.
        escape: bool,
    },
    /// As -F says.
    Format(Format),
    /// One JSON object per line.
    Json(Version),
    /// Messages are not shown.
    Silent,
}

/// All about showing messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd) struct Style {
    pub(in crate::cmd) form: Form,
    /// A line end behind each message.
    pub(in crate::cmd) line_end: bool,
    /// What payloads are turned into first; indented.
    pub(in crate::cmd) conversion: Option<(Coding, bool)>,
    /// A line for each topic.
    pub(in crate::cmd) watch: bool,
}

/// Collects what is to be printed.
#[derive(Debug)]
pub(in crate::cmd) struct Printer {
    style: Style,
    buffer: Vec<u8>,
    /// With `watch`: the line of each topic, by its hash, for topics may be long.
    lines: HashMap<u64, usize>,
    hasher: RandomState,
}

/// What cannot be shown of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::cmd) enum Unshown {
    /// The place of %J stays empty, the rest is shown.
    #[error("{0} (%J)")]
    NotJson(#[from] NotJson),
    /// Nothing is shown.
    #[error("{0} (--decode)")]
    NotDecoded(#[from] CodingError),
}

impl Printer {
    pub(in crate::cmd) fn new(style: Style) -> Printer {
        Printer {
            style,
            buffer: Vec::new(),
            lines: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// The broker may have refused the version that was asked for.
    pub(in crate::cmd) fn set_version(&mut self, in_use: Version) {
        if let Form::Json(version) = &mut self.style.form {
            *version = in_use;
        }
    }

    /// Bytes collected.
    pub(in crate::cmd) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(in crate::cmd) fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(in crate::cmd) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Adds a line of our own.
    pub(in crate::cmd) fn push_line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a Vec does not fail.
        let _ = writeln!(self.buffer, "{line}");
    }

    /// Leaves the lines of the topics.
    pub(in crate::cmd) fn push_end(&mut self) {
        if !self.lines.is_empty() {
            let below = self.lines.len() + 1;
            let _ = write!(self.buffer, "\x1b[{below};1H");
        }
    }

    /// Adds a message.
    ///
    /// # Errors
    /// If a part of it cannot be shown.
    pub(in crate::cmd) fn push(&mut self, message: &Message) -> Result<(), Unshown> {
        if self.style.form == Form::Silent {
            return Ok(());
        }
        let mut payload = Cow::Borrowed(message.payload.as_ref());
        if let Some((conversion, pretty)) = self.style.conversion
            // A null message is one in any form.
            && !message.payload.is_empty()
        {
            payload = Cow::Owned(conversion.show(&message.payload, pretty)?);
        }
        if self.style.watch {
            self.go_to_line(message.topic.as_bytes());
        }
        let mut result = Ok(());
        match &self.style.form {
            Form::Text { topic, escape } => {
                // mosquitto_sub shows a null message on a line of its own, or not at all.
                let has_line = self.style.line_end || self.style.watch;
                if payload.is_empty() && !(*topic && has_line) {
                    return Ok(());
                }
                if *topic {
                    push_text(&mut self.buffer, message.topic.as_bytes(), *escape);
                    self.buffer.push(b' ');
                }
                match payload.is_empty() {
                    true => self.buffer.extend_from_slice(b"(null)"),
                    // A line of its own is one line.
                    false if *escape && self.style.watch => {
                        let _ = write!(self.buffer, "{}", Safe(&String::from_utf8_lossy(&payload)));
                    }
                    false => push_text(&mut self.buffer, &payload, *escape),
                }
            }
            Form::Format(format) => {
                let shown = shown(message, &payload, Version::V5);
                result = format.push(&mut self.buffer, &shown);
            }
            Form::Json(version) => {
                json::push_message(&mut self.buffer, &shown(message, &payload, *version));
                return Ok(());
            }
            Form::Silent => {}
        }
        if self.style.line_end {
            self.buffer.push(b'\n');
        }
        Ok(result?)
    }

    /// Moves to the line of a topic and empties it.
    fn go_to_line(&mut self, topic: &[u8]) {
        let next = self.lines.len() + 1;
        let hash = self.hasher.hash_one(topic);
        let line = match self.lines.get(&hash) {
            Some(line) => *line,
            None => {
                if next <= MAX_LINES {
                    self.lines.insert(hash, next);
                }
                next
            }
        };
        if next == 1 {
            self.buffer.extend_from_slice(b"\x1b[2J");
        }
        // Writing to a Vec does not fail.
        let _ = write!(self.buffer, "\x1b[{line};1H\x1b[2K");
    }
}

fn push_text(out: &mut Vec<u8>, bytes: &[u8], escape: bool) {
    match escape {
        true => push_for_terminal(out, bytes),
        false => out.extend_from_slice(bytes),
    }
}

fn shown<'m>(message: &'m Message, payload: &'m [u8], version: Version) -> json::Message<'m> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    json::Message {
        version,
        dup: message.dup,
        qos: message.qos.as_u8(),
        retain: message.retain,
        packet_id: (message.qos != QoS::AtMostOnce).then_some(message.packet_id),
        topic: message.topic.as_str(),
        properties: message.properties.as_properties(),
        payload,
        time: since_epoch.ok().map(|time| Time {
            nanoseconds: i128::try_from(time.as_nanos()).unwrap_or(i128::MAX),
            digits: 6,
        }),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client::TopicName;
    use crate::mqtt::PropertiesBuf;

    fn printer(form: Form, line_end: bool) -> Printer {
        Printer::new(Style {
            form,
            line_end,
            conversion: None,
            watch: false,
        })
    }

    fn push(printer: &mut Printer, topic: &str, payload: &'static [u8]) -> Result<(), Unshown> {
        printer.push(&Message {
            topic: TopicName::new(topic).unwrap(),
            payload: Bytes::from_static(payload),
            qos: QoS::AtMostOnce,
            retain: false,
            dup: false,
            packet_id: 0,
            properties: PropertiesBuf::new(),
        })
    }

    fn printed(mut printer: Printer, topic: &str, payload: &'static [u8]) -> String {
        push(&mut printer, topic, payload).unwrap();
        String::from_utf8_lossy(printer.as_bytes()).into_owned()
    }

    fn text(topic: bool, line_end: bool, escape: bool) -> Printer {
        printer(Form::Text { topic, escape }, line_end)
    }

    #[test]
    fn text_forms() {
        assert_eq!(printed(text(false, true, false), "t", b"a\x1b"), "a\x1b\n");
        assert_eq!(printed(text(true, true, false), "t", b"a"), "t a\n");
        assert_eq!(printed(text(true, true, false), "t", b""), "t (null)\n");
        assert_eq!(printed(text(true, false, false), "t", b""), "");
        assert_eq!(printed(text(false, true, false), "t", b""), "");
    }

    #[test]
    fn nothing_reaches_a_terminal_unescaped() {
        let shown = printed(text(true, true, true), "t\u{7}", b"a\n\tb\\\x1b[2J\xff");
        assert_eq!(shown, "t\\u{7} a\n\tb\\\\u{1b}[2J\u{fffd}\n");
    }

    #[test]
    fn a_line_for_each_topic() {
        let mut printer = text(true, false, false);
        printer.style.watch = true;
        for (topic, payload) in [("a", b"1"), ("b", b"2"), ("a", b"3")] {
            push(&mut printer, topic, payload).unwrap();
        }
        printer.push_end();
        assert_eq!(
            String::from_utf8_lossy(printer.as_bytes()),
            "\x1b[2J\x1b[1;1H\x1b[2Ka 1\x1b[2;1H\x1b[2Kb 2\x1b[1;1H\x1b[2Ka 3\x1b[3;1H"
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut printer = text(false, true, false);
        printer.style.conversion = Some((Coding::Cbor, false));
        for (payload, fits) in [
            (&b"\x82\x01\x02"[..], true),
            (b"\x82\x01", false),
            (b"", true),
        ] {
            assert_eq!(push(&mut printer, "t", payload).is_ok(), fits);
        }
        assert_eq!(printer.as_bytes(), b"[1,2]\n");
    }
}

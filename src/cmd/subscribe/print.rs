//! How `midge sub` shows a message.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::Message;
use crate::mqtt::{QoS, Version};
use crate::output::json;
use crate::output::text::Safe;
use crate::output::time::Time;

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Format {
    /// The payload as it is.
    Text {
        /// Topic and a space first.
        topic: bool,
        /// A line end behind.
        line_end: bool,
        /// For a terminal: no control character comes through.
        escape: bool,
    },
    /// One JSON object per line.
    Json(Version),
}

/// Collects what is to be printed.
#[derive(Debug)]
pub(in crate::cmd) struct Printer {
    format: Format,
    buffer: Vec<u8>,
}

impl Printer {
    pub(in crate::cmd) fn new(format: Format) -> Printer {
        Printer {
            format,
            buffer: Vec::new(),
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

    /// Adds a message.
    pub(in crate::cmd) fn push(&mut self, message: &Message) {
        match self.format {
            Format::Text {
                topic,
                line_end,
                escape,
            } => {
                if topic {
                    match escape {
                        true => self.push_escaped(message.topic.as_bytes()),
                        false => self.buffer.extend_from_slice(message.topic.as_bytes()),
                    }
                    self.buffer.push(b' ');
                }
                match (message.payload.is_empty() && topic, escape) {
                    (true, _) => self.buffer.extend_from_slice(b"(null)"),
                    (false, true) => self.push_escaped(&message.payload),
                    (false, false) => self.buffer.extend_from_slice(&message.payload),
                }
                if line_end {
                    self.buffer.push(b'\n');
                }
            }
            Format::Json(version) => self.push_json(message, version),
        }
    }

    /// Text for a terminal; line ends and tabs stay.
    fn push_escaped(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for part in text.split_inclusive(['\n', '\t', '\\']) {
            let plain = part.trim_end_matches(['\n', '\t', '\\']);
            // Writing to a Vec does not fail.
            let _ = write!(self.buffer, "{}", Safe(plain));
            let kept = part.get(plain.len()..).unwrap_or_default();
            self.buffer.extend_from_slice(kept.as_bytes());
        }
    }

    fn push_json(&mut self, message: &Message, version: Version) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = json::Message {
            version,
            dup: message.dup,
            qos: message.qos.as_u8(),
            retain: message.retain,
            packet_id: (message.qos != QoS::AtMostOnce).then_some(message.packet_id),
            topic: message.topic.as_str(),
            properties: message.properties.as_properties(),
            payload: &message.payload,
            time: since_epoch.ok().map(|time| Time {
                nanoseconds: i128::try_from(time.as_nanos()).unwrap_or(i128::MAX),
                digits: 6,
            }),
        };
        json::push_message(&mut self.buffer, &line);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client::TopicName;
    use crate::mqtt::PropertiesBuf;

    fn printed(format: Format, topic: &str, payload: &'static [u8]) -> String {
        let mut printer = Printer::new(format);
        printer.push(&Message {
            topic: TopicName::new(topic).unwrap(),
            payload: Bytes::from_static(payload),
            qos: QoS::AtMostOnce,
            retain: false,
            dup: false,
            packet_id: 0,
            properties: PropertiesBuf::new(),
        });
        String::from_utf8_lossy(printer.as_bytes()).into_owned()
    }

    fn text(topic: bool, line_end: bool, escape: bool) -> Format {
        Format::Text {
            topic,
            line_end,
            escape,
        }
    }

    #[test]
    fn text_forms() {
        assert_eq!(printed(text(false, true, false), "t", b"a\x1b"), "a\x1b\n");
        assert_eq!(printed(text(true, true, false), "t", b"a"), "t a\n");
        assert_eq!(printed(text(true, false, false), "t", b""), "t (null)");
        assert_eq!(printed(text(false, true, false), "t", b""), "\n");
    }

    #[test]
    fn nothing_reaches_a_terminal_unescaped() {
        let shown = printed(text(true, true, true), "t\u{7}", b"a\n\tb\\\x1b[2J\xff");
        assert_eq!(shown, "t\\u{7} a\n\tb\\\\u{1b}[2J\u{fffd}\n");
    }
}

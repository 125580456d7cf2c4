//! What a line says: a payload, a topic with it, or a whole message.

use std::fmt::Display;

use bytes::Bytes;

use super::payload::Codings;
use crate::client::TopicName;
use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PropertiesBuf, QoS};
use crate::output::json;

/// What lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Payloads.
    Payload,
    /// Topic, tab, payload.
    Topic,
    /// JSON objects.
    Json,
}

/// A message; what it does not say is as the flags say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: Option<TopicName>,
    pub(super) payload: Bytes,
    pub(super) qos: Option<QoS>,
    pub(super) retain: Option<bool>,
    pub(super) properties: Option<PropertiesBuf>,
}

/// Reads lines one after the other.
#[derive(Debug)]
pub(super) struct LineReader {
    form: Form,
    codings: Codings,
    /// Where the lines are from, for sentences.
    name: String,
    /// Lines seen.
    count: u64,
    /// Topics often come again.
    last_topic: Option<TopicName>,
}

impl LineReader {
    pub(super) fn new(form: Form, codings: Codings, name: String) -> LineReader {
        LineReader {
            form,
            codings,
            name,
            count: 0,
            last_topic: None,
        }
    }

    /// The message of the next line. A blank line is a null message, as in mosquitto_pub; in the
    /// other forms it is none.
    ///
    /// # Errors
    /// One sentence with the number of the line.
    #[inline]
    pub(super) fn read(&mut self, line: Bytes) -> Result<Option<Message>, Failure> {
        self.count += 1;
        if line.is_empty() {
            return Ok((self.form == Form::Payload).then(Message::default));
        }
        let mut message = match self.form {
            Form::Payload => Message {
                payload: line,
                ..Message::default()
            },
            Form::Topic => self.split(&line)?,
            Form::Json if line.trim_ascii().is_empty() => return Ok(None),
            Form::Json => self.parse(&line)?,
        };
        message.payload = self
            .codings
            .apply(message.payload)
            .map_err(|error| self.wrong(error))?;
        Ok(Some(message))
    }

    /// The sentence about the line that was read last.
    pub(super) fn wrong(&self, what: impl Display) -> Failure {
        let (line, name) = (self.count, &self.name);
        Failure::new(Exit::Io, format!("line {line} of {name}: {what}"))
    }

    fn split(&mut self, line: &Bytes) -> Result<Message, Failure> {
        let Some(tab) = memchr::memchr(b'\t', line) else {
            return Err(self.wrong("there is no tab between topic and payload"));
        };
        let topic = std::str::from_utf8(line.get(..tab).unwrap_or_default()).map_err(|error| {
            let at = error.valid_up_to();
            self.wrong(format_args!("the topic is not UTF-8 (byte {at})"))
        })?;
        Ok(Message {
            topic: Some(self.topic(topic)?),
            payload: line.slice(tab + 1..),
            ..Message::default()
        })
    }

    fn parse(&mut self, line: &[u8]) -> Result<Message, Failure> {
        let read = json::read_message(line).map_err(|error| self.wrong(error))?;
        Ok(Message {
            topic: match &read.topic {
                Some(topic) => Some(self.topic(topic)?),
                None => None,
            },
            payload: Bytes::from(read.payload),
            qos: read.qos.and_then(QoS::from_u8),
            retain: read.retain,
            properties: read.properties,
        })
    }

    fn topic(&mut self, name: &str) -> Result<TopicName, Failure> {
        match &self.last_topic {
            Some(last) if last.as_str() == name => Ok(last.clone()),
            _ => {
                let topic = TopicName::new(name).map_err(|error| {
                    let name = Quoted(name);
                    self.wrong(format_args!("{name} is not a topic to publish to: {error}"))
                })?;
                self.last_topic = Some(topic.clone());
                Ok(topic)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(form: Form) -> LineReader {
        LineReader::new(form, Codings::default(), "stdin".to_owned())
    }

    #[test]
    fn a_topic_and_a_payload() {
        let mut reader = reader(Form::Topic);
        for (line, topic, payload) in [
            (&b"a/b\tx\ty"[..], "a/b", &b"x\ty"[..]),
            (b"a\t", "a", b""),
            (b"a b\t\xff", "a b", b"\xff"),
        ] {
            let message = reader.read(Bytes::from_static(line)).unwrap().unwrap();
            assert_eq!(message.topic.unwrap().as_str(), topic);
            assert_eq!(message.payload, payload);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_number_of_the_line() {
        for (form, line, sentence) in [
            (
                Form::Topic,
                &b"x"[..],
                "line 2 of stdin: there is no tab between topic and payload",
            ),
            (
                Form::Topic,
                b"a/\xff\tx",
                "line 2 of stdin: the topic is not UTF-8 (byte 2)",
            ),
            (
                Form::Topic,
                b"a/+\tx",
                "line 2 of stdin: 'a/+' is not a topic to publish to: a topic name may not hold \
                 the wildcard '+' (byte 2)",
            ),
            (
                Form::Json,
                b"{\"payload\":x}",
                "line 2 of stdin: expected value (column 12)",
            ),
        ] {
            let mut reader = reader(form);
            assert_eq!(reader.read(Bytes::new()), Ok(None));
            let failure = reader.read(Bytes::from_static(line)).unwrap_err();
            assert_eq!(failure, Failure::new(Exit::Io, sentence));
        }
    }
}

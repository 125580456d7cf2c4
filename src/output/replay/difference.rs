//! Something that differs from the capture: as a line, and as a JSON object.
//!
//! | key | of a difference |
//! |---|---|
//! | `record` | `difference` |
//! | `kind` | see [`Kind`] |
//! | `type` | the packet that differs; none of the end of a connection |
//! | `session`, `client` | the connection, numbered from 0, and its Client Identifier; of a shared subscription its filter as `client` |
//! | `frame`, `time` | of the captured packet |
//! | `topic`, `filters` | what the message or the request is about |
//! | `differs` | keys of what is not the same in two messages |
//! | `captured`, `now` | what was there; null if nothing was. Keys as in packets: `reason_code` and `reason`, `reason_codes`, `session_present`; of messages `qos`, `retain`, `properties`, `payload` or `payload_hex`, `payload_len`, `payload_truncated`; of an end `from`, who ended it, and `type` if with DISCONNECT |

mod message;

use std::fmt;
use std::io::{self, Write};

pub use self::message::SentMessage;
use super::super::json::{List, Nested, Null, Object, Shown, write_object};
use super::super::text::Safe;
use super::super::time::Time;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{ReasonCode, Side};

/// Something that differs from the capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In which way.
    pub kind: Kind,
    /// The packet that differs; of the end of a connection none.
    pub packet: Option<&'static str>,
    /// Number of the connection; none of a shared subscription.
    pub session: Option<u64>,
    /// The client, or the shared subscription.
    pub client: String,
    /// What it is about.
    pub of: Of,
    /// As captured; `None`: it was not there.
    pub captured: Option<Seen>,
    /// Now; `None`: it is not there.
    pub now: Option<Seen>,
    /// The captured packet.
    pub at: At,
}

/// In which way something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `answer`: another answer to a request, or none.
    Answer,
    /// `missing`: a message that does not come.
    Missing,
    /// `extra`: a message that did not come.
    Extra,
    /// `changed`: another message in the place of one.
    Changed,
    /// `order`: the same message at another place.
    Order,
    /// `release`: the exchange of a QoS 2 message does not come to its end.
    Release,
    /// `end`: the connection ends otherwise.
    End,
}

/// What a difference is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The connection.
    Connection,
    /// A message on this topic.
    Topic(String),
    /// A request with these filters.
    Filters(Vec<String>),
}

/// Where in the capture something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// Number of the frame, or of the line.
    pub frame: Option<u64>,
    /// When it was captured.
    pub time: Option<Time>,
}

/// What a server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// CONNACK. Session Present where it is compared.
    Connected(ReasonCode, Option<bool>),
    /// SUBACK and UNSUBACK: a code for each filter; none in UNSUBACK before 5.0.
    Codes(Vec<ReasonCode>),
    /// The end of a QoS 1 or 2 exchange.
    Acknowledged(ReasonCode),
    /// A message to the client.
    Message(Box<SentMessage>),
    /// PUBREL.
    Released,
    /// The end of the connection.
    Ended(End),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This side has sent DISCONNECT.
    Disconnect(Side, ReasonCode),
    /// This side has closed it without.
    Closed(Side),
}

impl End {
    /// Whether the server has ended it.
    pub fn is_by_server(self) -> bool {
        let (End::Disconnect(side, _) | End::Closed(side)) = self;
        side == Side::Server
    }
}

impl Kind {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Answer => "answer",
            Kind::Missing => "missing",
            Kind::Extra => "extra",
            Kind::Changed => "changed",
            Kind::Order => "order",
            Kind::Release => "release",
            Kind::End => "end",
        }
    }
}

impl Difference {
    /// Both messages, if there are two and they are not the same.
    fn changed(&self) -> Option<(&SentMessage, &SentMessage)> {
        match (self.kind, &self.captured, &self.now) {
            (Kind::Changed, Some(Seen::Message(was)), Some(Seen::Message(is))) => Some((was, is)),
            _ => None,
        }
    }

    /// What was there, or is, in words; `other` is the other side.
    fn shown(&self, seen: Option<&Seen>, other: Option<&Seen>) -> String {
        match (seen, other) {
            (Some(Seen::Message(own)), Some(Seen::Message(other))) => own.beside(other),
            (Some(seen), _) => seen.to_string(),
            (None, _) if self.kind == Kind::End => "an open connection".to_owned(),
            (None, _) => "nothing".to_owned(),
        }
    }
}

/// Writes a difference as a line.
///
/// # Errors
/// Those of `out`.
pub fn write_difference_text(out: &mut impl Write, difference: &Difference) -> io::Result<()> {
    let what = difference.packet.unwrap_or("connection");
    write!(out, "{}: {what}", Quoted(&difference.client))?;
    match &difference.of {
        Of::Connection => {}
        Of::Topic(topic) => write!(out, " of {}", Quoted(topic))?,
        Of::Filters(filters) => {
            let filters: Vec<_> = filters.iter().map(|f| Quoted(f).to_string()).collect();
            write!(out, " of {}", filters.join(", "))?;
        }
    }
    if let Some(frame) = difference.at.frame {
        write!(out, " (frame {frame})")?;
    }
    let (captured, now) = (difference.captured.as_ref(), difference.now.as_ref());
    let now_shown = match difference.kind {
        Kind::Order => "the same, in another order".to_owned(),
        _ => difference.shown(now, captured),
    };
    writeln!(
        out,
        ": captured {}, now {}",
        Safe(&difference.shown(captured, now)),
        Safe(&now_shown)
    )
}

/// Writes a difference as a JSON object.
///
/// # Errors
/// Those of `out`.
pub fn write_difference_json(out: &mut impl Write, difference: &Difference) -> io::Result<()> {
    write_object(out, |object| {
        object.entry("record", "difference");
        object.entry("kind", difference.kind.as_str());
        object.maybe("type", difference.packet);
        object.maybe("session", difference.session);
        object.entry("client", difference.client.as_str());
        object.maybe("frame", difference.at.frame);
        object.maybe("time", difference.at.time.map(Shown));
        match &difference.of {
            Of::Connection => {}
            Of::Topic(topic) => object.entry("topic", topic.as_str()),
            Of::Filters(filters) => {
                object.entry("filters", List(filters.iter().map(String::as_str)));
            }
        }
        if let Some((was, is)) = difference.changed() {
            object.entry("differs", List(was.differing(is)));
        }
        for (key, seen) in [("captured", &difference.captured), ("now", &difference.now)] {
            match seen {
                Some(seen) => {
                    object.entry(key, Nested(|object: &mut Object<'_>| seen.keys(object)))
                }
                None => object.entry(key, Null),
            }
        }
    })
}

impl Seen {
    fn keys(&self, object: &mut Object<'_>) {
        match self {
            Seen::Connected(reason, session_present) => {
                code(object, *reason);
                object.maybe("session_present", *session_present);
            }
            Seen::Codes(codes) => {
                object.entry("reason_codes", List(codes.iter().map(|code| code.0)));
            }
            Seen::Acknowledged(reason) => code(object, *reason),
            Seen::Message(message) => message.keys(object),
            Seen::Released => object.entry("type", "PUBREL"),
            Seen::Ended(End::Closed(side)) => object.entry("from", side.as_str()),
            Seen::Ended(End::Disconnect(side, reason)) => {
                object.entry("from", side.as_str());
                object.entry("type", "DISCONNECT");
                code(object, *reason);
            }
        }
    }
}

fn code(object: &mut Object<'_>, reason: ReasonCode) {
    object.entry("reason_code", reason.0);
    object.maybe("reason", reason.row().map(|row| row.name));
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Connected(reason, Some(true)) => write!(f, "{reason}, session present"),
            Seen::Connected(reason, _) | Seen::Acknowledged(reason) => write!(f, "{reason}"),
            Seen::Codes(codes) if codes.is_empty() => f.write_str("no codes"),
            Seen::Codes(codes) => {
                for (i, code) in codes.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}0x{:02x}", code.0)?;
                }
                Ok(())
            }
            Seen::Message(message) => write!(f, "{message}"),
            Seen::Released => f.write_str("one"),
            Seen::Ended(End::Disconnect(side, reason)) => {
                write!(f, "DISCONNECT of the {} with {reason}", side.as_str())
            }
            Seen::Ended(End::Closed(side)) => {
                write!(f, "closed by the {} without DISCONNECT", side.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests;

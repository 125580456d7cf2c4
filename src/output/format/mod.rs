//! Output formats as `mosquitto_sub -F` has them: text in which `%X` stands for a part of the
//! message, `@X` for a part of the time, and `\X` for a character that is hard to type.
//!
//! What comes out is, byte for byte, what mosquitto 2.0.11 writes, oddities included (a width cuts
//! `%p`; with `%x` it stands for twice as many bytes as it shows), but for two things: the time of
//! `%j` has no `Z` in front of its offset, as in 2.1, and a null character does not end a string
//! there. Of 2.1 are `%f` and `%d`, the payload as a float of 4 or 8 bytes, and a character before
//! `x` or `X` that stands between the bytes: `%:x`.
//!
//! Here formats are read. Writing is in `write`, the time in `clock`, `%j` and `%J` in `json`.

mod clock;
mod json;
mod write;

#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::str::Chars;

pub use clock::strftime_now;
pub use json::NotJson;

/// The greatest width and precision; more is taken as this.
const MAX_WIDTH: usize = 1 << 20;

/// A format that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
    pretty: bool,
    escape: bool,
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Field(Field, Padding),
    /// The whole message, with its payload as a string or parsed.
    Json {
        parsed: bool,
    },
    /// The character behind `@`.
    Time(char),
}

/// What `%X` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    TopicAlias,
    ContentType,
    CorrelationData,
    Double,
    Expiry,
    PayloadFormat,
    Float,
    Iso8601,
    PayloadLen,
    PacketId,
    UserProperties,
    Payload,
    Qos,
    ResponseTopic,
    Retain,
    SubscriptionId,
    Topic,
    UnixTime,
    Hex {
        upper: bool,
        separator: Option<char>,
    },
}

/// How a field is filled up and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Padding {
    left: bool,
    zeros: bool,
    /// 0: as wide as it is.
    width: usize,
    precision: Option<usize>,
}

/// Why a format is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// `%` or `@` with nothing behind it.
    #[error("it ends in the middle of a '%' or '@'")]
    Incomplete,
    /// `%` with something behind it that means nothing.
    #[error("'%{}' means nothing", .0.escape_debug())]
    Invalid(char),
    /// `\` with nothing behind it.
    #[error("it ends in the middle of a '\\'")]
    IncompleteEscape,
    /// `\` with something behind it that means nothing.
    #[error("'\\{}' means nothing", .0.escape_debug())]
    InvalidEscape(char),
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// The first thing in it that means nothing.
    pub fn parse(text: &str) -> Result<Format, FormatError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let piece = match c {
                '%' => field(&mut chars)?,
                '@' => match chars.next().ok_or(FormatError::Incomplete)? {
                    '@' => None,
                    c => Some(Piece::Time(c)),
                },
                '\\' => {
                    literal.push(escaped(chars.next())?);
                    continue;
                }
                c => {
                    literal.push(c);
                    continue;
                }
            };
            match piece {
                Some(piece) => {
                    push_literal(&mut pieces, &mut literal);
                    pieces.push(piece);
                }
                // Twice the same: the character itself.
                None => literal.push(c),
            }
        }
        push_literal(&mut pieces, &mut literal);
        Ok(Format {
            pieces,
            pretty: false,
            escape: false,
        })
    }

    /// Whether `%j` and `%J` take a line for each value.
    pub fn pretty(mut self, pretty: bool) -> Format {
        self.pretty = pretty;
        self
    }

    /// Whether what came from the network is made safe for a terminal; what stands in the format
    /// itself is not touched.
    pub fn escape(mut self, escape: bool) -> Format {
        self.escape = escape;
        self
    }
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(std::mem::take(literal).into_bytes()));
    }
}

/// What stands behind `%`; `None` for another one.
fn field(chars: &mut Peekable<Chars<'_>>) -> Result<Option<Piece>, FormatError> {
    let left = chars.next_if_eq(&'-').is_some();
    let zeros = chars.next_if_eq(&'0').is_some();
    let width = number(chars).unwrap_or(0);
    let point = chars.next_if_eq(&'.');
    let precision = point.map(|_| number(chars).unwrap_or(0));
    let padding = Padding {
        left,
        zeros,
        width,
        precision,
    };
    let c = chars.next().ok_or(FormatError::Incomplete)?;
    let field = match c {
        '%' => return Ok(None),
        'A' => Field::TopicAlias,
        'C' => Field::ContentType,
        'D' => Field::CorrelationData,
        'd' => Field::Double,
        'E' => Field::Expiry,
        'F' => Field::PayloadFormat,
        'f' => Field::Float,
        'I' => Field::Iso8601,
        'j' | 'J' => return Ok(Some(Piece::Json { parsed: c == 'J' })),
        'l' => Field::PayloadLen,
        'm' => Field::PacketId,
        'P' => Field::UserProperties,
        'p' => Field::Payload,
        'q' => Field::Qos,
        'R' => Field::ResponseTopic,
        'r' => Field::Retain,
        'S' => Field::SubscriptionId,
        't' => Field::Topic,
        'U' => Field::UnixTime,
        'x' | 'X' => Field::Hex {
            upper: c == 'X',
            separator: None,
        },
        // A letter before an x is a mistake rather than a separator.
        c if !c.is_ascii_alphanumeric() && matches!(chars.peek(), Some('x' | 'X')) => Field::Hex {
            upper: chars.next() == Some('X'),
            separator: Some(c),
        },
        c => return Err(FormatError::Invalid(c)),
    };
    Ok(Some(Piece::Field(field, padding)))
}

fn number(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        let so_far: usize = number.unwrap_or(0);
        number = Some((so_far * 10 + digit as usize).min(MAX_WIDTH));
    }
    number
}

fn escaped(c: Option<char>) -> Result<char, FormatError> {
    Ok(match c.ok_or(FormatError::IncompleteEscape)? {
        '\\' => '\\',
        '0' => '\0',
        'a' => '\x07',
        'e' => '\x1b',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        c => return Err(FormatError::InvalidEscape(c)),
    })
}

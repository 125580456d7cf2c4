//! The one rule table: what can be wrong, which statements say so in each version, how bad it is,
//! and the 5.0 reason code for it. The decoder, the broker's refusals and the inspector share it.
//!
//! Numbered statements are cited as `MQTT-3.3.1-4`; rules without a number by their section, as
//! `MQTT 5.0 section 2.2.2.2`. 3.1 has no numbered statements at all. A rule that cites nothing
//! for a version does not exist in that version.

use std::fmt;

mod table;

pub use table::Rule;

use super::packet_type::PacketType;
use super::property::PropertyId;
use super::reason::ReasonCode;
use super::version::Version;

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Info,
    /// Unwise, or unclear in the standard; a receiver takes it.
    Warning,
    /// Breaks the standard; a receiver closes the connection.
    Error,
}

impl Severity {
    /// `error`, `warning` or `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// What was found, as the beginning of a sentence.
    pub text: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What a 5.0 receiver answers.
    pub reason: ReasonCode,
    v5: &'static [&'static str],
    v311: &'static [&'static str],
    v31: &'static [&'static str],
}

impl Rule {
    /// What the table says.
    pub fn row(self) -> &'static Row {
        // The enum and the table come from the same list, so every rule has its row.
        &table::TABLE[self as usize]
    }

    /// Whether the rule exists in `version`.
    pub fn exists_in(self, version: Version) -> bool {
        !self.citations(version).is_empty()
    }

    /// The statements that the rule stands on, most direct first.
    pub fn citations(self, version: Version) -> &'static [&'static str] {
        let row = self.row();
        match version {
            Version::V5 => row.v5,
            Version::V311 => row.v311,
            Version::V31 => row.v31,
        }
    }
}

/// The figures that make a violation's message concrete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The rule's text says it all.
    None,
    /// The value that was found.
    Found(u32),
    /// Four bits that are not what they must be.
    Bits {
        /// As sent.
        found: u8,
        /// As the standard wants them.
        expected: u8,
    },
    /// A length that does not fit.
    Length {
        /// What the length says.
        says: u32,
        /// What there is room for, or what is there.
        has: u32,
    },
    /// A code that this packet may not carry.
    Code(ReasonCode),
    /// A property, where it stands, and the number it holds.
    Property {
        /// Which one.
        id: PropertyId,
        /// The packet that carries it, or [`WILL`](super::property::WILL).
        packet: PacketType,
        /// Its value, if it is a number.
        value: Option<u32>,
    },
}

/// A rule that was broken, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The version that the packet was read as.
    pub version: Version,
    /// First offending byte, counted from the start of the packet.
    pub offset: u32,
    /// Offending bytes.
    pub len: u32,
    /// What was found.
    pub detail: Detail,
}

impl Violation {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.row().severity
    }

    /// What a 5.0 receiver answers.
    pub fn reason(&self) -> ReasonCode {
        self.rule.row().reason
    }

    /// The statements that are broken, most direct first: [`Rule::citations`], and before them
    /// the section on the property concerned.
    pub fn citations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let section = match self.detail {
            Detail::Property { id, packet, .. } => id.row().and_then(|row| row.section(packet)),
            _ => None,
        };
        let general = self.rule.citations(self.version);
        section.into_iter().chain(general.iter().copied())
    }
}

/// One sentence without a full stop: what was found, and how much.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.row().text)?;
        match self.detail {
            Detail::None => Ok(()),
            Detail::Found(value) => write!(f, ": {value}"),
            Detail::Bits { found, expected } => {
                write!(f, ": {found:04b}, and {expected:04b} is required")
            }
            Detail::Length { says, has } => write!(f, ": {says} announced, {has} there"),
            Detail::Code(code) if self.version < Version::V5 => write!(f, ": 0x{:02x}", code.0),
            Detail::Code(code) => write!(f, ": {code}"),
            Detail::Property {
                id,
                value: Some(value),
                ..
            } => write!(f, ": {id} is {value}"),
            Detail::Property {
                id, value: None, ..
            } => write!(f, ": {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_exists_in_some_version() {
        for &rule in Rule::ALL {
            assert!(Version::ALL.iter().any(|&v| rule.exists_in(v)), "{rule:?}");
        }
    }
}

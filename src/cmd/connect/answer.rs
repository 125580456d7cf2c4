//! What a broker answers to a request, in a sentence.

use std::fmt;

use crate::client::Says;
use crate::cmd::{Exit, Failure};
use crate::mqtt::{PacketType, ReasonCode, Version};

/// A code of SUBACK or UNSUBACK.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// What has it.
    pub packet: PacketType,
    /// The version in use.
    pub version: Version,
    /// The code.
    pub reason: ReasonCode,
}

impl Answer {
    /// What the code is called in this packet and version.
    pub fn name(self) -> &'static str {
        let name = self.reason.name(self.packet, self.version);
        name.unwrap_or("(unknown)")
    }

    /// That the broker refused something.
    pub fn refusal(self, what: fmt::Arguments<'_>, reason_string: Option<&str>) -> Failure {
        let (code, name, says) = (self.reason.0, self.name(), Says(reason_string));
        Failure::new(
            Exit::Refused(self.reason),
            format!("the broker refused {what}: 0x{code:02x} {name}{says}"),
        )
    }
}

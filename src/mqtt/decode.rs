//! The one decoder. (under construction: signatures are final)

use super::packet::Packet;
use super::property::Value;
use super::rule::{Severity, Violation};
use super::version::{Side, Version};

/// What the decoder must know about a packet beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// How to read it. CONNECT brings its own version and ignores this one.
    pub version: Version,
    /// Who sent it, if that is known.
    pub from: Option<Side>,
}

/// Takes what the decoder finds.
pub trait Sink<'a> {
    /// Whether fields are kept. Where not, the compiler drops the work for them.
    const RECORDS: bool;

    /// A field was read: its place in the packet and its value.
    fn field(&mut self, field: Field, start: usize, end: usize, value: Value<'a>);

    /// Something is wrong. `Err` stops the decoder; after `Ok` it goes on as far as the bytes allow.
    fn violation(&mut self, violation: Violation) -> Result<(), Violation>;
}

/// (under construction)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {}

/// The fast sink: ignores fields and stops at the first violation that is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

impl<'a> Sink<'a> for Strict {
    const RECORDS: bool = false;

    #[inline]
    fn field(&mut self, _: Field, _: usize, _: usize, _: Value<'a>) {}

    #[inline]
    fn violation(&mut self, violation: Violation) -> Result<(), Violation> {
        match violation.severity() {
            Severity::Error => Err(violation),
            Severity::Warning | Severity::Info => Ok(()),
        }
    }
}

/// Decodes one whole packet, fixed header included.
///
/// # Errors
/// The first violation that the sink does not let pass, or the one that made it impossible to
/// represent the packet.
pub fn decode<'a>(
    _bytes: &'a [u8],
    _context: Context,
    _sink: &mut impl Sink<'a>,
) -> Result<Packet<'a>, Violation> {
    unimplemented!()
}

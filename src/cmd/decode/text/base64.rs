//! Base64.

use super::{Parsed, Problem, begin_with_packet};
use crate::output::base64;

/// Whether a text is base64 of packets. Words of any language are base64 of something, so what
/// the bytes are decides.
pub(super) fn looks_like_it(text: &str) -> bool {
    let decoded = base64::decode(text);
    decoded.problem.is_none() && begin_with_packet(&decoded.bytes)
}

pub(super) fn parse(text: &str) -> Parsed {
    let decoded = base64::decode(text);
    Parsed {
        bytes: decoded.bytes,
        problem: decoded.problem.map(|(at, what)| Problem::new(at, what)),
        ..Parsed::default()
    }
}

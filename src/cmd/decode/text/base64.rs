//! Base64 (RFC 4648, sections 4 and 5): both alphabets, with or without padding and line ends.

use super::{Parsed, Problem, begin_with_packet};

const fn digit(c: u8) -> Option<u32> {
    Some(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    } as u32)
}

/// Whether a text is base64 of packets. Words of any language are base64 of something, so what
/// the bytes are decides.
pub(super) fn looks_like_it(text: &str) -> bool {
    let parsed = parse(text);
    parsed.problem.is_none() && begin_with_packet(&parsed.bytes)
}

pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut group, mut digits, mut padding) = (0u32, 0, 0);
    for (at, c) in text.char_indices() {
        if c.is_ascii_whitespace() {
            continue;
        }
        let value = u8::try_from(c).ok().and_then(digit);
        match value {
            Some(value) if padding == 0 => {
                group = group << 6 | value;
                digits += 1;
                if digits == 4 {
                    parsed.bytes.extend_from_slice(&group.to_be_bytes()[1..]);
                    (group, digits) = (0, 0);
                }
            }
            None if c == '=' && digits + padding < 4 && digits > 1 => padding += 1,
            _ => {
                let what = format!("'{}' is not a base64 digit", c.escape_debug());
                parsed.problem = Some(Problem::new(at, what));
                break;
            }
        }
    }
    // What is left of the last group: 2 digits are one byte, 3 are two.
    match digits {
        2 => parsed.bytes.push((group >> 4) as u8),
        3 => parsed
            .bytes
            .extend_from_slice(&((group >> 2) as u16).to_be_bytes()),
        1 if parsed.problem.is_none() => {
            let what = "the base64 ends inside of a byte,";
            parsed.problem = Some(Problem::new(text.trim_end().len(), what));
        }
        _ => {}
    }
    parsed
}

//! Base64 (RFC 4648, sections 4 and 5): both alphabets, with or without padding and line ends.

/// What a text is base64 of.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes, up to the first place that cannot be read.
    pub bytes: Vec<u8>,
    /// That place, in bytes of the text, and what is wrong with it.
    pub problem: Option<(usize, String)>,
}

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

/// Appends base64 of the bytes: the first alphabet, with padding, on one line.
pub fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * i) & 0x3f) as usize);
            out.push(match i <= group.len() {
                true => digit.copied().unwrap_or(b'='),
                false => b'=',
            });
        }
    }
}

/// Reads base64.
pub fn decode(text: &str) -> Decoded {
    let mut bytes = Vec::new();
    let mut problem = None;
    let (mut group, mut digits, mut padding) = (0u32, 0, 0);
    for (at, c) in text.char_indices() {
        if c.is_ascii_whitespace() {
            continue;
        }
        match u8::try_from(c).ok().and_then(digit) {
            Some(value) if padding == 0 => {
                group = group << 6 | value;
                digits += 1;
                if digits == 4 {
                    let [_, three @ ..] = group.to_be_bytes();
                    bytes.extend_from_slice(&three);
                    (group, digits) = (0, 0);
                }
            }
            None if c == '=' && digits > 1 && digits + padding < 4 => padding += 1,
            _ => {
                problem = Some((at, format!("'{}' is not a base64 digit", c.escape_debug())));
                break;
            }
        }
    }
    // What is left of the last group: 2 digits are one byte, 3 are two.
    match digits {
        2 => bytes.push((group >> 4) as u8),
        3 => bytes.extend_from_slice(&((group >> 2) as u16).to_be_bytes()),
        1 if problem.is_none() => {
            let what = "the base64 ends inside of a byte,".into();
            problem = Some((text.trim_end().len(), what));
        }
        _ => {}
    }
    Decoded { bytes, problem }
}

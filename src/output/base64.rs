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

/// Writes base64 with padding (section 4).
pub fn encode(bytes: &[u8]) -> String {
    write(bytes, *b"+/", true)
}

/// Writes base64url without padding (section 5).
pub fn encode_url(bytes: &[u8]) -> String {
    write(bytes, *b"-_", false)
}

fn write(bytes: &[u8], [last_but_one, last]: [u8; 2], padding: bool) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let value = (bits >> (18 - 6 * at) & 0x3f) as u8;
            match value {
                _ if at > group.len() && padding => text.push('='),
                _ if at > group.len() => {}
                0..26 => text.push(char::from(b'A' + value)),
                26..52 => text.push(char::from(b'a' + value - 26)),
                52..62 => text.push(char::from(b'0' + value - 52)),
                62 => text.push(char::from(last_but_one)),
                _ => text.push(char::from(last)),
            }
        }
    }
    text
}

//! Reason codes as people type them: `0x87`, `135`, or the standard's name with any signs between
//! its words.

use crate::mqtt::{ReasonCode, reason};

/// Reads a code; `None` if it is none.
pub(super) fn parse(word: &str) -> Option<ReasonCode> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    if let Some(code) = number {
        return Some(ReasonCode(code));
    }
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(word);
    match wanted.as_str() {
        "" => None,
        "normaldisconnection" | "grantedqos0" => Some(ReasonCode::SUCCESS),
        _ => reason::TABLE
            .iter()
            .find(|row| plain(row.name) == wanted)
            .map(|row| row.code),
    }
}

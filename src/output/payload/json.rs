//! JSON, indented. Every value stays as it was sent: no number is rounded, no key moved, no escape
//! changed.

use serde::de::IgnoredAny;

use super::super::json::string_len;
use super::super::text::Safe;
use super::Wrong;
use super::notation::Notation;

pub(super) fn rows(text: &str) -> Result<Vec<String>, Wrong> {
    check(text)?;
    let mut notation = Notation::default();
    let mut is_first = true;
    let mut rest = text;
    // The text is JSON: what is between brackets and commas is one token.
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let Some(c) = rest.chars().next() else {
            return Ok(notation.finish());
        };
        let len = match c {
            '"' => string_len(rest),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest
                .find(|c: char| c.is_ascii_whitespace() || matches!(c, '}' | ']' | ','))
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        rest = after;
        match c {
            '}' | ']' => {
                notation.close(c);
                is_first = false;
                continue;
            }
            ',' => {
                is_first = true;
                continue;
            }
            ':' => {
                notation.scalar(": ");
                is_first = false;
                continue;
            }
            _ => {}
        }
        if is_first {
            notation.next_unless_top();
        }
        match c {
            '{' | '[' => {
                notation.open(c);
                is_first = true;
            }
            _ => {
                notation.scalar(&shown(token));
                is_first = false;
            }
        }
    }
}

/// Whether it is JSON; the depth is limited to 128, too.
pub(super) fn check(text: &str) -> Result<(), Wrong> {
    serde_json::from_str::<IgnoredAny>(text)
        .map(drop)
        .map_err(|error| wrong(text.as_bytes(), &error))
}

/// What serde_json says, with the byte in place of line and column.
pub(super) fn wrong(text: &[u8], error: &serde_json::Error) -> Wrong {
    let before = text
        .split(|&byte| byte == b'\n')
        .take(error.line().saturating_sub(1));
    let at = before.map(|line| line.len() + 1).sum::<usize>() + error.column();
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    Wrong::new(at.saturating_sub(1), what)
}

/// A token, safe for a terminal, with its own escapes as they are.
fn shown(token: &str) -> String {
    let parts: Vec<String> = token
        .split('\\')
        .map(|part| Safe(part).to_string())
        .collect();
    parts.join("\\")
}

//! The grammar of -F, for its messages.

use super::Stop;

/// Letters behind `%`.
const SPECIFIERS: &str = "%ACDEFIJPRSUXdfjlmpqrtx";

/// Letters behind a backslash.
const ESCAPES: &str = "\\0aenrtv";

/// Whether they would take this format.
pub(super) fn check(format: &str) -> Result<(), Stop> {
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '%' => {
                rest.next_if(|c| matches!(c, '0' | '-'));
                while rest.next_if(char::is_ascii_digit).is_some() {}
                if rest.next_if_eq(&'.').is_some() {
                    while rest.next_if(char::is_ascii_digit).is_some() {}
                }
                match rest.next() {
                    None => return wrong("Error: Incomplete format specifier."),
                    Some(c) if SPECIFIERS.contains(c) => {}
                    // A character between the bytes in hex.
                    Some(_) if rest.next_if(|c| matches!(c, 'x' | 'X')).is_some() => {}
                    Some(c) => return wrong(format!("Error: Invalid format specifier '{c}'.")),
                }
            }
            '@' if rest.next().is_none() => {
                return wrong("Error: Incomplete format specifier.");
            }
            '\\' => match rest.next() {
                None => return wrong("Error: Incomplete escape specifier."),
                Some(c) if ESCAPES.contains(c) => {}
                Some(c) => return wrong(format!("Error: Invalid escape specifier '{c}'.")),
            },
            _ => {}
        }
    }
    Ok(())
}

fn wrong(text: impl Into<String>) -> Result<(), Stop> {
    Err(Stop::Wrong(text.into()))
}

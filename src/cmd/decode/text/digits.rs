//! Hex digits: pairs of them, with anything between that people put there.

use super::{Parsed, Problem};

const fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, ':' | ',' | ';' | '-' | '_')
}

/// What may stand around hex digits: quotes, Python's `b''`, `<Buffer ...>` of Node.js, `<...>` of
/// Objective-C and Erlang.
fn inner(text: &str) -> (usize, &str) {
    let trimmed = text.trim();
    let lead = text.len() - text.trim_start().len();
    for (open, close) in [
        ("b'", "'"),
        ("b\"", "\""),
        ("'", "'"),
        ("\"", "\""),
        ("<Buffer ", ">"),
        ("<", ">"),
    ] {
        let rest = trimmed.strip_prefix(open);
        if let Some(inner) = rest.and_then(|rest| rest.strip_suffix(close)) {
            return (lead + open.len(), inner);
        }
    }
    (0, text)
}

/// Whether a text has digits, and nothing that hex text never has.
pub(super) fn looks_like_it(text: &str) -> bool {
    let (_, text) = inner(text);
    let mut words = text.split(is_separator).filter(|word| !word.is_empty());
    let is_hex = |word: &str| {
        let digits = without_prefix(word);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    words.next().is_some_and(is_hex) && words.all(is_hex)
}

fn without_prefix(word: &str) -> &str {
    word.strip_prefix("0x")
        .or(word.strip_prefix("0X"))
        .unwrap_or(word)
}

pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut at, mut rest) = inner(text);
    loop {
        let trimmed = rest.trim_start_matches(is_separator);
        at += rest.len() - trimmed.len();
        if trimmed.is_empty() {
            return parsed;
        }
        let end = trimmed.find(is_separator).unwrap_or(trimmed.len());
        let (word, after) = trimmed.split_at(end);
        let digits = without_prefix(word);
        let start = at + word.len() - digits.len();
        // What pairs there are before the place that cannot be read still count.
        let (pairs, problem) = match digits.find(|c: char| !c.is_ascii_hexdigit()) {
            Some(wrong) => {
                let c = digits.get(wrong..).and_then(|rest| rest.chars().next());
                let c = c.unwrap_or_default().escape_debug();
                let problem = Problem {
                    remedy: Some("Leave it out, or say with --input what the text is"),
                    ..Problem::new(start + wrong, format!("'{c}' is not a hex digit"))
                };
                (wrong / 2, Some(problem))
            }
            None if digits.len() % 2 == 1 => {
                let what = match digits.len() {
                    1 => "1 hex digit, half a byte,".to_owned(),
                    len => format!("{len} hex digits, an odd number,"),
                };
                let problem = Problem {
                    remedy: Some("Each byte has two digits, as in 0c"),
                    ..Problem::new(start, what)
                };
                (digits.len() / 2, Some(problem))
            }
            None if digits.is_empty() => (
                0,
                Some(Problem::new(at, format!("'{word}' has no hex digits"))),
            ),
            None => (digits.len() / 2, None),
        };
        let pairs = digits.get(..2 * pairs).unwrap_or_default();
        parsed.bytes.extend(hex::decode(pairs).unwrap_or_default());
        if problem.is_some() {
            parsed.problem = problem;
            return parsed;
        }
        at += word.len();
        rest = after;
    }
}

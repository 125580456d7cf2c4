//! Topic Names and Topic Filters, 4.7; shared subscriptions, 5.0 4.8.2.

use std::fmt;

/// What is wrong with a Topic Name or a Topic Filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// `[MQTT-4.7.3-1]`
    #[error("it is empty")]
    Empty,
    /// `[MQTT-4.7.3-2]`
    #[error("it holds the null character (byte {0})")]
    NullCharacter(usize),
    /// `[MQTT-4.7.3-3]`
    #[error("it has {0} bytes, and 65535 is the limit")]
    TooLong(usize),
    /// `[MQTT-3.3.2-2]`, 3.1.1 `[MQTT-4.7.1-1]`, 5.0 `[MQTT-4.7.0-1]`
    #[error("a topic name may not hold the wildcard '{1}' (byte {0})")]
    WildcardInName(usize, char),
    /// 3.1.1 `[MQTT-4.7.1-2]`, 5.0 `[MQTT-4.7.1-1]`
    #[error("'#' must be the last character and fill a level of its own (byte {0})")]
    HashPosition(usize),
    /// 3.1.1 `[MQTT-4.7.1-3]`, 5.0 `[MQTT-4.7.1-2]`
    #[error("'+' must fill a level of its own (byte {0})")]
    PlusPosition(usize),
    /// `[MQTT-4.8.2-1]`
    #[error("a shared subscription is $share/NAME/FILTER, and the name or the filter is missing")]
    ShareIncomplete,
    /// `[MQTT-4.8.2-2]`
    #[error("the name of a shared subscription may not hold '+' or '#' (byte {0})")]
    ShareName(usize),
}

fn check_common(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > usize::from(u16::MAX) {
        return Err(TopicError::TooLong(text.len()));
    }
    match text.find('\0') {
        Some(at) => Err(TopicError::NullCharacter(at)),
        None => Ok(()),
    }
}

/// Whether a text holds `+` or `#`. Topics are short: a loop without branches, which becomes
/// vector code, beats a search that stops at the first hit.
#[inline]
pub fn has_wildcard(text: &str) -> bool {
    text.bytes()
        .fold(false, |found, byte| found | (byte == b'+') | (byte == b'#'))
}

/// Checks a Topic Name: 1 to 65535 bytes, no wildcard, no U+0000.
#[inline]
pub fn check_name(name: &str) -> Result<(), TopicError> {
    check_common(name)?;
    if !has_wildcard(name) {
        return Ok(());
    }
    let mut bytes = name.bytes().enumerate();
    match bytes.find(|(_, byte)| matches!(byte, b'+' | b'#')) {
        Some((at, byte)) => Err(TopicError::WildcardInName(at, char::from(byte))),
        None => Ok(()),
    }
}

/// Checks a Topic Filter without looking for `$share`: in 3.1 and 3.1.1 that prefix means nothing.
pub fn check_filter(filter: &str) -> Result<(), TopicError> {
    check_common(filter)?;
    let mut start = 0;
    for level in filter.split('/') {
        let end = start + level.len();
        if let Some(at) = level.find('#')
            && (level.len() > 1 || end != filter.len())
        {
            return Err(TopicError::HashPosition(start + at));
        }
        if let Some(at) = level.find('+')
            && level.len() > 1
        {
            return Err(TopicError::PlusPosition(start + at));
        }
        start = end + 1;
    }
    Ok(())
}

/// The two parts of a `$share/NAME/FILTER` subscription (5.0, 4.8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared<'a> {
    /// The ShareName: no `/`, `+` or `#`.
    pub share_name: &'a str,
    /// The Topic Filter that messages are matched with.
    pub filter: &'a str,
}

/// Whether a 5.0 Topic Filter asks for a shared subscription: its first level is `$share`.
pub fn is_shared(filter: &str) -> bool {
    filter == "$share" || filter.starts_with("$share/")
}

/// Splits a 5.0 Topic Filter that may be shared, and checks both parts.
/// `Ok(None)` for a plain filter, which is checked as well.
pub fn parse_shared(text: &str) -> Result<Option<Shared<'_>>, TopicError> {
    if !is_shared(text) {
        return check_filter(text).map(|()| None);
    }
    check_common(text)?;
    let rest = text
        .strip_prefix("$share/")
        .ok_or(TopicError::ShareIncomplete)?;
    let (share_name, filter) = rest.split_once('/').ok_or(TopicError::ShareIncomplete)?;
    if share_name.is_empty() || filter.is_empty() {
        return Err(TopicError::ShareIncomplete);
    }
    let filter_start = text.len() - filter.len();
    if let Some(at) = share_name.find(['+', '#']) {
        return Err(TopicError::ShareName("$share/".len() + at));
    }
    check_filter(filter).map_err(|error| error.shifted(filter_start))?;
    Ok(Some(Shared { share_name, filter }))
}

impl TopicError {
    fn shifted(self, by: usize) -> TopicError {
        match self {
            TopicError::HashPosition(at) => TopicError::HashPosition(at + by),
            TopicError::PlusPosition(at) => TopicError::PlusPosition(at + by),
            other => other,
        }
    }
}

/// Whether `filter` (without `$share/NAME/`) matches the Topic Name `name`.
///
/// Both must have passed their check. Characters are compared as they are (`[MQTT-4.7.3-4]`), and
/// a wildcard in the first level does not match a name that begins with `$` (`[MQTT-4.7.2-1]`).
pub fn matches(filter: &str, name: &str) -> bool {
    if name.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut name) = (filter.as_bytes(), name.as_bytes());
    loop {
        match filter.split_first() {
            Some((b'#', _)) => return true,
            Some((b'+', rest)) => {
                let level = name.iter().take_while(|&&byte| byte != b'/').count();
                name = name.get(level..).unwrap_or_default();
                filter = rest;
            }
            Some((byte, rest)) => match name.split_first() {
                Some((same, name_rest)) if same == byte => (filter, name) = (rest, name_rest),
                // "sport/#" also matches "sport": '#' stands for the parent level too (4.7.1.2).
                None => return filter == b"/#",
                Some(_) => return false,
            },
            None => return name.is_empty(),
        }
    }
}

/// Shows a topic between quotes, for error messages.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

/// Characters that [`Quoted`] shows.
const SHOWN: usize = 100;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.char_indices().nth(SHOWN);
        let (shown, rest) = match cut.and_then(|(at, _)| self.0.get(..at)) {
            Some(begin) => (begin, "…"),
            None => (self.0, ""),
        };
        write!(f, "'{}{rest}'", shown.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_fits_in_a_sentence() {
        let long = "ü".repeat(100);
        assert_eq!(Quoted(&long).to_string(), format!("'{long}'"));
        let longer = format!("{long}x");
        assert_eq!(Quoted(&longer).to_string(), format!("'{long}…'"));
        assert_eq!(Quoted("a\n'").to_string(), r"'a\n\''");
    }

    #[test]
    fn names() {
        assert_eq!(check_name("/"), Ok(()));
        assert_eq!(check_name("a b/Ünï"), Ok(()));
        assert_eq!(check_name(""), Err(TopicError::Empty));
        assert_eq!(check_name("a/+"), Err(TopicError::WildcardInName(2, '+')));
        assert_eq!(check_name("a#"), Err(TopicError::WildcardInName(1, '#')));
        assert_eq!(check_name("a\0"), Err(TopicError::NullCharacter(1)));
        assert_eq!(check_name(&"x".repeat(65_535)), Ok(()));
        assert_eq!(
            check_name(&"x".repeat(65_536)),
            Err(TopicError::TooLong(65_536))
        );
    }

    #[test]
    fn filters() {
        for good in [
            "#",
            "+",
            "/",
            "+/+",
            "/+",
            "sport/tennis/#",
            "+/tennis/#",
            "sport/+/player1",
            "$SYS/#",
            "$share",
        ] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        assert_eq!(
            check_filter("sport/tennis#"),
            Err(TopicError::HashPosition(12))
        );
        assert_eq!(
            check_filter("sport/#/ranking"),
            Err(TopicError::HashPosition(6))
        );
        assert_eq!(check_filter("sport+"), Err(TopicError::PlusPosition(5)));
        assert_eq!(check_filter(""), Err(TopicError::Empty));
    }

    #[test]
    fn shared() {
        assert_eq!(
            parse_shared("$share/g/a/+/#"),
            Ok(Some(Shared {
                share_name: "g",
                filter: "a/+/#"
            }))
        );
        assert_eq!(
            parse_shared("$share/g//x"),
            Ok(Some(Shared {
                share_name: "g",
                filter: "/x"
            }))
        );
        assert_eq!(parse_shared("$shared/g/a"), Ok(None));
        for incomplete in ["$share", "$share/", "$share/g", "$share/g/", "$share//a"] {
            assert_eq!(
                parse_shared(incomplete),
                Err(TopicError::ShareIncomplete),
                "{incomplete}"
            );
        }
        assert_eq!(parse_shared("$share/a+/x"), Err(TopicError::ShareName(8)));
        assert_eq!(
            parse_shared("$share/g/x#"),
            Err(TopicError::HashPosition(10))
        );
    }

    /// The examples of 4.7.1 and 4.7.2.
    #[test]
    fn matching() {
        for (filter, name, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/ranking",
                true,
            ),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/x", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("ACCOUNTS", "Accounts", false),
            ("/finance", "finance", false),
            ("a/b", "a", false),
            ("a", "a/b", false),
        ] {
            assert_eq!(matches(filter, name), expected, "{filter} against {name}");
        }
    }
}

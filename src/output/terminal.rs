//! The terminal that is written to.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

/// Columns of the terminal at stdout, or as many as `COLUMNS` says; `None` if stdout is none, and
/// nothing needs to be cut.
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let said = std::env::var("COLUMNS").ok().and_then(|text| parse(&text));
    said.or_else(|| columns(&stdout))
}

/// Whether other characters than ASCII can be shown, as the locale says.
pub fn is_unicode() -> bool {
    // The first one that is set decides, also where it is no good.
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let mut set = names.filter_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
    match set.next() {
        Some(locale) => says_utf8(&locale),
        // Without any of them it is the locale C; elsewhere there are no such variables.
        None => cfg!(not(unix)),
    }
}

/// Text with those of our characters that are not ASCII replaced, unless the terminal is to show
/// them: the unit µ, and what bars are made of. What comes from elsewhere is left.
pub fn spell(text: &str, unicode: bool) -> Cow<'_, str> {
    if unicode || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = text.chars().map(|c| match c {
        'µ' => 'u',
        '–' => '-',
        '█' | '▉' | '▊' | '▋' | '▌' => '#',
        '▍' | '▎' | '▏' => '.',
        c => c,
    });
    Cow::Owned(plain.collect())
}

fn says_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn parse(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|columns| *columns > 0)
}

/// Some pseudo terminals say 0.
#[cfg(unix)]
fn columns(stdout: &io::Stdout) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn columns(stdout: &io::Stdout) -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(stdout)?;
    Some(usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_locale_says() {
        for (locale, is_utf8) in [
            ("en_GB.UTF-8", true),
            ("C.utf8", true),
            ("C", false),
            ("de_DE.ISO-8859-1", false),
        ] {
            assert_eq!(says_utf8(locale), is_utf8, "{locale}");
        }
    }

    #[test]
    fn a_locale_without_unicode_gets_ascii() {
        let text = "50.0 µs  █▌ é";
        assert_eq!(spell(text, true), text);
        assert_eq!(spell(text, false), "50.0 us  ## é");
    }

    #[test]
    fn what_columns_says() {
        for (text, columns) in [
            ("40", Some(40)),
            (" 7 ", Some(7)),
            ("0", None),
            ("wide", None),
        ] {
            assert_eq!(parse(text), columns);
        }
    }
}

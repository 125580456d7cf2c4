//! The terminal that is written to.

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

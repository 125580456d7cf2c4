//! The terminal that is written to.

use std::io;

/// Columns of the terminal at stdout; `None` if that is none, and nothing needs to be cut.
pub fn width() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
    // Some pseudo terminals say 0.
    (columns > 0).then_some(usize::from(columns))
}

//! Comparisons as people type them: `==`, `!=`, `<`, `<=`, `>`, `>=`.

use std::cmp::Ordering;

/// What must hold between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
}

/// Those of two characters first: `<` begins `<=`.
const ALL: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Comparison {
    /// How they are written, for sentences.
    pub(super) const NAMES: &str = "==, !=, <, <=, > or >=";

    /// The one that a text begins with, and what is behind it.
    pub(super) fn begin(text: &str) -> Option<(Comparison, &str)> {
        ALL.iter()
            .find_map(|(name, comparison)| Some((*comparison, text.strip_prefix(name)?)))
    }

    /// The one that a text ends with, and what is in front of it.
    pub(super) fn end(text: &str) -> Option<(&str, Comparison)> {
        ALL.iter()
            .find_map(|(name, comparison)| Some((text.strip_suffix(name)?, *comparison)))
    }

    /// Whether it holds between values in this order; values without an order are not equal, and
    /// nothing else.
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

//! Flags in TOML files: each key is a flag's long name.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Exit, Failure};
use crate::cli::settings::{Flag, Setting, Takes};
use crate::output::nearest::nearest;

/// Bytes that such a file may have.
const MAX_LEN: u64 = 1024 * 1024;

/// Reads the file.
///
/// # Errors
/// If it cannot be read, or is too long.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let cannot = |why: &str| Failure::new(Exit::Io, format!("cannot read {shown}: {why}"));
    let len = std::fs::metadata(path)
        .map_err(|error| cannot(&error.to_string()))?
        .len();
    if len > MAX_LEN {
        return Err(cannot(&format!(
            "it has {len} bytes, and {MAX_LEN} is the limit"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| cannot(&error.to_string()))
}

/// A file that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlagsFile<'a> {
    pub(super) text: &'a str,
    /// For sentences.
    pub(super) path: &'a str,
}

impl<'a> FlagsFile<'a> {
    /// The whole of it.
    ///
    /// # Errors
    /// If it is not TOML.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'a>>, Failure> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, error.message())
        })
    }

    /// What a key of a table sets: `None` for `false`. `of` says what the table is, for sentences.
    ///
    /// # Errors
    /// If there is no such flag, or if it takes something else.
    pub(super) fn setting(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        flags: &[Flag],
        of: &str,
    ) -> Result<Option<Setting>, Failure> {
        let name = key.get_ref().as_ref();
        // Many write keys of TOML with underscores.
        let dashed = name.replace('_', "-");
        let Some(flag) = flags.iter().find(|flag| flag.names.contains(&dashed)) else {
            return Err(self.wrong(key.span().start, &unknown(name, flags, of)));
        };
        let at = value.span().start;
        let wrong = |what: &str| self.wrong(at, &format!("{name} takes {what}"));
        let set = |values| flag.set(values, self.place(at));
        Ok(Some(match (flag.takes, value.get_ref()) {
            (Takes::Nothing, DeValue::Boolean(true)) => set(Vec::new()),
            (Takes::Nothing, DeValue::Boolean(false)) => return Ok(None),
            (Takes::Nothing, _) => return Err(wrong("true or false")),
            (Takes::One, one) => match scalar(one) {
                Some(one) => set(vec![one]),
                None => return Err(wrong("a text or a number")),
            },
            (Takes::Many, value) => match scalar(value).map(|one| vec![one]).or(scalars(value)) {
                Some(all) => set(all),
                None => return Err(wrong("a text, or an array of them")),
            },
            (Takes::Words, DeValue::Array(all)) => {
                let lists = all.iter().map(|one| scalars(one.get_ref())).collect();
                match lists {
                    Some(lists) => flag.set_lists(lists, self.place(at)),
                    None => return Err(wrong("an array of arrays of texts")),
                }
            }
            (Takes::Words, _) => return Err(wrong("an array of arrays of texts")),
        }))
    }

    /// `FILE, line 3, column 7`.
    pub(super) fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        format!("{}, line {line}, column {column}", self.path)
    }

    /// Wrong usage at this place.
    pub(super) fn wrong(&self, at: usize, what: &str) -> Failure {
        // Parsers may say more than one line.
        let what = what.split('\n').next().unwrap_or_default();
        Failure::usage(format!("{}: {what}", self.place(at)))
    }
}

/// A text or a number.
pub(super) fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn scalars(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(all) => all.iter().map(|one| scalar(one.get_ref())).collect(),
        _ => None,
    }
}

fn unknown(name: &str, flags: &[Flag], of: &str) -> String {
    // By its last name: that is the long one where there are two.
    let names = flags.iter().filter_map(|flag| flag.names.last());
    let names: Vec<&str> = names.map(String::as_str).collect();
    let suggestion = match nearest(name, names.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", names.join(", ")),
    };
    format!("'{}' is no key of {of}; {suggestion}", name.escape_debug())
}

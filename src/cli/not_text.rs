//! Words that have to be text and are none.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;

/// Characters of it that a sentence shows.
const SHOWN: usize = 100;

/// A word that is not UTF-8 where that is wanted. Clap only says that there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} takes text in UTF-8, which '{}' is not", .word.chars().take(SHOWN).collect::<String>().escape_debug())]
pub struct NotText {
    what: String,
    /// U+FFFD stands for what is wrong.
    word: String,
}

impl NotText {
    /// Finds the word that `error` is about.
    pub(super) fn find(
        command: &mut clap::Command,
        words: &[OsString],
        error: &clap::Error,
    ) -> Option<NotText> {
        if error.kind() != ErrorKind::InvalidUtf8 {
            return None;
        }
        // With every other one made text, the error is about this one.
        let mut words = words.to_vec();
        for at in 0..words.len() {
            let Some(word) = words.get(at).filter(|word| word.to_str().is_none()) else {
                continue;
            };
            let text = OsString::from(word.to_string_lossy().into_owned());
            if let Some(word) = words.get_mut(at) {
                *word = text;
            }
            let left = command.try_get_matches_from_mut(&words).err();
            if left.is_none_or(|error| error.kind() != ErrorKind::InvalidUtf8) {
                return Some(NotText::at(&words, at));
            }
        }
        None
    }

    fn at(words: &[OsString], at: usize) -> NotText {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        let word = words.get(at).map(text).unwrap_or_default();
        if let Some((name, value)) = word
            .strip_prefix("--")
            .and_then(|rest| rest.split_once('='))
        {
            return NotText {
                what: format!("--{name}"),
                word: value.to_owned(),
            };
        }
        let mut flag = word.chars();
        if let (Some('-'), Some(letter)) = (flag.next(), flag.next())
            && letter.is_ascii_alphabetic()
        {
            return NotText {
                what: format!("-{letter}"),
                word: flag.as_str().to_owned(),
            };
        }
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let is_flag = |word: &&OsString| OsStr::new(word).as_encoded_bytes().starts_with(b"-");
        NotText {
            what: match before.filter(is_flag) {
                Some(flag) => text(flag),
                None => format!("argument {at}"),
            },
            word,
        }
    }
}

//! `--output-dir`: a file for each message.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::client::Message;
use crate::cmd::{Exit, Failure};

/// Bytes of a topic that a file's name shows.
const MAX_TOPIC: usize = 100;
/// Digits of the number, at least.
const DIGITS: usize = 6;

/// A directory that is filled.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// The number of the last file.
    last: u64,
}

impl Files {
    /// Makes the directory if it is not there, and looks where its numbers end.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub(super) fn new(directory: &Path) -> Result<Files, Failure> {
        let failure = |what: &str, error: io::Error| {
            let directory = directory.display();
            Failure::new(
                Exit::Io,
                format!("cannot {what} {directory} (--output-dir): {error}"),
            )
        };
        fs::create_dir_all(directory).map_err(|error| failure("make", error))?;
        let mut last = 0;
        for entry in fs::read_dir(directory).map_err(|error| failure("read", error))? {
            let name = entry.map_err(|error| failure("read", error))?.file_name();
            last = last.max(number(&name.to_string_lossy()).unwrap_or(0));
        }
        Ok(Files {
            directory: directory.to_owned(),
            last,
        })
    }

    /// Writes a message. A file that is there is never touched.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn push(&mut self, message: &Message) -> Result<(), Failure> {
        let topic = file_name(message.topic.as_str());
        loop {
            self.last = self.last.saturating_add(1);
            let path = self
                .directory
                .join(format!("{:0DIGITS$}-{topic}", self.last));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Somebody else fills the directory, too.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_write(&path, &error)),
                Ok(file) => return write(file, &path, &message.payload),
            }
        }
    }
}

fn write(mut file: File, path: &Path, payload: &[u8]) -> Result<(), Failure> {
    file.write_all(payload).map_err(|error| {
        // Half a message would pass for a whole one.
        let _ = fs::remove_file(path);
        cannot_write(path, &error)
    })
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Io,
        format!("cannot write {}: {error}", path.display()),
    )
}

/// The number that a file's name begins with, if it is one of ours.
fn number(name: &str) -> Option<u64> {
    let (number, _) = name.split_once('-')?;
    (number.len() >= DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| number.parse().ok())
        .flatten()
        .filter(|number| *number < u64::MAX)
}

/// A topic as part of a file's name.
fn file_name(topic: &str) -> String {
    let safe = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
        _ => '_',
    };
    topic.chars().take(MAX_TOPIC).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_topic_leaves_the_directory() {
        for (topic, name) in [
            ("a/b", "a_b"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a\\b:c\n\u{1b}\u{fc}*", "a_b_c____"),
        ] {
            assert_eq!(file_name(topic), name);
        }
        assert_eq!(file_name(&"x".repeat(65_535)).len(), MAX_TOPIC);
    }

    #[test]
    fn numbers_go_on() {
        for (name, expected) in [
            ("000007-a", Some(7)),
            ("1000000-a-b", Some(1_000_000)),
            ("7-a", None),
            ("+00007-a", None),
            ("000007", None),
            ("18446744073709551615-a", None),
            ("99999999999999999999-a", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
    }
}

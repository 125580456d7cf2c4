//! Flags in a file, as mosquitto has them: a flag and its value a line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

/// Bytes that an option file may have.
const MAX_LEN: usize = 1024 * 1024;

/// Why there are no flags from a file.
#[derive(Debug, thiserror::Error)]
pub enum OptionFileError {
    /// No such file, or it cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is something else.
    #[error("{} has {len} bytes, and option files have at most {MAX_LEN}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        len: usize,
    },
    /// A line that begins with no flag.
    #[error("{}, line {line}: it begins with no -", .path.display())]
    NoFlag {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
    },
}

/// The file of -o, where the subcommand has one.
pub(super) fn of(matches: &ArgMatches) -> Option<&Path> {
    let (_, given) = matches.subcommand()?;
    let path = given.try_get_one::<PathBuf>("options").ok()??;
    Some(path)
}

/// The words of a file.
pub(super) fn read(path: &Path) -> Result<Vec<OsString>, OptionFileError> {
    let path = path.to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(OptionFileError::Read { path, error }),
    };
    if text.len() > MAX_LEN {
        let len = text.len();
        return Err(OptionFileError::TooLarge { path, len });
    }
    words(&text).map_err(|line| OptionFileError::NoFlag { path, line })
}

/// A flag is its line up to the first space; a value is the rest. Says which line is none.
fn words(text: &str) -> Result<Vec<OsString>, usize> {
    let mut words = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with('-') {
            return Err(i + 1);
        }
        // A property has several words; of those the last may hold spaces.
        let flag = line.split(' ').next();
        let parts = match flag {
            Some("-D" | "--property") if is_pair(line) => 5,
            Some("-D" | "--property") => 4,
            _ => 2,
        };
        words.extend(line.splitn(parts, ' ').map(OsString::from));
    }
    Ok(words)
}

/// Whether the property has a name and a value.
fn is_pair(line: &str) -> bool {
    line.split(' ').nth(2) == Some("user-property")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_and_its_value_a_line() {
        let text = "# where\n-h broker\r\n\n  --port 1884\n-m two words \n-r\n\
                    -D publish content-type a b\n-D publish user-property a b c";
        let expected = [
            &["-h", "broker", "--port", "1884", "-m", "two words", "-r"][..],
            &["-D", "publish", "content-type", "a b"],
            &["-D", "publish", "user-property", "a", "b c"],
        ];
        assert_eq!(words(text).unwrap(), expected.concat());
        assert_eq!(words("-r\nbroker\n"), Err(2));
    }
}

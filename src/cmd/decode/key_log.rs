//! Whether a file that is given as a key log can be one.

use std::fs::File;
use std::io::Read;

use super::super::{Exit, Failure};

/// How much of the file is looked at.
const MAX_CHECKED: u64 = 1 << 20;

/// Refuses a file with lines of which none is a secret. One that has no lines yet may get some.
pub(in crate::cmd) fn check(path: &str) -> Result<(), Failure> {
    let cannot_read = |error| {
        let what = format!("cannot read the key log {path}: {error}");
        Failure::new(Exit::Io, what)
    };
    let file = File::open(path).map_err(cannot_read)?;
    // What is read from a pipe is gone.
    if !file.metadata().map_err(cannot_read)?.is_file() {
        return Ok(());
    }
    let mut text = Vec::new();
    file.take(MAX_CHECKED)
        .read_to_end(&mut text)
        .map_err(cannot_read)?;
    // The last one may still be written.
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let text = String::from_utf8_lossy(text.get(..whole).unwrap_or_default());
    let mut lines = text.lines().map(str::trim);
    let says_something = |line: &&str| !line.is_empty() && !line.starts_with('#');
    if !lines.clone().any(|line| says_something(&line)) || lines.any(is_secret) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Io,
        format!(
            "{path} is no key log: no line of it is a secret, as in CLIENT_RANDOM and two numbers \
             in hex (SSLKEYLOGFILE format)"
        ),
    ))
}

/// A label, what the session is found by, and the secret.
fn is_secret(line: &str) -> bool {
    let is_hex = |word: &str| word.len() >= 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words: Vec<&str> = line.split_ascii_whitespace().take(4).collect();
    matches!(words[..], [_, of, secret] if is_hex(of) && is_hex(secret))
}

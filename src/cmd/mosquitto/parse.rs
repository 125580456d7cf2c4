//! Their grammar: options are compared whole and in order, a value is the next word whatever it
//! looks like, and the first wrong one ends it. The option file comes before the command line.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::super::typed_bytes::word;
use super::options::{Does, Row, TABLE};
use super::typed::Typed;
use super::{Stop, check, name, property};
use crate::cli::Program;

/// Bytes of an option file that are read at most.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Reads option file and command line. `env` reads a variable.
pub(super) fn parse(
    program: Program,
    words: impl Iterator<Item = OsString>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Typed, Stop> {
    let mut typed = Typed::new(program);
    let words: VecDeque<OsString> = words.collect();
    let file = match find_file(program, &words)? {
        Some(path) => Some(path),
        None => usual_file(program, env),
    };
    if let Some(path) = file {
        read_file(&mut typed, &path)?;
    }
    read(&mut typed, words)?;
    check::check(&mut typed)?;
    Ok(typed)
}

/// The file of -o, which counts before everything else is read.
fn find_file(program: Program, words: &VecDeque<OsString>) -> Result<Option<PathBuf>, Stop> {
    let mut found = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if word == "-o" {
            match (words.get(at), &found) {
                (_, Some(_)) => {
                    return Err(Stop::Wrong(
                        "Error: Duplicate -o argument given.\n".to_owned(),
                    ));
                }
                (Some(path), None) => found = Some(PathBuf::from(path)),
                // The reading of the words finds it.
                (None, None) => {}
            }
        }
        at += match find(program, word).map(|row| row.does) {
            Some(Does::Text(..) | Does::Bytes(..) | Does::Path(..) | Does::Value(..)) => 1,
            Some(Does::NotHad(what)) => usize::from(!what.is_empty()),
            _ => 0,
        };
    }
    Ok(found)
}

fn usual_file(program: Program, env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let dir = match env("XDG_CONFIG_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env("HOME").or_else(|| env("USERPROFILE"))?).join(".config"),
    };
    Some(dir.join(name(program)))
}

/// One option a line, its value behind the first space. A file that is not there is none.
fn read_file(typed: &mut Typed, path: &std::path::Path) -> Result<(), Stop> {
    use std::io::Read;
    let mut text = Vec::new();
    let Ok(file) = std::fs::File::open(path) else {
        return Ok(());
    };
    if file.take(FILE_LIMIT).read_to_end(&mut text).is_err() {
        return Ok(());
    }
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Spaces in front of the option do not count.
        let begin = line.iter().position(|byte| *byte != b' ');
        let line = begin.and_then(|at| line.get(at..)).unwrap_or_default();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut parts = line.splitn(2, |byte| *byte == b' ');
        let option = parts.next().unwrap_or_default();
        // A value has at least one byte.
        let value = parts.next().filter(|value| !value.is_empty());
        read(typed, [option].into_iter().chain(value).map(word).collect())?;
    }
    Ok(())
}

fn read(typed: &mut Typed, mut words: VecDeque<OsString>) -> Result<(), Stop> {
    while let Some(word) = words.pop_front() {
        let Some(row) = find(typed.program, &word) else {
            let word = word.to_string_lossy();
            return Err(Stop::Wrong(format!("Error: Unknown option '{word}'.")));
        };
        match row.does {
            Does::Flag(flag) => *flag(typed) = true,
            Does::Act(act) => act(typed)?,
            Does::Text(missing, place) => {
                let word = value(row, missing, &mut words)?;
                if word.to_str().is_none() {
                    typed.not_utf8.push(row.name());
                }
                *place(typed) = Some(word.to_string_lossy().into_owned());
            }
            Does::Bytes(missing, place) => *place(typed) = Some(value(row, missing, &mut words)?),
            Does::Path(missing, place) => {
                *place(typed) = Some(PathBuf::from(value(row, missing, &mut words)?));
            }
            Does::Value(missing, set) => {
                let word = value(row, missing, &mut words)?;
                if word.to_str().is_none() {
                    typed.not_utf8.push(row.name());
                }
                set(typed, &word)?;
            }
            Does::Property => property::read(typed, &mut words)?,
            Does::Help => return Err(Stop::Help),
            Does::Version => return Err(Stop::Version),
            Does::NotHad(missing) => {
                if !missing.is_empty() {
                    value(row, missing, &mut words)?;
                }
                typed.not_had.push(row.name());
            }
        }
    }
    Ok(())
}

fn value(row: &Row, missing: &str, words: &mut VecDeque<OsString>) -> Result<OsString, Stop> {
    words.pop_front().ok_or_else(|| {
        let name = row.name();
        Stop::Wrong(format!("Error: {name} argument given but {missing}.\n"))
    })
}

fn find(program: Program, word: &OsStr) -> Option<&'static Row> {
    let word = word.to_str().filter(|word| !word.is_empty())?;
    TABLE
        .iter()
        .filter(|row| row.of.includes(program))
        .find(|row| row.short == word || row.long == word)
}

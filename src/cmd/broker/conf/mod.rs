//! Configuration files of mosquitto (`-c`): a line is the name of an option, a space, and its
//! value; `#` begins a comment line.
//!
//! | file | what it is |
//! |---|---|
//! | here | files, lines, and what is wrong with them |
//! | `options` | the table of options, and what each sets |
//! | `value` | the values that have a grammar |
//! | `log` | what it says of the log |
//! | `settings` | what has been set, by listener |
//! | `plan` | what that comes to |

mod log;
mod options;
mod plan;
mod settings;
mod value;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::output::text::Safe;

pub(super) use log::{LogSettings, LogTarget, LogType, LogTypes};
pub(super) use plan::Planned;
pub(super) use settings::Settings;

/// Reads a file and those that it includes.
///
/// # Errors
/// A file that cannot be read; the lines that are wrong, or ask for what midge has not got.
pub(super) fn read(path: &Path) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    let mut wrong = Vec::new();
    read_into(&mut settings, path, true, &mut wrong)?;
    match wrong.is_empty() {
        true => Ok(settings),
        false => Err(all_of(wrong)),
    }
}

/// Wrong usage for several reasons, a line each.
fn all_of(mut wrong: Vec<String>) -> Failure {
    const SHOWN: usize = 20;
    if let Some(more) = wrong.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        wrong.truncate(SHOWN);
        wrong.push(format!("and {more} more lines are wrong"));
    }
    Failure::usage(wrong.join("\n"))
}

/// What an option does when it is met.
enum Met {
    /// It is set.
    Done,
    /// The files of this folder come next.
    Include(PathBuf),
}

fn read_into(
    settings: &mut Settings,
    path: &Path,
    is_main: bool,
    wrong: &mut Vec<String>,
) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let shown = Safe(&shown);
    let text = fs::read(path).map_err(|error| cannot_read(path, &error))?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::usage(format!("{shown} is not UTF-8, and so no configuration")))?;
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            continue;
        }
        let line = line.trim();
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if name.is_empty() {
            continue;
        }
        settings.here = format!("{shown}:{number}").into();
        let mut fail = |what: String| wrong.push(format!("{shown}:{number}: {what}"));
        match options::meet(settings, name, value.trim()) {
            Ok(Met::Done) => {}
            Ok(Met::Include(_)) if !is_main => {
                fail("include_dir works in the main file only".to_owned());
            }
            Ok(Met::Include(folder)) => match files_of(&folder) {
                Ok(files) => {
                    for file in files {
                        read_into(settings, &file, false, wrong)?;
                    }
                }
                Err(error) => {
                    let folder = folder.display().to_string();
                    fail(format!("cannot read folder {}: {error}", Quoted(&folder)));
                }
            },
            Err(what) => fail(what),
        }
    }
    Ok(())
}

/// Those that end in `.conf`, A before a before B.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "conf") {
            files.push(path);
        }
    }
    files.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        (name.to_lowercase(), name)
    });
    Ok(files)
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display().to_string();
    Failure::new(
        Exit::Io,
        format!("cannot read configuration {}: {error}", Safe(&shown)),
    )
}

#[cfg(test)]
mod tests;

//! Configuration files of mosquitto (`-c`): a line is the name of an option, a space, and its
//! value; `#` begins a comment line.
//!
//! | file | what it is |
//! |---|---|
//! | here | files, lines, and what is wrong with them |
//! | `options` | the table of options, and what each sets |
//! | `value` | the values that have a grammar |
//! | `settings` | what has been set, by listener |
//! | `plan` | what that comes to |

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

pub(super) use settings::{LogTarget, LogTypes, Settings};

/// Reads a file and those that it includes.
///
/// # Errors
/// A file that cannot be read; the first line that is wrong, or asks for what midge has not got.
pub(super) fn read(path: &Path) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    read_into(&mut settings, path, true)?;
    Ok(settings)
}

/// What an option does when it is met.
enum Met {
    /// It is set.
    Done,
    /// The files of this folder come next.
    Include(PathBuf),
}

fn read_into(settings: &mut Settings, path: &Path, is_main: bool) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let shown = Safe(&shown);
    let text = fs::read(path).map_err(|error| cannot_read(path, &error))?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::usage(format!("{shown} is not UTF-8, and so no configuration")))?;
    for (number, line) in (1..).zip(text.lines()) {
        let at = |what: String| Failure::usage(format!("{shown}:{number}: {what}"));
        if line.starts_with('#') {
            continue;
        }
        let line = line.trim();
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if name.is_empty() {
            continue;
        }
        match options::meet(settings, name, value.trim()).map_err(at)? {
            Met::Done => {}
            Met::Include(_) if !is_main => {
                return Err(at("include_dir works in the main file only".to_owned()));
            }
            Met::Include(folder) => {
                let files = files_of(&folder).map_err(|error| {
                    let folder = folder.display().to_string();
                    at(format!("cannot read folder {}: {error}", Quoted(&folder)))
                })?;
                for file in files {
                    read_into(settings, &file, false)?;
                }
            }
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

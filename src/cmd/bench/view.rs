//! The result in other ways than the summary: as a page, and drawn in the terminal.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli;
use crate::cmd::{Exit, Failure};
use crate::output::bench::{Outcome, Plain, write_html, write_plot};
use crate::output::terminal;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    html: Option<PathBuf>,
    plot: bool,
}

impl View {
    /// What the flags say.
    ///
    /// # Errors
    /// A page that could not be written when the run is over: it is better said before.
    pub(super) fn new(args: &cli::BenchView) -> Result<View, Failure> {
        if let Some(path) = &args.html {
            can_be_written(path)?;
        }
        Ok(View {
            html: args.html.clone(),
            plot: args.plot,
        })
    }

    /// Shows the result. `checks` are the assertions, and whether each holds.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub(super) fn show(&self, outcome: &Outcome, checks: &[(String, bool)]) -> Result<(), Failure> {
        if self.plot {
            let plain = Plain {
                width: terminal::width(),
                unicode: terminal::is_unicode(),
            };
            let mut stdout = io::stdout().lock();
            let drawn = writeln!(stdout).and_then(|()| write_plot(&mut stdout, outcome, plain));
            match drawn.and_then(|()| stdout.flush()) {
                // Nobody wants to see it.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                drawn => drawn.map_err(|error| {
                    Failure::new(Exit::Io, format!("cannot write to stdout: {error}"))
                })?,
            }
        }
        if let Some(path) = &self.html {
            let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
            let mut file = BufWriter::new(file);
            write_html(&mut file, outcome, checks)
                .and_then(|()| file.flush())
                .map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
    }
}

/// Without touching what is there.
fn can_be_written(path: &Path) -> Result<(), Failure> {
    let is_new = !path.exists();
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| cannot_write(path, &error))?;
    if is_new {
        // A run that comes to nothing leaves nothing.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::new(Exit::Io, format!("cannot write {path}: {error}"))
}

//! The file to play, opened: a capture, or lines of packets.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::source::{Inferred, Settings, Source};
use crate::capture::{Options, Record, Stats};
use crate::cmd::{Exit, Failure, decode};

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// A file, or `-` for stdin.
    pub(super) file: String,
    /// Secrets of TLS.
    pub(super) key_log: Option<String>,
}

impl Input {
    /// Whether it comes only once, and may still be growing: each step goes over at once.
    pub(super) fn is_live(&self) -> bool {
        self.file == "-"
    }

    /// How to call it in messages.
    pub(super) fn name(&self) -> &str {
        match self.is_live() {
            true => "stdin",
            false => &self.file,
        }
    }

    /// Finds out whether it can be read at all.
    ///
    /// # Errors
    /// If it cannot.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Some(log) = &self.key_log {
            decode::check_key_log(log)?;
        }
        match self.is_live() {
            true => Ok(()),
            false => self.open_file().map(drop),
        }
    }

    fn open_file(&self) -> Result<File, Failure> {
        let name = &self.file;
        File::open(name)
            .and_then(|file| match file.metadata()?.is_dir() {
                true => Err(io::Error::other("it is a directory")),
                false => Ok(file),
            })
            .map_err(|error| Failure::new(Exit::Io, format!("cannot read {name}: {error}")))
    }

    /// Opens it; from its start, unless it is stdin. `round` counts from 1; 0 is a look at it before.
    ///
    /// # Errors
    /// If it, or the key log, cannot be read.
    pub(super) fn open(
        &self,
        settings: &Arc<Settings>,
        inferred: Inferred,
        round: u64,
    ) -> Result<Source, Failure> {
        let mut reader: Box<dyn Read> = match self.is_live() {
            true => Box::new(io::stdin()),
            false => Box::new(self.open_file()?),
        };
        // No byte more: of a capture that grows, the next one may be long in coming.
        let mut first = Vec::new();
        let read = reader.by_ref().take(1).read_to_end(&mut first);
        read.map_err(|error| {
            Failure::new(Exit::Io, format!("cannot read {}: {error}", self.name()))
        })?;
        let is_lines = first.first() == Some(&b'{');
        let reader: Box<dyn Read> = Box::new(Cursor::new(first).chain(reader));
        let name = self.name().to_owned();
        let records = match is_lines {
            true => Reader::Lines(Box::new(super::lines::Lines::new(reader))),
            false => {
                let options = Options {
                    turns: true,
                    ..Options::default()
                };
                let log = self.key_log.as_deref();
                let records = decode::Records::open(reader, options, log, self.is_live())?;
                Reader::Capture(Box::new(records))
            }
        };
        let records = Records { name, records };
        Ok(Source::new(records, Arc::clone(settings), inferred, round))
    }
}

/// Its records.
pub(super) struct Records {
    name: String,
    records: Reader,
}

enum Reader {
    Capture(Box<decode::Records<Box<dyn Read>>>),
    Lines(Box<super::lines::Lines>),
}

impl Records {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once, after everything that came before it.
    pub(super) fn next_record(&mut self) -> Result<Option<Record>, Failure> {
        let name = &self.name;
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(Exit::Io, format!("{name}: {error}"));
        match &mut self.records {
            Reader::Capture(records) => records.next_record().map_err(|error| failed(&error)),
            Reader::Lines(lines) => lines.next_record().map_err(|error| failed(&error)),
        }
    }

    /// What was read so far.
    pub(super) fn stats(&self) -> Stats {
        match &self.records {
            Reader::Capture(records) => records.stats(),
            Reader::Lines(lines) => lines.stats(),
        }
    }

    /// What to say of a connection whose secrets are missing.
    pub(super) fn no_keys(&self) -> &str {
        match &self.records {
            Reader::Capture(records) => records.no_keys(),
            Reader::Lines(_) => "",
        }
    }
}

#[cfg(test)]
impl Records {
    /// No records.
    pub(super) fn none() -> Records {
        Records {
            name: "nothing".to_owned(),
            records: Reader::Lines(Box::new(super::lines::Lines::new(Box::new(io::empty())))),
        }
    }
}

//! The file to play, opened: a capture, or lines of packets.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;

use super::source::{Inferred, Settings, Source};
use crate::capture::{Options, Record, Stats};
use crate::cmd::decode::{self, Unpacked};
use crate::cmd::{Exit, Failure};
use crate::output::json::packet_line::read_packet;

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// A file, or `-` for stdin.
    pub(super) file: String,
    /// Secrets of TLS.
    pub(super) key_log: Option<String>,
    /// What was read of stdin before.
    pub(super) begin: Arc<[u8]>,
}

/// Bytes of stdin that are looked at to find out whether it is of a subscriber.
const MAX_LOOK: u64 = 1 << 20;

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

    /// Whether stdin is what `sub --json` has written: lines of messages without a connection. Waits
    /// for the first line.
    ///
    /// # Errors
    /// If stdin cannot be read.
    pub(super) fn look_at_stdin(&mut self) -> Result<bool, Failure> {
        let failed =
            |error| Failure::new(Exit::Io, format!("cannot read {}: {error}", self.name()));
        let mut stdin = io::stdin().lock();
        let mut begin = Vec::new();
        let read = stdin.by_ref().take(1).read_to_end(&mut begin);
        read.map_err(failed)?;
        if begin == b"{" {
            let line = stdin.take(MAX_LOOK).read_until(b'\n', &mut begin);
            line.map_err(failed)?;
        }
        let is_of_sub = read_packet(&begin).is_ok_and(|packet| {
            packet.is_some_and(|packet| packet.stream.is_none() && packet.is_message())
        });
        self.begin = begin.into();
        Ok(is_of_sub)
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
        let failed =
            |error| Failure::new(Exit::Io, format!("cannot read {}: {error}", self.name()));
        let reader: Box<dyn Read> = match self.is_live() {
            true => Box::new(Cursor::new(Arc::clone(&self.begin)).chain(io::stdin())),
            false => Box::new(self.open_file()?),
        };
        let (is_lines, reader) = match decode::unless_capture(reader).map_err(failed)? {
            Unpacked::Capture(reader) => (false, reader),
            Unpacked::Plain(mut reader) => {
                // No byte more: of a capture that grows, the next one may be long in coming.
                let mut first = Vec::new();
                let read = reader.by_ref().take(1).read_to_end(&mut first);
                read.map_err(failed)?;
                let is_lines = first == b"{";
                let reader: Box<dyn Read> = Box::new(Cursor::new(first).chain(reader));
                (is_lines, reader)
            }
        };
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

    /// Whether it is lines, which do not tell how connections end.
    pub(super) fn is_lines(&self) -> bool {
        matches!(self.records, Reader::Lines(_))
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

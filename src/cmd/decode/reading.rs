//! Opening a capture, and its records in the order of its frames.

use std::fs::File;
use std::io::Read;

use super::super::{Exit, Failure};
use super::order::{Item, Order};
use crate::capture::{CaptureError, Options, Packets, Record, Stats};

/// The packets of a capture, read with the secrets of a key log if there is one; and what to say of
/// a connection whose secrets are missing.
pub(super) fn open<R: Read>(
    reader: R,
    options: Options,
    key_log: Option<&str>,
) -> Result<(Packets<R>, String), Failure> {
    let mut packets = Packets::new(reader, options);
    let Some(log) = key_log else {
        let no_keys = "its keys are not known: give --keylog FILE";
        return Ok((packets, no_keys.to_owned()));
    };
    File::open(log)
        .and_then(|file| packets.follow_key_log(Box::new(file)))
        .map_err(|error| {
            Failure::new(Exit::Io, format!("cannot read the key log {log}: {error}"))
        })?;
    let no_keys = format!("its keys are not in the key log {log}");
    Ok((packets, no_keys))
}

/// The records of a capture, for who wants all of them one by one.
#[derive(Debug)]
pub(in crate::cmd) struct Records<R> {
    packets: Packets<R>,
    order: Order,
    no_keys: String,
    /// Frames for which what is in `order` waits.
    frames: u64,
    /// Whether nothing has to go through `order`.
    is_idle: bool,
    is_over: bool,
    error: Option<CaptureError>,
}

impl<R: Read> Records<R> {
    /// Opens a capture. `is_live`: it is growing, and nothing may wait long.
    ///
    /// # Errors
    /// If the key log cannot be read.
    pub(in crate::cmd) fn open(
        reader: R,
        options: Options,
        key_log: Option<&str>,
        is_live: bool,
    ) -> Result<Records<R>, Failure> {
        let (packets, no_keys) = open(reader, options, key_log)?;
        Ok(Records {
            packets,
            order: Order::new(is_live, false),
            no_keys,
            frames: 0,
            is_idle: true,
            is_over: false,
            error: None,
        })
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once, after everything that came before it.
    pub(in crate::cmd) fn next_record(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            if let Some((item, _)) = self.order.next(self.frames) {
                match item {
                    Item::Record(record) => return Ok(Some(record)),
                    Item::Lost(_) => continue,
                }
            }
            // Nearly all there is.
            if self.is_idle
                && let Some(record) = self.packets.pop()
            {
                return Ok(Some(record));
            }
            if self.is_over {
                return self.error.take().map_or(Ok(None), Err);
            }
            match self.packets.read_frame() {
                Ok(true) => {
                    self.is_idle = self.order.is_idle(self.packets.waited());
                    self.frames = self.order.frames(self.packets.waiting());
                }
                end => {
                    self.error = end.err();
                    self.is_over = true;
                    self.frames = 0;
                }
            }
            if !self.is_idle {
                while let Some(record) = self.packets.pop() {
                    self.order.push(record);
                }
            }
        }
    }

    /// Counts up to now.
    pub(in crate::cmd) fn stats(&self) -> Stats {
        self.packets.stats()
    }

    /// What to say of a connection whose secrets are missing.
    pub(in crate::cmd) fn no_keys(&self) -> &str {
        &self.no_keys
    }
}

//! `--record`: what crosses the wire, into a pcapng file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;

use super::super::clock::now;
use super::super::{Exit, Failure};
use crate::broker::ConnectionId;
use crate::capture::{CaptureWriter, WrittenStream};
use crate::mqtt::Side;

/// A file that is being written, until the disk says no.
pub(super) struct Recording {
    name: String,
    file: CaptureWriter<BufWriter<File>>,
    streams: HashMap<ConnectionId, WrittenStream>,
    outcome: Outcome,
}

/// Whether everything was recorded; known when the recording is dropped.
#[derive(Clone, Default)]
pub(super) struct Outcome(Rc<RefCell<Option<String>>>);

impl Outcome {
    pub(super) fn failure(self) -> Option<Failure> {
        let message = self.0.borrow_mut().take()?;
        Some(Failure::new(Exit::Io, message))
    }
}

impl Recording {
    /// Begins the file; one that is there is overwritten.
    pub(super) fn create(path: &Path) -> Result<Recording, Failure> {
        let name = path.display().to_string();
        let file = File::create(path)
            .and_then(|file| CaptureWriter::new(BufWriter::new(file)))
            .map_err(|error| Failure::new(Exit::Io, cannot_write(&name, &error)))?;
        Ok(Recording {
            name,
            file,
            streams: HashMap::new(),
            outcome: Outcome::default(),
        })
    }

    /// What will be known at the end.
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }

    pub(super) fn open(
        &mut self,
        connection: ConnectionId,
        client: SocketAddr,
        server: SocketAddr,
    ) {
        match self.file.open(now(), client, server) {
            Ok(stream) => {
                self.streams.insert(connection, stream);
            }
            Err(error) => self.fail(&error),
        }
    }

    pub(super) fn data(&mut self, connection: ConnectionId, from: Side, bytes: &[u8]) {
        let Some(stream) = self.streams.get_mut(&connection) else {
            return;
        };
        if let Err(error) = self.file.data(now(), stream, from, bytes) {
            self.fail(&error);
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        let Some(stream) = self.streams.remove(&connection) else {
            return;
        };
        // Whoever waits for the end of a connection can read all of it.
        if let Err(error) = self
            .file
            .close(now(), stream)
            .and_then(|()| self.file.flush())
        {
            self.fail(&error);
        }
    }

    /// Gives up, to be said at the end: a file with holes would be worse than a short one.
    fn fail(&mut self, error: &io::Error) {
        self.streams.clear();
        let mut outcome = self.outcome.0.borrow_mut();
        outcome.get_or_insert_with(|| cannot_write(&self.name, error));
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        for connection in self.streams.keys().copied().collect::<Vec<_>>() {
            self.close(connection);
        }
        if let Err(error) = self.file.flush() {
            self.fail(&error);
        }
    }
}

fn cannot_write(name: &str, error: &io::Error) -> String {
    format!("cannot write {name}: {error}")
}

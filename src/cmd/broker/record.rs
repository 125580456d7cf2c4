//! `--record`: what crosses the wire, as a pcapng file or as JSON lines.
//!
//! JSON lines are made from the capture by `decode` itself, in a thread of its own. The broker waits
//! for it where it falls behind, as it does for a slow disk.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use super::super::clock::now;
use super::super::decode::transcribe;
use super::super::{Exit, Failure};
use crate::broker::ConnectionId;
use crate::capture::{CaptureWriter, Timestamp, WrittenStream};
use crate::mqtt::Side;

/// A file that is being written, until the disk says no; `K` names connections.
pub(in crate::cmd) struct Recording<K: Copy + Eq + Hash = ConnectionId> {
    name: String,
    /// `None` once it is over.
    file: Option<CaptureWriter<Box<dyn Write>>>,
    /// What makes lines of it.
    transcriber: Option<JoinHandle<Result<(), Failure>>>,
    streams: HashMap<K, WrittenStream>,
    outcome: Outcome,
}

/// Whether everything was recorded; known when the recording is dropped.
#[derive(Clone, Default)]
pub(in crate::cmd) struct Outcome(Rc<RefCell<Option<String>>>);

impl Outcome {
    pub(in crate::cmd) fn failure(self) -> Option<Failure> {
        let message = self.0.borrow_mut().take()?;
        Some(Failure::new(Exit::Io, message))
    }
}

impl<K: Copy + Eq + Hash> Recording<K> {
    /// Begins the file, JSON lines if its name says so; one that is there is overwritten. `ports`
    /// are those listened on.
    pub(in crate::cmd) fn create(path: &Path, ports: &[u16]) -> Result<Recording<K>, Failure> {
        let name = path.display().to_string();
        let failed = |error| Failure::new(Exit::Io, cannot_write(&name, &error));
        let file = File::create(path).map_err(failed)?;
        let is_lines = path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("jsonl") || extension.eq_ignore_ascii_case("ndjson")
        });
        let (out, transcriber): (Box<dyn Write>, _) = match is_lines {
            false => (Box::new(BufWriter::new(file)), None),
            true => {
                let (capture, out) = io::pipe().map_err(failed)?;
                let (name, ports) = (name.clone(), ports.to_vec());
                let transcriber = thread::Builder::new()
                    .spawn(move || transcribe(&name, Box::new(capture), ports, file))
                    .map_err(failed)?;
                (Box::new(BufWriter::new(out)), Some(transcriber))
            }
        };
        Ok(Recording {
            file: Some(CaptureWriter::new(out).map_err(failed)?),
            name,
            transcriber,
            streams: HashMap::new(),
            outcome: Outcome::default(),
        })
    }

    /// What will be known at the end.
    pub(in crate::cmd) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }

    pub(in crate::cmd) fn open(
        &mut self,
        time: Timestamp,
        connection: K,
        client: SocketAddr,
        server: SocketAddr,
    ) {
        let opened = self.write(|file| file.open(time, client, server));
        if let Some(stream) = opened {
            self.streams.insert(connection, stream);
        }
    }

    pub(in crate::cmd) fn data(
        &mut self,
        time: Timestamp,
        connection: K,
        from: Side,
        bytes: &[u8],
    ) {
        let Some(mut stream) = self.streams.get(&connection).copied() else {
            return;
        };
        let written = self.write(|file| file.data(time, &mut stream, from, bytes));
        if written.is_some() {
            self.streams.insert(connection, stream);
        }
    }

    /// `by` has ended it.
    pub(in crate::cmd) fn close(&mut self, time: Timestamp, connection: K, by: Side) {
        if let Some(stream) = self.streams.remove(&connection) {
            // Whoever waits for the end of a connection can read all of it.
            self.write(|file| file.close(time, stream, by).and_then(|()| file.flush()));
        }
    }

    fn write<T>(
        &mut self,
        write: impl FnOnce(&mut CaptureWriter<Box<dyn Write>>) -> io::Result<T>,
    ) -> Option<T> {
        match write(self.file.as_mut()?) {
            Ok(done) => Some(done),
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// Gives up, to be said at the end: a file with holes would be worse than a short one.
    fn fail(&mut self, error: &io::Error) {
        self.streams.clear();
        let mut outcome = self.outcome.0.borrow_mut();
        outcome.get_or_insert_with(|| cannot_write(&self.name, error));
    }
}

impl<K: Copy + Eq + Hash> Drop for Recording<K> {
    fn drop(&mut self) {
        for connection in self.streams.keys().copied().collect::<Vec<K>>() {
            self.close(now(), connection, Side::Client);
        }
        self.write(CaptureWriter::flush);
        drop(self.file.take());
        // It knows better than the broken pipe what has failed.
        match self.transcriber.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => {}
            Some(Ok(Err(failure))) => *self.outcome.0.borrow_mut() = Some(failure.message),
            Some(Err(_)) => {
                let message = format!("cannot write {}: decoding it has failed", self.name);
                *self.outcome.0.borrow_mut() = Some(message);
            }
        }
    }
}

fn cannot_write(name: &str, error: &io::Error) -> String {
    format!("cannot write {name}: {error}")
}

//! `--out`: the packets of the replay, as a capture or as lines.
//!
//! A thread of its own writes them, with the broker's recorder; the replay waits for it where it
//! falls behind.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};

use crate::capture::Timestamp;
use crate::client::Trace;
use crate::cmd::broker::Recording;
use crate::cmd::clock::now;
use crate::cmd::{Exit, Failure};
use crate::mqtt::encode::encode;
use crate::mqtt::packet::Packet;
use crate::mqtt::{Side, Version};

/// Packets that wait to be written.
const WAITING: usize = 4096;

/// The recorder.
pub(super) struct Taps {
    sender: SyncSender<Taped>,
    writer: JoinHandle<Result<(), Failure>>,
}

/// What it is told.
enum Taped {
    Open(u64, Timestamp),
    Packet(u64, Timestamp, Side, Bytes),
    Close(u64, Timestamp),
    /// There is no more to write, whoever still listens: a session that waits for an answer has an
    /// ear as long as the program runs.
    End,
}

/// The ear of one session.
#[derive(Debug)]
struct Tap {
    session: u64,
    version: Version,
    sender: SyncSender<Taped>,
}

impl std::fmt::Debug for Taped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Taped")
    }
}

impl Taps {
    /// Begins the file; one that is there is overwritten. `server` is the broker.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn create(path: &Path, server: SocketAddr) -> Result<Taps, Failure> {
        let (sender, receiver) = sync_channel(WAITING);
        let (tell, told) = std::sync::mpsc::channel();
        let path = path.to_owned();
        let writer = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let recording = match Recording::create(&path, &[server.port()]) {
                    Ok(recording) => recording,
                    Err(failure) => {
                        let _ = tell.send(Some(failure));
                        return Ok(());
                    }
                };
                let _ = tell.send(None);
                write(recording, server, &receiver)
            })
            .map_err(|error| {
                Failure::new(Exit::Io, format!("cannot record: no thread: {error}"))
            })?;
        match told.recv() {
            Ok(None) => Ok(Taps { sender, writer }),
            Ok(Some(failure)) => Err(failure),
            Err(_) => Err(Failure::new(
                Exit::Io,
                "cannot record: its thread has failed",
            )),
        }
    }

    /// A session begins: what shows its packets.
    pub(super) fn open(&self, session: u64, version: Version) -> Arc<dyn Trace> {
        let _ = self.sender.send(Taped::Open(session, now()));
        Arc::new(Tap {
            session,
            version,
            sender: self.sender.clone(),
        })
    }

    /// A session has ended.
    pub(super) fn close(&self, session: u64) {
        let _ = self.sender.send(Taped::Close(session, now()));
    }

    /// Everything is written.
    ///
    /// # Errors
    /// If it could not be.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let _ = self.sender.send(Taped::End);
        match self.writer.join() {
            Ok(result) => result,
            Err(_) => Err(Failure::new(
                Exit::Io,
                "cannot record: its thread has failed",
            )),
        }
    }
}

fn write(
    mut recording: Recording<u64>,
    server: SocketAddr,
    receiver: &Receiver<Taped>,
) -> Result<(), Failure> {
    for taped in receiver {
        match taped {
            Taped::Open(session, time) => {
                recording.open(time, session, address(session), server);
            }
            Taped::Packet(session, time, from, bytes) => {
                recording.data(time, session, from, &bytes);
            }
            Taped::Close(session, time) => recording.close(time, session, Side::Client),
            Taped::End => break,
        }
    }
    let outcome = recording.outcome();
    drop(recording);
    outcome.failure().map_or(Ok(()), Err)
}

/// An address for each session, of the family that servers on this machine have.
fn address(session: u64) -> SocketAddr {
    let [.., a, b] = (session / 50_000).to_be_bytes();
    let port = 10_000 + (session % 50_000) as u16;
    SocketAddr::from(([127, 1, a, b], port))
}

impl Tap {
    fn tape(&self, from: Side, packet: &Packet<'_>) {
        let mut bytes = BytesMut::new();
        if encode(packet, self.version, &mut bytes).is_ok() {
            let packet = Taped::Packet(self.session, now(), from, bytes.freeze());
            let _ = self.sender.send(packet);
        }
    }
}

impl Trace for Tap {
    fn sent(&self, packet: &Packet<'_>) {
        self.tape(Side::Client, packet);
    }

    fn received(&self, packet: &Packet<'_>) {
        self.tape(Side::Server, packet);
    }
}

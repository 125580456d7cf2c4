//! Reads the capture ahead of the replay, by a bounded amount, in a thread of its own: a file or a
//! pipe may keep a reader waiting while connections want their turn.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::source::{Action, Source, Step};
use crate::capture::{CaptureError, Stats};
use crate::cmd::{Exit, Failure, note};
use crate::mqtt::Side;
use crate::output::replay::Skips;

/// Steps that go over together, where more are there to be read.
const BATCH_STEPS: usize = 256;

/// Payload bytes after which a batch goes over, however few its steps.
const BATCH_BYTES: usize = 1 << 20;

/// What is read ahead is counted in pieces of so many bytes...
const PIECE: usize = 64 * 1024;

/// ...and these are all there are: 32 MiB. A batch takes one at least.
const PIECES: u32 = 512;

/// The capture, opened.
pub(super) struct Input {
    /// How to call it in messages.
    pub(super) name: String,
    /// Its bytes.
    pub(super) reader: Box<dyn Read + Send>,
    /// It may still be growing: each step goes over at once.
    pub(super) live: bool,
    /// Whose PUBLISH packets to play; `None`: those of clients, or of servers if there are no others.
    pub(super) from: Option<Side>,
}

impl Input {
    /// Opens a file; `-` is stdin.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(name: &str, from: Option<Side>) -> Result<Input, Failure> {
        if name == "-" {
            return Ok(Input {
                name: "stdin".to_owned(),
                reader: Box::new(io::stdin()),
                live: true,
                from,
            });
        }
        let file = File::open(name)
            .and_then(|file| match file.metadata()?.is_dir() {
                true => Err(io::Error::other("it is a directory")),
                false => Ok(file),
            })
            .map_err(|error| Failure::new(Exit::Io, format!("cannot read {name}: {error}")))?;
        Ok(Input {
            name: name.to_owned(),
            reader: Box::new(file),
            live: false,
            from,
        })
    }
}

/// The steps of a capture.
pub(super) struct Reading {
    source: Source<Box<dyn Read + Send>>,
    /// The file to be read once more if only servers publish in it.
    again: Option<String>,
}

impl Reading {
    pub(super) fn new(input: Input) -> Reading {
        Reading {
            source: Source::new(input.reader, input.from.unwrap_or(Side::Client)),
            again: (input.from.is_none() && !input.live).then_some(input.name),
        }
    }

    /// As [`Source::next_step`].
    pub(super) fn next_step(&mut self) -> Result<Option<Step>, CaptureError> {
        let step = self.source.next_step()?;
        if step.is_some() || self.source.messages() > 0 || self.source.others() == 0 {
            return Ok(step);
        }
        let Some(name) = self.again.take() else {
            return Ok(None);
        };
        let file = File::open(&name).map_err(|source| CaptureError::Io { offset: 0, source })?;
        note(format_args!(
            "{name}: no client publishes in it: what servers delivered is played"
        ));
        self.source = Source::new(Box::new(file), Side::Server);
        self.source.next_step()
    }

    /// What it has held so far.
    pub(super) fn counts(&self) -> Counts {
        Counts::of(&self.source)
    }
}

/// A part of the capture.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Its steps.
    pub(super) steps: Vec<Step>,
    /// Counts up to here.
    pub(super) counts: Counts,
    /// The room it takes; the last clone that is dropped gives it back.
    pub(super) room: Room,
    /// Whether it was the last one, and what is wrong with the capture.
    pub(super) end: Option<Result<(), CaptureError>>,
}

impl Batch {
    /// What comes if the reader ends without a last batch; `counts` are those of the one before.
    pub(super) fn broken_off(counts: Counts) -> Batch {
        let source = io::Error::other("the thread that reads it has failed");
        Batch {
            counts,
            end: Some(Err(CaptureError::Io { offset: 0, source })),
            ..Batch::default()
        }
    }
}

/// A share of what may be read ahead.
pub(super) type Room = Option<Arc<OwnedSemaphorePermit>>;

/// What the capture has held so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) sessions: u64,
    pub(super) messages: u64,
    /// PUBLISH packets of the side that is not played.
    pub(super) others: u64,
    pub(super) skips: Skips,
    pub(super) stats: Stats,
    /// From the first message to the last.
    pub(super) captured: Duration,
}

impl Counts {
    fn of<R: Read>(source: &Source<R>) -> Counts {
        Counts {
            sessions: source.sessions(),
            messages: source.messages(),
            others: source.others(),
            skips: source.skips(),
            stats: source.stats(),
            captured: source.captured(),
        }
    }
}

/// Reads the capture to its end, batch after batch. To be called within a runtime. The thread is
/// not waited for at the end, since nothing may come out of a pipe any more.
///
/// # Errors
/// If the system gives no thread.
pub(super) fn read(input: Input) -> Result<mpsc::UnboundedReceiver<Batch>, Failure> {
    // Not bounded itself: there is room for every batch that is sent.
    let (sender, receiver) = mpsc::unbounded_channel();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("capture".to_owned())
        .spawn(move || read_into(input, &runtime, &sender))
        .map_err(|error| {
            Failure::new(
                Exit::Io,
                format!("cannot read the capture: no thread: {error}"),
            )
        })?;
    Ok(receiver)
}

fn read_into(input: Input, runtime: &Handle, sender: &mpsc::UnboundedSender<Batch>) {
    let room = Arc::new(Semaphore::new(PIECES as usize));
    let most = if input.live { 1 } else { BATCH_STEPS };
    let mut source = Reading::new(input);
    loop {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.steps.len() < most && bytes < BATCH_BYTES {
            match source.next_step() {
                Ok(Some(step)) => {
                    if let Action::Publish(publication) = &step.action {
                        bytes += publication.payload.len();
                    }
                    batch.steps.push(step);
                }
                end => {
                    batch.end = Some(end.map(|_| ()));
                    break;
                }
            }
        }
        batch.counts = source.counts();
        let pieces = u32::try_from(1 + bytes / PIECE).map_or(PIECES, |n| n.min(PIECES));
        let Ok(taken) = runtime.block_on(Arc::clone(&room).acquire_many_owned(pieces)) else {
            return; // never: nobody closes it
        };
        batch.room = Some(Arc::new(taken));
        let is_last = batch.end.is_some();
        if sender.send(batch).is_err() || is_last {
            return;
        }
    }
}

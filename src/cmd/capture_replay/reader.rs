//! Reads the capture ahead of the replay, by a bounded amount, in a thread of its own: a file or a
//! pipe may keep a reader waiting while connections want their turn.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::source::Source;
use super::step::{Action, Step};
use crate::capture::Stats;
use crate::cmd::{Exit, Failure};
use crate::output::replay::{Found, Skips};

/// Steps that go over together, where more are there to be read.
const BATCH_STEPS: usize = 256;

/// Payload bytes after which a batch goes over, however few its steps.
const BATCH_BYTES: usize = 1 << 20;

/// What is read ahead is counted in pieces of so many bytes...
const PIECE: usize = 64 * 1024;

/// ...and these are all there are: 16 MiB. A batch takes one at least.
const PIECES: u32 = 256;

/// What a step costs beside its payload, about.
const STEP: usize = 512;

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
    pub(super) end: Option<Result<(), Failure>>,
}

impl Batch {
    /// What comes if the reader ends without a last batch; `counts` are those of the one before.
    pub(super) fn broken_off(counts: Counts) -> Batch {
        let what = "the thread that reads the capture has failed";
        Batch {
            counts,
            end: Some(Err(Failure::new(Exit::Io, what))),
            ..Batch::default()
        }
    }
}

/// A share of what may be read ahead.
pub(super) type Room = Option<Arc<OwnedSemaphorePermit>>;

/// What the capture has held so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) found: Found,
    pub(super) skips: Skips,
    pub(super) stats: Stats,
}

impl Counts {
    pub(super) fn of(source: &Source) -> Counts {
        Counts {
            found: source.found(),
            skips: source.skips(),
            stats: source.stats(),
        }
    }
}

/// Reads the capture to its end, batch after batch. To be called within a runtime. The thread is
/// not waited for at the end, since nothing may come out of a pipe any more.
///
/// # Errors
/// If the system gives no thread.
pub(super) fn read(
    open: impl FnOnce() -> Result<Source, Failure> + Send + 'static,
    is_live: bool,
) -> Result<mpsc::UnboundedReceiver<Batch>, Failure> {
    // Not bounded itself: there is room for every batch that is sent.
    let (sender, receiver) = mpsc::unbounded_channel();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("capture".to_owned())
        .spawn(move || match open() {
            Ok(source) => read_into(source, is_live, &runtime, &sender),
            Err(failure) => {
                let end = Some(Err(failure));
                let _ = sender.send(Batch {
                    end,
                    ..Batch::default()
                });
            }
        })
        .map_err(|error| {
            Failure::new(
                Exit::Io,
                format!("cannot read the capture: no thread: {error}"),
            )
        })?;
    Ok(receiver)
}

fn read_into(
    mut source: Source,
    is_live: bool,
    runtime: &Handle,
    sender: &mpsc::UnboundedSender<Batch>,
) {
    let room = Arc::new(Semaphore::new(PIECES as usize));
    let most = if is_live { 1 } else { BATCH_STEPS };
    loop {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.steps.len() < most && bytes < BATCH_BYTES {
            match source.next_step() {
                Ok(Some(step)) => {
                    bytes += STEP;
                    if let Action::Publish(message) = &step.action {
                        bytes += message.publication.payload.len();
                    }
                    batch.steps.push(step);
                }
                end => {
                    batch.end = Some(end.map(|_| ()));
                    break;
                }
            }
        }
        batch.counts = Counts::of(&source);
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

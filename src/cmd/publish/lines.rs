//! Lines of stdin or of a file, as soon as they are there, without a stop for the connection.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::source::read_failure;
use crate::cmd::{Exit, Failure};
use crate::mqtt::frame::MAX_PACKET_SIZE;

/// Bytes that one reading takes at most.
const READ_SIZE: usize = 64 * 1024;

/// Chunks that are read ahead of the connection.
const CHUNKS_AHEAD: usize = 4;

/// What lines are read from.
#[derive(Debug)]
pub(super) struct LineInput {
    /// For sentences.
    pub(super) name: String,
    /// All of its bytes, if that is known.
    pub(super) len: Option<u64>,
    /// Somebody types.
    pub(super) is_terminal: bool,
    file: Option<File>,
}

impl LineInput {
    pub(super) fn stdin() -> LineInput {
        LineInput {
            name: "stdin".to_owned(),
            len: stdin_len(),
            is_terminal: io::stdin().is_terminal(),
            file: None,
        }
    }

    pub(super) fn file(path: &Path, file: File) -> LineInput {
        LineInput {
            name: path.display().to_string(),
            len: len(&file),
            is_terminal: file.is_terminal(),
            file: Some(file),
        }
    }

    /// Reads to the end, in pieces that hold whole lines; the last line may lack its end.
    ///
    /// In a thread of its own, since a terminal or a pipe can keep a reader waiting for ever while
    /// the connection wants its pings. The thread is not waited for at the end, for the same
    /// reason.
    pub(super) fn read(self) -> Receiver<Result<Bytes, Failure>> {
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        let reader = std::thread::Builder::new().name("input".to_owned());
        let for_thread = sender.clone();
        let LineInput { name, file, .. } = self;
        let for_failure = name.clone();
        let started = reader.spawn(move || match file {
            Some(mut file) => read_into(&mut file, &name, &for_thread),
            None => read_into(&mut io::stdin().lock(), &name, &for_thread),
        });
        if let Err(error) = started {
            // The channel is empty, so there is room.
            let _ = sender.try_send(Err(read_failure(&for_failure, &error)));
        }
        receiver
    }
}

/// The bytes of a file; a pipe has no number of them.
fn len(file: &File) -> Option<u64> {
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}

#[cfg(unix)]
fn stdin_len() -> Option<u64> {
    use std::os::fd::AsFd;
    let stdin = io::stdin().as_fd().try_clone_to_owned().ok()?;
    len(&File::from(stdin))
}

#[cfg(not(unix))]
fn stdin_len() -> Option<u64> {
    None
}

/// The lines of a chunk without their ends, blank ones included.
pub(super) fn split(chunk: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    let whole = chunk.strip_suffix(b"\n").unwrap_or(chunk);
    let ends = memchr::memchr_iter(b'\n', whole).chain([whole.len()]);
    ends.scan(0, |start, end| {
        let line = chunk.slice(*start..end);
        *start = end + 1;
        Some(line)
    })
}

fn read_into(input: &mut impl Read, name: &str, sender: &Sender<Result<Bytes, Failure>>) {
    let mut buffer = vec![0; READ_SIZE];
    // Bytes at the front of the buffer that are the begin of a line.
    let mut kept = 0;
    loop {
        if buffer.len() - kept < READ_SIZE / 2 {
            if kept > MAX_PACKET_SIZE {
                let limit = MAX_PACKET_SIZE;
                let message =
                    format!("a line of {name} is longer than {limit} bytes, which no packet holds");
                let _ = sender.blocking_send(Err(Failure::new(Exit::Io, message)));
                return;
            }
            buffer.resize(buffer.len() * 2, 0);
        }
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let len = match input.read(room) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = sender.blocking_send(Err(read_failure(name, &error)));
                return;
            }
        };
        let filled = buffer.get(..kept + len).unwrap_or_default();
        let whole = match len {
            0 => filled.len(),
            _ => memchr::memrchr(b'\n', filled).map_or(0, |end| end + 1),
        };
        let (lines, rest) = filled.split_at(whole);
        // A closed channel: the connection has ended, and has said why.
        if !lines.is_empty()
            && sender
                .blocking_send(Ok(Bytes::copy_from_slice(lines)))
                .is_err()
        {
            return;
        }
        if len == 0 {
            return;
        }
        kept = rest.len();
        buffer.copy_within(whole..whole + kept, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its text in pieces of `step` bytes.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(len);
            buffer[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    fn lines_of(text: &[u8], step: usize) -> Vec<Bytes> {
        let (sender, mut receiver) = mpsc::channel(1000);
        read_into(&mut Slow(text, step), "stdin", &sender);
        drop(sender);
        let mut lines = Vec::new();
        while let Some(chunk) = receiver.blocking_recv() {
            lines.extend(split(&chunk.unwrap()));
        }
        lines
    }

    #[test]
    fn any_split_gives_the_same_lines() {
        for step in 1..20 {
            assert_eq!(
                lines_of(b"one\n\ntwo\r\n\nthree", step),
                [&b"one"[..], b"", b"two\r", b"", b"three"],
                "steps of {step}"
            );
        }
    }

    #[test]
    fn a_line_may_be_longer_than_the_buffer() {
        let mut text = vec![b'x'; 3 * READ_SIZE];
        text.extend(b"\ny\n");
        let lines = lines_of(&text, 10_000);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), 3 * READ_SIZE);
        assert_eq!(lines[1], b"y"[..]);
    }
}

//! Messages that are compressed (permessage-deflate, RFC 7692).
//!
//! What was agreed on beside the extension itself is not needed to read it. A window of 15 bits
//! reads what was written with a smaller one; and one that is kept reads what was written without
//! context takeover, which never refers to it. After a loss the window is empty: a message that
//! refers to what was before is an error then, and one that does not is read. So nothing is made up.

use flate2::{Decompress, FlushDecompress, Status};

/// What the sender left off the end of each message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Bytes that are given at once, whatever a message grows to.
const CHUNK: usize = 16 * 1024;

/// One direction's decompressor.
#[derive(Debug)]
pub(super) struct Inflater {
    raw: Decompress,
    chunk: Vec<u8>,
    /// The sender closed its compressed stream with this message. That is allowed; but what the
    /// next one may refer to is not kept.
    is_over: bool,
}

/// The message refers to what is not there, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Inflater {
    pub(super) fn new() -> Inflater {
        Inflater {
            raw: Decompress::new(false),
            chunk: Vec::new(),
            is_over: false,
        }
    }

    /// Takes a piece of a message; `give` gets what it stands for.
    pub(super) fn piece(
        &mut self,
        mut input: &[u8],
        give: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unreadable> {
        self.chunk.resize(CHUNK, 0);
        while !self.is_over {
            let (before_in, before_out) = (self.raw.total_in(), self.raw.total_out());
            let status = self
                .raw
                .decompress(input, &mut self.chunk, FlushDecompress::Sync)
                .map_err(|_| Unreadable)?;
            let used = (self.raw.total_in() - before_in) as usize;
            let made = (self.raw.total_out() - before_out) as usize;
            input = input.get(used..).unwrap_or_default();
            if let Some(made) = self.chunk.get(..made).filter(|made| !made.is_empty()) {
                give(made);
            }
            self.is_over = status == Status::StreamEnd;
            if made < CHUNK && (input.is_empty() || used == 0) {
                break;
            }
        }
        Ok(())
    }

    /// The message is over.
    pub(super) fn end(&mut self, give: &mut dyn FnMut(&[u8])) -> Result<(), Unreadable> {
        let end = self.piece(&TAIL, give);
        if self.is_over {
            self.forget();
        }
        end
    }

    /// Something is lost: what was before is no longer known.
    pub(super) fn forget(&mut self) {
        self.raw.reset(false);
        self.is_over = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::new();
        let mut give = |made: &[u8]| out.extend_from_slice(made);
        for piece in pieces {
            inflater.piece(piece, &mut give)?;
        }
        inflater.end(&mut give)?;
        Ok(out)
    }

    /// RFC 7692, sections 7.2.3.1 to 7.2.3.5.
    #[test]
    fn the_examples_of_the_standard() {
        let hello = Ok(b"Hello".to_vec());
        let mut inflater = Inflater::new();
        let one = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        assert_eq!(message(&mut inflater, &[one]), hello);
        // It refers to the message before.
        let again = b"\xf2\x00\x11\x00\x00";
        assert_eq!(message(&mut inflater, &[again]), hello);
        assert_eq!(message(&mut Inflater::new(), &[again]), Err(Unreadable));
        // In two frames, and without compression.
        assert_eq!(
            message(&mut Inflater::new(), &[&one[..3], &one[3..]]),
            hello
        );
        let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
        assert_eq!(message(&mut Inflater::new(), &[stored]), hello);
        // A last block, and another message behind it.
        let mut inflater = Inflater::new();
        let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        assert_eq!(message(&mut inflater, &[last]), hello);
        assert_eq!(message(&mut inflater, &[one]), hello);
        // Two blocks in one message.
        let two = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
        assert_eq!(message(&mut Inflater::new(), &[two]), hello);
    }

    #[test]
    fn nothing_is_made_up_after_a_loss() {
        let mut inflater = Inflater::new();
        let one = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        message(&mut inflater, &[one]).unwrap();
        inflater.forget();
        assert_eq!(
            message(&mut inflater, &[b"\xf2\x00\x11\x00\x00"]),
            Err(Unreadable)
        );
        inflater.forget();
        assert_eq!(message(&mut inflater, &[one]), Ok(b"Hello".to_vec()));
    }

    #[test]
    fn an_empty_message() {
        assert_eq!(message(&mut Inflater::new(), &[b"\x00"]), Ok(vec![]));
    }
}

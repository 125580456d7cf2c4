//! Bytes of a payload, read from the front.

use super::{Wrong, count};

#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes before the first one, in the whole payload.
    base: usize,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            base: 0,
            at: 0,
        }
    }

    /// Where the next byte is.
    pub(super) const fn at(&self) -> usize {
        self.base + self.at
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Wrong> {
        let there = self.bytes.len() - self.at;
        if len > there {
            let needed = count(len, "byte");
            let what = format!("{needed} should follow, and {there} do");
            return Err(Wrong::new(self.at(), what));
        }
        let taken = self.bytes.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        Ok(taken)
    }

    /// The next bytes, as a payload of their own that knows where it stands.
    pub(super) fn part(&mut self, len: usize) -> Result<Reader<'a>, Wrong> {
        let base = self.at();
        let bytes = self.take(len)?;
        Ok(Reader { bytes, base, at: 0 })
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    pub(super) fn byte(&mut self) -> Result<u8, Wrong> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    /// An unsigned number of `len` bytes, at most 8, the highest first.
    pub(super) fn number(&mut self, len: usize) -> Result<u64, Wrong> {
        let bytes = self.take(len)?;
        Ok(bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

//! Bytes of a stream that are not used yet, and the frames they came in.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::record::Place;

/// Segments that are remembered in what is buffered. With more (bytes that come one by one), the
/// last ones count as one: only the frame of a packet's last byte matters much.
const MAX_MARKS: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Tape {
    buffer: BytesMut,
    /// Offset in the stream of the first byte in the buffer.
    base: u64,
    /// Offsets in the stream at which segments begin, and the frames they came in.
    marks: VecDeque<(u64, Place)>,
}

impl Tape {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Appends a segment.
    pub(super) fn push(&mut self, bytes: &[u8], place: Place) {
        let end = self.base + self.buffer.len() as u64;
        if self.marks.len() >= MAX_MARKS {
            self.marks.pop_back();
        }
        self.marks.push_back((end, place));
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the first `len` bytes, or all there are.
    pub(super) fn take(&mut self, len: usize) -> Bytes {
        let len = len.min(self.buffer.len());
        let taken = self.buffer.split_to(len).freeze();
        self.base += len as u64;
        while self
            .marks
            .get(1)
            .is_some_and(|(start, _)| *start <= self.base)
        {
            self.marks.pop_front();
        }
        taken
    }

    /// Takes what is left of the first segment.
    pub(super) fn take_segment(&mut self) -> Option<(Bytes, Place)> {
        if self.is_empty() {
            return None;
        }
        let place = self.place_at(0);
        let behind = self.marks.partition_point(|(start, _)| *start <= self.base);
        let len = match self.marks.get(behind) {
            Some((next, _)) => (next - self.base) as usize,
            None => self.len(),
        };
        Some((self.take(len), place))
    }

    /// The frame that has the byte at `at`.
    pub(super) fn place_at(&self, at: usize) -> Place {
        let offset = self.base + at as u64;
        let behind = self.marks.partition_point(|(start, _)| *start <= offset);
        self.marks
            .get(behind.saturating_sub(1))
            .map_or(Place::default(), |(_, place)| *place)
    }

    /// Offsets at which a segment begins.
    pub(super) fn segments(&self) -> Vec<usize> {
        self.marks
            .iter()
            .filter_map(|(start, _)| start.checked_sub(self.base).map(|at| at as usize))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_frames() {
        let place = |frame| Place { frame, time: None };
        let mut tape = Tape::default();
        tape.push(b"abc", place(1));
        tape.push(b"de", place(5));
        assert_eq!(tape.segments(), [0, 3]);
        assert_eq!(tape.take(2), b"ab"[..]);
        assert_eq!(tape.segments(), [1]);
        assert_eq!([0, 1, 2].map(|at| tape.place_at(at).frame), [1, 5, 5]);
        tape.push(b"f", place(9));
        assert_eq!(tape.take(3), b"cde"[..]);
        assert_eq!((tape.segments(), tape.place_at(0).frame), (vec![0], 9));
        tape.push(b"gh", place(10));
        assert_eq!(tape.take_segment(), Some((Bytes::from("f"), place(9))));
        assert_eq!(tape.take(1), b"g"[..]);
        assert_eq!(tape.take_segment(), Some((Bytes::from("h"), place(10))));
        assert_eq!(tape.take_segment(), None);
    }
}

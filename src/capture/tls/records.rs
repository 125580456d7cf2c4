//! One direction: cuts its bytes into records, and finds the next record behind a loss.

use bytes::Bytes;

use super::record::Header;
use crate::capture::{follower::Lost, record::Place, tape::Tape};

/// Whole records in a row that are no accident.
const CHAIN: usize = 3;

/// What is looked at for [`CHAIN`] records in a direction of which the start is not known.
const MAX_SEARCH: usize = 72 * 1024;

/// The next thing in the direction.
#[derive(Debug)]
pub(super) enum Piece {
    Record(Record),
    /// Bytes that are not in the capture, or belong to a record of which some are not.
    Lost {
        bytes: u64,
        place: Place,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) header: Header,
    pub(super) body: Bytes,
    /// The frame that completed it.
    pub(super) place: Place,
}

#[derive(Debug, Default)]
pub(super) struct Records {
    tape: Tape,
    /// The first byte of the direction was seen.
    pub(super) from_start: bool,
    /// A boundary must be searched for.
    is_searching: bool,
    /// Bytes still to come of a record that a loss has cut.
    rest: u64,
    /// Buffer length at which looking for a chain is worth it again.
    next_look: usize,
}

impl Records {
    pub(super) fn push(&mut self, bytes: &[u8], place: Place) {
        self.tape.push(bytes, place);
    }

    /// What came and is not cut yet.
    pub(super) fn bytes(&self) -> &[u8] {
        self.tape.bytes()
    }

    /// What came begins in the middle of something.
    pub(super) fn search(&mut self) {
        self.is_searching = true;
    }

    /// Whether, wherever it begins, there are records beyond doubt. `None`: more bytes will tell.
    pub(super) fn is_chain(&mut self) -> Option<bool> {
        let len = self.tape.len();
        if len < self.next_look {
            return None;
        }
        self.next_look = (len + len / 8 + 1).min(MAX_SEARCH + 1);
        if (0..len.saturating_sub(Header::LEN)).any(|at| has_chain(self.tape.bytes(), at)) {
            return Some(true);
        }
        (len > MAX_SEARCH).then_some(false)
    }

    /// Bytes are missing behind what came. Gives what is lost by that.
    pub(super) fn gap(&mut self, lost: Lost) -> u64 {
        let have = self.tape.len() as u64;
        // Where the record ends that is cut; of lost bytes that were wrapped it is not known.
        let end = match (self.is_searching, lost.exact) {
            (false, true) if self.rest > 0 => Some(self.rest),
            (false, true) => match Header::parse(self.tape.bytes()) {
                Ok(Some(header)) => Some(header.record_len() as u64),
                _ => None,
            },
            _ => None,
        };
        let rest = end.and_then(|end| end.checked_sub(have.saturating_add(lost.bytes)));
        self.rest = rest.unwrap_or_default();
        self.is_searching = rest.is_none();
        self.from_start = false;
        self.next_look = 0;
        self.tape.take(self.tape.len());
        have + lost.bytes
    }

    /// The next piece. `last`: no more bytes will come.
    pub(super) fn next(&mut self, last: bool) -> Option<Piece> {
        if self.rest > 0 {
            let len = self.rest.min(self.tape.len() as u64);
            self.rest -= len;
            return self.drop(len as usize);
        }
        if self.is_searching {
            let (at, is_found) = find(self.tape.bytes(), last);
            self.is_searching = !is_found;
            if at > 0 || !is_found {
                return self.drop(at);
            }
        }
        match Header::parse(self.tape.bytes()) {
            Ok(Some(header)) if header.record_len() <= self.tape.len() => {
                let place = self.tape.place_at(header.record_len() - 1);
                self.tape.take(Header::LEN);
                Some(Piece::Record(Record {
                    header,
                    body: self.tape.take(header.body_len()),
                    place,
                }))
            }
            Ok(_) if last && !self.tape.is_empty() => self.drop(self.tape.len()),
            Ok(_) => None,
            Err(_) => {
                self.is_searching = true;
                self.next(last)
            }
        }
    }

    fn drop(&mut self, len: usize) -> Option<Piece> {
        if len == 0 {
            return None;
        }
        let place = self.tape.place_at(0);
        self.tape.take(len);
        Some(Piece::Lost {
            bytes: len as u64,
            place,
        })
    }
}

/// Where the first record begins that fits what follows it, and true; or before where none begins,
/// and false.
fn find(bytes: &[u8], last: bool) -> (usize, bool) {
    let mut from = 0;
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        // The second byte of each header is the major version, 3.
        let at = match memchr::memchr(3, rest.get(1..).unwrap_or_default()) {
            Some(skipped) => from + skipped,
            None => bytes.len() - 1,
        };
        let candidate = bytes.get(at..).unwrap_or_default();
        match Header::parse(candidate) {
            Ok(Some(header)) => match candidate.get(header.record_len()..) {
                Some(next) if Header::parse(next).is_ok() => return (at, true),
                None if !last => return (at, false),
                _ => {}
            },
            Ok(None) if !last => return (at, false),
            Ok(None) | Err(_) => {}
        }
        from = at + 1;
    }
    (bytes.len(), false)
}

/// Whether whole records stand in a row from `at` on.
fn has_chain(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..CHAIN {
        let rest = bytes.get(at..).unwrap_or_default();
        match Header::parse(rest) {
            Ok(Some(header)) if header.record_len() <= rest.len() => at += header.record_len(),
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;

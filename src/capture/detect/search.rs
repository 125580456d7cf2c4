//! The search for the first boundary in a stream, as its bytes come.

use super::{ANYWHERE, Chain, EXPECTED, chain_within, legal_byte1};

/// Evidence that convinces on the port of MQTT of what reaches to the very end of the stream; more
/// is asked for the more segments there were that might have been it.
const EXPECTED_AT_END: u32 = 20;

/// Added to what is asked for where no segment begins.
const INSIDE_SEGMENT: u32 = 10;

/// Places that are remembered because packets may begin there.
const MAX_ALIVE: usize = 512;

/// Looks for the first boundary in bytes that grow: what was looked at is not looked at again.
#[derive(Debug, Default)]
pub struct Search {
    /// Places before this one have been looked at.
    scanned: usize,
    /// Those at which packets may begin, ascending.
    alive: Vec<usize>,
    /// Whether only the beginnings of segments are looked at.
    pub is_sparse: bool,
}

/// What a [`Search`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// The first place with as much evidence as was asked for.
    pub boundary: Option<usize>,
    /// The evidence there; failing that, the most of any beginning of a segment.
    pub evidence: u32,
    /// The first beginning of a segment at which a large packet may have begun.
    pub hope: Option<usize>,
}

impl Search {
    /// The first place in `bytes` with at least `needed` evidence. `segments`: offsets at which a
    /// segment begins, ascending. `last`: no more bytes will come.
    pub fn run(&mut self, bytes: &[u8], segments: &[usize], needed: u32, last: bool) -> Found {
        let mut found = Found::default();
        let mut alive = Vec::new();
        let mut again = std::mem::take(&mut self.alive).into_iter();
        let mut next = self.scanned;
        let mut segment = segments.partition_point(|segment| *segment < next);
        self.scanned = bytes.len();
        // Hostile bytes must not make this quadratic.
        let mut work = 4 * bytes.len() + (1 << 16);
        loop {
            let at = match again.next() {
                Some(at) => at,
                None => {
                    let unseen = match self.is_sparse {
                        true => segments.get(segment).copied(),
                        false => (next < bytes.len()).then_some(next),
                    };
                    segment += 1;
                    next += 1;
                    match unseen {
                        Some(at) => at,
                        None => break,
                    }
                }
            };
            if !bytes.get(at).is_some_and(|byte1| legal_byte1(*byte1)) {
                continue;
            }
            let chain = chain_within(bytes, at, segments, &mut work);
            if work == 0 {
                // The next run goes on behind what was that expensive.
                alive.extend(again);
                self.scanned = next.min(bytes.len());
                break;
            }
            let Chain::Possible {
                evidence,
                packets,
                complete,
            } = chain
            else {
                continue;
            };
            let begins_segment = segments.binary_search(&at).is_ok();
            // At the very end one packet that ends there exactly is all that can be had.
            let to_the_end = last && complete;
            let needed = match to_the_end && needed <= EXPECTED {
                true => {
                    let before = segments.partition_point(|segment| *segment < at);
                    needed.min(EXPECTED_AT_END + 2 * (before as u32 + 1).ilog2())
                }
                false => needed,
            };
            // A large packet may have begun before, and what looks like packets be its payload.
            let needed = match (begins_segment || to_the_end, found.hope.is_some() && !last) {
                (_, true) => needed.max(ANYWHERE),
                (true, false) => needed,
                (false, false) => needed + INSIDE_SEGMENT,
            };
            if evidence >= needed && (begins_segment || to_the_end || packets >= 2) {
                found.boundary = Some(at);
                found.evidence = evidence;
                // Whoever asks again gets the same answer.
                self.scanned = next;
                alive.push(at);
                alive.extend(again);
                self.alive = alive;
                return found;
            }
            if begins_segment {
                if !complete && packets == 0 {
                    found.hope = found.hope.or(Some(at));
                }
                if packets > 0 {
                    found.evidence = found.evidence.max(evidence);
                }
            }
            if begins_segment || alive.len() < MAX_ALIVE {
                alive.push(at);
            }
            if alive.len() > 2 * MAX_ALIVE {
                alive.retain(|at| segments.binary_search(at).is_ok());
                alive.truncate(MAX_ALIVE);
            }
        }
        self.alive = alive;
        found
    }

    /// The first `len` bytes are gone.
    pub fn forget(&mut self, len: usize) {
        self.scanned = self.scanned.saturating_sub(len);
        self.alive.retain_mut(|at| match at.checked_sub(len) {
            Some(left) => {
                *at = left;
                true
            }
            None => false,
        });
    }

    /// Nothing has been looked at, and nothing be kept.
    pub fn reset(&mut self) {
        *self = Search {
            is_sparse: self.is_sparse,
            ..Search::default()
        };
    }

    /// The first place at which packets may begin.
    pub fn first_alive(&self) -> Option<usize> {
        self.alive.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_behind_half_a_packet() {
        let mut bytes = b"of a payload that began before".to_vec();
        let boundary = bytes.len();
        bytes.extend_from_slice(b"\x30\x08\x00\x03a/bxyz\x32\x0a\x00\x03a/b\x00\x07xyz\xc0\x00");
        let found = Search::default().run(&bytes, &[0], EXPECTED, false);
        assert_eq!(found.boundary, Some(boundary));
        // Byte by byte the same.
        let mut search = Search::default();
        let found = (1..=bytes.len())
            .map(|len| search.run(&bytes[..len], &[0], EXPECTED, false))
            .find_map(|found| found.boundary);
        assert_eq!(found, Some(boundary));
        let again = search.run(&bytes, &[0], EXPECTED, false);
        assert_eq!(again.boundary, Some(boundary), "asked again");
    }

    #[test]
    fn text_has_no_boundary() {
        let text = b"0123456789 The quick brown fox, \x00\x00 and so on. \x30\x05 \xc0\x00 tail";
        let found = Search::default().run(text, &[0], EXPECTED, true);
        assert_eq!(found.boundary, None);
    }

    #[test]
    fn numbers_that_look_like_pings() {
        // -2.0 and -16384 are full of 0xc000.
        for unit in [&[0xc0, 0][..], &[0, 0xc0], &[0xd0, 0], &[0, 0, 0, 0xc0, 0]] {
            let bytes = unit.repeat(5000);
            let segments: Vec<usize> = (0..bytes.len()).step_by(1460).collect();
            let found = Search::default().run(&bytes, &segments, EXPECTED, true);
            assert_eq!(found.boundary, None, "{unit:02x?}");
        }
    }
}

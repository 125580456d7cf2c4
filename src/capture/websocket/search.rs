//! Where a frame begins in bytes of which nothing else is known: behind a loss, and where a capture
//! starts inside of a connection.
//!
//! A true frame shows by what follows it, and by MQTT in it. Evidence is counted roughly in bits, as
//! in [`detect`]. A false one does little harm in a connection that is known to be WebSocket: what
//! is inside looks for its packets by itself.

use rustc_hash::FxHashMap;

use super::header::{Header, Opcode};
use crate::{
    capture::detect::{self, Chain},
    mqtt::frame::FixedHeader,
};

mod looker;

use looker::Looker;

/// Evidence asked for in a connection that is WebSocket.
const KNOWN: u32 = 20;

/// The same where the bytes end for good, and a frame with them: nothing more will be had.
const AT_THE_END: u32 = 12;

/// Evidence asked for in one that may be anything. Whether it is MQTT, what is inside decides.
const UNKNOWN: u32 = 40;

/// Evidence asked for where a packet may have begun before, of MQTT that nothing is wrapped around.
const RIVALLED: u32 = 60;

/// Added to what is asked for where no segment begins.
const INSIDE_SEGMENT: u32 = 10;

/// Evidence after which frames are not followed further; and how many are.
const PLENTY: u32 = 100;
const MAX_FRAMES: usize = 64;

/// Places that are remembered because a frame from there would end where another one begins.
const MAX_FRONTS: usize = 16 * 1024;

/// Nobody sends more in one frame: it is four times the largest MQTT packet.
const MAX_FRAME: u64 = 1 << 30;

/// What is searched, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Searched<'a> {
    pub(super) bytes: &'a [u8],
    /// Offsets at which a segment begins, ascending.
    pub(super) segments: &'a [usize],
    /// The connection is WebSocket.
    pub(super) is_known: bool,
    /// Whether the frames of this direction are masked, if known.
    pub(super) is_masked: Option<bool>,
    /// Whether messages may be compressed.
    pub(super) may_be_compressed: bool,
    /// No more bytes will come.
    pub(super) last: bool,
}

/// What frames at some place say about that place.
#[derive(Debug, Default)]
struct Found {
    evidence: u32,
    /// Whole ones.
    frames: u32,
    /// The bytes end where one of them ends.
    complete: bool,
    /// The first one ends where a segment does.
    ends_segment: bool,
    is_masked: bool,
    /// A message begins with one of them.
    begins_message: bool,
    /// See [`weight`].
    first_weight: u32,
    /// Where the first one ends.
    first_end: usize,
    /// The payload begins with a packet.
    begins_packet: bool,
    /// The payload is whole packets, and nothing else.
    is_all_mqtt: bool,
}

/// A data frame in a row of frames.
struct Data {
    header: Header,
    /// Where its payload begins.
    at: usize,
    is_compressed: bool,
}

/// What a search gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    /// The first place that convinces.
    pub(super) found: Option<usize>,
    /// The first place from which on there may be frames that are not masked. They hold MQTT as it
    /// is, and whoever looks for plain MQTT there has to wait.
    pub(super) suspect: Option<usize>,
}

/// Looks for frames.
pub(super) fn search(searched: Searched<'_>) -> Outcome {
    let mut suspect = None;
    let found = find(searched, &mut suspect);
    Outcome { found, suspect }
}

fn find(searched: Searched<'_>, suspect: &mut Option<usize>) -> Option<usize> {
    let mut looker = Looker::default();
    let mut is_rivalled = false;
    // Where a frame may begin, by where it would end.
    let mut fronts: FxHashMap<usize, usize> = FxHashMap::default();
    // A frame in whose payload no packet begins at once. Where its header is, there may be none,
    // and the frames behind it convince: so another one up to its end may be better.
    let mut weak: Option<(usize, Found)> = None;
    for at in 0..searched.bytes.len() {
        if let Some((weak, _)) = weak.take_if(|(_, found)| at >= found.first_end) {
            return searched.unless_plain(weak, &fronts);
        }
        let begins_segment = searched.begins_segment(at);
        if let Some(found) = searched.frames_at(at, &mut looker) {
            if suspect.is_none() && !found.is_masked && found.first_weight >= USUAL {
                *suspect = Some(at);
            }
            let is_convincing = searched.is_convincing(&found, at, is_rivalled);
            if is_convincing && found.begins_packet {
                return searched.unless_plain(at, &fronts);
            }
            if found.first_end > at && fronts.len() < MAX_FRONTS {
                fronts.entry(found.first_end).or_insert(at);
            }
            if !is_convincing {
                // Perhaps with more bytes.
            } else if weak
                .as_ref()
                .is_none_or(|(_, weak)| found.evidence > weak.evidence)
            {
                weak = Some((at, found));
            }
        }
        if begins_segment && !searched.is_known {
            match detect::chain(searched.bytes, at, searched.segments) {
                Chain::Refuted => {}
                Chain::Possible { packets: 0, .. } => is_rivalled = true,
                // What follows are those packets, until something speaks against it.
                Chain::Possible { .. } => break,
            }
        }
    }
    weak.and_then(|(at, _)| searched.unless_plain(at, &fronts))
}

/// Frames that end where one begins that convinces need no evidence of their own. If they are none,
/// what is inside has a few bytes more to search.
fn with_fronts(mut at: usize, fronts: &FxHashMap<usize, usize>) -> usize {
    while let Some(&front) = fronts.get(&at) {
        at = front;
    }
    at
}

impl Searched<'_> {
    fn begins_segment(&self, at: usize) -> bool {
        self.segments.binary_search(&at).is_ok()
    }

    /// Whether an HTTP head may end here.
    fn follows_head(&self, at: usize) -> bool {
        self.bytes
            .get(..at)
            .is_some_and(|before| before.ends_with(b"\r\n\r\n"))
    }

    /// Where to begin for the frame at `at` that convinces, if it is one.
    fn unless_plain(&self, at: usize, fronts: &FxHashMap<usize, usize>) -> Option<usize> {
        (!self.is_inside_plain(at)).then(|| with_fronts(at, fronts))
    }

    /// Whether `at` is inside of a packet in a row of packets that nothing is wrapped around: then
    /// it is that packet that looks like a frame.
    fn is_inside_plain(&self, at: usize) -> bool {
        let is_masked = self.bytes.get(at + 1).is_some_and(|byte| byte & 0x80 != 0);
        if self.is_known || is_masked || self.follows_head(at) {
            return false;
        }
        let found =
            detect::Search::default().run(self.bytes, self.segments, detect::KNOWN, self.last);
        let Some(mut boundary) = found.boundary.filter(|boundary| *boundary < at) else {
            return false;
        };
        while boundary < at {
            let rest = self.bytes.get(boundary..).unwrap_or_default();
            let len = FixedHeader::parse(rest).ok().flatten();
            let len = len.map_or(0, FixedHeader::packet_len);
            match rest.get(..len) {
                Some(packet) if detect::fits_any(packet) => boundary += len,
                _ => return false,
            }
        }
        boundary > at
    }

    /// What a segment border at some place is worth: less if there are many.
    fn border(&self) -> u32 {
        let average = self.bytes.len() / self.segments.len().max(1);
        average.max(1).ilog2().min(8)
    }

    fn is_convincing(&self, found: &Found, at: usize, is_rivalled: bool) -> bool {
        let begins_segment = self.begins_segment(at);
        let at_the_end = self.last && found.complete;
        let needed = match (self.is_known, at_the_end) {
            (true, true) => AT_THE_END,
            (true, false) => KNOWN,
            (false, true) => KNOWN,
            (false, false) => UNKNOWN,
        };
        let needed = match begins_segment || at_the_end {
            true => needed,
            false => needed + INSIDE_SEGMENT,
        };
        let needed = match is_rivalled && !at_the_end && !self.follows_head(at) {
            true => needed.max(RIVALLED),
            false => needed,
        };
        // What is not masked holds MQTT wherever one looks, if it is plain MQTT; and the strings in
        // that look like continuations.
        let stands_alone = self.is_known
            || found.is_masked
            || self.follows_head(at)
            || found.begins_message
                && (found.frames >= 2
                    || found.is_all_mqtt
                    || (begins_segment && found.ends_segment));
        found.evidence >= needed && stands_alone
    }

    fn frames_at(&self, at: usize, looker: &mut Looker) -> Option<Found> {
        let mut found = Found::default();
        if self.begins_segment(at) {
            found.evidence += self.border().min(4);
        }
        if self.follows_head(at) {
            found.evidence += 16;
        }
        let mut data: Vec<Data> = Vec::new();
        let mut is_masked = self.is_masked;
        let mut mask = None;
        let mut message_is_open = None;
        let mut is_compressed = false;
        let mut rest = self.bytes.get(at..)?;
        for count in 0..MAX_FRAMES {
            let Some(header) = Header::parse(rest).ok()? else {
                break;
            };
            self.check(&header, count, is_masked)?;
            is_masked = Some(header.mask.is_some());
            // Each frame has another key, but where somebody always takes zero. A pattern that
            // repeats, as zeros under one mask are, has the same.
            let is_pattern =
                header.mask.is_some() && header.mask != Some([0; 4]) && header.mask == mask;
            mask = header.mask;
            let end = header.len as usize + header.header_len;
            match (header.opcode, message_is_open) {
                // Nothing comes behind it, and nothing is found by it.
                (Opcode::Close, _) if count == 0 || end < rest.len() => return None,
                (Opcode::Continuation, Some(false)) | (Opcode::Data, Some(true)) => return None,
                (Opcode::Continuation | Opcode::Data, _) => message_is_open = Some(!header.fin),
                (Opcode::Close | Opcode::Control, _) => {}
            }
            if header.opcode == Opcode::Data {
                is_compressed = header.rsv1;
                found.begins_message = true;
            }
            found.evidence += if is_pattern { 0 } else { weight(&header) };
            if matches!(header.opcode, Opcode::Data | Opcode::Continuation) && header.len > 0 {
                data.push(Data {
                    header,
                    at: self.bytes.len() - rest.len() + header.header_len,
                    is_compressed,
                });
            }
            if count == 0 {
                found.first_end = at + end;
                found.first_weight = weight(&header);
            }
            let Some(behind) = rest.get(end..) else {
                break;
            };
            rest = behind;
            found.frames += 1;
            if rest.is_empty() || self.begins_segment(self.bytes.len() - rest.len()) {
                found.evidence += self.border();
                found.ends_segment |= count == 0;
            }
            found.complete = rest.is_empty();
            if rest.is_empty() || found.evidence >= PLENTY {
                break;
            }
        }
        found.is_masked = is_masked == Some(true);
        looker.look(self, &data, &mut found);
        Some(found)
    }

    /// Whether a frame that is the `count`th in a row may be one.
    fn check(&self, header: &Header, count: usize, is_masked: Option<bool>) -> Option<()> {
        let is_right = header.is_minimal
            && header.len < MAX_FRAME
            && is_masked.is_none_or(|is_masked| is_masked == header.mask.is_some())
            && (self.may_be_compressed || !header.rsv1)
            // What a control frame holds is not missed, and an empty one holds nothing.
            && (count > 0 || (header.opcode != Opcode::Control && header.len > 0));
        is_right.then_some(())
    }
}

/// The weight of what most frames are.
const USUAL: u32 = 6;

/// How much likelier a header is where a frame begins than anywhere, in bits.
fn weight(header: &Header) -> u32 {
    let by_len = match header.len {
        // Zeros are everywhere.
        0 => return 0,
        0x1_0000.. => 15,
        _ => 0,
    };
    let by_kind = match (header.opcode, header.fin) {
        (Opcode::Data, true) => USUAL,
        (Opcode::Continuation | Opcode::Control | Opcode::Close, _) => 4,
        (Opcode::Data, false) => 2,
    };
    by_kind + by_len
}

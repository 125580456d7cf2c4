//! Where a frame begins in bytes of which nothing else is known: behind a loss, and where a capture
//! starts inside of a connection.
//!
//! A true frame shows by what follows it, and by MQTT in it. Evidence is counted roughly in bits, as
//! in [`detect`]. A false one does little harm in a connection that is known to be WebSocket: what
//! is inside looks for its packets by itself.

use super::header::{Header, Opcode, unmask};
use crate::{
    capture::detect::{self, Chain},
    mqtt::frame::FixedHeader,
};

/// Evidence asked for in a connection that is WebSocket.
const KNOWN: u32 = 20;

/// Evidence asked for in one that may be anything. Whether it is MQTT, what is inside decides.
const UNKNOWN: u32 = 40;

/// Evidence asked for where a packet may have begun before, of MQTT that nothing is wrapped around.
const RIVALLED: u32 = 60;

/// Added to what is asked for where no segment begins.
const INSIDE_SEGMENT: u32 = 10;

/// Evidence after which frames are not followed further; and how many are.
const PLENTY: u32 = 100;
const MAX_FRAMES: usize = 64;

/// Payload that is looked at for MQTT, and how often in one search that is done thoroughly.
const MAX_PAYLOAD: usize = 4096;
const MAX_LOOKS: usize = 128;

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
struct Found {
    evidence: u32,
    /// Whole ones.
    frames: u32,
    /// The bytes end where one of them ends.
    complete: bool,
    /// The first one ends where a segment does.
    ends_segment: bool,
    is_masked: bool,
}

/// The first place that convinces.
pub(super) fn search(searched: Searched<'_>) -> Option<usize> {
    let mut looks = MAX_LOOKS;
    let mut payload = Vec::new();
    let mut is_rivalled = false;
    for at in 0..searched.bytes.len() {
        let begins_segment = searched.begins_segment(at);
        if let Some(found) = searched.frames_at(at, &mut looks, &mut payload) {
            let mut needed = match searched.is_known {
                true => KNOWN,
                false => UNKNOWN,
            };
            if !begins_segment {
                needed += INSIDE_SEGMENT;
            }
            if is_rivalled {
                needed = needed.max(RIVALLED);
            }
            if searched.last && found.complete {
                needed = needed.min(KNOWN);
            }
            // What is not masked holds MQTT wherever one looks, if it is plain MQTT.
            let stands_alone = searched.is_known
                || found.is_masked
                || found.frames >= 2
                || (begins_segment && found.ends_segment);
            if found.evidence >= needed && stands_alone {
                return Some(at);
            }
        }
        if begins_segment && !searched.is_known {
            match detect::chain(searched.bytes, at, searched.segments) {
                Chain::Refuted => {}
                Chain::Possible { packets: 0, .. } => is_rivalled = true,
                // What follows are those packets, until something speaks against it.
                Chain::Possible { .. } => return None,
            }
        }
    }
    None
}

impl Searched<'_> {
    fn begins_segment(&self, at: usize) -> bool {
        self.segments.binary_search(&at).is_ok()
    }

    /// What a segment border at some place is worth: less if there are many.
    fn border(&self) -> u32 {
        let average = self.bytes.len() / self.segments.len().max(1);
        average.max(1).ilog2().min(8)
    }

    fn frames_at(&self, at: usize, looks: &mut usize, payload: &mut Vec<u8>) -> Option<Found> {
        payload.clear();
        let mut starts = Vec::new();
        let mut found = Found {
            evidence: 0,
            frames: 0,
            complete: false,
            ends_segment: false,
            is_masked: false,
        };
        if self.begins_segment(at) {
            found.evidence += self.border().min(4);
        }
        let mut is_masked = self.is_masked;
        let mut message_is_open = None;
        let mut is_compressed = false;
        let mut rest = self.bytes.get(at..)?;
        for count in 0..MAX_FRAMES {
            let Some(header) = Header::parse(rest).ok()? else {
                break;
            };
            self.check(&header, count, is_masked)?;
            is_masked = Some(header.mask.is_some());
            let end = header.len as usize + header.header_len;
            match (header.opcode, message_is_open) {
                // Nothing comes behind it, and nothing is found by it.
                (Opcode::Close, _) if count == 0 || end < rest.len() => return None,
                (Opcode::Continuation, Some(false)) | (Opcode::Data, Some(true)) => return None,
                (Opcode::Continuation | Opcode::Data, _) => message_is_open = Some(!header.fin),
                (Opcode::Close | Opcode::Control, _) => {}
            }
            is_compressed = match header.opcode {
                Opcode::Data => header.rsv1,
                _ => is_compressed,
            };
            found.evidence += weight(&header);
            let body = rest.get(header.header_len..).unwrap_or_default();
            let body = body.get(..header.len as usize).unwrap_or(body);
            if matches!(header.opcode, Opcode::Continuation | Opcode::Data) && !is_compressed {
                let room = MAX_PAYLOAD.saturating_sub(payload.len());
                let body = body.get(..room).unwrap_or(body);
                if !body.is_empty() && starts.len() < MAX_FRAMES {
                    starts.push(payload.len());
                    unmask(body, header.mask.unwrap_or_default(), 0, payload);
                }
            }
            if count == 0 && is_one_packet(payload, header.len) {
                found.evidence += 12;
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
        // Bytes that make a frame of MQTT by chance: one in a hundred, or fewer.
        let is_worth_it = found.frames > 1 || found.ends_segment || self.begins_segment(at);
        if is_worth_it {
            found.evidence += mqtt(payload, &starts, found.is_masked, looks);
        }
        Some(found)
    }

    /// Whether a frame that is the `count`th in a row may be one.
    fn check(&self, header: &Header, count: usize, is_masked: Option<bool>) -> Option<()> {
        let is_right = header.is_minimal
            && header.len < MAX_FRAME
            && is_masked.is_none_or(|is_masked| is_masked == header.mask.is_some())
            && (self.may_be_compressed || !header.rsv1)
            // What a control frame holds is not missed.
            && (count > 0 || header.opcode != Opcode::Control);
        is_right.then_some(())
    }
}

/// How unlikely a header is by chance, in bits.
fn weight(header: &Header) -> u32 {
    match header.len {
        // Zeros are everywhere.
        0 => 0,
        0x1_0000.. => 20,
        _ => 5,
    }
}

/// Whether a frame of `len` bytes is one packet of that length.
fn is_one_packet(payload: &[u8], len: u64) -> bool {
    matches!(
        FixedHeader::parse(payload),
        Ok(Some(header)) if header.packet_len() as u64 == len && detect::prefix_fits(payload)
    )
}

/// The evidence for MQTT in the payload of frames, which begin at `starts` in it.
fn mqtt(payload: &[u8], starts: &[usize], is_masked: bool, looks: &mut usize) -> u32 {
    if let Chain::Possible { evidence, .. } = detect::chain(payload, 0, starts)
        && !payload.is_empty()
    {
        return evidence;
    }
    // The first frame may begin inside of a packet. Where nothing is masked, packets inside of what
    // is thought to be frames are no sign that it is.
    if !is_masked || *looks == 0 {
        return 0;
    }
    *looks -= 1;
    detect::search(payload, starts, detect::EXPECTED, false)
        .filter(|candidate| candidate.convincing)
        .map_or(0, |candidate| candidate.evidence)
}

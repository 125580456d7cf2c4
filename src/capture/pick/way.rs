//! What was sent one way between two addresses: its connections, one after the other, and what is
//! wanted of each.

use super::super::ip::Segment;
use super::Role;
use super::ranges::Ranges;

/// Packets of each side that tell what a connection is whose CONNECT was not captured.
const OPENING: u32 = 16;

/// What was sent one way between two addresses.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// The connections, one after the other.
    pub(super) talks: Vec<Talk>,
    /// The connection that the second way through the file has come to.
    pub(super) at: usize,
    /// A sequence number of it, and how many bytes come before.
    pub(super) known: Option<(u32, i64)>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) stream: u64,
    /// Bytes so far.
    pub(super) bytes: u64,
    /// The frame of the last packet, wanted or not.
    pub(super) last_frame: u64,
    /// The bytes that are wanted.
    pub(super) wanted: Ranges,
    /// The frames that may have them.
    pub(super) frames: Ranges,
    /// What is wanted was wrapped in something that has to be whole.
    pub(super) is_wrapped: bool,
    /// What tells what the connection is.
    pub(super) opening: Opening,
    /// Frames with other messages that are needed to read those behind them.
    pub(super) told: Vec<u64>,
}

/// The first packets of one side.
#[derive(Debug, Default)]
pub(super) struct Opening {
    pub(super) piece: Option<Piece>,
    /// Packets so far.
    pub(super) packets: u32,
    /// What opens the connection is among them.
    pub(super) is_sure: bool,
    /// No more come.
    pub(super) is_over: bool,
    pub(super) is_wanted: bool,
}

/// Bytes of one direction, and the frames that may have them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) bytes: (u64, u64),
    pub(super) frames: (u64, u64),
}

impl Direction {
    /// Whether something is wanted of a connection that goes on behind a frame.
    pub(super) fn is_wanted_from(&self, frame: u64) -> bool {
        self.talks
            .iter()
            .any(|talk| talk.last_frame >= frame && talk.frames.last() >= frame)
    }

    pub(super) fn wants(&mut self, segment: &Segment<'_>, frame: u64) -> bool {
        if segment.syn {
            // The connection that a SYN opens is the first that has something behind it.
            let rest = self.talks.iter().skip(self.at);
            self.at += rest.take_while(|talk| talk.last_frame < frame).count();
            self.known = Some((segment.seq.wrapping_add(1), 0));
        }
        let Some(talk) = self.talks.get(self.at) else {
            return false;
        };
        if segment.syn || talk.is_wrapped {
            return frame <= talk.frames.last();
        }
        let len = (segment.payload.len() + segment.missing) as u64;
        if len == 0 {
            return false;
        }
        match &mut self.known {
            Some((seq, bytes)) => {
                // Numbers begin again after 4 GiB: near the last one they are clear.
                *bytes += i64::from(segment.seq.wrapping_sub(*seq) as i32);
                *seq = segment.seq;
                let first = u64::try_from(*bytes).unwrap_or(0);
                talk.wanted.touches(first, first + len - 1)
            }
            None => talk.frames.contains(frame),
        }
    }
}

impl Opening {
    /// Takes note of the next packet; says whether it is one of them.
    pub(super) fn see(&mut self, piece: Piece, role: Role) -> bool {
        let opens = role == Role::Opens;
        self.is_over |= !opens && (self.is_sure || self.packets >= OPENING);
        if self.is_over {
            return false;
        }
        self.packets = self.packets.saturating_add(1);
        self.is_sure |= opens;
        match &mut self.piece {
            Some(all) => {
                all.bytes.1 = piece.bytes.1;
                all.frames.1 = all.frames.1.max(piece.frames.1);
            }
            none => *none = Some(piece),
        }
        true
    }
}

//! Which pieces of a text count. Of a frame Wireshark prints more than its own bytes, if it has
//! them: what it put together, decrypted or unpacked, each under a heading. The frames hold all of
//! it already.

use super::{Piece, begin_with_packet};

/// The pieces that count, and a sentence on those that do not.
pub(super) struct Picked {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    pub(super) note: Option<String>,
}

/// Takes frames, or, where there are none, the kind of section that most often begins with a
/// packet of MQTT.
pub(super) fn pick(bytes: Vec<u8>, pieces: &[Piece]) -> Picked {
    let is_frame = |title: Option<&str>| title.is_none_or(|title| title == "Frame");
    let spans: Vec<(Option<&str>, &[u8])> = pieces
        .iter()
        .scan(0, |start, piece| {
            let span = bytes.get(*start..piece.end).unwrap_or_default();
            *start = piece.end;
            Some((piece.title.as_deref(), span))
        })
        .collect();
    if spans.iter().all(|(title, _)| is_frame(*title)) {
        let ends = pieces.iter().map(|piece| piece.end).collect();
        return Picked {
            bytes,
            ends,
            note: None,
        };
    }
    // Kinds are few: a heading is one of a handful that Wireshark has.
    let mut kinds: Vec<(Option<&str>, usize, usize)> = Vec::new();
    for (title, span) in &spans {
        let packets = usize::from(begin_with_packet(span));
        let known = kinds.iter().position(|(of, ..)| of == title);
        if known.is_none() && kinds.len() < MAX_KINDS {
            kinds.push((*title, 0, 0));
        }
        let at = known.unwrap_or(kinds.len().saturating_sub(1));
        if let Some((_, count, begin)) = kinds.get_mut(at) {
            *count += 1;
            *begin += packets;
        }
    }
    let has_frames = kinds.iter().any(|(title, ..)| is_frame(*title));
    let best = kinds.iter().rev().max_by_key(|(_, _, begin)| *begin);
    let best = best.and_then(|(title, ..)| *title);
    let counts = |title: Option<&str>| match has_frames {
        true => is_frame(title),
        false => title == best,
    };
    let mut picked = Picked {
        bytes: Vec::new(),
        ends: Vec::new(),
        note: None,
    };
    for (title, span) in &spans {
        if !counts(*title) || (!has_frames && is_handshake(span)) {
            continue;
        }
        picked.bytes.extend_from_slice(span);
        picked.ends.push(picked.bytes.len());
    }
    let left: Vec<String> = kinds
        .iter()
        .filter(|(title, ..)| !counts(*title))
        .map(|(title, count, _)| {
            let title = title.unwrap_or_default().escape_debug();
            format!("{count} of '{title}'")
        })
        .collect();
    let taken = match has_frames {
        true => "Frame",
        false => best.unwrap_or_default(),
    };
    picked.note = (!left.is_empty()).then(|| {
        format!(
            "of several sections for one frame only '{}' is read; left out: {}",
            taken.escape_debug(),
            left.join(", ")
        )
    });
    picked
}

/// Whether what was decrypted is a message of the TLS handshake (RFC 8446, section 4): its type,
/// none of which begins a packet, and a length of 24 bits.
fn is_handshake(bytes: &[u8]) -> bool {
    match *bytes {
        [
            1 | 2 | 4 | 8 | 11 | 13 | 15 | 20 | 24,
            high,
            middle,
            low,
            ref rest @ ..,
        ] => {
            let len = u32::from_be_bytes([0, high, middle, low]);
            usize::try_from(len).is_ok_and(|len| len <= rest.len())
        }
        _ => false,
    }
}

/// Headings that are told apart.
const MAX_KINDS: usize = 64;

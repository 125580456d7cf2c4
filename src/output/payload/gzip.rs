//! Gzip.

use std::io::Read;

use flate2::bufread::GzDecoder;

use super::{Wrong, count};

/// Bytes that are unpacked: a small payload may be very large inside.
const MAX_INSIDE: u64 = 4 << 20;

pub(super) fn unpack(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut inside = Vec::new();
    let mut rest = payload;
    // Members may follow one another (RFC 1952, 2.2).
    while rest.len() == payload.len() || !rest.is_empty() {
        let at = payload.len() - rest.len();
        if at > 0 && !rest.starts_with(&[0x1f, 0x8b]) {
            let what = format!("{} left over behind it", count(rest.len(), "byte"));
            return Err(Wrong::new(at, what));
        }
        let room = (MAX_INSIDE + 1).saturating_sub(inside.len() as u64);
        let mut member = GzDecoder::new(rest).take(room);
        if let Err(error) = member.read_to_end(&mut inside) {
            let behind = member.get_ref().get_ref().len();
            return Err(Wrong::new(payload.len() - behind, error.to_string()));
        }
        if inside.len() as u64 > MAX_INSIDE {
            return Err(Wrong::new(
                0,
                format!("it is over {} MiB inside", MAX_INSIDE >> 20),
            ));
        }
        rest = member.into_inner().into_inner();
    }
    Ok(inside)
}

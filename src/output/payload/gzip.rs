//! Gzip.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::Wrong;

/// Bytes that are unpacked: a small payload may be very large inside.
const MAX_INSIDE: u64 = 4 << 20;

pub(super) fn unpack(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut inside = Vec::new();
    MultiGzDecoder::new(payload)
        .take(MAX_INSIDE + 1)
        .read_to_end(&mut inside)
        .map_err(|error| Wrong::new(inside.len(), error.to_string()))?;
    match inside.len() as u64 > MAX_INSIDE {
        true => Err(Wrong::new(
            0,
            format!("it is over {} MiB inside", MAX_INSIDE >> 20),
        )),
        false => Ok(inside),
    }
}

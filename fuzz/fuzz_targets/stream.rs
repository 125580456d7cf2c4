//! A byte stream in any split: the same packets, the same end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::mqtt::frame::{FrameError, Framer};

const LIMIT: usize = 1 << 16;

fn packets<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut framer = Framer::new(LIMIT);
    let mut packets = Vec::new();
    for part in parts {
        framer.feed(part);
        loop {
            match framer.next_packet() {
                Ok(Some(packet)) => packets.push(packet.to_vec()),
                Ok(None) => break,
                Err(error) => return (packets, Some(error)),
            }
        }
    }
    (packets, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = packets(std::iter::once(bytes));
    let split = packets(bytes.chunks(usize::from(size) + 1));
    assert_eq!(whole, split);
});

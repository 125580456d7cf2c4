//! Any file as a capture: no panic, and an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::capture::{Options, Packets};

fuzz_target!(|bytes: &[u8]| {
    let mut packets = Packets::new(bytes, Options::default());
    while let Ok(Some(_)) = packets.next() {}
});

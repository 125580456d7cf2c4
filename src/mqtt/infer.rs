//! Which version a connection speaks, if its CONNECT was not seen.
//!
//! Pure bookkeeping over whole packets: what only one version allows decides. 3.1 and 3.1.1 look
//! the same but for CONNECT, so what is not 5.0 counts as 3.1.1.

use super::decode::{Context, Strict, decode};
use super::{PacketType, Side, Version};

/// Weak signs that make an answer without a proof.
const ENOUGH: u32 = 3;

/// Collects what the packets of one connection say about its version.
#[derive(Debug, Clone, Default)]
pub struct Inference {
    /// Packets that only 3.1.1 explains.
    v311: u32,
    /// Packets that only 5.0 explains.
    v5: u32,
    /// Packets that both explain, and 5.0 without a coincidence.
    maybe_v5: u32,
}

impl Inference {
    /// Nothing is known yet.
    pub fn new() -> Inference {
        Inference::default()
    }

    /// Takes a whole packet in. `from`: its sender, if known.
    pub fn observe(&mut self, packet: &[u8], from: Option<Side>) {
        let v311 = fits(packet, Version::V311, from);
        let v5 = fits(packet, Version::V5, from);
        match (v311, v5) {
            (true, false) => self.v311 += 1,
            (false, true) => self.v5 += 1,
            // A PUBLISH whose payload begins with what reads as properties, most often with the
            // zero of an empty list: rare in 3.1.1, the rule in 5.0.
            (true, true)
                if packet
                    .first()
                    .is_some_and(|b| b >> 4 == PacketType::PUBLISH.0) =>
            {
                self.maybe_v5 += 1;
            }
            _ => {}
        }
    }

    /// The version, once the packets leave no doubt worth waiting for.
    pub fn decided(&self) -> Option<Version> {
        if self.v311 != self.v5 {
            Some(if self.v5 > self.v311 {
                Version::V5
            } else {
                Version::V311
            })
        } else if self.v311 == 0 && self.maybe_v5 >= ENOUGH {
            Some(Version::V5)
        } else {
            None
        }
    }

    /// The better guess when no more packets come; `None` if nothing speaks for either.
    pub fn best(&self) -> Option<Version> {
        self.decided()
            .or((self.maybe_v5 > 0).then_some(Version::V5))
    }
}

/// Whether a whole packet is right in `version`: what the decoder lets pass.
pub fn fits(packet: &[u8], version: Version, from: Option<Side>) -> bool {
    decode(packet, Context { version, from }, &mut Strict).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one packet alone says.
    fn alone(packet: &[u8]) -> Option<Version> {
        let mut inference = Inference::new();
        inference.observe(packet, None);
        inference.decided()
    }

    #[test]
    fn what_only_one_version_allows() {
        let v311 = Some(Version::V311);
        let v5 = Some(Version::V5);
        for (packet, version) in [
            (&[0x20, 2, 0, 0][..], v311),           // CONNACK without properties
            (&[0x20, 3, 0, 0, 0], v5),              // and with none
            (&[0x20, 6, 0, 0, 3, 0x22, 0, 10], v5), // and with one
            (&[0x40, 2, 0, 1], None),               // PUBACK of either
            (&[0x40, 3, 0, 1, 0x10], v5),           // with a reason code
            (&[0x90, 3, 0, 1, 1], v311),            // SUBACK
            (&[0x90, 4, 0, 1, 0, 1], None),         // two codes, or properties and one
            (&[0x90, 4, 0, 1, 1, 1], v311),         // a property block would be cut
            (&[0x90, 4, 0, 1, 0, 0x87], v5),        // 0x87 is no code of 3.1.1
            (&[0xb0, 2, 0, 1], v311),               // UNSUBACK
            (&[0xb0, 4, 0, 1, 0, 0x11], v5),        //
            (&[0xe0, 0], None),                     // DISCONNECT
            (&[0xe0, 1, 4], v5),                    // with a reason
            (&[0xf0, 6, 0x18, 4, 0x15, 0, 1, b'm'], v5), // AUTH
            (&[0x82, 6, 0, 1, 0, 1, b'a', 0], v311), // SUBSCRIBE
            (&[0x82, 7, 0, 1, 0, 0, 1, b'a', 0], v5), //
            (&[0x30, 3, 0, 1, b'a'], v311),         // PUBLISH with nothing behind the topic
            (&[0x30, 5, 0, 1, b'a', b'h', b'i'], v311), // 'h' is too long for properties
            (&[0x30, 6, 0, 1, b'a', 0, b'h', b'i'], None), // an empty list, or a payload
            (&[0x30, 2, 0, 0], None),               // an empty topic fits neither
        ] {
            assert_eq!(alone(packet), version, "{packet:02x?}");
        }
    }

    #[test]
    fn a_disconnect_of_the_server_is_of_5_0() {
        let mut inference = Inference::new();
        inference.observe(&[0xe0, 0], Some(Side::Server));
        assert_eq!(inference.decided(), Some(Version::V5));
    }

    #[test]
    fn payloads_that_all_begin_with_a_zero_make_it_5_0() {
        let mut inference = Inference::new();
        let publish = [0x30, 6, 0, 1, b'a', 0, b'h', b'i'];
        inference.observe(&publish, None);
        assert_eq!(
            (inference.decided(), inference.best()),
            (None, Some(Version::V5))
        );
        inference.observe(&publish, None);
        inference.observe(&publish, None);
        assert_eq!(inference.decided(), Some(Version::V5));
        inference.observe(&[0x30, 5, 0, 1, b'a', b'h', b'i'], None);
        assert_eq!(inference.decided(), Some(Version::V311));
    }
}

//! Which version a connection speaks, if its CONNECT was not seen.
//!
//! Pure bookkeeping over whole packets: what only one version allows decides. 3.1 and 3.1.1 look
//! the same but for CONNECT, so what is not 5.0 counts as 3.1.1.

use super::decode::{Context, Strict, decode};
use super::{PacketType, Side, Version, frame::FixedHeader};

/// Weak signs that make an answer without a proof.
const ENOUGH: u32 = 6;

/// Collects what the packets of one connection say about its version.
#[derive(Debug, Clone, Default)]
pub struct Inference {
    /// Packets that only 3.1.1 explains.
    v311: u32,
    /// Packets that only 5.0 explains.
    v5: u32,
    /// Signs in packets that both explain, and 5.0 without a coincidence.
    maybe_v5: u32,
    /// PUBLISH packets whose payload is in 3.1.1 a number of a usual size that begins with a zero.
    numbers: u32,
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
            (true, true) => {
                if let Some(rest) = behind_topic(packet) {
                    self.observe_payload(rest);
                }
            }
            (false, false) => {}
        }
    }

    /// What is behind the topic and the packet id of a PUBLISH: in 3.1.1 the payload, in 5.0
    /// properties come first, most often the zero of an empty list.
    fn observe_payload(&mut self, rest: &[u8]) {
        match rest {
            [0, payload @ ..] if is_text(payload) => self.maybe_v5 += ENOUGH,
            [0, payload @ ..]
                if matches!(payload.len(), 1 | 3 | 7)
                    && !payload.iter().all(u8::is_ascii_graphic) =>
            {
                self.numbers += 1;
            }
            [0, ..] => self.maybe_v5 += 1,
            // A list of true properties.
            _ => self.maybe_v5 += ENOUGH,
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
        self.decided().or(match (self.maybe_v5, self.numbers) {
            (0, 0) => None,
            (v5, v311) if v5 > v311 => Some(Version::V5),
            _ => Some(Version::V311),
        })
    }
}

/// What is behind the topic, and the packet id, of a PUBLISH.
fn behind_topic(packet: &[u8]) -> Option<&[u8]> {
    let header = FixedHeader::parse(packet).ok().flatten()?;
    if header.packet_type() != PacketType::PUBLISH {
        return None;
    }
    let (len, rest) = packet.get(header.len..)?.split_first_chunk::<2>()?;
    let packet_id = if header.byte1 & 6 == 0 { 0 } else { 2 };
    rest.get(usize::from(u16::from_be_bytes(*len)) + packet_id..)
}

/// Whether a payload is some text that people or programs write.
fn is_text(payload: &[u8]) -> bool {
    let start = payload.get(..256).unwrap_or(payload);
    let readable = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && payload.len() > start.len(),
    };
    payload.len() >= 2
        && readable
        && !start
            .iter()
            .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
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
            (&[0x30, 6, 0, 1, b'a', 0, b'h', b'i'], v5), // an empty list, and text
            (&[0x30, 5, 0, 1, b'a', 0, 0x81], None), // an empty list, or a number
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

    /// What PUBLISH packets with these bytes behind the topic say: at once, and at the end.
    fn payloads(rests: &[&[u8]]) -> (Option<Version>, Option<Version>) {
        let mut inference = Inference::new();
        for rest in rests {
            let len = 3 + rest.len() as u8;
            let packet = [&[0x30, len, 0, 1, b'a'], *rest].concat();
            inference.observe(&packet, None);
        }
        (inference.decided(), inference.best())
    }

    #[test]
    fn payloads_that_begin_with_an_empty_list_of_properties() {
        let v311 = Some(Version::V311);
        let v5 = Some(Version::V5);
        // Text behind a zero: nobody writes that in 3.1.1.
        assert_eq!(payloads(&[b"\0hi"]), (v5, v5));
        assert_eq!(payloads(&[b"\0{\"t\": 1}"]), (v5, v5));
        // Unless others have no zero.
        assert_eq!(payloads(&[b"\0hi", b"hi"]), (v311, v311));
        // Properties.
        assert_eq!(payloads(&[b"\x02\x01\x01{}"]), (v5, v5));
        // Bytes behind a zero: more and more likely.
        let bytes = &b"\0\x80\xff\x01\x02\x03"[..];
        assert_eq!(payloads(&[bytes]), (None, v5));
        assert_eq!(payloads(&[bytes; 6]), (v5, v5));
        // Nothing behind a zero.
        assert_eq!(payloads(&[b"\0"]), (None, v5));
    }

    #[test]
    fn numbers_of_3_1_1_that_begin_with_a_zero() {
        let v311 = Some(Version::V311);
        for numbers in [
            &[&b"\0\x80"[..], b"\0\x81", b"\0\xff"][..],
            &[&b"\0\0\x12\x34"[..]; 9],
            &[&b"\0\0\0\0\x65\x3a\x11\x22"[..]],
        ] {
            assert_eq!(payloads(numbers), (None, v311), "{numbers:02x?}");
        }
        // One that does not is enough.
        assert_eq!(payloads(&[b"\0\0\x01\x02", b"\x80\0\x01\x02"]).0, v311);
    }
}

//! Which version a connection speaks, if its CONNECT was not seen.
//!
//! Pure bookkeeping over whole packets: what only one version allows decides. 3.1 and 3.1.1 look
//! the same but for CONNECT, so what is not 5.0 counts as 3.1.1.

use super::{PacketType, Side, Version, frame::FixedHeader, varint};

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
            (true, true) if PacketType::from_byte1(byte1(packet)) == PacketType::PUBLISH => {
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

/// Whether a whole packet can be one of `version` (3.1 counts as 3.1.1): type, flags, sender,
/// length and layout. A test of shape, for guessing; what is wrong with a packet, the decoder says.
pub fn fits(packet: &[u8], version: Version, from: Option<Side>) -> bool {
    let Ok(Some(header)) = FixedHeader::parse(packet) else {
        return false;
    };
    let kind = header.packet_type();
    if !kind.is_defined(version) || from.is_some_and(|side| !kind.may_be_sent_by(side, version)) {
        return false;
    }
    if kind
        .fixed_flags()
        .is_some_and(|flags| header.byte1 & 0x0f != flags)
    {
        return false;
    }
    let Some(body) = packet.get(header.len..) else {
        return false;
    };
    if body.len() != header.remaining_length as usize {
        return false;
    }
    let mut body = Body {
        rest: body,
        v5: version == Version::V5,
    };
    body.fits(kind, header.byte1).is_some() && body.rest.is_empty()
}

fn byte1(packet: &[u8]) -> u8 {
    packet.first().copied().unwrap_or_default()
}

/// What remains of a packet's body. Methods give `None` where it is not what it should be.
struct Body<'a> {
    rest: &'a [u8],
    v5: bool,
}

impl<'a> Body<'a> {
    fn fits(&mut self, kind: PacketType, byte1: u8) -> Option<()> {
        match kind {
            PacketType::CONNECT => self.connect(),
            PacketType::CONNACK => {
                (self.u8()? <= 1).then_some(())?;
                let code = self.u8()?;
                if self.v5 {
                    reason(code)?;
                    self.properties(kind)
                } else {
                    (code <= 5).then_some(())
                }
            }
            PacketType::PUBLISH => {
                let qos = byte1 >> 1 & 3;
                (qos < 3 && (qos > 0 || byte1 & 8 == 0)).then_some(())?;
                let topic = self.string()?;
                if qos > 0 {
                    self.packet_id()?;
                }
                if self.v5 {
                    self.properties(kind)?;
                }
                // An empty topic needs an alias.
                (self.v5 || !topic.is_empty()).then_some(())?;
                (!topic.contains(['+', '#', '\0'])).then_some(())?;
                self.rest = &[];
                Some(())
            }
            PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP => {
                self.packet_id()?;
                self.short_end(kind)
            }
            PacketType::SUBSCRIBE => self.filters(kind, |options, v5| {
                options & 3 < 3 && if v5 { options >> 4 < 3 } else { options < 3 }
            }),
            PacketType::SUBACK => self.codes(kind),
            PacketType::UNSUBSCRIBE => {
                self.packet_id()?;
                self.properties_if_v5(kind)?;
                loop {
                    (!self.string()?.is_empty()).then_some(())?;
                    if self.rest.is_empty() {
                        return Some(());
                    }
                }
            }
            PacketType::UNSUBACK if self.v5 => self.codes(kind),
            PacketType::UNSUBACK => self.packet_id(),
            PacketType::DISCONNECT | PacketType::AUTH => self.short_end(kind),
            _ => Some(()),
        }
    }

    fn connect(&mut self) -> Option<()> {
        let name = self.string()?;
        let level = self.u8()? & 0x7f;
        let versions = if self.v5 { 5..=5 } else { 3..=4 };
        (matches!(name, "MQTT" | "MQIsdp") && versions.contains(&level)).then_some(())?;
        // What follows depends on flags; nothing else begins like this.
        self.rest = &[];
        Some(())
    }

    /// An optional reason code and optional properties, 5.0 only.
    fn short_end(&mut self, kind: PacketType) -> Option<()> {
        if self.rest.is_empty() {
            return Some(());
        }
        self.v5.then_some(())?;
        reason(self.u8()?)?;
        if self.rest.is_empty() {
            return Some(());
        }
        self.properties(kind)
    }

    fn filters(&mut self, kind: PacketType, legal: fn(u8, bool) -> bool) -> Option<()> {
        self.packet_id()?;
        self.properties_if_v5(kind)?;
        loop {
            (!self.string()?.is_empty()).then_some(())?;
            legal(self.u8()?, self.v5).then_some(())?;
            if self.rest.is_empty() {
                return Some(());
            }
        }
    }

    fn codes(&mut self, kind: PacketType) -> Option<()> {
        self.packet_id()?;
        self.properties_if_v5(kind)?;
        (!self.rest.is_empty()).then_some(())?;
        while !self.rest.is_empty() {
            let code = self.u8()?;
            match self.v5 {
                true => reason(code)?,
                false => matches!(code, 0..=2 | 0x80).then_some(())?,
            }
        }
        Some(())
    }

    fn properties_if_v5(&mut self, kind: PacketType) -> Option<()> {
        if self.v5 {
            self.properties(kind)
        } else {
            Some(())
        }
    }

    /// A property block with identifiers that this packet may have.
    fn properties(&mut self, kind: PacketType) -> Option<()> {
        let len = self.varint()? as usize;
        let block = self.take(len)?;
        let mut block = Body {
            rest: block,
            v5: true,
        };
        while !block.rest.is_empty() {
            let id = block.u8()?;
            is_property_of(id, kind).then_some(())?;
            match id {
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => drop(block.take(1)?),
                0x13 | 0x21..=0x23 => drop(block.take(2)?),
                0x02 | 0x11 | 0x18 | 0x27 => drop(block.take(4)?),
                0x0b => drop(block.varint()?),
                0x09 | 0x16 => drop(block.binary()?),
                0x26 => {
                    block.string()?;
                    block.string()?;
                }
                _ => drop(block.string()?),
            }
        }
        Some(())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn packet_id(&mut self) -> Option<()> {
        (self.u16()? != 0).then_some(())
    }

    fn varint(&mut self) -> Option<u32> {
        let read = varint::decode(self.rest).ok()?;
        self.take(read.len)?;
        Some(read.value)
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }

    fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.binary()?).ok()
    }
}

/// Whether 5.0 has a reason code of this number.
fn reason(code: u8) -> Option<()> {
    matches!(
        code,
        0..=2 | 4 | 16 | 17 | 24 | 25 | 128..=162
    )
    .then_some(())
}

/// Which packets may carry a property (table 2-4 of the standard).
fn is_property_of(id: u8, kind: PacketType) -> bool {
    let kinds: &[u8] = match id {
        0x01 | 0x02 | 0x03 | 0x08 | 0x09 | 0x23 => &[3],
        0x0b => &[3, 8],
        0x11 => &[1, 2, 14],
        0x12 | 0x13 | 0x1a | 0x24 | 0x25 | 0x28..=0x2a => &[2],
        0x15 | 0x16 => &[1, 2, 15],
        0x17 | 0x19 => &[1],
        0x1c => &[2, 14],
        0x1f => &[2, 4, 5, 6, 7, 9, 11, 14, 15],
        0x21 | 0x22 | 0x27 => &[1, 2],
        0x26 => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15],
        _ => &[],
    };
    kinds.contains(&kind.0)
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
            (&[0x20, 2, 0, 0][..], v311),               // CONNACK without properties
            (&[0x20, 3, 0, 0, 0], v5),                  // and with none
            (&[0x20, 6, 0, 0, 3, 0x22, 0, 10], v5),     // and with one
            (&[0x40, 2, 0, 1], None),                   // PUBACK of either
            (&[0x40, 3, 0, 1, 0x10], v5),               // with a reason code
            (&[0x90, 3, 0, 1, 1], v311),                // SUBACK
            (&[0x90, 4, 0, 1, 0, 1], None),             // two codes, or properties and one
            (&[0x90, 4, 0, 1, 1, 1], v311),             // a property block would be cut
            (&[0x90, 4, 0, 1, 0, 0x87], v5),            // 0x87 is no code of 3.1.1
            (&[0xb0, 2, 0, 1], v311),                   // UNSUBACK
            (&[0xb0, 4, 0, 1, 0, 0x11], v5),            //
            (&[0xe0, 0], None),                         // DISCONNECT
            (&[0xe0, 1, 4], v5),                        // with a reason
            (&[0xf0, 0], v5),                           // AUTH
            (&[0x82, 6, 0, 1, 0, 1, b'a', 0], v311),    // SUBSCRIBE
            (&[0x82, 7, 0, 1, 0, 0, 1, b'a', 0], v5),   //
            (&[0x30, 3, 0, 1, b'a'], v311),             // PUBLISH with nothing behind the topic
            (&[0x30, 5, 0, 1, b'a', b'h', b'i'], v311), // 'h' is too long for properties
            (&[0x30, 6, 0, 1, b'a', 0, b'h', b'i'], None), // an empty list, or a payload
            (&[0x30, 2, 0, 0], None),                   // an empty topic fits neither
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

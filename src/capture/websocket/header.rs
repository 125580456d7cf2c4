//! The header of a frame (RFC 6455, section 5.2).

use crate::mqtt::session::WebSocketFault;

/// The longest header: two bytes, a length of 64 bits, a masking key.
pub(super) const MAX_HEADER: usize = 14;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    /// Text or binary. MQTT must be sent as binary [MQTT-6.0.0-1]; what is in text is read too, for
    /// a capture is looked at because something is wrong.
    Data,
    /// Ping or pong.
    Control,
    Close,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The last frame of its message.
    pub(super) fin: bool,
    /// With permessage-deflate: the message is compressed (RFC 7692, section 6).
    pub(super) rsv1: bool,
    pub(super) opcode: Opcode,
    /// A data frame that is text.
    pub(super) is_text: bool,
    pub(super) mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub(super) len: u64,
    /// Bytes of the header.
    pub(super) header_len: usize,
    /// The length is written in as few bytes as it can be, as it must.
    pub(super) is_minimal: bool,
}

/// No frame begins like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Illegal;

impl Header {
    /// Reads the header that `bytes` begin with; `None` if they end inside of it.
    ///
    /// Refused are reserved bits and opcodes, compressed frames that do not begin a message,
    /// control frames that are long or in fragments, and lengths over 63 bits.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Illegal> {
        let Some(&byte1) = bytes.first() else {
            return Ok(None);
        };
        let fin = byte1 & 0x80 != 0;
        let rsv1 = byte1 & 0x40 != 0;
        let opcode = match byte1 & 0x0f {
            0 => Opcode::Continuation,
            1 | 2 => Opcode::Data,
            8 => Opcode::Close,
            9 | 10 => Opcode::Control,
            _ => return Err(Illegal),
        };
        let is_control = matches!(opcode, Opcode::Control | Opcode::Close);
        if byte1 & 0x30 != 0 || (rsv1 && opcode != Opcode::Data) || (is_control && !fin) {
            return Err(Illegal);
        }
        let Some(&byte2) = bytes.get(1) else {
            return Ok(None);
        };
        if is_control && byte2 & 0x7f > 125 {
            return Err(Illegal);
        }
        let (len, is_minimal, at) = match byte2 & 0x7f {
            126 => {
                let Some(&[h, l]) = bytes.get(2..4) else {
                    return Ok(None);
                };
                let len = u16::from_be_bytes([h, l]).into();
                (len, len > 125, 4)
            }
            127 => {
                let Some(len) = bytes.get(2..10).and_then(|len| len.try_into().ok()) else {
                    return Ok(None);
                };
                let len = u64::from_be_bytes(len);
                if len >> 63 != 0 {
                    return Err(Illegal);
                }
                (len, len > 0xffff, 10)
            }
            len => (len.into(), true, 2),
        };
        let (mask, header_len) = if byte2 & 0x80 != 0 {
            let Some(key) = bytes.get(at..at + 4).and_then(|key| key.try_into().ok()) else {
                return Ok(None);
            };
            (Some(key), at + 4)
        } else {
            (None, at)
        };
        Ok(Some(Header {
            fin,
            rsv1,
            opcode,
            is_text: byte1 & 0x0f == 1,
            mask,
            len,
            header_len,
            is_minimal,
        }))
    }
}

/// What is wrong with a frame that begins like this and cannot be read.
pub(super) fn fault(bytes: &[u8]) -> WebSocketFault {
    let byte1 = bytes.first().copied().unwrap_or_default();
    match byte1 & 0x0f {
        8..=10 if byte1 & 0x70 == 0 => WebSocketFault::Control,
        _ => WebSocketFault::Frame,
    }
}

/// Appends `bytes` to `out`, unmasked (RFC 6455, section 5.3). `phase`: how many bytes of the
/// payload came before them.
pub(super) fn unmask(bytes: &[u8], mut key: [u8; 4], phase: u64, out: &mut Vec<u8>) {
    key.rotate_left((phase % 4) as usize);
    let from = out.len();
    out.extend_from_slice(bytes);
    let copied = out.get_mut(from..).unwrap_or_default();
    for four in copied.chunks_mut(4) {
        for (byte, key) in four.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6455, section 5.7.
    #[test]
    fn the_examples_of_the_standard() {
        let parse = |bytes| Header::parse(bytes).unwrap().unwrap();
        let hello = b"\x81\x05\x48\x65\x6c\x6c\x6f";
        let header = parse(hello);
        assert!(header.fin && header.mask.is_none() && header.opcode == Opcode::Data);
        assert_eq!((header.len, header.header_len), (5, 2));

        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let header = parse(masked);
        let mut plain = Vec::new();
        unmask(&masked[6..8], header.mask.unwrap(), 0, &mut plain);
        unmask(&masked[8..], header.mask.unwrap(), 2, &mut plain);
        assert_eq!((header.header_len, &plain[..]), (6, &b"Hello"[..]));

        assert!(!parse(b"\x01\x03\x48\x65\x6c").fin);
        assert_eq!(parse(b"\x80\x02\x6c\x6f").opcode, Opcode::Continuation);
        assert_eq!(parse(b"\x89\x05Hello").opcode, Opcode::Control);
        assert_eq!(parse(b"\x82\x7e\x01\x00").len, 256);
        assert_eq!(parse(b"\x82\x7f\0\0\0\0\0\x01\0\0").len, 65_536);
    }

    #[test]
    fn what_is_not_there_yet_and_what_never_will_be() {
        let longest = b"\x82\xff\0\0\0\0\0\x01\0\0abcd";
        for cut in 0..longest.len() {
            assert_eq!(Header::parse(&longest[..cut]), Ok(None));
        }
        assert_eq!(
            Header::parse(longest).unwrap().unwrap().header_len,
            MAX_HEADER
        );
        for illegal in [
            &b"\x83"[..], // reserved opcodes
            b"\x8b",
            b"\xa2", // reserved bits
            b"\x92",
            b"\xc0", // RSV1 not on the first frame
            b"\xc9",
            b"\x09",     // a control frame in fragments
            b"\x89\x7e", // or too long
            b"\x82\x7f\x80\0\0\0\0\0\0\0",
        ] {
            assert_eq!(Header::parse(illegal), Err(Illegal), "{illegal:x?}");
        }
        assert!(
            !Header::parse(b"\x82\x7e\0\x7d")
                .unwrap()
                .unwrap()
                .is_minimal
        );
        assert!(
            !Header::parse(b"\x82\x7f\0\0\0\0\0\0\xff\xff")
                .unwrap()
                .unwrap()
                .is_minimal
        );
    }
}

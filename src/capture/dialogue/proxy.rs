//! The PROXY protocol: what a load balancer puts in front of a connection, to say for whom it is.
//!
//! Its versions 1, a line of text, and 2, binary, as HAProxy's "The PROXY protocol" (2020/03/05)
//! has them in sections 2.1 and 2.2. Who is named in it is not looked at.

/// The line of version 1 has no more bytes, line end included.
const MAX_LINE: usize = 107;

/// What a header of version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of version 2 before the addresses.
const FIXED: usize = 16;

/// Whether a stream begins with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// It does, with one of so many bytes.
    Len(usize),
    /// It does not.
    None,
    /// More bytes will tell.
    Unclear,
}

/// Looks for a header at the front of `bytes`.
pub(super) fn header(bytes: &[u8]) -> Header {
    match bytes.first() {
        Some(b'P') => version_1(bytes),
        Some(b'\r') => version_2(bytes),
        Some(_) => Header::None,
        None => Header::Unclear,
    }
}

fn version_1(bytes: &[u8]) -> Header {
    let name = b"PROXY ";
    if !bytes.iter().zip(name).all(|(a, b)| a == b) {
        return Header::None;
    }
    let line = bytes.get(..MAX_LINE).unwrap_or(bytes);
    match line.windows(2).position(|end| end == b"\r\n") {
        Some(at) => Header::Len(at + 2),
        None if bytes.len() >= MAX_LINE => Header::None,
        None => Header::Unclear,
    }
}

fn version_2(bytes: &[u8]) -> Header {
    if !bytes.iter().zip(SIGNATURE).all(|(a, b)| a == b) {
        return Header::None;
    }
    let Some(&[version, _, h, l]) = bytes.get(SIGNATURE.len()..FIXED) else {
        return Header::Unclear;
    };
    let len = FIXED + usize::from(u16::from_be_bytes([h, l]));
    match (version >> 4 == 2, bytes.len() >= len) {
        (false, _) => Header::None,
        (true, true) => Header::Len(len),
        (true, false) => Header::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let text = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 1883\r\n\x10";
        let mut binary = [SIGNATURE, &[0x21, 0x11, 0, 12]].concat();
        binary.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 7, 0x5b, 0x10]);
        let local = [SIGNATURE, &[0x20, 0, 0, 0, 0x10]].concat();
        for all in [&text[..], &binary, &local, b"PROXY UNKNOWN\r\n\x10"] {
            let len = all.len() - 1;
            for cut in 0..len {
                assert_eq!(header(&all[..cut]), Header::Unclear, "{cut} of {all:02x?}");
            }
            assert_eq!(header(all), Header::Len(len), "{all:02x?}");
        }
    }

    #[test]
    fn what_is_none() {
        let endless = [b"PROXY ", &[b'x'; 200][..]].concat();
        for other in [
            &b"\x10\x0c\0\x04MQTT"[..],
            b"POST /",
            b"\r\n",
            b"PROXY\r\n",
            &endless,
        ] {
            if other != b"\r\n" {
                assert_eq!(header(other), Header::None, "{other:02x?}");
            }
        }
    }
}

//! Variable Byte Integer, 1.5.5 (3.1.1: Remaining Length, 2.2.3).
//!
//! One to four bytes of seven value bits each, the least significant group first; bit 7 says that
//! another byte follows.

use bytes::BufMut;

/// The largest value that four bytes can hold: 268,435,455.
pub const MAX: u32 = 268_435_455;

/// A decoded Variable Byte Integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarInt {
    /// The value, 0 to [`MAX`].
    pub value: u32,
    /// How many bytes it took, 1 to 4.
    pub len: usize,
}

impl VarInt {
    /// Whether fewer bytes would have held the value; 5.0 forbids that (`[MQTT-1.5.5-1]`).
    pub const fn is_overlong(self) -> bool {
        self.len > 1 && self.len != encoded_len(self.value)
    }
}

/// Why no value could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The bytes end while the continuation bit says that another one follows.
    Incomplete,
    /// The fourth byte still has the continuation bit set.
    TooLong,
}

/// Reads a Variable Byte Integer from the front of `bytes`.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<VarInt, Error> {
    match bytes.first() {
        // Nearly all are this short.
        Some(&byte) if byte & 0x80 == 0 => Ok(VarInt {
            value: u32::from(byte),
            len: 1,
        }),
        Some(_) => decode_long(bytes),
        None => Err(Error::Incomplete),
    }
}

fn decode_long(bytes: &[u8]) -> Result<VarInt, Error> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(VarInt { value, len: i + 1 });
        }
    }
    Err(if bytes.len() < 4 {
        Error::Incomplete
    } else {
        Error::TooLong
    })
}

/// How many bytes the shortest encoding of `value` takes. `value` is at most [`MAX`].
pub const fn encoded_len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

/// Appends the shortest encoding of `value`, which is at most [`MAX`].
#[inline]
pub fn encode(mut value: u32, out: &mut impl BufMut) {
    debug_assert!(value <= MAX, "{value} does not fit four bytes");
    while value > 0x7f {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value and bytes at each limit of the standard's table 1-1 (2.4 in 3.1.1), and the worked
    /// example 65 + 66 * 128 + 51 * 16384.
    const LIMITS: &[(u32, &[u8])] = &[
        (0, &[0x00]),
        (127, &[0x7f]),
        (128, &[0x80, 0x01]),
        (321, &[0xc1, 0x02]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 0x01]),
        (844_097, &[0xc1, 0xc2, 0x33]),
        (2_097_151, &[0xff, 0xff, 0x7f]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (MAX, &[0xff, 0xff, 0xff, 0x7f]),
    ];

    #[test]
    fn limits_both_ways() {
        for &(value, bytes) in LIMITS {
            let mut out = Vec::new();
            encode(value, &mut out);
            assert_eq!(out, bytes, "encode {value}");
            assert_eq!(encoded_len(value), bytes.len(), "length of {value}");
            let read = decode(bytes).unwrap();
            assert_eq!(
                (read.value, read.len),
                (value, bytes.len()),
                "decode {value}"
            );
            assert!(!read.is_overlong());
            for cut in 0..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), Err(Error::Incomplete));
            }
        }
    }

    #[test]
    fn five_bytes_are_refused_at_the_fourth() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff]), Err(Error::TooLong));
        assert_eq!(decode(&[0x80, 0x80, 0x80, 0x80, 0x01]), Err(Error::TooLong));
    }

    #[test]
    fn overlong_is_seen() {
        for bytes in [
            &[0x80, 0x00][..],
            &[0x81, 0x00],
            &[0xff, 0x80, 0x00],
            &[0x80, 0x80, 0x80, 0x00],
        ] {
            assert!(decode(bytes).unwrap().is_overlong(), "{bytes:02x?}");
        }
    }
}

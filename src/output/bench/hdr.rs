//! A distribution of times as text: HdrHistogram's V2 format, compressed, in base64, as the
//! libraries of that name write it in every language (`HISTFAAA...`).
//!
//! Compressed: a cookie and a length of 4 bytes each, then a zlib stream (RFC 1950). In it: a
//! cookie, the length of the counts, 0, the significant digits (4 bytes each), the lowest and the
//! highest value (8 bytes each), 1.0 (8 bytes), and the counts by class as zigzag LEB128 numbers;
//! a negative one stands for so many zeros. All big endian.

use std::io::{Read, Write};

use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::times::{Bucket, MAX_TIME};
use crate::output::base64;

/// The last bits say that counts may have 64 bits.
const COOKIE: u32 = 0x1c84_9313;
const COMPRESSED: u32 = 0x1c84_9314;

/// Bytes in front of the counts.
const HEADER: usize = 40;

/// Bytes of the longest count.
const LONGEST: usize = 9;

/// More times than this have no place in a histogram: so that sums of many still fit 64 bits.
const MAX_TOTAL: u64 = 1 << 53;

/// Writes the classes of a histogram from 1 to [`MAX_TIME`].
pub(super) fn encode(digits: u8, buckets: impl Iterator<Item = Bucket>) -> String {
    let classes = Classes::new(digits);
    let mut counts = Vec::new();
    let mut next = 0;
    for bucket in buckets {
        let class = classes.class(bucket.from);
        let zeros = class.saturating_sub(next);
        match zeros {
            0 => {}
            1 => push(&mut counts, 0),
            zeros => push(&mut counts, -(zeros as i64)),
        }
        push(&mut counts, i64::try_from(bucket.count).unwrap_or(i64::MAX));
        next = class + 1;
    }
    let mut plain = Vec::with_capacity(HEADER + counts.len());
    for number in [COOKIE, counts.len() as u32, 0, u32::from(digits)] {
        plain.extend(number.to_be_bytes());
    }
    plain.extend(1u64.to_be_bytes());
    plain.extend(MAX_TIME.to_be_bytes());
    plain.extend(1f64.to_be_bytes());
    plain.extend(counts);
    let mut out = vec![0; 8];
    let mut zlib = ZlibEncoder::new(&mut out, Compression::default());
    // Writing to memory does not fail.
    let _ = zlib.write_all(&plain);
    let _ = zlib.finish();
    let len = (out.len() - 8) as u32;
    for (byte, value) in out.iter_mut().zip(head(COMPRESSED, len)) {
        *byte = value;
    }
    BASE64.encode(&out)
}

fn head(cookie: u32, len: u32) -> impl Iterator<Item = u8> {
    cookie.to_be_bytes().into_iter().chain(len.to_be_bytes())
}

/// The classes with something in them: a time of each, and how many.
///
/// # Errors
/// What is wrong with the text, in words.
pub(super) fn decode(digits: u8, text: &str) -> Result<Vec<(u64, u64)>, String> {
    let base64::Decoded { bytes, problem } = base64::decode(text);
    if let Some((at, what)) = problem {
        return Err(format!("{what} at byte {at} of the histogram"));
    }
    let mut head = Reader(&bytes);
    if head.u32() != Some(COMPRESSED) {
        return Err("no histogram in HdrHistogram's compressed V2 form".to_owned());
    }
    let classes = Classes::new(digits);
    let last = classes.class(MAX_TIME);
    let limit = HEADER + (last + 1) * LONGEST;
    head.u32();
    let mut plain = Vec::new();
    ZlibDecoder::new(head.0)
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| format!("the histogram cannot be decompressed: {error}"))?;
    if plain.len() > limit {
        return Err("the histogram is longer than any can be".to_owned());
    }
    let mut reader = Reader(&plain);
    let broken = || "the histogram is cut short".to_owned();
    if reader.u32() != Some(COOKIE) {
        return Err("no histogram in HdrHistogram's V2 form".to_owned());
    }
    let len = reader.u32().ok_or_else(broken)? as usize;
    let (offset, own_digits) = (reader.u32(), reader.u32());
    let (lowest, _highest, ratio) = (reader.u64(), reader.u64(), reader.u64());
    if offset != Some(0) || lowest != Some(1) || ratio.map(f64::from_bits) != Some(1.0) {
        return Err("the histogram is not one of ns from 1 on".to_owned());
    }
    if own_digits != Some(u32::from(digits)) {
        return Err(format!("the histogram has not {digits} significant digits"));
    }
    let mut counts = Reader(reader.0.get(..len).ok_or_else(broken)?);
    let mut found = Vec::new();
    let (mut class, mut total) = (0usize, 0u64);
    while !counts.0.is_empty() {
        let number = counts.zigzag().ok_or_else(broken)?;
        match u64::try_from(number) {
            Ok(count) => {
                if class > last {
                    return Err("the histogram has times longer than an hour".to_owned());
                }
                if count > 0 {
                    found.push((classes.value(class), count));
                }
                total = count.saturating_add(total);
                if total > MAX_TOTAL {
                    return Err("the histogram counts more times than any run has".to_owned());
                }
                class += 1;
            }
            Err(_) => {
                let zeros = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
                class = class.saturating_add(zeros);
            }
        }
    }
    Ok(found)
}

/// Appends a number: zigzag, then 7 bits in each byte, the low ones first; the ninth has 8.
fn push(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    for _ in 1..LONGEST {
        if rest < 0x80 {
            break;
        }
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn zigzag(&mut self) -> Option<i64> {
        let mut number = 0;
        for i in 0..LONGEST {
            let [byte] = self.take()?;
            let is_last = i == LONGEST - 1;
            let bits = if is_last { byte } else { byte & 0x7f };
            number |= u64::from(bits) << (7 * i);
            if is_last || byte < 0x80 {
                break;
            }
        }
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

/// How values from 1 on fall into classes: each doubling has as many, enough for the digits.
struct Classes {
    /// Half as many classes as are needed for the first doublings, as a power of 2.
    half: u32,
}

impl Classes {
    /// Twice 10^digits classes tell apart that many digits.
    fn new(digits: u8) -> Classes {
        let needed = 2 * 10u64.saturating_pow(u32::from(digits));
        Classes {
            half: needed.next_power_of_two().ilog2() - 1,
        }
    }

    fn class(&self, value: u64) -> usize {
        let shift = (value | 1).ilog2().saturating_sub(self.half);
        ((value >> shift) as usize) + ((shift as usize) << self.half)
    }

    /// The lowest value of a class that [`class`](Self::class) gives.
    fn value(&self, class: usize) -> u64 {
        let shift = (class >> self.half).saturating_sub(1);
        ((class - (shift << self.half)) as u64) << shift
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::times::Times;
    use super::*;

    fn round_trip<const DIGITS: u8>(times: &Times<DIGITS>) -> Times<DIGITS> {
        let text = encode(DIGITS, times.buckets());
        let mut read = Times::new();
        for (ns, count) in decode(DIGITS, &text).unwrap() {
            read.record_n(ns, count);
        }
        read
    }

    #[test]
    fn the_first_bytes_are_those_of_every_library() {
        let mut times = Times::<3>::new();
        times.record(1_000);
        let text = encode(3, times.buckets());
        assert!(text.starts_with("HISTFAAA"), "{text}");
        let bytes = BASE64.decode(text.as_bytes()).unwrap();
        let mut plain = Vec::new();
        ZlibDecoder::new(&bytes[8..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(
            bytes.len() - 8,
            u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize
        );
        // 1000 zeros (zigzag 1999: 0xcf 0x0f) and a one (zigzag 2).
        assert_eq!(plain[40..], [0xcf, 0x0f, 0x02]);
        assert_eq!(
            plain[..16],
            [0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3]
        );
    }

    /// From version 0.10.8 of the library for Python: five times, each three times.
    #[test]
    fn what_others_write_is_read() {
        let text = "HISTFAAAADF4nJNpmSzMwMAgwAABzFCaEch0M9ixgMH+A1SA7TQ/2/48tovnGdnW72FkAwDAjAmO";
        let mut expected = Times::<3>::new();
        for ns in [1, 1000, 123_456, 1_000_000_000, MAX_TIME - 1] {
            expected.record_n(ns, 3);
        }
        let mut read = Times::<3>::new();
        for (ns, count) in decode(3, text).unwrap() {
            read.record_n(ns, count);
        }
        assert_eq!(read, expected);
    }

    #[test]
    fn numbers_have_their_bytes() {
        for (number, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (63, &[0x7e]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (
                i64::MAX,
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
            (i64::MIN, &[0xff; 9]),
        ] {
            let mut out = Vec::new();
            push(&mut out, number);
            assert_eq!(out, bytes, "{number}");
            assert_eq!(Reader(bytes).zigzag(), Some(number));
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let mut times = Times::<3>::new();
        times.record(5);
        let good = encode(3, times.buckets());
        let coarse = encode(1, times.buckets());
        let long = {
            let mut bytes: Vec<u8> = head(COMPRESSED, 0).collect();
            let mut zlib = ZlibEncoder::new(&mut bytes, Compression::fast());
            zlib.write_all(&vec![0; 10_000_000]).unwrap();
            zlib.finish().unwrap();
            BASE64.encode(&bytes)
        };
        for (text, part) in [
            ("?", "'?' is not a base64 digit"),
            ("AAAA", "no histogram in HdrHistogram's compressed V2 form"),
            (&good[..24], "cannot be decompressed"),
            (&coarse, "has not 3 significant digits"),
            (&long, "longer than any can be"),
        ] {
            let what = decode(3, text).unwrap_err();
            assert!(what.contains(part), "{part}: {what}");
        }
    }

    proptest! {
        #[test]
        fn every_histogram_comes_back(
            times in prop::collection::vec((0..=MAX_TIME, 1..1u64 << 40), 0..50),
            small in prop::collection::vec((0..5000u64, 1..9u64), 0..50),
        ) {
            let (mut fine, mut coarse) = (Times::<3>::new(), Times::<1>::new());
            for (ns, count) in times.into_iter().chain(small) {
                fine.record_n(ns, count);
                coarse.record_n(ns, count);
            }
            prop_assert_eq!(&round_trip(&fine), &fine);
            prop_assert_eq!(&round_trip(&coarse), &coarse);
        }

        #[test]
        fn any_bytes_are_read_or_refused(plain in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes: Vec<u8> = head(COMPRESSED, 0).collect();
            let mut zlib = ZlibEncoder::new(&mut bytes, Compression::fast());
            let mut header = Vec::new();
            for number in [COOKIE, plain.len() as u32, 0, 3] {
                header.extend(number.to_be_bytes());
            }
            for number in [1, MAX_TIME, 1f64.to_bits()] {
                header.extend(number.to_be_bytes());
            }
            zlib.write_all(&header).unwrap();
            zlib.write_all(&plain).unwrap();
            zlib.finish().unwrap();
            if let Ok(found) = decode(3, &BASE64.encode(&bytes)) {
                prop_assert!(found.iter().all(|&(ns, _)| ns <= MAX_TIME));
            }
        }
    }
}

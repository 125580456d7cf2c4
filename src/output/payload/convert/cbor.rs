//! CBOR (RFC 8949) as JSON.

use super::{check_depth, container, counted, length, push, push_bytes, push_float, push_text};
use crate::output::payload::Wrong;
use crate::output::payload::cbor::half;
use crate::output::payload::reader::Reader;

/// The break that ends a container of indefinite length is taken if it comes next.
fn takes_break(reader: &mut Reader<'_>) -> bool {
    let mut ahead = *reader;
    let is_break = ahead.byte() == Ok(0xff);
    if is_break {
        *reader = ahead;
    }
    is_break
}

/// Converts one data item.
pub(super) fn cbor(out: &mut Vec<u8>, reader: &mut Reader<'_>, depth: usize) -> Result<(), Wrong> {
    let at = reader.at();
    check_depth(at, depth)?;
    let head = reader.byte()?;
    let (major, info) = (head >> 5, head & 0x1f);
    if major == 7 {
        match info {
            20 => out.extend_from_slice(b"false"),
            21 => out.extend_from_slice(b"true"),
            25 => push_float(out, f64::from(half(reader.number(2)? as u16))),
            26 => push_float(out, f64::from(f32::from_bits(reader.number(4)? as u32))),
            27 => push_float(out, f64::from_bits(reader.number(8)?)),
            24 => {
                reader.byte()?;
                out.extend_from_slice(b"null");
            }
            0..24 => out.extend_from_slice(b"null"),
            31 => return Err(Wrong::new(at, "a break with nothing to end")),
            _ => return Err(Wrong::new(at, "a value that is reserved")),
        }
        return Ok(());
    }
    let argument = match info {
        0..24 => Some(u64::from(info)),
        24..28 => Some(reader.number(1 << (info - 24))?),
        31 if matches!(major, 2..=5) => None,
        _ => return Err(Wrong::new(at, "a length that is reserved")),
    };
    match (major, argument) {
        (0, Some(number)) => push(out, number),
        (1, Some(number)) => push(out, -1 - i128::from(number)),
        (2, Some(len)) => push_bytes(out, reader.take(length(len))?),
        (3, Some(len)) => push_text(out, reader.take(length(len))?, at)?,
        (2 | 3, None) => {
            let mut bytes = Vec::new();
            while !takes_break(reader) {
                let at = reader.at();
                let head = reader.byte()?;
                let len = match head & 0x1f {
                    info @ 0..24 => u64::from(info),
                    info @ 24..28 => reader.number(1 << (info - 24))?,
                    _ => return Err(Wrong::new(at, "a length that is reserved")),
                };
                if head >> 5 != major {
                    return Err(Wrong::new(at, "a chunk of another kind"));
                }
                bytes.extend_from_slice(reader.take(length(len))?);
            }
            match major {
                2 => push_bytes(out, &bytes),
                _ => push_text(out, &bytes, at)?,
            }
        }
        (4 | 5, Some(count)) => {
            container(out, reader, depth, major == 5, counted(count), cbor)?;
        }
        (4 | 5, None) => {
            let next = |reader: &mut Reader<'_>| !takes_break(reader);
            container(out, reader, depth, major == 5, next, cbor)?;
        }
        // A tag: what it is about.
        _ => cbor(out, reader, depth + 1)?,
    }
    Ok(())
}

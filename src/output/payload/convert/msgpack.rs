//! MessagePack as JSON.

use super::{check_depth, container, counted, length, push, push_bytes, push_float};
use crate::output::json::push_string;
use crate::output::payload::Wrong;
use crate::output::payload::reader::Reader;

/// Converts one value.
pub(super) fn msgpack(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Result<(), Wrong> {
    let at = reader.at();
    check_depth(at, depth)?;
    let head = reader.byte()?;
    let mut string = |reader: &mut Reader<'_>, len: u64| {
        let bytes = reader.take(length(len))?;
        // Old writers put bytes into strings.
        match std::str::from_utf8(bytes) {
            Ok(_) => push_string(out, bytes),
            Err(_) => push_bytes(out, bytes),
        }
        Ok(())
    };
    match head {
        0xa0..=0xbf => return string(reader, u64::from(head & 0x1f)),
        0xd9..=0xdb => {
            let len = reader.number(1 << (head - 0xd9))?;
            return string(reader, len);
        }
        _ => {}
    }
    match head {
        0x00..=0x7f => push(out, head),
        0x80..=0x8f => {
            let count = counted(u64::from(head & 0x0f));
            container(out, reader, depth, true, count, msgpack)?;
        }
        0x90..=0x9f => {
            let count = counted(u64::from(head & 0x0f));
            container(out, reader, depth, false, count, msgpack)?;
        }
        0xc0 => out.extend_from_slice(b"null"),
        0xc1 => return Err(Wrong::new(at, "c1, which is never used")),
        0xc2 => out.extend_from_slice(b"false"),
        0xc3 => out.extend_from_slice(b"true"),
        0xc4..=0xc6 => {
            let len = reader.number(1 << (head - 0xc4))?;
            push_bytes(out, reader.take(length(len))?);
        }
        0xc7..=0xc9 | 0xd4..=0xd8 => {
            let len = match head {
                0xc7..=0xc9 => reader.number(1 << (head - 0xc7))?,
                _ => 1 << (head - 0xd4),
            };
            reader.byte()?;
            push_bytes(out, reader.take(length(len))?);
        }
        0xca => push_float(out, f64::from(f32::from_bits(reader.number(4)? as u32))),
        0xcb => push_float(out, f64::from_bits(reader.number(8)?)),
        0xcc..=0xcf => push(out, reader.number(1 << (head - 0xcc))?),
        0xd0 => push(out, reader.number(1)? as i8),
        0xd1 => push(out, reader.number(2)? as i16),
        0xd2 => push(out, reader.number(4)? as i32),
        0xd3 => push(out, reader.number(8)? as i64),
        0xdc | 0xdd => {
            let count = counted(reader.number(2 << (head - 0xdc))?);
            container(out, reader, depth, false, count, msgpack)?;
        }
        0xde | 0xdf => {
            let count = counted(reader.number(2 << (head - 0xde))?);
            container(out, reader, depth, true, count, msgpack)?;
        }
        _ => push(out, head as i8),
    }
    Ok(())
}

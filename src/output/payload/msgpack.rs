//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), in the notation of CBOR.

use super::Wrong;
use super::notation::{MAX_DEPTH, Notation};
use super::reader::Reader;

pub(super) fn rows(payload: &[u8]) -> Result<Vec<String>, Wrong> {
    let mut reader = Reader::new(payload);
    let mut notation = Notation::default();
    value(&mut reader, &mut notation, 0)?;
    match reader.is_empty() {
        true => Ok(notation.finish()),
        false => Err(Wrong::new(reader.at(), "bytes are left over")),
    }
}

fn value(reader: &mut Reader<'_>, notation: &mut Notation, depth: usize) -> Result<(), Wrong> {
    let at = reader.at();
    if depth > MAX_DEPTH {
        return Err(Wrong::new(at, "values too deep inside of each other"));
    }
    let head = reader.byte()?;
    match head {
        0x00..=0x7f => notation.scalar(&head.to_string()),
        0x80..=0x8f => map(reader, notation, u64::from(head & 0x0f), depth)?,
        0x90..=0x9f => array(reader, notation, u64::from(head & 0x0f), depth)?,
        0xa0..=0xbf => text(reader, notation, usize::from(head & 0x1f))?,
        0xc0 => notation.scalar("null"),
        0xc1 => return Err(Wrong::new(at, "c1, which is never used")),
        0xc2 => notation.scalar("false"),
        0xc3 => notation.scalar("true"),
        0xc4..=0xc6 => {
            let len = length(reader, 1 << (head - 0xc4))?;
            notation.bytes(reader.take(len)?);
        }
        0xc7..=0xc9 => {
            let len = length(reader, 1 << (head - 0xc7))?;
            extension(reader, notation, len)?;
        }
        0xca => notation.scalar(&format!("{:?}", f32::from_bits(reader.number(4)? as u32))),
        0xcb => notation.scalar(&format!("{:?}", f64::from_bits(reader.number(8)?))),
        0xcc..=0xcf => notation.scalar(&reader.number(1 << (head - 0xcc))?.to_string()),
        0xd0 => notation.scalar(&(reader.number(1)? as i8).to_string()),
        0xd1 => notation.scalar(&(reader.number(2)? as i16).to_string()),
        0xd2 => notation.scalar(&(reader.number(4)? as i32).to_string()),
        0xd3 => notation.scalar(&(reader.number(8)? as i64).to_string()),
        0xd4..=0xd8 => extension(reader, notation, 1 << (head - 0xd4))?,
        0xd9..=0xdb => {
            let len = length(reader, 1 << (head - 0xd9))?;
            text(reader, notation, len)?;
        }
        0xdc | 0xdd => {
            let len = reader.number(2 << (head - 0xdc))?;
            array(reader, notation, len, depth)?;
        }
        0xde | 0xdf => {
            let len = reader.number(2 << (head - 0xde))?;
            map(reader, notation, len, depth)?;
        }
        0xe0..=0xff => notation.scalar(&(head as i8).to_string()),
    }
    Ok(())
}

fn length(reader: &mut Reader<'_>, bytes: usize) -> Result<usize, Wrong> {
    Ok(usize::try_from(reader.number(bytes)?).unwrap_or(usize::MAX))
}

/// Old writers put bytes into strings, so that a string that is no text is shown as bytes.
fn text(reader: &mut Reader<'_>, notation: &mut Notation, len: usize) -> Result<(), Wrong> {
    let bytes = reader.take(len)?;
    match std::str::from_utf8(bytes) {
        Ok(_) => notation.text(bytes),
        Err(_) => notation.bytes(bytes),
    }
    Ok(())
}

fn extension(reader: &mut Reader<'_>, notation: &mut Notation, len: usize) -> Result<(), Wrong> {
    let kind = reader.byte()? as i8;
    let bytes = reader.take(len)?;
    notation.scalar(&format!("ext {kind} "));
    notation.bytes(bytes);
    Ok(())
}

fn array(
    reader: &mut Reader<'_>,
    notation: &mut Notation,
    len: u64,
    depth: usize,
) -> Result<(), Wrong> {
    notation.open('[');
    for _ in 0..len {
        notation.next();
        value(reader, notation, depth + 1)?;
    }
    notation.close(']');
    Ok(())
}

fn map(
    reader: &mut Reader<'_>,
    notation: &mut Notation,
    len: u64,
    depth: usize,
) -> Result<(), Wrong> {
    notation.open('{');
    for _ in 0..len {
        notation.next();
        value(reader, notation, depth + 1)?;
        notation.scalar(": ");
        value(reader, notation, depth + 1)?;
    }
    notation.close('}');
    Ok(())
}

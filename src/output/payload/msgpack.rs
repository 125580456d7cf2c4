//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), read as CBOR is.

use super::Wrong;
use super::notation::{MAX_DEPTH, Notation, Sink, float};
use super::reader::Reader;

pub(super) fn rows(payload: &[u8]) -> Result<Vec<String>, Wrong> {
    let mut notation = Notation::default();
    read(payload, &mut notation)?;
    Ok(notation.finish())
}

/// Reads one value that is all of the payload.
pub(super) fn read(payload: &[u8], sink: &mut impl Sink) -> Result<(), Wrong> {
    let mut reader = Reader::new(payload);
    value(&mut reader, sink, 0)?;
    match reader.is_empty() {
        true => Ok(()),
        false => Err(Wrong::new(reader.at(), "bytes are left over")),
    }
}

fn value(reader: &mut Reader<'_>, sink: &mut impl Sink, depth: usize) -> Result<(), Wrong> {
    let at = reader.at();
    if depth > MAX_DEPTH {
        return Err(Wrong::new(at, "values too deep inside of each other"));
    }
    let head = reader.byte()?;
    match head {
        0x00..=0x7f => sink.number(&head.to_string()),
        0x80..=0x8f => map(reader, sink, u64::from(head & 0x0f), depth)?,
        0x90..=0x9f => array(reader, sink, u64::from(head & 0x0f), depth)?,
        0xa0..=0xbf => text(reader, sink, usize::from(head & 0x1f))?,
        0xc0 => sink.word("null"),
        0xc1 => return Err(Wrong::new(at, "c1, which is never used")),
        0xc2 => sink.word("false"),
        0xc3 => sink.word("true"),
        0xc4..=0xc6 => {
            let len = length(reader, 1 << (head - 0xc4))?;
            sink.bytes(reader.take(len)?);
        }
        0xc7..=0xc9 => {
            let len = length(reader, 1 << (head - 0xc7))?;
            extension(reader, sink, len)?;
        }
        0xca => float(sink, f32::from_bits(reader.number(4)? as u32))?,
        0xcb => float(sink, f64::from_bits(reader.number(8)?))?,
        0xcc..=0xcf => sink.number(&reader.number(1 << (head - 0xcc))?.to_string()),
        0xd0 => sink.number(&(reader.number(1)? as i8).to_string()),
        0xd1 => sink.number(&(reader.number(2)? as i16).to_string()),
        0xd2 => sink.number(&(reader.number(4)? as i32).to_string()),
        0xd3 => sink.number(&(reader.number(8)? as i64).to_string()),
        0xd4..=0xd8 => extension(reader, sink, 1 << (head - 0xd4))?,
        0xd9..=0xdb => {
            let len = length(reader, 1 << (head - 0xd9))?;
            text(reader, sink, len)?;
        }
        0xdc | 0xdd => {
            let len = reader.number(2 << (head - 0xdc))?;
            array(reader, sink, len, depth)?;
        }
        0xde | 0xdf => {
            let len = reader.number(2 << (head - 0xde))?;
            map(reader, sink, len, depth)?;
        }
        0xe0..=0xff => sink.number(&(head as i8).to_string()),
    }
    Ok(())
}

fn length(reader: &mut Reader<'_>, bytes: usize) -> Result<usize, Wrong> {
    Ok(usize::try_from(reader.number(bytes)?).unwrap_or(usize::MAX))
}

/// Old writers put bytes into strings, so that a string that is no text is shown as bytes.
fn text(reader: &mut Reader<'_>, sink: &mut impl Sink, len: usize) -> Result<(), Wrong> {
    let bytes = reader.take(len)?;
    match std::str::from_utf8(bytes) {
        Ok(_) => sink.text(bytes),
        Err(_) => sink.bytes(bytes),
    }
    Ok(())
}

fn extension(reader: &mut Reader<'_>, sink: &mut impl Sink, len: usize) -> Result<(), Wrong> {
    let kind = reader.byte()? as i8;
    let bytes = reader.take(len)?;
    sink.label(&format!("ext {kind} "));
    sink.bytes(bytes);
    Ok(())
}

fn array(
    reader: &mut Reader<'_>,
    sink: &mut impl Sink,
    len: u64,
    depth: usize,
) -> Result<(), Wrong> {
    sink.open('[');
    for _ in 0..len {
        sink.next();
        value(reader, sink, depth + 1)?;
    }
    sink.close(']');
    Ok(())
}

fn map(reader: &mut Reader<'_>, sink: &mut impl Sink, len: u64, depth: usize) -> Result<(), Wrong> {
    sink.open('{');
    for _ in 0..len {
        sink.next();
        value(reader, sink, depth + 1)?;
        sink.colon();
        value(reader, sink, depth + 1)?;
    }
    sink.close('}');
    Ok(())
}

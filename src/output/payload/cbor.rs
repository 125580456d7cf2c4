//! CBOR (RFC 8949): read, for its diagnostic notation (section 8) and for JSON (section 6.1).

use super::Wrong;
use super::notation::{MAX_DEPTH, Notation, Sink, float};
use super::reader::Reader;

pub(super) fn rows(payload: &[u8]) -> Result<Vec<String>, Wrong> {
    let mut notation = Notation::default();
    read(payload, &mut notation)?;
    Ok(notation.finish())
}

/// Reads one data item that is all of the payload.
pub(super) fn read(payload: &[u8], sink: &mut impl Sink) -> Result<(), Wrong> {
    let mut reader = Reader::new(payload);
    no_break(item(&mut reader, sink, 0)?, &reader)?;
    match reader.is_empty() {
        true => Ok(()),
        false => Err(Wrong::new(reader.at(), "bytes are left over")),
    }
}

/// The argument of a head; `None` for an indefinite length.
fn argument(reader: &mut Reader<'_>, info: u8) -> Result<Option<u64>, Wrong> {
    Ok(Some(match info {
        0..24 => u64::from(info),
        24 => reader.number(1)?,
        25 => reader.number(2)?,
        26 => reader.number(4)?,
        27 => reader.number(8)?,
        31 => return Ok(None),
        _ => return Err(Wrong::new(reader.at(), "a length that is reserved")),
    }))
}

/// One data item; says whether it was the "break" that ends a container.
fn item(reader: &mut Reader<'_>, sink: &mut impl Sink, depth: usize) -> Result<bool, Wrong> {
    let at = reader.at();
    if depth > MAX_DEPTH {
        return Err(Wrong::new(at, "values too deep inside of each other"));
    }
    let head = reader.byte()?;
    let (major, info) = (head >> 5, head & 0x1f);
    if head == 0xff {
        return Ok(true);
    }
    if major == 7 {
        simple(reader, sink, info)?;
        return Ok(false);
    }
    let argument = argument(reader, info)?;
    let definite = || argument.ok_or_else(|| Wrong::new(at, "a length that is reserved"));
    match major {
        0 => sink.number(&definite()?.to_string()),
        1 => sink.number(&(-1 - i128::from(definite()?)).to_string()),
        2 | 3 => {
            let bytes = match argument {
                Some(len) => reader.take(length(len))?.to_vec(),
                None => chunks(reader, major)?,
            };
            match major {
                2 => sink.bytes(&bytes),
                _ if std::str::from_utf8(&bytes).is_err() => {
                    return Err(Wrong::new(at, "a text that is no UTF-8"));
                }
                _ => sink.text(&bytes),
            }
        }
        4 | 5 => {
            let (open, close) = if major == 4 { ('[', ']') } else { ('{', '}') };
            sink.open(open);
            let mut left = argument;
            while left != Some(0) {
                left = left.map(|left| left - 1);
                // A break is seen before anything is shown of the item.
                if left.is_none() && next_is_break(reader) {
                    break;
                }
                sink.next();
                no_break(item(reader, sink, depth + 1)?, reader)?;
                if major == 5 {
                    sink.colon();
                    no_break(item(reader, sink, depth + 1)?, reader)?;
                }
            }
            sink.close(close);
        }
        _ => {
            sink.tag(definite()?);
            no_break(item(reader, sink, depth + 1)?, reader)?;
            sink.end_tag();
        }
    }
    Ok(false)
}

fn next_is_break(reader: &mut Reader<'_>) -> bool {
    let mut ahead = *reader;
    let is_break = ahead.byte() == Ok(0xff);
    if is_break {
        *reader = ahead;
    }
    is_break
}

fn no_break(is_break: bool, reader: &Reader<'_>) -> Result<(), Wrong> {
    match is_break {
        true => Err(Wrong::new(reader.at() - 1, "a break with nothing to end")),
        false => Ok(()),
    }
}

/// More than a payload can have is as much as all of it.
fn length(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// The chunks of a string of indefinite length (3.2.3).
fn chunks(reader: &mut Reader<'_>, major: u8) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    while !next_is_break(reader) {
        let at = reader.at();
        let head = reader.byte()?;
        let len = argument(reader, head & 0x1f)?.filter(|_| head >> 5 == major);
        let len = len.ok_or_else(|| Wrong::new(at, "a chunk of another kind"))?;
        bytes.extend_from_slice(reader.take(length(len))?);
    }
    Ok(bytes)
}

fn simple(reader: &mut Reader<'_>, sink: &mut impl Sink, info: u8) -> Result<(), Wrong> {
    let text = match info {
        20 => "false".into(),
        21 => "true".into(),
        22 => "null".into(),
        23 => "undefined".into(),
        0..20 => format!("simple({info})"),
        24 => format!("simple({})", reader.byte()?),
        25 => return float(sink, half(reader.number(2)? as u16)),
        26 => return float(sink, f32::from_bits(reader.number(4)? as u32)),
        27 => return float(sink, f64::from_bits(reader.number(8)?)),
        _ => return Err(Wrong::new(reader.at(), "a value that is reserved")),
    };
    sink.word(&text);
    Ok(())
}

/// A float of 16 bits (RFC 8949, appendix D).
pub(super) fn half(bits: u16) -> f32 {
    let exponent = bits >> 10 & 0x1f;
    let mantissa = f32::from(bits & 0x3ff);
    let value = match exponent {
        0 => mantissa * 2f32.powi(-24),
        31 if bits & 0x3ff == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (mantissa + 1024.0) * 2f32.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

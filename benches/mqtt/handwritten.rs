//! A parser that knows one packet: a 5.0 PUBLISH at QoS 1 or 2. The yardstick for the decoder.
//!
//! It makes the same checks that the standard asks of a receiver: lengths, UTF-8, U+0000,
//! wildcards, the packet identifier, and for each property whether it is known, allowed, not
//! repeated and in range.

/// The parts of the packet.
#[derive(Debug)]
pub(crate) struct Publish<'a> {
    pub(crate) _packet_id: u16,
    pub(crate) _topic: &'a str,
    pub(crate) _properties: &'a [u8],
    pub(crate) _payload: &'a [u8],
}

fn string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let text = std::str::from_utf8(text).ok()?;
    if text.as_bytes().contains(&0) {
        return None;
    }
    Some((text, rest))
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for i in 0..4 {
        let byte = *bytes.get(i)?;
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            if i > 0 && byte == 0 {
                return None;
            }
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

/// Parses one whole packet.
#[inline(never)]
pub(crate) fn parse(bytes: &[u8]) -> Option<Publish<'_>> {
    let (&byte1, rest) = bytes.split_first()?;
    if byte1 >> 4 != 3 || byte1 & 0b110 == 0b110 || byte1 & 0b110 == 0 {
        return None;
    }
    let (remaining, rest) = varint(rest)?;
    if rest.len() != remaining {
        return None;
    }
    let (topic, rest) = string(rest)?;
    if topic.bytes().any(|b| b == b'+' || b == b'#') {
        return None;
    }
    let (id, rest) = rest.split_first_chunk::<2>()?;
    let packet_id = u16::from_be_bytes(*id);
    if packet_id == 0 {
        return None;
    }
    let (len, rest) = varint(rest)?;
    let (properties, payload) = rest.split_at_checked(len)?;
    let mut list = properties;
    let mut seen = 0u64;
    while let Some((&id, value)) = list.split_first() {
        if id != 0x26 && id != 0x0b {
            if id > 63 || seen >> id & 1 != 0 {
                return None;
            }
            seen |= 1 << id;
        }
        list = match id {
            0x01 => value.get(1..)?,
            0x02 => value.get(4..)?,
            0x03 => string(value)?.1,
            0x08 => {
                let (topic, rest) = string(value)?;
                if topic.is_empty() || topic.bytes().any(|b| b == b'+' || b == b'#') {
                    return None;
                }
                rest
            }
            0x09 => {
                let (len, rest) = value.split_first_chunk::<2>()?;
                rest.get(usize::from(u16::from_be_bytes(*len))..)?
            }
            0x0b => {
                let (number, rest) = varint(value)?;
                if number == 0 {
                    return None;
                }
                rest
            }
            0x23 => {
                let (alias, rest) = value.split_first_chunk::<2>()?;
                if *alias == [0, 0] {
                    return None;
                }
                rest
            }
            0x26 => string(string(value)?.1)?.1,
            _ => return None,
        };
    }
    if topic.is_empty() && seen >> 0x23 & 1 == 0 {
        return None;
    }
    Some(Publish {
        _packet_id: packet_id,
        _topic: topic,
        _properties: properties,
        _payload: payload,
    })
}

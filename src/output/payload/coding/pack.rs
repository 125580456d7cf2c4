//! JSON text turned into CBOR and MessagePack, value by value.
//!
//! Keys stay in their order. Numbers are integers where they are written as such and fit 64 bits.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::Wrong;
use super::json;

/// How the values of a binary form begin, or are.
pub(super) trait Form {
    fn null(out: &mut Vec<u8>);
    fn bool(out: &mut Vec<u8>, value: bool);
    fn unsigned(out: &mut Vec<u8>, number: u64);
    /// Less than zero.
    fn negative(out: &mut Vec<u8>, number: i64);
    fn float(out: &mut Vec<u8>, number: f64);
    fn text(out: &mut Vec<u8>, text: &str);
    fn array(out: &mut Vec<u8>, len: usize);
    fn map(out: &mut Vec<u8>, len: usize);
}

pub(super) fn pack<F: Form>(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut out = Vec::with_capacity(payload.len());
    let mut reader = serde_json::Deserializer::from_slice(payload);
    reader
        .deserialize_any(Item::<F>(&mut out, PhantomData))
        .and_then(|()| reader.end())
        .map_err(|error| json::wrong(payload, &error))?;
    Ok(out)
}

/// Reads one value and appends it.
struct Item<'o, F>(&'o mut Vec<u8>, PhantomData<F>);

impl<'de, F: Form> DeserializeSeed<'de> for Item<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, F: Form> Visitor<'de> for Item<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        F::null(self.0);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        F::bool(self.0, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        F::unsigned(self.0, number);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        match u64::try_from(number) {
            Ok(number) => F::unsigned(self.0, number),
            Err(_) => F::negative(self.0, number),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        F::float(self.0, number);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        F::text(self.0, text);
        Ok(())
    }

    // The number of values stands before them, so that they are collected first.
    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut inside = Vec::new();
        let mut len = 0;
        while let Some(()) = values.next_element_seed(Item::<F>(&mut inside, PhantomData))? {
            len += 1;
        }
        F::array(self.0, len);
        self.0.append(&mut inside);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut inside = Vec::new();
        let mut len = 0;
        while let Some(()) = map.next_key_seed(Item::<F>(&mut inside, PhantomData))? {
            map.next_value_seed(Item::<F>(&mut inside, PhantomData))?;
            len += 1;
        }
        F::map(self.0, len);
        self.0.append(&mut inside);
        Ok(())
    }
}

/// CBOR, with the shortest form of each value (RFC 8949, 4.1).
pub(super) enum Cbor {}

impl Cbor {
    /// Major type and argument (3).
    fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
        let [.., b3, b2, b1, b0] = argument.to_be_bytes();
        let major = major << 5;
        match argument {
            0..24 => out.push(major | b0),
            24..=0xff => out.extend([major | 24, b0]),
            0x100..=0xffff => out.extend([major | 25, b1, b0]),
            0x1_0000..=0xffff_ffff => out.extend([major | 26, b3, b2, b1, b0]),
            _ => {
                out.push(major | 27);
                out.extend(argument.to_be_bytes());
            }
        }
    }
}

impl Form for Cbor {
    fn null(out: &mut Vec<u8>) {
        out.push(0xf6);
    }

    fn bool(out: &mut Vec<u8>, value: bool) {
        out.push(if value { 0xf5 } else { 0xf4 });
    }

    fn unsigned(out: &mut Vec<u8>, number: u64) {
        Cbor::head(out, 0, number);
    }

    fn negative(out: &mut Vec<u8>, number: i64) {
        // -1 - n, which of a negative number is all of its bits turned.
        Cbor::head(out, 1, !number as u64);
    }

    fn float(out: &mut Vec<u8>, number: f64) {
        let single = number as f32;
        if f64::from(single).to_bits() != number.to_bits() {
            out.push(0xfb);
            out.extend(number.to_be_bytes());
        } else if let Some(half) = half(single) {
            out.push(0xf9);
            out.extend(half.to_be_bytes());
        } else {
            out.push(0xfa);
            out.extend(single.to_be_bytes());
        }
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        Cbor::head(out, 3, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }

    fn array(out: &mut Vec<u8>, len: usize) {
        Cbor::head(out, 4, len as u64);
    }

    fn map(out: &mut Vec<u8>, len: usize) {
        Cbor::head(out, 5, len as u64);
    }
}

/// A finite float in 16 bits, if nothing of it is lost.
fn half(number: f32) -> Option<u16> {
    let bits = number.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = (bits >> 23 & 0xff) as i32 - 127;
    let mantissa = bits & 0x7f_ffff;
    if number == 0.0 {
        return Some(sign);
    }
    if (-14..=15).contains(&exponent) && mantissa & 0x1fff == 0 {
        return Some(sign | ((exponent + 15) as u16) << 10 | (mantissa >> 13) as u16);
    }
    // Subnormal ones are whole multiples of 2^-24 below 2^-14.
    let multiple = number.abs() * 2f32.powi(24);
    let is_subnormal = exponent < -14 && multiple.fract() == 0.0 && multiple < 1024.0;
    is_subnormal.then_some(sign | multiple as u16)
}

/// MessagePack, with the shortest form of each value; floats have 64 bits.
pub(super) enum Msgpack {}

impl Msgpack {
    /// A length: in the low bits of `fixed` up to `most`, else behind the first head it fits.
    fn len(out: &mut Vec<u8>, len: usize, fixed: (u8, usize), heads: [Option<u8>; 3]) {
        let [.., b3, b2, b1, b0] = (len as u64).to_be_bytes();
        match (len, heads) {
            (len, _) if len <= fixed.1 => out.push(fixed.0 | b0),
            (0..=0xff, [Some(head), _, _]) => out.extend([head, b0]),
            (0..=0xffff, [_, Some(head), _]) => out.extend([head, b1, b0]),
            // A payload has less than 2^28 bytes.
            (_, [_, _, head]) => out.extend([head.unwrap_or_default(), b3, b2, b1, b0]),
        }
    }
}

impl Form for Msgpack {
    fn null(out: &mut Vec<u8>) {
        out.push(0xc0);
    }

    fn bool(out: &mut Vec<u8>, value: bool) {
        out.push(if value { 0xc3 } else { 0xc2 });
    }

    fn unsigned(out: &mut Vec<u8>, number: u64) {
        let [.., b3, b2, b1, b0] = number.to_be_bytes();
        match number {
            0..=0x7f => out.push(b0),
            0x80..=0xff => out.extend([0xcc, b0]),
            0x100..=0xffff => out.extend([0xcd, b1, b0]),
            0x1_0000..=0xffff_ffff => out.extend([0xce, b3, b2, b1, b0]),
            _ => {
                out.push(0xcf);
                out.extend(number.to_be_bytes());
            }
        }
    }

    fn negative(out: &mut Vec<u8>, number: i64) {
        let [.., b3, b2, b1, b0] = number.to_be_bytes();
        match number {
            -32.. => out.push(b0),
            -0x80.. => out.extend([0xd0, b0]),
            -0x8000.. => out.extend([0xd1, b1, b0]),
            -0x8000_0000.. => out.extend([0xd2, b3, b2, b1, b0]),
            _ => {
                out.push(0xd3);
                out.extend(number.to_be_bytes());
            }
        }
    }

    fn float(out: &mut Vec<u8>, number: f64) {
        out.push(0xcb);
        out.extend(number.to_be_bytes());
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        let heads = [Some(0xd9), Some(0xda), Some(0xdb)];
        Msgpack::len(out, text.len(), (0xa0, 31), heads);
        out.extend_from_slice(text.as_bytes());
    }

    fn array(out: &mut Vec<u8>, len: usize) {
        Msgpack::len(out, len, (0x90, 15), [None, Some(0xdc), Some(0xdd)]);
    }

    fn map(out: &mut Vec<u8>, len: usize) {
        Msgpack::len(out, len, (0x80, 15), [None, Some(0xde), Some(0xdf)]);
    }
}

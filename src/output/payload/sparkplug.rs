//! The payload of Sparkplug B: a protobuf message, with the names of its definition
//! (<https://sparkplug.eclipse.org/specification/>, version 3.0.0, section 6.4).

use super::super::text::{Bytes, Hex, shorten};
use super::super::time::Time;
use super::reader::Reader;
use super::{Wrong, push};

/// Messages inside of each other, at most: templates may hold templates.
const MAX_DEPTH: usize = 32;
/// Characters of a value.
const MAX_VALUE: usize = 160;

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    /// Milliseconds since 1970.
    Time,
    DataType,
    /// A number of 32 or 64 bits whose sign the data type says.
    Value,
    Bool,
    Float,
    Double,
    Text,
    Bytes,
    Message(&'static Message),
}

/// A message: its fields, and which of them has the data type of its values.
struct Message {
    fields: &'static [(u64, &'static str, Kind)],
    data_type: u64,
}

static PAYLOAD: Message = Message {
    fields: &[
        (1, "timestamp", Kind::Time),
        (2, "metric", Kind::Message(&METRIC)),
        (3, "seq", Kind::Number),
        (4, "uuid", Kind::Text),
        (5, "body", Kind::Bytes),
    ],
    data_type: 0,
};

static METRIC: Message = Message {
    fields: &[
        (1, "name", Kind::Text),
        (2, "alias", Kind::Number),
        (3, "timestamp", Kind::Time),
        (4, "datatype", Kind::DataType),
        (5, "is_historical", Kind::Bool),
        (6, "is_transient", Kind::Bool),
        (7, "is_null", Kind::Bool),
        (8, "metadata", Kind::Message(&METADATA)),
        (9, "properties", Kind::Message(&PROPERTY_SET)),
        (10, "int_value", Kind::Value),
        (11, "long_value", Kind::Value),
        (12, "float_value", Kind::Float),
        (13, "double_value", Kind::Double),
        (14, "boolean_value", Kind::Bool),
        (15, "string_value", Kind::Text),
        (16, "bytes_value", Kind::Bytes),
        (17, "dataset_value", Kind::Message(&DATA_SET)),
        (18, "template_value", Kind::Message(&TEMPLATE)),
        (19, "extension_value", Kind::Bytes),
    ],
    data_type: 4,
};

static METADATA: Message = Message {
    fields: &[
        (1, "is_multi_part", Kind::Bool),
        (2, "content_type", Kind::Text),
        (3, "size", Kind::Number),
        (4, "seq", Kind::Number),
        (5, "file_name", Kind::Text),
        (6, "file_type", Kind::Text),
        (7, "md5", Kind::Text),
        (8, "description", Kind::Text),
    ],
    data_type: 0,
};

static PROPERTY_SET: Message = Message {
    fields: &[
        (1, "key", Kind::Text),
        (2, "value", Kind::Message(&PROPERTY_VALUE)),
    ],
    data_type: 0,
};

static PROPERTY_SET_LIST: Message = Message {
    fields: &[(1, "propertyset", Kind::Message(&PROPERTY_SET))],
    data_type: 0,
};

static PROPERTY_VALUE: Message = Message {
    fields: &[
        (1, "type", Kind::DataType),
        (2, "is_null", Kind::Bool),
        (3, "int_value", Kind::Value),
        (4, "long_value", Kind::Value),
        (5, "float_value", Kind::Float),
        (6, "double_value", Kind::Double),
        (7, "boolean_value", Kind::Bool),
        (8, "string_value", Kind::Text),
        (9, "propertyset_value", Kind::Message(&PROPERTY_SET)),
        (10, "propertysets_value", Kind::Message(&PROPERTY_SET_LIST)),
    ],
    data_type: 1,
};

static DATA_SET: Message = Message {
    fields: &[
        (1, "num_of_columns", Kind::Number),
        (2, "column", Kind::Text),
        (3, "type", Kind::DataType),
        (4, "row", Kind::Message(&ROW)),
    ],
    data_type: 0,
};

static ROW: Message = Message {
    fields: &[(1, "element", Kind::Message(&DATA_SET_VALUE))],
    data_type: 0,
};

static DATA_SET_VALUE: Message = Message {
    fields: &[
        (1, "int_value", Kind::Value),
        (2, "long_value", Kind::Value),
        (3, "float_value", Kind::Float),
        (4, "double_value", Kind::Double),
        (5, "boolean_value", Kind::Bool),
        (6, "string_value", Kind::Text),
    ],
    data_type: 0,
};

static TEMPLATE: Message = Message {
    fields: &[
        (1, "version", Kind::Text),
        (2, "metric", Kind::Message(&METRIC)),
        (3, "parameter", Kind::Message(&PARAMETER)),
        (4, "template_ref", Kind::Text),
        (5, "is_definition", Kind::Bool),
    ],
    data_type: 0,
};

static PARAMETER: Message = Message {
    fields: &[
        (1, "name", Kind::Text),
        (2, "type", Kind::DataType),
        (3, "int_value", Kind::Value),
        (4, "long_value", Kind::Value),
        (5, "float_value", Kind::Float),
        (6, "double_value", Kind::Double),
        (7, "boolean_value", Kind::Bool),
        (8, "string_value", Kind::Text),
    ],
    data_type: 2,
};

/// Names of the data types, by number.
const DATA_TYPES: [&str; 35] = [
    "Unknown",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
    "UUID",
    "DataSet",
    "Bytes",
    "File",
    "Template",
    "PropertySet",
    "PropertySetList",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "UInt8Array",
    "UInt16Array",
    "UInt32Array",
    "UInt64Array",
    "FloatArray",
    "DoubleArray",
    "BooleanArray",
    "StringArray",
    "DateTimeArray",
];

pub(super) fn rows(payload: &[u8]) -> Result<Vec<String>, Wrong> {
    let mut rows = Vec::new();
    message(Reader::new(payload), &PAYLOAD, 0, &mut rows)?;
    Ok(rows)
}

/// The value of a field as it stands on the wire.
enum Raw<'a> {
    Number(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Reader<'a>),
}

fn message(
    mut reader: Reader<'_>,
    schema: &'static Message,
    depth: usize,
    rows: &mut Vec<String>,
) -> Result<(), Wrong> {
    if depth > MAX_DEPTH {
        return Err(Wrong::new(
            reader.at(),
            "messages too deep inside of each other",
        ));
    }
    let data_type = data_type(reader, schema)?;
    while !reader.is_empty() {
        let at = reader.at();
        let (number, raw) = field(&mut reader)?;
        let known = schema.fields.iter().find(|(of, ..)| *of == number);
        let indent = "  ".repeat(depth);
        let Some((_, name, kind)) = known else {
            push(rows, &format!("{indent}field {number}: {}", unknown(raw)));
            continue;
        };
        let text = match (*kind, raw) {
            (Kind::Message(inner), Raw::Bytes(part)) => {
                push(rows, &format!("{indent}{name}"));
                message(part, inner, depth + 1, rows)?;
                continue;
            }
            // Numbers that repeat may be packed into one field.
            (Kind::DataType, Raw::Bytes(mut part)) => {
                while !part.is_empty() {
                    let value = varint(&mut part)?;
                    push(rows, &format!("{indent}{name}: {}", data_type_name(value)));
                }
                continue;
            }
            (Kind::Number, Raw::Number(value)) => value.to_string(),
            (Kind::Time, Raw::Number(value)) => time(value),
            (Kind::DataType, Raw::Number(value)) => data_type_name(value),
            (Kind::Value, Raw::Number(value)) => signed(value, data_type),
            (Kind::Bool, Raw::Number(value)) => (value != 0).to_string(),
            (Kind::Float, Raw::Fixed32(bits)) => format!("{:?}", f32::from_bits(bits)),
            (Kind::Double, Raw::Fixed64(bits)) => format!("{:?}", f64::from_bits(bits)),
            (Kind::Text, Raw::Bytes(mut part)) => {
                let bytes = part.rest();
                if std::str::from_utf8(bytes).is_err() {
                    return Err(Wrong::new(at, format!("a {name} that is no UTF-8")));
                }
                shorten(Bytes(bytes).to_string(), MAX_VALUE)
            }
            (Kind::Bytes, Raw::Bytes(mut part)) => hex(part.rest()),
            _ => return Err(Wrong::new(at, format!("a {name} of the wrong type"))),
        };
        push(rows, &format!("{indent}{name}: {text}"));
    }
    Ok(())
}

/// The data type of a message's values, which may stand behind them.
fn data_type(mut reader: Reader<'_>, schema: &'static Message) -> Result<u64, Wrong> {
    let mut data_type = 0;
    while schema.data_type != 0 && !reader.is_empty() {
        if let (number, Raw::Number(value)) = field(&mut reader)?
            && number == schema.data_type
        {
            data_type = value;
        }
    }
    Ok(data_type)
}

fn field<'a>(reader: &mut Reader<'a>) -> Result<(u64, Raw<'a>), Wrong> {
    let at = reader.at();
    let key = varint(reader)?;
    let raw = match key & 7 {
        0 => Raw::Number(varint(reader)?),
        1 => Raw::Fixed64(reader.number(8)?.swap_bytes()),
        2 => {
            let len = varint(reader)?;
            Raw::Bytes(reader.part(usize::try_from(len).unwrap_or(usize::MAX))?)
        }
        5 => Raw::Fixed32((reader.number(4)? as u32).swap_bytes()),
        other => return Err(Wrong::new(at, format!("the wire type {other}"))),
    };
    match key >> 3 {
        0 => Err(Wrong::new(at, "the field number 0")),
        number => Ok((number, raw)),
    }
}

fn varint(reader: &mut Reader<'_>) -> Result<u64, Wrong> {
    let at = reader.at();
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = reader.byte()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Wrong::new(at, "a number of more than ten bytes"))
}

fn data_type_name(number: u64) -> String {
    let name = usize::try_from(number)
        .ok()
        .and_then(|at| DATA_TYPES.get(at));
    format!("{number} ({})", name.unwrap_or(&"not defined"))
}

/// Whole numbers are sent without a sign; the data type says whether they have one.
fn signed(value: u64, data_type: u64) -> String {
    match data_type {
        1 => (value as i8).to_string(),
        2 => (value as i16).to_string(),
        3 => (value as i32).to_string(),
        4 => (value as i64).to_string(),
        13 => time(value),
        _ => value.to_string(),
    }
}

fn time(milliseconds: u64) -> String {
    let time = Time {
        nanoseconds: i128::from(milliseconds) * 1_000_000,
        digits: 3,
    };
    format!("{milliseconds} ({time})")
}

fn unknown(raw: Raw<'_>) -> String {
    match raw {
        Raw::Number(value) => value.to_string(),
        Raw::Fixed32(bits) => format!("0x{bits:08x}"),
        Raw::Fixed64(bits) => format!("0x{bits:016x}"),
        Raw::Bytes(mut part) => hex(part.rest()),
    }
}

fn hex(bytes: &[u8]) -> String {
    let seen = bytes.get(..MAX_VALUE / 3).unwrap_or(bytes);
    match seen.len() < bytes.len() {
        true => format!("{}… ({} bytes)", Hex(seen), bytes.len()),
        false => Hex(seen).to_string(),
    }
}

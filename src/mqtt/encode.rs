//! The encoder: a [`Packet`] to bytes, for every version.

use bytes::BufMut;

use super::packet::{Ack, Codes, ConnAck, Connect, Packet, Publish, Reason, Subscribe};
use super::property::Properties;
use super::qos::QoS;
use super::reason::ReasonCode;
use super::varint;
use super::version::Version;

/// Why a packet cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string or binary field of more than 65,535 bytes.
    #[error("{field} has {len} bytes, and 65535 is the limit of a string field")]
    FieldTooLong {
        /// Which field.
        field: &'static str,
        /// Its bytes.
        len: usize,
    },
    /// More than fits Remaining Length.
    #[error("the packet would have {len} bytes after its header, and 268435455 is the limit")]
    PacketTooLarge {
        /// Bytes after the fixed header.
        len: usize,
    },
}

/// Appends `packet` to `out` as `version` writes it. What the version has no place for
/// (properties, most reason codes) is left out.
///
/// # Errors
/// If a field or the packet is too long; `out` is then unchanged.
pub fn encode(
    packet: &Packet<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    match packet {
        Packet::Connect(connect) => encode_connect(connect, out),
        Packet::ConnAck(connack) => encode_connack(connack, version, out),
        Packet::Publish(publish) => encode_publish(publish, version, out),
        Packet::Ack(ack) => encode_ack(ack, version, out),
        Packet::Subscribe(subscribe) => encode_subscribe(0x82, subscribe, version, out),
        Packet::Unsubscribe(unsubscribe) => encode_subscribe(0xa2, unsubscribe, version, out),
        Packet::SubAck(codes) => encode_codes(0x90, codes, version, out),
        Packet::UnsubAck(codes) => {
            // It has no payload before 5.0 (3.1.1, 3.11.3).
            let sent = if version == Version::V5 {
                codes.codes
            } else {
                &[]
            };
            let codes = Codes {
                codes: sent,
                ..*codes
            };
            encode_codes(0xb0, &codes, version, out)
        }
        Packet::PingReq => fixed_header(0xc0, 0, out),
        Packet::PingResp => fixed_header(0xd0, 0, out),
        Packet::Disconnect(reason) => encode_reason(0xe0, reason, version, out),
        Packet::Auth(reason) => encode_reason(0xf0, reason, version, out),
    }
}

/// Bytes that [`encode`] makes of a PUBLISH, fixed header included: what Maximum Packet Size
/// counts.
pub fn publish_len(publish: &Publish<'_>, version: Version) -> usize {
    let len = publish_remaining_length(publish, version);
    1 + varint::encoded_len(u32::try_from(len).unwrap_or(varint::MAX)) + len
}

/// Bytes that [`encode`] makes of its properties, with their length; none before 5.0.
pub fn publish_properties_len(publish: &Publish<'_>, version: Version) -> usize {
    properties_len(publish.properties, version)
}

fn fixed_header(byte1: u8, len: usize, out: &mut impl BufMut) -> Result<(), EncodeError> {
    let remaining_length = u32::try_from(len)
        .ok()
        .filter(|&len| len <= varint::MAX)
        .ok_or(EncodeError::PacketTooLarge { len })?;
    out.put_u8(byte1);
    varint::encode(remaining_length, out);
    Ok(())
}

fn check_len(field: &'static str, bytes: &[u8]) -> Result<(), EncodeError> {
    let len = bytes.len();
    if len > usize::from(u16::MAX) {
        return Err(EncodeError::FieldTooLong { field, len });
    }
    Ok(())
}

/// Writes a field whose length [`check_len`] has seen.
fn put_prefixed(bytes: &[u8], out: &mut impl BufMut) {
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

/// Bytes of a property list with its Property Length; none before 5.0.
fn properties_len(properties: Properties<'_>, version: Version) -> usize {
    match version {
        Version::V31 | Version::V311 => 0,
        Version::V5 => {
            let len = properties.as_bytes().len();
            varint::encoded_len(u32::try_from(len).unwrap_or(varint::MAX)) + len
        }
    }
}

fn put_properties(properties: Properties<'_>, version: Version, out: &mut impl BufMut) {
    if version == Version::V5 {
        // The packet's length was checked, and the list is shorter than the packet.
        varint::encode(properties.as_bytes().len() as u32, out);
        out.put_slice(properties.as_bytes());
    }
}

fn encode_connect(connect: &Connect<'_>, out: &mut impl BufMut) -> Result<(), EncodeError> {
    let version = connect.version;
    let name = version.protocol_name();
    check_len("the client id", connect.client_id.as_bytes())?;
    let mut flags = u8::from(connect.clean_start) << 1;
    let mut len = 2
        + name.len()
        + 4
        + properties_len(connect.properties, version)
        + 2
        + connect.client_id.len();
    if let Some(will) = &connect.will {
        check_len("the will topic", will.topic.as_bytes())?;
        check_len("the will payload", will.payload)?;
        flags |= 0x04 | will.qos.as_u8() << 3 | u8::from(will.retain) << 5;
        len += properties_len(will.properties, version) + 4 + will.topic.len() + will.payload.len();
    }
    if let Some(password) = connect.password {
        check_len("the password", password)?;
        flags |= 0x40;
        len += 2 + password.len();
    }
    if let Some(username) = connect.username {
        check_len("the user name", username.as_bytes())?;
        flags |= 0x80;
        len += 2 + username.len();
    }
    fixed_header(0x10, len, out)?;
    put_prefixed(name.as_bytes(), out);
    out.put_u8(version.level() | u8::from(connect.bridge) << 7);
    out.put_u8(flags);
    out.put_u16(connect.keep_alive);
    put_properties(connect.properties, version, out);
    put_prefixed(connect.client_id.as_bytes(), out);
    if let Some(will) = &connect.will {
        put_properties(will.properties, version, out);
        put_prefixed(will.topic.as_bytes(), out);
        put_prefixed(will.payload, out);
    }
    if let Some(username) = connect.username {
        put_prefixed(username.as_bytes(), out);
    }
    if let Some(password) = connect.password {
        put_prefixed(password, out);
    }
    Ok(())
}

fn encode_connack(
    connack: &ConnAck<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    fixed_header(0x20, 2 + properties_len(connack.properties, version), out)?;
    // Byte 1 is unused in 3.1.
    out.put_u8(u8::from(
        connack.session_present && version >= Version::V311,
    ));
    out.put_u8(connack.code);
    put_properties(connack.properties, version, out);
    Ok(())
}

fn publish_remaining_length(publish: &Publish<'_>, version: Version) -> usize {
    let packet_id = if publish.qos == QoS::AtMostOnce { 0 } else { 2 };
    2 + publish.topic.len()
        + packet_id
        + properties_len(publish.properties, version)
        + publish.payload.len()
}

fn encode_publish(
    publish: &Publish<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    check_len("the topic", publish.topic.as_bytes())?;
    let byte1 =
        0x30 | u8::from(publish.dup) << 3 | publish.qos.as_u8() << 1 | u8::from(publish.retain);
    fixed_header(byte1, publish_remaining_length(publish, version), out)?;
    put_prefixed(publish.topic.as_bytes(), out);
    if publish.qos != QoS::AtMostOnce {
        out.put_u16(publish.packet_id);
    }
    put_properties(publish.properties, version, out);
    out.put_slice(publish.payload);
    Ok(())
}

fn encode_ack(ack: &Ack<'_>, version: Version, out: &mut impl BufMut) -> Result<(), EncodeError> {
    let packet_type = ack.kind.packet_type();
    let byte1 = packet_type.0 << 4 | packet_type.fixed_flags().unwrap_or(0);
    let body = short_form(ack.reason, ack.properties, version);
    fixed_header(byte1, 2 + body.len(), out)?;
    out.put_u16(ack.packet_id);
    body.put(out);
    Ok(())
}

fn encode_reason(
    byte1: u8,
    reason: &Reason<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let body = short_form(reason.reason, reason.properties, version);
    fixed_header(byte1, body.len(), out)?;
    body.put(out);
    Ok(())
}

fn encode_subscribe(
    byte1: u8,
    subscribe: &Subscribe<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let filters = subscribe.filters.as_bytes();
    let len = 2 + properties_len(subscribe.properties, version) + filters.len();
    fixed_header(byte1, len, out)?;
    out.put_u16(subscribe.packet_id);
    put_properties(subscribe.properties, version, out);
    out.put_slice(filters);
    Ok(())
}

fn encode_codes(
    byte1: u8,
    codes: &Codes<'_>,
    version: Version,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let len = 2 + properties_len(codes.properties, version) + codes.codes.len();
    fixed_header(byte1, len, out)?;
    out.put_u16(codes.packet_id);
    put_properties(codes.properties, version, out);
    out.put_slice(codes.codes);
    Ok(())
}

/// The end of an acknowledgement, DISCONNECT or AUTH, as short as 5.0 allows: nothing for success
/// without properties, only the code if there are no properties (3.4.2.1, 3.14.2.1, 3.15.2.1).
fn short_form(reason: ReasonCode, properties: Properties<'_>, version: Version) -> ShortForm<'_> {
    match version {
        Version::V31 | Version::V311 => ShortForm::Nothing,
        Version::V5 if !properties.is_empty() => ShortForm::Full(reason, properties),
        Version::V5 if reason != ReasonCode::SUCCESS => ShortForm::Code(reason),
        Version::V5 => ShortForm::Nothing,
    }
}

enum ShortForm<'a> {
    Nothing,
    Code(ReasonCode),
    Full(ReasonCode, Properties<'a>),
}

impl ShortForm<'_> {
    fn len(&self) -> usize {
        match self {
            ShortForm::Nothing => 0,
            ShortForm::Code(_) => 1,
            ShortForm::Full(_, properties) => 1 + properties_len(*properties, Version::V5),
        }
    }

    fn put(&self, out: &mut impl BufMut) {
        match self {
            ShortForm::Nothing => {}
            ShortForm::Code(reason) => out.put_u8(reason.0),
            ShortForm::Full(reason, properties) => {
                out.put_u8(reason.0);
                put_properties(*properties, Version::V5, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsuback_has_codes_in_5_0_only() {
        let packet = Packet::UnsubAck(Codes {
            packet_id: 7,
            properties: Properties::EMPTY,
            codes: &[0x00, 0x11],
        });
        for (version, expected) in [
            (Version::V31, &[0xb0, 2, 0, 7][..]),
            (Version::V311, &[0xb0, 2, 0, 7]),
            (Version::V5, &[0xb0, 5, 0, 7, 0, 0x00, 0x11]),
        ] {
            let mut out = Vec::new();
            encode(&packet, version, &mut out).unwrap();
            assert_eq!(out, expected, "{version}");
        }
    }
}

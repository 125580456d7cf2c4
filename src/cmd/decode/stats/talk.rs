//! One connection, or one client of MQTT-SN: what it sent, for how long, and how it ended.

use crate::mqtt::{PacketType, ReasonCode, Side, Version};
use crate::mqttsn::{self, MessageType, ReturnCode};
use crate::output::stats::Connection;
use crate::output::time::Time;
use crate::output::{Place, sn};

/// A connection of fewer seconds has no rate: a burst says nothing of what comes in a second.
const MIN_SECONDS: f64 = 0.1;

#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) row: Connection,
    /// Who closed the connection first, and whether it was broken off.
    pub(super) closed: Option<(Option<Side>, bool)>,
    first: Option<Time>,
    last: Option<Time>,
}

impl Talk {
    /// Counts a packet or message.
    pub(super) fn count(
        &mut self,
        place: &Place,
        from: Option<Side>,
        len: usize,
        version: &str,
        client: Option<&str>,
    ) {
        let row = &mut self.row;
        row.stream = place.stream;
        if row.version != version {
            row.version = version.to_owned();
        }
        if row.client_id.as_deref() != client {
            row.client_id = client.map(str::to_owned);
        }
        if let (None, Some((src, dst))) = (&row.client, place.endpoints) {
            let (client, server) = match from {
                Some(Side::Client) | None => (src, dst),
                Some(Side::Server) => (dst, src),
            };
            row.client = Some(client.to_string());
            row.server = Some(server.to_string());
        }
        let (packets, sum) = match from {
            Some(Side::Client) => (&mut row.packets_from_client, &mut row.bytes_from_client),
            Some(Side::Server) => (&mut row.packets_from_server, &mut row.bytes_from_server),
            None => (&mut row.packets_from_unknown, &mut row.bytes_from_unknown),
        };
        *packets += 1;
        *sum += len as u64;
        if let Some(now) = place.time {
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
    }

    /// The row at the end of the input.
    pub(super) fn finish(mut self) -> Connection {
        let row = &mut self.row;
        row.seconds = seconds(self.first, self.last);
        let packets = row.packets_from_client + row.packets_from_server + row.packets_from_unknown;
        let long = row.seconds.filter(|seconds| *seconds >= MIN_SECONDS);
        row.packets_per_second = rate(packets, long);
        if row.end.is_empty() {
            let who =
                |from: Option<Side>| from.map_or(String::new(), |side| format!(" by the {side}"));
            row.end = match self.closed {
                Some((from, true)) => format!("reset{}, no DISCONNECT", who(from)),
                Some((from, false)) => format!("closed{}, no DISCONNECT", who(from)),
                // Datagrams and bytes from a text have no end of their own.
                None if row.protocol == "mqtt" && row.client.is_some() => "open at the end".into(),
                None => "no DISCONNECT".into(),
            };
        }
        self.row
    }
}

/// From the first to the last.
pub(super) fn seconds(first: Option<Time>, last: Option<Time>) -> Option<f64> {
    let (first, last) = (first?, last?);
    Some(last.since(first) as f64 / 1e9)
}

/// How many a second, if there was time for it.
pub(super) fn rate(count: u64, seconds: Option<f64>) -> Option<f64> {
    let seconds = seconds.filter(|seconds| *seconds > 0.0)?;
    Some(count as f64 / seconds)
}

/// Takes note of what ends a connection, or begins another one.
pub(super) fn end(
    row: &mut Connection,
    packet_type: PacketType,
    version: Version,
    from: Side,
    code: Option<u8>,
) {
    match packet_type {
        PacketType::DISCONNECT => {
            let code = ReasonCode(code.unwrap_or_default());
            row.end = format!("DISCONNECT from the {from}");
            if code != ReasonCode::SUCCESS {
                let name = code.name(packet_type, version).unwrap_or("not defined");
                row.end.push_str(&format!(", 0x{:02x} {name}", code.0));
            }
        }
        PacketType::CONNACK if code.is_some_and(|code| code > 0) => {
            let code = ReasonCode(code.unwrap_or_default());
            let name = code.name(packet_type, version).unwrap_or("not defined");
            row.end = format!("refused, 0x{:02x} {name}", code.0);
        }
        PacketType::CONNECT => row.end.clear(),
        _ => {}
    }
}

/// The same of a message of MQTT-SN: a client may also go to sleep.
pub(super) fn end_message(row: &mut Connection, decoded: &sn::Decoded<'_>) {
    use mqttsn::decode::Field;
    let find = |field: Field| {
        let mut fields = decoded.record.fields.iter();
        let record = fields.find(|record| record.field == field)?;
        record.value.number()
    };
    match decoded.message_type() {
        Some(MessageType::DISCONNECT) => {
            let from = match decoded.place.from {
                Some(Side::Server) => "gateway",
                _ => "client",
            };
            match (from, find(Field::Duration)) {
                ("client", Some(seconds)) => row.end = format!("asleep for {seconds} s"),
                // The gateway's answer to that of a client that left or went to sleep.
                ("gateway", _) if !row.end.is_empty() => {}
                _ => row.end = format!("DISCONNECT from the {from}"),
            }
        }
        Some(MessageType::CONNACK) => {
            if let Some(code) = find(Field::ReturnCode).filter(|code| *code > 0) {
                let code = ReturnCode(code as u8);
                let name = code.name().unwrap_or("not defined");
                row.end = format!("refused, 0x{:02x} {name}", code.0);
            }
        }
        Some(MessageType::CONNECT) => row.end.clear(),
        _ => {}
    }
}

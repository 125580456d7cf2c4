//! Writes a large pcapng capture of ordinary MQTT traffic: many sensors that publish small
//! readings through a broker to one subscriber, full segments, many packets in each.
//!
//!     cargo run --release --example big_capture -- FILE [MEGABYTES]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::net::SocketAddr;

use midge::capture::{CaptureWriter, Timestamp, WrittenStream};
use midge::mqtt::encode::encode;
use midge::mqtt::packet::{
    Ack, AckKind, Codes, ConnAck, Connect, FiltersBuf, Publish, Subscribe, SubscriptionOptions,
};
use midge::mqtt::property::Value;
use midge::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

/// What an Ethernet segment carries.
const SEGMENT: usize = 1448;
/// Publishing connections; every other one speaks 5.0.
const CLIENTS: u16 = 40;
/// Readings that a client sends at a time.
const BURST: usize = 60;
const MICROSECOND: i64 = 1_000;

/// What a sensor that speaks 5.0 says of its readings.
fn reading_properties(version: Version) -> Result<PropertiesBuf, Box<dyn Error>> {
    let mut properties = PropertiesBuf::new();
    if version == Version::V5 {
        properties.push(PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(3600))?;
        properties.push(PropertyId::CONTENT_TYPE, Value::Str(b"application/json"))?;
        properties.push(PropertyId::USER_PROPERTY, Value::Pair(b"unit", b"celsius"))?;
    }
    Ok(properties)
}

/// A connection in the capture, and what its two sides are about to send.
struct Talk {
    stream: WrittenStream,
    version: Version,
    client: Vec<u8>,
    server: Vec<u8>,
    packet_id: u16,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: big_capture FILE [MEGABYTES]")?;
    let megabytes: u64 = args.next().map_or(Ok(120), |number| number.parse())?;
    let mut file = File::create(&path)?;
    let mut out = CaptureWriter::new(BufWriter::with_capacity(1 << 20, file.try_clone()?))?;
    let mut clock = 1_700_000_000_000_000 * MICROSECOND;
    let mut tick = || {
        clock += 7 * MICROSECOND;
        Timestamp {
            nanos: clock,
            digits: 9,
        }
    };
    let broker: SocketAddr = "10.0.0.1:1883".parse()?;
    let mut talks = Vec::new();
    for client in 0..CLIENTS {
        let address: SocketAddr = format!(
            "10.0.{}.{}:{}",
            1 + client / 250,
            1 + client % 250,
            40_000 + client
        )
        .parse()?;
        let mut talk = Talk {
            stream: out.open(tick(), address, broker)?,
            version: [Version::V311, Version::V5][usize::from(client % 2)],
            client: Vec::new(),
            server: Vec::new(),
            packet_id: 0,
        };
        talk.greet(client)?;
        talk.send(&mut out, &mut tick)?;
        talks.push(talk);
    }
    // The last connection subscribes to all.
    let mut subscriber = talks.pop().ok_or("no connections")?;
    let mut reading = 0u64;
    let mut done = false;
    while !done {
        for (client, talk) in talks.iter_mut().enumerate() {
            for _ in 0..BURST {
                reading += 1;
                talk.publish(&mut subscriber, client, reading)?;
            }
            talk.send(&mut out, &mut tick)?;
            subscriber.send_whole_segments(&mut out, &mut tick)?;
        }
        out.flush()?;
        done = file.stream_position()? >= megabytes * 1_000_000;
    }
    subscriber.send(&mut out, &mut tick)?;
    for talk in talks.into_iter().chain([subscriber]) {
        out.close(tick(), talk.stream, Side::Client)?;
    }
    out.flush()?;
    file.flush()?;
    Ok(())
}

impl Talk {
    fn greet(&mut self, client: u16) -> Result<(), Box<dyn Error>> {
        let id = format!("sensor-{client}");
        let connect = Packet::Connect(Connect {
            version: self.version,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            properties: Properties::EMPTY,
            client_id: &id,
            will: None,
            username: None,
            password: None,
        });
        let connack = Packet::ConnAck(ConnAck {
            session_present: false,
            code: 0,
            properties: Properties::EMPTY,
        });
        encode(&connect, self.version, &mut self.client)?;
        encode(&connack, self.version, &mut self.server)?;
        if client == CLIENTS - 1 {
            let all = [("plant/#", SubscriptionOptions::default())];
            let filters = FiltersBuf::subscribe(all, self.version)?;
            let subscribe = Packet::Subscribe(Subscribe {
                packet_id: 1,
                properties: Properties::EMPTY,
                filters: filters.with_options(),
            });
            encode(&subscribe, self.version, &mut self.client)?;
            let granted = Codes {
                packet_id: 1,
                properties: Properties::EMPTY,
                codes: &[0],
            };
            encode(&Packet::SubAck(granted), self.version, &mut self.server)?;
        }
        Ok(())
    }

    /// One reading; every tenth at QoS 1, with its PUBACK, and all of them to the subscriber.
    fn publish(
        &mut self,
        subscriber: &mut Talk,
        client: usize,
        reading: u64,
    ) -> Result<(), Box<dyn Error>> {
        let topic = format!("plant/line{}/sensor{client}/temperature", client % 7);
        let payload = format!(
            "{{\"t\":{}.{},\"n\":{reading}}}",
            15 + reading % 20,
            reading % 10
        );
        let properties = reading_properties(self.version)?;
        let mut publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &topic,
            packet_id: 0,
            properties: properties.as_properties(),
            payload: payload.as_bytes(),
        };
        encode(
            &Packet::Publish(publish),
            subscriber.version,
            &mut subscriber.server,
        )?;
        if reading.is_multiple_of(10) {
            self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
            publish.qos = QoS::AtLeastOnce;
            publish.packet_id = self.packet_id;
            let puback = Packet::Ack(Ack::new(
                AckKind::PubAck,
                self.packet_id,
                ReasonCode::SUCCESS,
            ));
            encode(&puback, self.version, &mut self.server)?;
        }
        encode(&Packet::Publish(publish), self.version, &mut self.client)?;
        Ok(())
    }

    /// Sends all, in segments.
    fn send<W: Write>(
        &mut self,
        out: &mut CaptureWriter<W>,
        tick: &mut impl FnMut() -> Timestamp,
    ) -> std::io::Result<()> {
        for (side, bytes) in [
            (Side::Client, &mut self.client),
            (Side::Server, &mut self.server),
        ] {
            for segment in bytes.chunks(SEGMENT) {
                out.data(tick(), &mut self.stream, side, segment)?;
            }
            bytes.clear();
        }
        Ok(())
    }

    /// Sends what fills segments.
    fn send_whole_segments<W: Write>(
        &mut self,
        out: &mut CaptureWriter<W>,
        tick: &mut impl FnMut() -> Timestamp,
    ) -> std::io::Result<()> {
        let whole = self.server.len() / SEGMENT * SEGMENT;
        let rest = self.server.split_off(whole);
        self.send(out, tick)?;
        self.server = rest;
        Ok(())
    }
}

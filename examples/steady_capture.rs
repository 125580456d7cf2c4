//! Writes a pcapng capture of clients that publish at equal distances, and do nothing else.
//!
//!     cargo run --release --example steady_capture -- FILE MESSAGES RATE CLIENTS [QOS]

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;

use midge::capture::{CaptureWriter, Timestamp};
use midge::mqtt::encode::encode;
use midge::mqtt::packet::{Ack, AckKind, ConnAck, Connect, Publish};
use midge::mqtt::{Packet, Properties, QoS, ReasonCode, Side, Version};

const VERSION: Version = Version::V311;
const SECOND: u64 = 1_000_000_000;
/// Messages that are sent before another client's turn.
const BURST: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, messages, rate, clients, rest @ ..] = args.as_slice() else {
        return Err("usage: steady_capture FILE MESSAGES RATE CLIENTS [QOS]".into());
    };
    let (messages, rate): (u64, u64) = (messages.parse()?, rate.parse()?);
    let clients: u16 = clients.parse()?;
    let qos = match rest {
        [] => QoS::AtMostOnce,
        [qos, ..] => QoS::from_u8(qos.parse()?).ok_or("QOS is 0 or 1")?,
    };
    let mut out = CaptureWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    let at = |nanos: u64| Timestamp {
        nanos: 1_700_000_000_000_000_000 + i64::try_from(nanos).unwrap_or(i64::MAX),
        digits: 9,
    };
    let mut streams = Vec::new();
    let mut bytes = Vec::new();
    for client in 0..clients {
        let address = ([10, 0, 1, 1], 40_000 + client).into();
        let mut stream = out.open(at(0), address, ([10, 0, 0, 1], 1883).into())?;
        let connect = Packet::Connect(Connect {
            version: VERSION,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            properties: Properties::EMPTY,
            client_id: &format!("steady-{client}"),
            will: None,
            username: None,
            password: None,
        });
        let connack = Packet::ConnAck(ConnAck {
            session_present: false,
            code: 0,
            properties: Properties::EMPTY,
        });
        for (from, packet) in [(Side::Client, connect), (Side::Server, connack)] {
            bytes.clear();
            encode(&packet, VERSION, &mut bytes)?;
            out.data(at(0), &mut stream, from, &bytes)?;
        }
        streams.push(stream);
    }
    // The first second is for connecting. Messages of one instant share a segment.
    let burst = if rate > 100_000 { BURST } else { 1 };
    let mut answers = Vec::new();
    for first in (0..messages).step_by(usize::try_from(burst)?) {
        let client = usize::try_from(first / burst % u64::from(clients))?;
        let now = at(SECOND + first * SECOND / rate);
        bytes.clear();
        answers.clear();
        for number in first..(first + burst).min(messages) {
            let packet_id = u16::try_from(number % 60_000 + 1)?;
            let (topic, payload) = (format!("steady/{client}"), format!("{number:064}"));
            let publish = Publish {
                dup: false,
                qos,
                retain: false,
                topic: &topic,
                packet_id: if qos == QoS::AtMostOnce { 0 } else { packet_id },
                properties: Properties::EMPTY,
                payload: payload.as_bytes(),
            };
            encode(&Packet::Publish(publish), VERSION, &mut bytes)?;
            if qos == QoS::AtLeastOnce {
                let ack = Ack::new(AckKind::PubAck, packet_id, ReasonCode::SUCCESS);
                encode(&Packet::Ack(ack), VERSION, &mut answers)?;
            }
        }
        out.data(now, &mut streams[client], Side::Client, &bytes)?;
        if !answers.is_empty() {
            out.data(now, &mut streams[client], Side::Server, &answers)?;
        }
    }
    let end = at(SECOND + messages * SECOND / rate);
    for stream in streams {
        out.close(end, stream, Side::Client)?;
    }
    out.flush()?;
    Ok(())
}

//! TLS: any bytes in both directions of a connection, and real sessions of which records were
//! damaged, lost, repeated or moved. No panic, an end, and no packet that was not sent.
#![no_main]

use std::{collections::HashSet, io::Cursor, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use midge::{
    capture::{CaptureWriter, FrameReader, Options, Packets, Record, Timestamp, ip, link},
    mqtt::Side,
};

const TLS12: &[u8] = include_bytes!("../../tests/captures/mosq20_tls12.pcap");
const TLS12_KEYS: &[u8] = include_bytes!("../../tests/captures/mosq20_tls12.keys");
const TLS13: &[u8] = include_bytes!("../../tests/captures/mosq21_tls13_v5_dsb.pcapng");

/// A session: what was sent in which order, the secrets, and the packets in it.
struct Session {
    segments: Vec<(Side, Vec<u8>)>,
    keys: Vec<u8>,
    packets: HashSet<Vec<u8>>,
}

static SESSIONS: LazyLock<[Session; 2]> =
    LazyLock::new(|| [session(TLS12, TLS12_KEYS), session(TLS13, b"")]);

/// The first connection of a capture.
fn session(file: &[u8], keys: &[u8]) -> Session {
    let mut frames = FrameReader::new(file);
    let mut segments = Vec::new();
    let mut client = None;
    let mut keys = keys.to_vec();
    while let Some(frame) = frames.next_frame().unwrap() {
        let packet = link::ip_packet(frame.link, frame.data).and_then(|ip| ip::packet(ip, 0));
        if let Ok(packet) = packet
            && let Ok(ip::Transport::Tcp(segment)) = ip::transport(&packet)
        {
            let (client, server) = *client.get_or_insert((segment.src, segment.dst));
            if !segment.payload.is_empty() && (segment.src, segment.dst) == (client, server) {
                segments.push((Side::Client, segment.payload.to_vec()));
            } else if !segment.payload.is_empty() && (segment.src, segment.dst) == (server, client)
            {
                segments.push((Side::Server, segment.payload.to_vec()));
            }
        }
        keys.extend(frames.take_secrets().concat());
    }
    let mut session = Session {
        segments,
        keys,
        packets: HashSet::new(),
    };
    session.packets = read(&session.segments, &session.keys).collect();
    assert!(session.packets.len() > 5);
    session
}

/// The whole packets that are found in what is sent so.
fn read(segments: &[(Side, Vec<u8>)], keys: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let time = Timestamp {
        nanos: 0,
        digits: 9,
    };
    let mut file = Vec::new();
    let mut writer = CaptureWriter::new(&mut file).unwrap();
    let addrs = ["10.0.0.1:50000", "10.0.0.2:8883"].map(|addr| addr.parse().unwrap());
    let mut stream = writer.open(time, addrs[0], addrs[1]).unwrap();
    for (side, bytes) in segments {
        writer.data(time, &mut stream, *side, bytes).unwrap();
    }
    writer.close(time, stream, midge::mqtt::Side::Client).unwrap();
    let mut packets = Packets::new(Cursor::new(file), Options::default());
    packets
        .follow_key_log(Box::new(Cursor::new(keys.to_vec())))
        .unwrap();
    std::iter::from_fn(move || packets.next().unwrap()).filter_map(|record| match record {
        Record::Packet(packet) if !packet.is_cut() => Some(packet.bytes.to_vec()),
        _ => None,
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, mut rest)) = bytes.split_first() else {
        return;
    };
    if mode % 4 == 0 {
        // Any bytes, with secrets that may be theirs.
        let mut segments = Vec::new();
        while let Some((&[head, len], after)) = rest.split_first_chunk() {
            let (segment, after) = after.split_at(after.len().min(len.into()));
            let side = if head & 1 == 0 {
                Side::Client
            } else {
                Side::Server
            };
            segments.push((side, segment.to_vec()));
            rest = after;
        }
        let keys = &SESSIONS[usize::from(mode / 4 % 2)].keys;
        read(&segments, keys).for_each(drop);
        return;
    }
    let session = &SESSIONS[usize::from(mode / 4 % 2)];
    let mut segments = session.segments.clone();
    while let Some((&[what, at, from, value], after)) = rest.split_first_chunk() {
        rest = after;
        if segments.is_empty() {
            break;
        }
        let at = usize::from(at) % segments.len();
        let from = usize::from(from) * 7;
        let (side, segment) = &mut segments[at];
        match what % 7 {
            0 => drop(segments.remove(at)),
            1 => {
                let index = from % segment.len().max(1);
                if let Some(byte) = segment.get_mut(index) {
                    *byte ^= value.max(1);
                }
            }
            2 => segment.truncate(from),
            3 => drop(segment.drain(..from.min(segment.len()))),
            4 => {
                let again = (*side, segment.clone());
                segments.insert(at, again);
            }
            5 => {
                let other = usize::from(value) % segments.len();
                segments.swap(at, other);
            }
            _ => {
                let index = from.min(segment.len());
                let inserted = after.get(..value.into()).unwrap_or_default();
                segment.splice(index..index, inserted.iter().copied());
            }
        }
    }
    for packet in read(&segments, &session.keys) {
        assert!(session.packets.contains(&packet), "invented: {packet:02x?}");
    }
});

//! Captures made here, whose truth is known: every packet must be found, once, whole, with its
//! direction and frame, and nothing else.

use std::io;

use midge::{
    capture::{
        CaptureError, CapturedPacket, Gap, Location, Options, Packets, Record, SkipReason, Stats,
        VersionFrom,
    },
    mqtt::{Side, Version},
};
use proptest::prelude::*;

mod connections;
mod detection;
mod files;
mod framing;
mod links;
mod loss;
mod midstream;
mod order;
mod pack;
mod reading;
mod scene;
mod segments;
mod tls;
mod version;
mod websocket;
mod wire;

use scene::*;
use wire::*;

// ---- running and comparing ----

fn read_with(file: &[u8], options: Options) -> (Vec<Record>, Option<CaptureError>, Stats) {
    let mut packets = Packets::new(file, options);
    let mut records = Vec::new();
    loop {
        match packets.next() {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return (records, None, packets.stats()),
            Err(error) => return (records, Some(error), packets.stats()),
        }
    }
}

fn read(capture: &Capture) -> Vec<Record> {
    let (records, error, _) = read_with(&capture.file(), Options::default());
    assert!(error.is_none(), "{error:?}");
    records
}

fn packets(records: &[Record]) -> Vec<&CapturedPacket> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Packet(packet) => Some(packet),
            _ => None,
        })
        .collect()
}

fn gaps(records: &[Record]) -> Vec<&Gap> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Gap(gap) => Some(gap),
            _ => None,
        })
        .collect()
}

/// Sender, frame and bytes of what was found.
fn found(records: &[Record]) -> Vec<Truth> {
    packets(records)
        .iter()
        .map(|p| (p.at.src, p.at.frame, p.bytes.to_vec()))
        .collect()
}

/// The same packets, and nothing else. Each direction in its order.
fn assert_truth(what: &str, records: &[Record], truth: &[Truth]) {
    assert_eq!(packets(records).len(), records.len(), "{what}: {records:?}");
    let found = found(records);
    assert_eq!(found.len(), truth.len(), "{what}: number of packets");
    let mut senders: Vec<_> = truth.iter().map(|truth| truth.0).collect();
    senders.sort();
    senders.dedup();
    for sender in senders {
        let of = |all: &[Truth]| -> Vec<Truth> {
            all.iter().filter(|one| one.0 == sender).cloned().collect()
        };
        for (found, truth) in of(&found).iter().zip(of(truth)) {
            assert_eq!(found, &truth, "{what}");
        }
    }
}

fn check(what: &str, talk: &Talk, steps: &[Step]) {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = play(talk, steps, &mut capture);
    let records = read(&capture);
    assert_truth(what, &records, &truth);
    for packet in packets(&records) {
        let client = packet.at.src == talk.addrs[0];
        assert_eq!(
            packet.at.from,
            Some(if client { Side::Client } else { Side::Server }),
            "{what}"
        );
        assert_eq!(packet.at.dst, talk.addrs[usize::from(client)], "{what}");
        assert_eq!(packet.at.stream, 0, "{what}");
        assert_eq!(
            packet.at.time.unwrap().nanos,
            packet.at.frame as i64 * 1_000_000,
            "{what}"
        );
        assert_eq!(
            (packet.version, packet.version_from),
            (Version::V311, VersionFrom::Connect)
        );
        assert!(!packet.is_cut(), "{what}");
    }
}

// ---- what is sent ----

fn publishes(n: usize) -> Talk {
    let v = Version::V311;
    let mut client = vec![connect(v, "loss")];
    client
        .extend((0..n).map(|i| publish(v, "some/topic", format!("payload number {i}").as_bytes())));
    Talk::new(&client, &[connack(v)])
}

fn small_talk() -> Talk {
    let v = Version::V311;
    Talk::new(
        &[
            connect(v, "any"),
            publish(v, "a/b", b"0123456789"),
            publish_qos1("a/c", 7, &[0x30; 150]),
            PINGREQ.to_vec(),
            DISCONNECT.to_vec(),
        ],
        &[connack(v), puback(7), PINGRESP.to_vec()],
    )
}

/// Segments that cover both streams, in any order and with repetitions.
fn schedule(talk: &Talk) -> impl Strategy<Value = Vec<Step>> + use<> {
    let lens = [talk.stream(0).len(), talk.stream(1).len()];
    let cuts = |len: usize| prop::collection::vec(0..len, 0..12);
    let extra = prop::collection::vec((0..2usize, any::<(u16, u16)>()), 0..8);
    (cuts(lens[0]), cuts(lens[1]), extra)
        .prop_map(move |(client, server, extra)| {
            let mut steps = Vec::new();
            for (from, mut cuts) in [(0, client), (1, server)] {
                cuts.extend([0, lens[from]]);
                cuts.sort_unstable();
                cuts.dedup();
                steps.extend(cuts.windows(2).map(|pair| (from, pair[0], pair[1])));
            }
            for (from, (a, b)) in extra {
                let [a, b] = [a, b].map(|at| usize::from(at) % (lens[from] + 1));
                if a != b {
                    steps.push((from, a.min(b), a.max(b)));
                }
            }
            steps
        })
        .prop_flat_map(|steps| Just(steps).prop_shuffle())
}

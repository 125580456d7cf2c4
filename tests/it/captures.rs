//! Real captures: what midge finds, packet by packet, against what tshark found.

use std::{collections::BTreeMap, fs, path::PathBuf};

use midge::capture::{CapturedPacket, Options, Packets, Record};

/// Frame, first byte, remaining length, sender.
type Seen = (u64, u8, u64, String);

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
}

fn records(name: &str) -> Vec<Record> {
    let file = fs::File::open(path(name)).unwrap();
    let mut packets = Packets::new(file, Options::default());
    let mut records = Vec::new();
    while let Some(record) = packets
        .next()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
    {
        records.push(record);
    }
    records
}

fn seen(packet: &CapturedPacket) -> Seen {
    let header = midge::mqtt::frame::FixedHeader::parse(&packet.bytes)
        .unwrap()
        .unwrap();
    (
        packet.frame,
        header.byte1,
        header.remaining_length.into(),
        packet.src.to_string(),
    )
}

fn reference(name: &str) -> Vec<Seen> {
    let text = fs::read_to_string(path(&format!("ref/{name}.jsonl"))).unwrap();
    text.lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let number = |key: &str| line[key].as_u64().unwrap();
            let addr = line["src"].as_str().unwrap();
            let src = std::net::SocketAddr::new(addr.parse().unwrap(), number("sport") as u16);
            (
                number("frame"),
                number("b0") as u8,
                number("len"),
                src.to_string(),
            )
        })
        .collect()
}

#[test]
fn differences() {
    let mut names: Vec<_> = fs::read_dir(path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            name.contains(".pcap") && !["tls", "ws", "mqttsn"].iter().any(|no| name.contains(no))
        })
        .collect();
    names.sort();
    for name in names {
        let mut counts: BTreeMap<Seen, i32> = BTreeMap::new();
        for seen in reference(&name) {
            *counts.entry(seen).or_default() -= 1;
        }
        let records = records(&name);
        for record in &records {
            match record {
                Record::Packet(packet) => *counts.entry(seen(packet)).or_default() += 1,
                other => println!("{name}: {other:?}"),
            }
        }
        let n = records
            .iter()
            .filter(|r| matches!(r, Record::Packet(_)))
            .count();
        println!("== {name}: {n} of {}", reference(&name).len());
        for (seen, count) in counts {
            if count != 0 {
                println!(
                    "   {} {seen:?} {count}",
                    if count > 0 {
                        "midge only"
                    } else {
                        "tshark only"
                    }
                );
            }
        }
    }
}

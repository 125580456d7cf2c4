//! The wrong packets of the corpus, sent to a broker: it closes the connection
//! (`[MQTT-4.13.1-1]`, 3.1.1 `[MQTT-4.8.0-1]`), and goes on with the others.

use std::fmt::Write;

use midge::broker::Config;
use midge::mqtt::frame::packet_len;
use midge::mqtt::{PacketType, Side, Version};

use super::in_core::InCore;
use super::over_sockets::OverSockets;
use super::packet_text;
use super::run::{Came, Place};
use crate::corpus::{Verdict, entries};

#[test]
fn the_core_takes_no_wrong_packet() {
    takes_no_wrong_packet(InCore::new(Config::default(), usize::MAX));
}

#[test]
fn the_served_broker_takes_no_wrong_packet() {
    takes_no_wrong_packet(OverSockets::new(Config::default()));
}

fn takes_no_wrong_packet(mut place: impl Place) {
    let mut problems = String::new();
    let mut sent = 0;
    for entry in entries() {
        let is_wrong = entry.from == Side::Client && entry.verdict == Verdict::Error;
        // What is cut off may still become a packet.
        let is_whole = !matches!(packet_len(&entry.bytes, usize::MAX), Ok(None));
        if !is_wrong || !is_whole {
            continue;
        }
        sent += 1;
        let connection = place.open();
        let is_connect = entry
            .bytes
            .first()
            .is_some_and(|&byte1| PacketType::from_byte1(byte1) == PacketType::CONNECT);
        if !is_connect {
            let version = match entry.version {
                Version::V31 => "v31",
                Version::V311 => "v311",
                Version::V5 => "v5",
            };
            let connect = format!("CONNECT {version} id=c{sent}");
            let connect = packet_text::parse(&connect, "", &mut Version::V5.clone()).unwrap();
            place.send(connection, &connect);
            let came = place.come();
            assert!(matches!(came[..], [(_, Came::Bytes(_))]), "{}", entry.name);
        }
        place.send(connection, &entry.bytes);
        if !matches!(place.come().last(), Some((_, Came::Closed))) {
            writeln!(problems, "{} is taken", entry.name).unwrap();
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
    assert!(sent > 100, "{sent}");
}

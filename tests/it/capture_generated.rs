//! Captures made here, whose truth is known: every packet must be found, once, whole, with its
//! direction and frame, and nothing else.

use std::io;

use midge::{
    capture::{CaptureError, CapturedPacket, Gap, Options, Packets, Record, Stats, VersionFrom},
    mqtt::{Side, Version},
};
use proptest::prelude::*;

mod files;
mod links;
mod pack;
mod tls;
mod wire;

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

// ---- order, repetition, sizes ----

#[test]
fn in_order() {
    let talk = Talk::usual();
    check("packet by packet", &talk, &packet_by_packet(&talk));
    for size in [1, 2, 3, 7, 100, 1448, 100_000] {
        check(
            &format!("segments of {size}"),
            &talk,
            &chunks(&talk, size.max(talk.stream(0).len() / 4000)),
        );
    }
}

#[test]
fn one_byte_per_segment() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "x"),
            publish(v, "t", &[0x30; 200]),
            DISCONNECT.to_vec(),
        ],
        &[connack(v)],
    );
    check("one byte per segment", &talk, &chunks(&talk, 1));
}

#[test]
fn retransmitted_and_overlapping() {
    let talk = Talk::usual();
    let steps = chunks(&talk, 500);
    let twice: Vec<Step> = steps.iter().flat_map(|step| [*step, *step]).collect();
    check("every segment twice", &talk, &twice);
    let again: Vec<Step> = steps.iter().chain(&steps).copied().collect();
    check("the whole stream twice", &talk, &again);
    let overlapping: Vec<Step> = steps
        .iter()
        .map(|&(from, start, end)| (from, start.saturating_sub(123), end))
        .collect();
    check(
        "each one begins before the end of the last",
        &talk,
        &overlapping,
    );
    let regrouped: Vec<Step> = chunks(&talk, 300)
        .into_iter()
        .flat_map(|step| [step, (step.0, 0, step.2)])
        .collect();
    check("sent again in larger segments", &talk, &regrouped);
}

#[test]
fn out_of_order() {
    let talk = Talk::usual();
    let mut steps = chunks(&talk, 500);
    steps.chunks_mut(2).for_each(<[Step]>::reverse);
    check("neighbours swapped", &talk, &steps);
    let mut steps = chunks(&talk, 500);
    steps.reverse();
    check("all backwards", &talk, &steps);
    let mut steps = chunks(&talk, 500);
    steps.rotate_left(1);
    check("the first one last", &talk, &steps);
    let mut overlapping: Vec<Step> = chunks(&talk, 500)
        .into_iter()
        .map(|(from, start, end)| (from, start.saturating_sub(77), end))
        .collect();
    overlapping.reverse();
    check("backwards and overlapping", &talk, &overlapping);
}

#[test]
fn sequence_numbers_wrap() {
    for before in [0, 1, 5, 21, 400, 10_000] {
        let mut talk = Talk::usual();
        talk.isn = [u32::MAX - before, u32::MAX - before / 8];
        check(&format!("wrap after {before}"), &talk, &chunks(&talk, 250));
        let mut steps = chunks(&talk, 250);
        steps.chunks_mut(3).for_each(<[Step]>::reverse);
        check(&format!("wrap after {before}, out of order"), &talk, &steps);
    }
}

#[test]
fn keep_alive_probes_carry_no_data() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    talk.handshake(&mut capture);
    let mut truth = Vec::new();
    for (from, start, end) in packet_by_packet(&talk) {
        let frame = talk.send(&mut capture, from, start, end);
        truth.push((
            talk.addrs[from],
            frame,
            talk.stream(from)[start..end].to_vec(),
        ));
        // One byte before what comes next, with garbage in it.
        let seq = talk.isn[from].wrapping_add(end as u32);
        capture.segment(talk.ends(from), seq, talk.isn[1 - from] + 1, ACK, &[0xee]);
    }
    talk.fin(&mut capture);
    assert_truth("probes", &read(&capture), &truth);
}

// ---- link layers, IP versions, file formats ----

#[test]
fn every_link_layer_ip_version_and_file_format() {
    let formats = [
        MICRO,
        Format::Pcap {
            big_endian: false,
            nanos: true,
        },
        Format::Pcap {
            big_endian: true,
            nanos: false,
        },
        Format::Pcap {
            big_endian: true,
            nanos: true,
        },
        Format::Pcapng,
    ];
    for link in Link::ALL {
        for format in formats {
            for v6 in [false, true] {
                let mut talk = Talk::usual();
                if v6 {
                    talk.addrs = [
                        "[fe80::1]:40000".parse().unwrap(),
                        "[fe80::2]:1883".parse().unwrap(),
                    ];
                }
                let mut capture = Capture::new(link, format);
                let truth = play(&talk, &chunks(&talk, 1000), &mut capture);
                let records = read(&capture);
                assert_truth(&format!("{link:?} {format:?} v6 {v6}"), &records, &truth);
                for packet in packets(&records) {
                    let time = packet.at.time.unwrap();
                    assert_eq!(time.nanos, packet.at.frame as i64 * 1_000_000);
                    let nanos = matches!(format, Format::Pcap { nanos: true, .. });
                    assert_eq!(time.digits, if nanos { 9 } else { 6 });
                }
            }
        }
    }
}

#[test]
fn a_cut_file_gives_all_before_the_cut() {
    let talk = small_talk();
    for format in [MICRO, Format::Pcapng] {
        let mut capture = Capture::new(Link::Ethernet, format);
        let truth = play(&talk, &packet_by_packet(&talk), &mut capture);
        let file = capture.file();
        let (all, none, _) = read_with(&file, Options::default());
        assert!(none.is_none());
        assert_truth("whole", &all, &truth);
        for cut in 0..file.len() {
            let (records, error, stats) = read_with(&file[..cut], Options::default());
            let expected: Vec<Truth> = truth
                .iter()
                .filter(|truth| truth.1 <= stats.frames)
                .cloned()
                .collect();
            let whole: Vec<Truth> = packets(&records)
                .iter()
                .filter(|packet| !packet.is_cut())
                .map(|p| (p.at.src, p.at.frame, p.bytes.to_vec()))
                .collect();
            assert_eq!(whole.len(), expected.len(), "cut at {cut}");
            match error {
                Some(CaptureError::Empty) => assert_eq!(cut, 0),
                Some(CaptureError::NotACapture { .. }) => assert!(cut < 4),
                Some(CaptureError::Cut { offset, found, .. }) => {
                    assert_eq!(offset + found, cut as u64);
                }
                Some(error) => panic!("cut at {cut}: {error}"),
                None => {} // between two records
            }
        }
    }
}

// ---- connections ----

#[test]
fn the_same_addresses_again_are_another_stream() {
    let v = Version::V311;
    let first = Talk::usual();
    let mut second = Talk::new(&[connect(v, "second"), DISCONNECT.to_vec()], &[connack(v)]);
    second.isn = [900_000, 70_000];
    // Both after an orderly end and without one.
    for ends in [true, false] {
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        let mut truth = play(&first, &packet_by_packet(&first), &mut capture);
        if !ends {
            capture.frames.truncate(capture.frames.len() - 2);
        }
        let boundary = capture.frames.len() as u64;
        truth.extend(play(&second, &packet_by_packet(&second), &mut capture));
        let records = read(&capture);
        assert_truth(&format!("ends {ends}"), &records, &truth);
        for packet in packets(&records) {
            assert_eq!(
                packet.at.stream,
                u64::from(packet.at.frame > boundary),
                "ends {ends}"
            );
        }
    }
}

#[test]
fn streams_are_numbered_by_their_first_frame() {
    let v = Version::V311;
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let talks: Vec<Talk> = (0..5)
        .map(|i| {
            let mut talk = Talk::new(&[connect(v, &format!("c{i}"))], &[connack(v)]);
            talk.addrs[0].set_port(40_000 + 7 * i);
            talk.handshake(&mut capture);
            talk
        })
        .collect();
    for talk in talks.iter().rev() {
        talk.send(&mut capture, 0, 0, talk.stream(0).len());
    }
    let records = read(&capture);
    let streams: Vec<_> = packets(&records)
        .iter()
        .map(|p| (p.at.stream, p.at.src.port()))
        .collect();
    assert_eq!(
        streams,
        [
            (4, 40_028),
            (3, 40_021),
            (2, 40_014),
            (1, 40_007),
            (0, 40_000)
        ]
    );
}

#[test]
fn addresses_in_use_again_without_the_syn() {
    // The capture misses the second handshake: only the sequence numbers tell.
    let v = Version::V311;
    let first = Talk::usual();
    let mut second = Talk::new(
        &[
            connect(v, "second"),
            publish(v, "t", b"2"),
            DISCONNECT.to_vec(),
        ],
        &[connack(v)],
    );
    second.isn = [2_000_000_000, 3_500_000_000];
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let mut truth = play(&first, &packet_by_packet(&first), &mut capture);
    for (from, start, end) in packet_by_packet(&second) {
        let frame = second.send(&mut capture, from, start, end);
        truth.push((
            second.addrs[from],
            frame,
            second.stream(from)[start..end].to_vec(),
        ));
    }
    let records = read(&capture);
    assert_truth("no SYN", &records, &truth);
    assert_eq!(packets(&records).last().unwrap().at.stream, 1);
}

#[test]
fn one_direction_only() {
    let talk = Talk::usual();
    for from in [0, 1] {
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        let mut steps = chunks(&talk, 700);
        steps.retain(|step| step.0 == from);
        let whole: Vec<_> = talk.packets[from].clone();
        for (from, start, end) in steps {
            talk.send(&mut capture, from, start, end);
        }
        let records = read(&capture);
        let bytes: Vec<_> = found(&records)
            .into_iter()
            .map(|(.., bytes)| bytes)
            .collect();
        assert_eq!(bytes, whole);
        let side = [Side::Client, Side::Server][from];
        assert!(
            packets(&records)
                .iter()
                .all(|packet| packet.at.from == Some(side))
        );
    }
}

#[test]
fn data_in_the_syn() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let connect = &talk.packets[0][0];
    capture.segment(talk.ends(0), talk.isn[0], 0, SYN, connect);
    capture.segment(talk.ends(1), talk.isn[1], talk.isn[0] + 1, SYN | ACK, b"");
    talk.send(&mut capture, 0, connect.len(), talk.stream(0).len());
    let bytes: Vec<_> = found(&read(&capture))
        .into_iter()
        .map(|(.., bytes)| bytes)
        .collect();
    assert_eq!(bytes, talk.packets[0]);
}

/// Gives a file record by record, as a pipe from a running capture does.
struct Pipe {
    pieces: Vec<Vec<u8>>,
    given: usize,
}

impl io::Read for &mut Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.pieces.get(self.given) else {
            return Ok(0);
        };
        self.given += 1;
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn packets_come_while_the_capture_is_still_growing() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = play(&talk, &packet_by_packet(&talk), &mut capture);
    let file = capture.file();
    let mut pieces = vec![file[..24].to_vec()];
    let mut at = 24;
    for frame in &capture.frames {
        pieces.push(file[at..at + 16 + frame.len()].to_vec());
        at += 16 + frame.len();
    }
    for (i, (.., frame, _)) in truth.iter().enumerate() {
        // As much of the file as there is when this packet is complete.
        let mut pipe = Pipe {
            pieces: pieces[..=*frame as usize].to_vec(),
            given: 0,
        };
        let mut packets = Packets::new(&mut pipe, Options::default());
        for _ in 0..=i {
            assert!(matches!(packets.next(), Ok(Some(Record::Packet(_)))));
        }
        assert_eq!(packets.stats().frames, *frame, "packet {i} was given late");
    }
}

// ---- loss ----

/// Plays `steps` without those at `lost`.
fn play_with_loss(talk: &Talk, steps: &[Step], lost: &[usize], capture: &mut Capture) {
    talk.handshake(capture);
    for (i, &(from, start, end)) in steps.iter().enumerate() {
        if !lost.contains(&i) {
            talk.send(capture, from, start, end);
        }
    }
}

fn publishes(n: usize) -> Talk {
    let v = Version::V311;
    let mut client = vec![connect(v, "loss")];
    client
        .extend((0..n).map(|i| publish(v, "some/topic", format!("payload number {i}").as_bytes())));
    Talk::new(&client, &[connack(v)])
}

#[test]
fn a_lost_segment_with_whole_packets() {
    let talk = publishes(20);
    let steps = packet_by_packet(&talk);
    let lost = 6; // a PUBLISH; steps 0 and 1 are CONNECT and CONNACK
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play_with_loss(&talk, &steps, &[lost], &mut capture);
    talk.fin(&mut capture);
    let records = read(&capture);
    let bytes: Vec<_> = found(&records)
        .into_iter()
        .map(|(.., bytes)| bytes)
        .collect();
    let mut expected: Vec<_> = steps
        .iter()
        .map(|&(from, start, end)| talk.stream(from)[start..end].to_vec())
        .collect();
    expected.remove(lost);
    assert_eq!(bytes, expected);
    let [gap] = gaps(&records)[..] else {
        panic!("{records:?}")
    };
    assert_eq!(gap.lost, (steps[lost].2 - steps[lost].1) as u64);
    // Three frames of handshake, and the frame after the lost one has its number.
    assert_eq!(gap.resynced_at_frame, Some(3 + lost as u64 + 1));
    assert_eq!(gap.at.from, Some(Side::Client));
    assert_eq!(records.len(), expected.len() + 1);
}

#[test]
fn a_packet_that_crosses_a_gap_is_cut_and_its_length_shows_the_next_boundary() {
    let v = Version::V311;
    // The payload is made of things that look like packets.
    let payload: Vec<u8> = publish(v, "fake/topic", b"fake").repeat(100);
    let talk = Talk::new(
        &[
            connect(v, "c"),
            publish(v, "t", &payload),
            publish(v, "after", b"1"),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    let steps = chunks(&talk, 400);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play_with_loss(&talk, &steps, &[2], &mut capture);
    talk.fin(&mut capture);
    let records = read(&capture);
    let client: Vec<_> = packets(&records)
        .into_iter()
        .filter(|p| p.at.src == talk.addrs[0])
        .collect();
    let [first, cut, after, ping] = client[..] else {
        panic!("{records:?}")
    };
    assert_eq!(first.bytes, talk.packets[0][0]);
    assert!(cut.is_cut());
    assert_eq!(cut.announced_len, talk.packets[0][1].len());
    assert_eq!(cut.bytes.len(), 800 - talk.packets[0][0].len());
    assert_eq!(cut.bytes, talk.packets[0][1][..cut.bytes.len()]);
    assert_eq!(
        (&after.bytes[..], &ping.bytes[..]),
        (&talk.packets[0][2][..], &PINGREQ[..])
    );
    let [gap] = gaps(&records)[..] else {
        panic!("{records:?}")
    };
    assert_eq!(gap.lost, 400);
    assert_eq!(gap.resynced_at_frame, Some(after.at.frame));
}

#[test]
fn an_acknowledged_hole_is_given_up_before_the_end() {
    let talk = publishes(200);
    let steps = packet_by_packet(&talk);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    talk.handshake(&mut capture);
    let mut last = 0;
    for (i, &(from, start, end)) in steps.iter().enumerate() {
        if i == 6 {
            continue;
        }
        last = talk.send(&mut capture, from, start, end);
        if from == 0 {
            let ack = talk.isn[0] + 1 + end as u32;
            last = capture.segment(talk.ends(1), talk.isn[1] + 1 + 4, ack, ACK, b"");
        }
    }
    // Without any end: what is behind the hole comes as soon as it is clear, not when the file is over.
    let file = capture.file();
    let mut reader = Packets::new(&file[..], Options::default());
    let mut n = 0;
    while let Some(record) = reader.next().unwrap() {
        if let Record::Packet(packet) = &record
            && packet.at.frame > 20
        {
            assert!(
                reader.stats().frames < last,
                "it came at the end of the file"
            );
        }
        n += 1;
        if n == 20 {
            break;
        }
    }
    assert!(reader.stats().frames < 120);
    assert_eq!(found(&read(&capture)).len(), steps.len() - 1);
}

#[test]
fn frames_cut_by_the_snapshot_length() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "c"),
            publish(v, "t", &[b'x'; 600]),
            publish(v, "u", b"small"),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    capture.snaplen = 200;
    play(&talk, &packet_by_packet(&talk), &mut capture);
    let records = read(&capture);
    let client: Vec<_> = packets(&records)
        .into_iter()
        .filter(|p| p.at.src == talk.addrs[0])
        .collect();
    let [_, cut, small, ping] = client[..] else {
        panic!("{records:?}")
    };
    // 14 Ethernet, 20 IP, 32 TCP: 134 bytes of payload were captured.
    assert_eq!(
        (cut.bytes.len(), cut.announced_len),
        (134, talk.packets[0][1].len())
    );
    assert_eq!(
        (&small.bytes[..], &ping.bytes[..]),
        (&talk.packets[0][2][..], &PINGREQ[..])
    );
    assert_eq!(
        gaps(&records)[0].lost,
        (talk.packets[0][1].len() - 134) as u64
    );
}

#[test]
fn a_reset_ends_a_stream() {
    let talk = publishes(3);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = {
        let truth = play(&talk, &packet_by_packet(&talk), &mut capture);
        capture.frames.truncate(capture.frames.len() - 2);
        truth
    };
    capture.segment(talk.ends(1), talk.isn[1] + 5, 0, RST, b"go away");
    assert_truth("reset", &read(&capture), &truth);
}

/// Every single segment lost, one at a time, in segments of several sizes; and the same with
/// everything before it lost too. What the loss did not touch is found, and nothing else.
///
/// Payloads that are themselves made of whole MQTT packets are left out on purpose: where the
/// loss took the header around them, nothing in the bytes tells them from packets.
#[test]
fn any_single_loss() {
    for (version, binary) in [
        (Version::V311, false),
        (Version::V5, false),
        (Version::V311, true),
        (Version::V5, true),
    ] {
        let payload = |i: usize| -> Vec<u8> {
            if binary {
                (0..i * 37 % 200).map(|k| (k * k * 7 + i) as u8).collect()
            } else {
                format!("{{\"t\":{i}.5}}").into_bytes()
            }
        };
        let mut client = vec![connect(version, "loss")];
        client.extend((0..15).map(|i| publish(version, "some/topic", &payload(i))));
        let talk = Talk::new(&client, &[connack(version)]);
        let mut schedules = vec![packet_by_packet(&talk)];
        schedules.extend([11, 50, 100, 300].map(|size| chunks(&talk, size)));
        for steps in schedules {
            for last_lost in 0..steps.len() {
                single_loss(&talk, &steps, last_lost..=last_lost);
                single_loss(&talk, &steps, 0..=last_lost);
            }
        }
    }
}

fn single_loss(talk: &Talk, steps: &[Step], lost: std::ops::RangeInclusive<usize>) {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    if *lost.start() > 0 {
        talk.handshake(&mut capture);
    }
    for (i, &(from, start, end)) in steps.iter().enumerate() {
        if !lost.contains(&i) {
            talk.send(&mut capture, from, start, end);
        }
    }
    talk.fin(&mut capture);
    let records = read(&capture);
    let found: Vec<&[u8]> = packets(&records)
        .iter()
        .filter(|packet| packet.at.src == talk.addrs[0] && !packet.is_cut())
        .map(|packet| &packet.bytes[..])
        .collect();
    let mut at = 0;
    let mut expected: Vec<&[u8]> = Vec::new();
    for packet in &talk.packets[0] {
        let (start, end) = (at, at + packet.len());
        at = end;
        let touched = lost.clone().any(|i| {
            let (from, lost_start, lost_end) = steps[i];
            from == 0 && lost_start < end && start < lost_end
        });
        if !touched {
            expected.push(packet);
        }
    }
    assert_eq!(
        found, expected,
        "steps {steps:?} without {lost:?}: {records:?}"
    );
}

// ---- what is MQTT, and which ----

#[test]
fn any_port() {
    let mut talk = Talk::usual();
    talk.addrs[1].set_port(9999);
    check("port 9999", &talk, &packet_by_packet(&talk));
    check("port 9999, small segments", &talk, &chunks(&talk, 5));
}

#[test]
fn other_protocols_on_the_mqtt_port() {
    let http = Talk::new(
        &[b"GET /mqtt HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec()],
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n0\x00".to_vec()],
    );
    let tls = Talk::new(
        &[b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00".to_vec()],
        &[b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00".to_vec()],
    );
    let binary: Vec<u8> = (0..30_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let noise = Talk::new(std::slice::from_ref(&binary), std::slice::from_ref(&binary));
    for talk in [http, tls, noise] {
        for handshake in [true, false] {
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            if handshake {
                talk.handshake(&mut capture);
            }
            for (from, start, end) in chunks(&talk, 1448) {
                talk.send(&mut capture, from, start, end);
            }
            assert_eq!(read(&capture), []);
        }
    }
}

/// The middle of a connection: no handshake, no CONNECT, and from byte `skip` of the client on.
fn middle(talk: &Talk, skip: usize) -> Capture {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let mut steps = packet_by_packet(talk);
    for (from, start, _) in &mut steps {
        if *from == 0 && *start == 0 {
            *start = skip;
        }
    }
    for (from, start, end) in steps {
        talk.send(&mut capture, from, start, end);
    }
    capture
}

#[test]
fn a_stream_that_began_before_the_capture() {
    for (version, port) in [
        (Version::V311, 1883),
        (Version::V5, 1883),
        (Version::V311, 7777),
        (Version::V5, 7777),
    ] {
        let topic = "plant/7/temperature";
        let client: Vec<_> = (0..12)
            .map(|i| publish(version, topic, format!("{{\"t\":{i}.5}}").as_bytes()))
            .collect();
        let mut talk = Talk::new(&client, &[]);
        talk.addrs[1].set_port(port);
        for skip in [0, 1, 9, client[0].len() - 1] {
            let records = read(&middle(&talk, skip));
            let expected = &client[usize::from(skip > 0)..];
            let bytes: Vec<_> = found(&records)
                .into_iter()
                .map(|(.., bytes)| bytes)
                .collect();
            assert_eq!(bytes, expected, "{version} port {port} skip {skip}");
            for packet in packets(&records) {
                assert_eq!(packet.version, version, "port {port} skip {skip}");
                assert_eq!(packet.version_from, VersionFrom::Inferred);
                let hinted = port == 1883;
                assert_eq!(packet.at.from, hinted.then_some(Side::Client));
            }
            assert_eq!(records.len(), expected.len() + usize::from(skip > 0));
        }
    }
}

#[test]
fn options_override() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&talk, &packet_by_packet(&talk), &mut capture);
    let file = capture.file();
    let not = Options {
        not_ports: vec![1883],
        ..Options::default()
    };
    assert_eq!(read_with(&file, not).0, []);
    let given = Options {
        version: Some(Version::V5),
        ..Options::default()
    };
    for packet in packets(&read_with(&file, given).0) {
        assert_eq!(
            (packet.version, packet.version_from),
            (Version::V5, VersionFrom::Given)
        );
    }
    // A single PINGREQ on some port is no evidence; a port that is given needs none.
    let mut ping = Talk::new(&[PINGREQ.to_vec()], &[]);
    ping.addrs[1].set_port(5555);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&ping, &packet_by_packet(&ping), &mut capture);
    assert_eq!(read(&capture), []);
    let forced = Options {
        ports: vec![5555],
        ..Options::default()
    };
    assert_eq!(found(&read_with(&capture.file(), forced).0).len(), 1);
}

#[test]
fn malformed_packets_come_by_their_length() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "bad"),
            packet(0x36, b"\x00\x01tx"), // QoS 3
            packet(0x00, b"zero"),
            packet(0xf0, b"fifteen"),
            packet(0x82, b""),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    check("malformed", &talk, &packet_by_packet(&talk));
    check("malformed, split", &talk, &chunks(&talk, 2));
}

#[test]
fn an_endless_remaining_length_ends_one_direction() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "bad"),
            vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2, 3],
            PINGREQ.to_vec(),
        ],
        &[connack(v), PINGRESP.to_vec()],
    );
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&talk, &packet_by_packet(&talk), &mut capture);
    let records = read(&capture);
    assert_eq!(packets(&records).len(), 3, "{records:?}");
    let skipped: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Skipped(skipped) => Some((skipped.len, skipped.at.from)),
            _ => None,
        })
        .collect();
    assert_eq!(skipped, [(11, Some(Side::Client))]);
}

#[test]
fn an_oversized_packet_is_cut_at_the_limit() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "big"),
            publish(v, "t", &[7; 9000]),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&talk, &chunks(&talk, 1000), &mut capture);
    let options = Options {
        max_packet: 2000,
        ..Options::default()
    };
    let (records, ..) = read_with(&capture.file(), options);
    let client: Vec<_> = packets(&records)
        .into_iter()
        .filter(|p| p.at.src == talk.addrs[0])
        .collect();
    let [_, big, ping] = client[..] else {
        panic!("{records:?}")
    };
    assert_eq!(
        (big.bytes.len(), big.announced_len),
        (2000, talk.packets[0][1].len())
    );
    assert_eq!(ping.bytes, PINGREQ[..]);
}

// ---- any order ----

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

proptest! {
    #[test]
    fn any_cut_order_and_repetition_gives_the_same_packets(
        steps in schedule(&small_talk()),
        isn in any::<[u32; 2]>(),
    ) {
        let mut talk = small_talk();
        talk.isn = isn;
        check("any order", &talk, &steps);
    }

    #[test]
    fn any_loss_invents_nothing(
        size in 1..200usize,
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let talk = publishes(30);
        let steps = chunks(&talk, size);
        let lost: Vec<usize> = lost.iter().map(|lost| lost.index(steps.len())).collect();
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        play_with_loss(&talk, &steps, &lost, &mut capture);
        talk.fin(&mut capture);
        for packet in packets(&read(&capture)) {
            let from = usize::from(packet.at.src != talk.addrs[0]);
            let real = talk.packets[from].iter().any(|real| {
                real.starts_with(&packet.bytes) && packet.announced_len == real.len()
            });
            prop_assert!(real, "invented {packet:?}");
        }
    }

    #[test]
    fn any_damage_is_read_without_panic(
        format in 0..3usize,
        steps in schedule(&small_talk()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let formats = [MICRO, Format::Pcap { big_endian: true, nanos: true }, Format::Pcapng];
        let mut capture = Capture::new(Link::Sll2, formats[format]);
        play(&small_talk(), &steps, &mut capture);
        let mut file = capture.file();
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        read_with(&file, Options::default());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in 0..3usize) {
        let magics: [&[u8]; 3] = [
            b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"",
        ];
        read_with(&[magics[magic], &bytes].concat(), Options::default());
    }
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

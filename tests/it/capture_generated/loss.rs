//! Segments that are not in the capture.

use super::{wire::*, *};

/// Plays `steps` without those at `lost`.
fn play_with_loss(talk: &Talk, steps: &[Step], lost: &[usize], capture: &mut Capture) {
    talk.handshake(capture);
    for (i, &(from, start, end)) in steps.iter().enumerate() {
        if !lost.contains(&i) {
            talk.send(capture, from, start, end);
        }
    }
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

proptest! {
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
}

/// A connection whose large payload is made of packets, text or noise.
fn with_payload(payload: &[u8]) -> Talk {
    let v = Version::V311;
    let mut client = vec![connect(v, "loss"), publish(v, "before", b"1")];
    client.push(publish(v, "camera/1", payload));
    for i in 1..12 {
        client.push(publish_qos1("plant/7/state", i, b"{\"on\":true}"));
    }
    Talk::new(&client, &(1..12).map(puback).collect::<Vec<_>>())
}

/// Whatever is lost behind the header of a packet, its length tells where the next one begins.
#[test]
fn loss_inside_of_a_payload() {
    let v = Version::V311;
    let packets = publish(v, "fake/topic", b"fake").repeat(200);
    let noise: Vec<u8> = (0..4000u32).map(|i| (i * i * 7 + i / 3) as u8).collect();
    for payload in [packets, noise, vec![0; 4000], b"{\"t\": 1}".repeat(400)] {
        let talk = with_payload(&payload);
        let begin: usize = talk.packets[0][..2].iter().map(Vec::len).sum();
        let end = begin + talk.packets[0][2].len();
        let mut steps: Vec<Step> = vec![(0, 0, begin)];
        steps.extend(
            (begin..end)
                .step_by(300)
                .map(|at| (0, at, (at + 300).min(end))),
        );
        let head = talk.packets[0][..3].len();
        steps.extend(
            packet_by_packet(&talk)
                .into_iter()
                .filter(|step| step.0 == 1 || step.1 >= end),
        );
        assert_eq!(head, 3);
        for lost in [
            vec![2],
            vec![5, 6],
            vec![3, 5, 7],
            vec![2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
        ] {
            let mut scene = Scene::opened(&talk);
            for (i, &(from, start, end)) in steps.iter().enumerate() {
                if !lost.contains(&i) {
                    scene.send(from, start, end);
                }
            }
            scene.fin();
            let records = scene.check(&format!("without {lost:?}"));
            let cut: Vec<_> = super::packets(&records)
                .into_iter()
                .filter(|p| p.is_cut())
                .collect();
            assert_eq!(cut.len(), 1);
            assert_eq!(cut[0].announced_len, talk.packets[0][2].len());
            for gap in gaps(&records) {
                assert!(gap.resynced_at_frame.is_some(), "{gap:?}");
            }
        }
    }
}

/// Exactly one packet, only its fixed header, only its length, the end of one and the start of
/// the next; at the wrap of the sequence numbers too.
#[test]
fn every_small_loss() {
    for isn in [1000, u32::MAX - 60] {
        let mut talk = with_payload(&[b'x'; 60]);
        talk.isn[0] = isn;
        let starts: Vec<usize> = talk.packets[0]
            .iter()
            .scan(0, |at, packet| {
                *at += packet.len();
                Some(*at - packet.len())
            })
            .collect();
        for (i, &start) in starts.iter().enumerate().take(8).skip(1) {
            let len = talk.packets[0][i].len();
            for (from, until) in [
                (0, len),
                (0, 1),
                (0, 2),
                (1, 2),
                (2, 4),
                (len - 1, len),
                (len - 1, len + 2),
                (3, len + 5),
            ] {
                let mut scene = Scene::opened(&talk);
                let (from, until) = (start + from, start + until);
                for packet in starts.windows(2) {
                    let (begin, end) = (packet[0], packet[1]);
                    let before = (begin, end.min(from));
                    let behind = (begin.max(until), end);
                    for (start, end) in [before, behind] {
                        if start < end && (start, end) != (begin, begin) {
                            scene.send(0, start, end);
                        }
                    }
                }
                let last = *starts.last().unwrap();
                scene.send(0, last, talk.stream(0).len());
                scene.fin();
                scene.check(&format!("without {from}..{until} of packet {i}, isn {isn}"));
            }
        }
    }
}

/// The end of one of two short packets is a frame of WebSocket with the other one in it; the
/// packets in front of them tell that it is none.
#[test]
fn acknowledgments_that_look_like_a_frame() {
    let v = Version::V5;
    let mut server = vec![connack(v)];
    server.extend((1..8).map(puback));
    server.push(PINGRESP.to_vec());
    let talk = Talk::new(&[connect(v, "c")], &server);
    let end = talk.stream(1).len();
    for start in 1..=talk.packets[1].iter().take(7).map(Vec::len).sum() {
        let mut scene = Scene::opened(&talk);
        scene.acknowledges = false;
        scene.send(1, start, end);
        let records = scene.check(&format!("{start}..{end}"));
        assert!(records.iter().all(|record| record.at().transport == "tcp"));
    }
}
/// The strings of MQTT, with their lengths in front, look like continuations without a mask.
#[test]
fn strings_that_look_like_frames() {
    let v = Version::V5;
    let client: Vec<_> = (1..8u8)
        .flat_map(|i| {
            let acknowledged = [&string("a/b")[..], &[0, i, 0], b"{}"].concat();
            let payload = vec![i; usize::from(i) * 9];
            [
                publish(v, "plant/7/state", &payload),
                packet(0x32, &acknowledged),
            ]
        })
        .collect();
    let talk = Talk::new(&client, &[connack(v), puback(7), PINGRESP.to_vec()]);
    let [end, server_end] = [0, 1].map(|from| talk.stream(from).len());
    for start in (1..end).step_by(9) {
        for upto in start..end.min(start + 100) {
            let mut scene = Scene::opened(&talk);
            talk.send(&mut scene.capture, 0, start, upto);
            talk.send(&mut scene.capture, 1, server_end - 4, server_end);
            for record in read(&scene.capture) {
                assert_eq!(record.at().transport, "tcp", "{start}..{upto}: {record:?}");
            }
        }
    }
}

/// More holes than are remembered while nothing tells what this is: all are reported, in order.
#[test]
fn many_holes_before_it_is_known_to_be_mqtt() {
    let talk = with_payload(&[b'x'; 6000]);
    let begin: usize = talk.packets[0][..2].iter().map(Vec::len).sum();
    let end = begin + talk.packets[0][2].len();
    for (len, distance) in [(2, 60), (10, 100), (90, 100)] {
        let mut scene = Scene::new(&talk);
        for at in (begin + 50..end - distance).step_by(distance) {
            scene.send(0, at, at + len);
        }
        scene.send(0, end - 20, talk.stream(0).len());
        scene.check(&format!("{len} of each {distance} bytes"));
    }
}

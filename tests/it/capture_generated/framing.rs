//! Packets of strange forms and sizes.

use super::{wire::*, *};
use crate::program::run_with_input;

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
    // Its fixed header is shown for a packet.
    let of_client: Vec<_> = packets(&records)
        .iter()
        .filter(|packet| packet.at.from == Some(Side::Client))
        .map(|packet| (packet.at.frame, packet.bytes.to_vec(), packet.is_cut()))
        .collect();
    assert_eq!(of_client.len(), 2, "{records:?}");
    let (frame, bytes, is_cut) = &of_client[1];
    assert_eq!((&bytes[..], *is_cut), (&b"\x30\xff\xff\xff\xff"[..], false));
    let skipped: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Skipped(skipped) => Some((skipped.len, skipped.at.from)),
            _ => None,
        })
        .collect();
    assert_eq!(skipped, [(6, Some(Side::Client))]);
    // 3.1.1, section 2.2.3: at most four bytes.
    let ended = run_with_input(&["decode", "--lint", "--json", "-"], &capture.file());
    assert_eq!(ended.code(), 5, "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    let wrong: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|object: &serde_json::Value| object.get("violations").is_some())
        .collect();
    assert_eq!(wrong.len(), 1, "{text}");
    assert_eq!(wrong[0]["frame"], *frame);
    assert_eq!(
        wrong[0]["violations"][0]["ids"],
        serde_json::json!(["MQTT 3.1.1 section 2.2.3"])
    );
}

/// Who ends the connection inside of a packet is at fault, if all that it sent was captured.
#[test]
fn a_packet_that_the_sender_cuts_off() {
    let v = Version::V311;
    let mut cut = publish(v, "t", b"a longer payload");
    cut.truncate(9);
    let talk = Talk::new(&[connect(v, "cut"), cut], &[connack(v)]);
    for is_ended in [true, false] {
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        talk.handshake(&mut capture);
        for (from, start, end) in packet_by_packet(&talk) {
            talk.send(&mut capture, from, start, end);
        }
        if is_ended {
            talk.fin(&mut capture);
        }
        let ended = run_with_input(&["decode", "--lint", "-"], &capture.file());
        let text = String::from_utf8(ended.stdout.clone()).unwrap();
        assert_eq!(text.lines().count(), usize::from(is_ended), "{text}");
        assert_eq!(
            text.contains("MQTT 3.1.1 section 2.2.3"),
            is_ended,
            "{text}"
        );
        assert_eq!(
            ended.code(),
            if is_ended { 5 } else { 0 },
            "{}",
            ended.stderr
        );
    }
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

/// Each packet is small enough, but together they are more than may be kept.
#[test]
fn large_packets_of_many_connections() {
    let v = Version::V311;
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let talks: Vec<Talk> = (0..10)
        .map(|i| {
            let client = [
                connect(v, "big"),
                publish(v, "t", &[7; 9000]),
                PINGREQ.to_vec(),
            ];
            let mut talk = Talk::new(&client, &[connack(v)]);
            talk.addrs[0].set_port(40_000 + i);
            talk.handshake(&mut capture);
            talk
        })
        .collect();
    // All at the same time.
    for (from, start, end) in chunks(&talks[0], 1000) {
        for talk in &talks {
            talk.send(&mut capture, from, start, end);
        }
    }
    let options = Options {
        max_unfinished: 30_000,
        ..Options::default()
    };
    let (records, ..) = read_with(&capture.file(), options);
    let all = packets(&records);
    for talk in &talks {
        let sent = all.iter().filter(|p| p.at.src == talk.addrs[0]);
        let sent: Vec<_> = sent.map(|p| (p.announced_len, p.is_cut())).collect();
        let lens = talk.packets[0].iter().map(Vec::len);
        assert!(sent.iter().map(|sent| sent.0).eq(lens), "{sent:?}");
        assert!(!sent[0].1 && !sent[2].1, "{sent:?}");
    }
    // Three have room at once; some of the others must have been cut to let them have it.
    let large = all.iter().filter(|p| p.announced_len > 9000);
    let (cut, whole): (Vec<&&CapturedPacket>, Vec<_>) = large.partition(|p| p.is_cut());
    assert!(
        !cut.is_empty() && whole.len() >= 3,
        "{} {}",
        cut.len(),
        whole.len()
    );
}

/// Remaining lengths of one to four bytes, cut at every place, with packets before and behind.
#[test]
fn length_bytes_over_several_segments() {
    let v = Version::V311;
    for len in [10, 200, 20_000, 2_100_000] {
        let talk = Talk::new(
            &[
                connect(v, "len"),
                PINGREQ.to_vec(),
                publish(v, "a/b", &vec![0x30; len]),
                publish(v, "a/c", b"behind"),
                DISCONNECT.to_vec(),
            ],
            &[connack(v)],
        );
        let at: usize = talk.packets[0][..2].iter().map(Vec::len).sum();
        let all = talk.stream(0).len();
        for cuts in [
            vec![1],
            vec![2],
            vec![3],
            vec![4],
            vec![5],
            vec![6],
            vec![1, 2, 3, 4, 5, 6, 7],
        ] {
            let mut steps = Vec::new();
            let mut from = 0;
            for cut in cuts.iter().map(|cut| at + cut) {
                steps.push((0, from, cut));
                from = cut;
            }
            while from < all {
                let end = (from + 60_000).min(all);
                steps.push((0, from, end));
                from = end;
            }
            let mut scene = Scene::opened(&talk);
            scene.play(&steps);
            scene.play(&[(1, 0, 4)]);
            scene.check(&format!("{len} bytes, cut at {cuts:?}"));
        }
    }
}

#[test]
fn many_packets_in_a_segment() {
    let v = Version::V311;
    let mut client = vec![connect(v, "many")];
    client.extend((0..400).map(|i| publish(v, "a/b", format!("{i}").as_bytes())));
    client.push(PINGREQ.to_vec());
    client.extend((1..200).map(puback));
    let talk = Talk::new(&client, &[connack(v)]);
    for size in [100, 1448, 1447, 4000, 60_000] {
        for opened in [true, false] {
            let mut scene = match opened {
                true => Scene::opened(&talk),
                false => Scene::new(&talk),
            };
            scene.play(&chunks(&talk, size));
            scene.fin();
            let records = scene.check(&format!("{size}, {opened}"));
            assert_eq!(packets(&records).len(), records.len());
        }
    }
}

/// What is no packet, behind the last one.
#[test]
fn garbage_behind_disconnect() {
    let v = Version::V311;
    for garbage in [
        &b"\xff\xff\xff\xff\xff\xff"[..],
        b"\x30\xff\xff\xff\xff\xff",
    ] {
        let mut scene = {
            let client = [connect(v, "g"), DISCONNECT.to_vec(), garbage.to_vec()];
            Scene::opened(&Talk::new(&client, &[connack(v)]))
        };
        scene.unreachable.push((0, 2));
        scene.play(&packet_by_packet(&scene.talk));
        scene.fin();
        let records = scene.check("garbage");
        assert!(matches!(records.last(), Some(Record::Skipped(_))));
    }
}

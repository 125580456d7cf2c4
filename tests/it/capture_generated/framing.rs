//! Packets of strange forms and sizes.

use super::{wire::*, *};

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

//! Where connections begin and end, and which of their ends is seen.

use super::{wire::*, *};

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

/// A load balancer says in front for whom the connection is.
#[test]
fn behind_a_proxy() {
    let v = Version::V311;
    let text = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 1883\r\n".to_vec();
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    binary.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 7, 0x5b]);
    for header in [text, binary] {
        for port in [1883, 8080] {
            for sizes in [0, 1, 7, 1000] {
                let mut client = vec![header.clone(), connect(v, "a"), publish(v, "t", b"1")];
                client.push(DISCONNECT.to_vec());
                let mut talk = Talk::new(&client, &[connack(v)]);
                talk.addrs[1].set_port(port);
                let steps = match sizes {
                    0 => packet_by_packet(&talk),
                    size => chunks(&talk, size),
                };
                let mut scene = Scene::opened(&talk);
                scene.unreachable.push((0, 0));
                scene.play(&steps);
                scene.fin();
                let records = scene.check(&format!("port {port}, segments of {sizes}"));
                let Record::Skipped(skipped) = &records[0] else {
                    panic!("{records:?}");
                };
                assert_eq!(
                    (skipped.len, skipped.reason),
                    (header.len() as u64, SkipReason::ProxyHeader)
                );
            }
        }
    }
}

/// The addresses and ports again, with whatever of the beginning and the end was captured.
#[test]
fn the_same_addresses_in_every_way() {
    let v = Version::V311;
    let talk = |name: &str, isn| {
        let mut client = vec![connect(v, name)];
        let mut server = vec![connack(v)];
        for i in 1..6 {
            client.push(publish_qos1(&format!("{name}/state"), i, b"on"));
            server.push(puback(i));
        }
        client.push(DISCONNECT.to_vec());
        let mut talk = Talk::new(&client, &server);
        talk.isn = isn;
        talk
    };
    // The end of the first: none, FIN, RST. The beginning of the second: SYN or not.
    for end in ["nothing", "FIN", "RST"] {
        for syn in [true, false] {
            for isn in [
                [900_000_000, 3_000_000_000],
                [3_000_000_000, 900_000_000],
                [5000, 9000],
            ] {
                let what = format!("{end}, SYN {syn}, {isn:?}");
                if !syn && isn == [5000, 9000] {
                    continue; // Nothing tells them from what comes later in the first one.
                }
                let mut first = Scene::opened(&talk("one", [1000, 5000]));
                first.play(&packet_by_packet(&first.talk));
                match end {
                    "FIN" => first.fin(),
                    "RST" => {
                        let seq = first.seq(0, first.talk.stream(0).len());
                        let ends = first.talk.ends(0);
                        first.capture.segment(ends, seq, 0, RST, b"");
                    }
                    _ => {}
                }
                let capture = std::mem::replace(&mut first.capture, Capture::new(Link::Raw, MICRO));
                let mut second = Scene::onto(capture, &talk("two", isn));
                second.stream_number = 1;
                if syn {
                    second.handshake();
                }
                second.play(&packet_by_packet(&second.talk));
                second.fin();
                let records = second.check(&what);
                first.audit(&what, &records);
                assert_eq!(packets(&records).len(), records.len(), "{what}");
            }
        }
    }
}

#[test]
fn two_sessions_on_one_connection() {
    let v = Version::V311;
    let client = [
        connect(v, "a"),
        publish(v, "t", b"1"),
        connect(Version::V5, "a"),
        publish(Version::V5, "t", b"1"),
        DISCONNECT.to_vec(),
    ];
    let talk = Talk::new(&client, &[connack(v), connack(Version::V5)]);
    let mut scene = Scene::opened(&talk);
    scene.play(&packet_by_packet(&talk));
    let records = scene.check("two CONNECTs");
    let versions: Vec<_> = packets(&records).iter().map(|p| p.version).collect();
    assert_eq!(versions[..3], [v; 3]);
    assert_eq!(versions[4..], [Version::V5; 3]);
}

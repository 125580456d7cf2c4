//! What is MQTT, and which.

use super::{wire::*, *};

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

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

// ---- what is not ----

/// A cheap generator of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Frames of a connection with `steps` of both sides, with and without its beginning.
fn not_mqtt(what: &str, client: &[Vec<u8>], server: &[Vec<u8>]) {
    for port in [1883, 5672] {
        for (handshake, only) in [
            (true, None),
            (true, Some(0)),
            (true, Some(1)),
            (false, None),
            (false, Some(0)),
            (false, Some(1)),
        ] {
            let mut talk = Talk::new(client, server);
            talk.addrs[1].set_port(port);
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            if handshake {
                talk.handshake(&mut capture);
            }
            for (from, start, end) in packet_by_packet(&talk) {
                if only.is_none_or(|only| only == from) {
                    for start in (start..end).step_by(1448) {
                        talk.send(&mut capture, from, start, end.min(start + 1448));
                    }
                }
            }
            let mut records = read(&capture);
            records.retain(|record| !matches!(record, Record::Sealed(_)));
            assert_eq!(
                records,
                [],
                "{what}, port {port}, handshake {handshake}, only {only:?}"
            );
        }
    }
}

#[test]
fn well_known_protocols() {
    type Side = Vec<Vec<u8>>;
    let b = |bytes: &[u8]| bytes.to_vec();
    let http2 = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[
            0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100, 0, 4, 0, 16, 0, 0, 0, 6, 0, 0, 64, 0,
        ],
    ]
    .concat();
    let protocols: Vec<(&str, Side, Side)> = vec![
        ("HTTP", vec![b(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"); 9], vec![b(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"); 9]),
        ("TLS", vec![b(b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"), b(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x05abcde")], vec![b(b"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03"), b(b"\x17\x03\x03\x00\x05abcde")]),
        ("SSH", vec![b(b"SSH-2.0-OpenSSH_9.2\r\n"), b(b"\x00\x00\x00\x0c\x0a\x15abcdefghij")], vec![b(b"SSH-2.0-OpenSSH_9.9\r\n"), b(b"\x00\x00\x00\x0c\x0a\x15abcdefghij")]),
        ("SMTP", vec![b(b"EHLO me\r\n"), b(b"MAIL FROM:<a@b>\r\n"), b(b"QUIT\r\n")], vec![b(b"220 mail ESMTP\r\n"), b(b"250-mail\r\n250 OK\r\n"), b(b"250 OK\r\n"), b(b"221 bye\r\n")]),
        ("Redis", vec![b(b"*1\r\n$4\r\nPING\r\n"); 8], vec![b(b"+PONG\r\n"); 8]),
        ("Postgres", vec![b(b"\x00\x00\x00\x10\x00\x03\x00\x00user\x00me\x00\x00"), b(b"Q\x00\x00\x00\x0dSELECT 1\x00")], vec![b(b"R\x00\x00\x00\x08\x00\x00\x00\x00"), b(b"Z\x00\x00\x00\x05I")]),
        ("AMQP 0-9-1", vec![b(b"AMQP\x00\x00\x09\x01"), b(b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x1f\x00\x00\x00\x00\xce")], vec![b(b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x0a\x00\x09\x00\x00\xce")]),
        ("AMQP 1.0", vec![b(b"AMQP\x00\x01\x00\x00\x00\x00\x00\x1a\x02\x00\x00\x00\x00S\x10\xc0\x0d\x03\xa1\x01a\xa1\x01b@")], vec![b(b"AMQP\x00\x01\x00\x00"); 2]),
        ("DNS", vec![b(b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"); 5], vec![b(b"\x00\x1d\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"); 5]),
        ("Modbus", (0..40).map(|i| vec![0, i, 0, 0, 0, 6, 1, 3, 0, 0x30, 0, 2]).collect(), (0..40).map(|i| vec![0, i, 0, 0, 0, 7, 1, 3, 4, 0x30, 2, 0x40, 2]).collect()),
        ("CoAP", vec![b(b"\x30\xe1\x20\x41\x00"), b(b"\x51\x01\x7f\xb4temp")], vec![b(b"\x20\xe1\x41\x00"), b(b"\x71\x45\x7f\xff21.5")]),
        ("STOMP", vec![b(b"CONNECT\naccept-version:1.2\nhost:a\n\n\x00"), b(b"SEND\ndestination:/q/a\n\nhi\x00")], vec![b(b"CONNECTED\nversion:1.2\n\n\x00")]),
        ("HTTP/2", vec![http2, b(b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"), b(b"\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")], vec![b(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")]),
        ("RTSP", vec![b(b"OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n\r\n"), b(b"$\x00\x00\x04\x80\x60\x00\x01")], vec![b(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"); 2]),
        ("SMB", vec![b(b"\x00\x00\x00\x44\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1f\x00"); 2], vec![b(b"\x00\x00\x00\x44\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"); 2]),
        ("MySQL", vec![b(b"\x20\x00\x00\x01\x85\xa6\xff\x01\x00\x00\x00\x01\x21"), b(b"\x09\x00\x00\x00\x03SELECT 1")], vec![b(b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00"), b(b"\x07\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00")]),
        ("LDAP", vec![b(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"), b(b"\x30\x05\x02\x01\x02\x42\x00")], vec![b(b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"); 2]),
        ("Kafka", (0..20).map(|i| [&[0, 0, 0, 30, 0, 3, 0, 9, 0, 0, 0, i, 0, 8][..], b"consumer", &[0, 0, 0, 2, 5, b't', b'e', b's', b't', 0, 0, 0]].concat()).collect(), (0..20).map(|i| [&[0, 0, 0, 12, 0, 0, 0, i][..], &[0; 8]].concat()).collect()),
        ("NUL", vec![vec![0; 3000]; 9], vec![vec![0; 3000]; 9]),
        ("0xff", vec![vec![0xff; 3000]; 9], vec![vec![0xff; 3000]; 9]),
        ("floats", vec![(-2.0f32).to_le_bytes().repeat(9000); 3], vec![(-2.0f64).to_be_bytes().repeat(9000); 3]),
        ("16-bit samples", vec![[0xc0, 0].repeat(9000); 3], vec![[0xd0, 0].repeat(9000); 3]),
        ("digits", vec![b"0123456789\r\n".repeat(3000); 3], vec![b"30 0d 00 04 MQTT\n".repeat(2000); 3]),
    ];
    for (what, client, server) in &protocols {
        not_mqtt(what, client, server);
    }
}

/// Length-prefixed records of a binary protocol (as of protobuf), of one or several lengths.
fn records(random: &mut Random, n: usize) -> Vec<Vec<u8>> {
    let tag = random.next() as u8;
    let fields: Vec<(u8, usize)> = (0..random.below(5) + 1)
        .map(|_| (random.next() as u8, random.below(12)))
        .collect();
    let style = random.below(4);
    (0..n)
        .map(|i| {
            let mut body = Vec::new();
            for (tag, len) in &fields {
                body.push(*tag);
                body.push(*len as u8);
                match i % 3 {
                    0 => body.extend(vec![0; *len]),
                    1 => body.extend(b"sensor-value".iter().take(*len)),
                    _ => body.extend(random.bytes(*len)),
                }
            }
            let len = body.len();
            let head = match style {
                0 => vec![tag, len as u8],
                1 => vec![0, len as u8],
                2 => vec![tag, 0, 0, 0, len as u8],
                _ => vec![len as u8],
            };
            [head, body].concat()
        })
        .collect()
}

/// How often something else is taken for MQTT: never, in as many streams as `MIDGE_STREAMS` says.
#[test]
fn random_streams() {
    let n = std::env::var("MIDGE_STREAMS").map_or(300, |n| n.parse().unwrap());
    let seed = std::env::var("MIDGE_SEED").map_or(20_261_121, |n| n.parse().unwrap());
    let mut random = Random(seed);
    let mut wrong = Vec::new();
    for i in 0..n {
        let seed = random.next();
        let mut of_stream = Random(seed);
        let kind = i % 3;
        let side = |random: &mut Random| -> Vec<Vec<u8>> {
            match kind {
                0 => (0..random.below(20) + 1)
                    .map(|_| {
                        let len = random.below(3000) + 1;
                        random.bytes(len)
                    })
                    .collect(),
                1 => {
                    let n = random.below(200) + 1;
                    records(random, n)
                }
                // Small pieces, as a terminal or a sensor sends them.
                _ => (0..random.below(100) + 1)
                    .map(|_| {
                        let len = random.below(8) + 1;
                        random.bytes(len)
                    })
                    .collect(),
            }
        };
        let client = side(&mut of_stream);
        let server = side(&mut of_stream);
        let mut talk = Talk::new(&client, &server);
        talk.addrs[1].set_port(if i % 2 == 0 { 1883 } else { 7001 });
        let mut capture = Capture::new(Link::Raw, MICRO);
        if i % 4 < 2 {
            talk.handshake(&mut capture);
        }
        for (from, start, end) in packet_by_packet(&talk) {
            talk.send(&mut capture, from, start, end);
        }
        let records = read(&capture);
        if !records.is_empty() {
            wrong.push((i, kind, seed, records.len()));
        }
    }
    assert!(wrong.is_empty(), "{} of {n}: {wrong:?}", wrong.len());
}

/// What is expected on the port of MQTT needs less to be believed, but still more than chance.
#[test]
fn a_long_random_stream() {
    let mut random = Random(1);
    for port in [1883, 7001] {
        let bytes = random.bytes(4_000_000);
        let mut talk = Talk::new(&[bytes], &[]);
        talk.addrs[1].set_port(port);
        let mut capture = Capture::new(Link::Raw, MICRO);
        for (from, start, end) in chunks(&talk, 1400) {
            let ends = talk.ends(from);
            let seq = talk.isn[0] + 1 + start as u32;
            capture.segment(ends, seq, 1, ACK, &talk.packets[0][0][start..end]);
        }
        assert_eq!(read(&capture), [], "port {port}");
    }
}

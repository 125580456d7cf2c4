//! Which version a connection speaks whose CONNECT is not in the capture.

use super::{wire::*, *};
use crate::program::run_with_input;

/// The versions of what was found in a connection that goes on with these packets.
fn versions(client: &[Vec<u8>], server: &[Vec<u8>]) -> Vec<(Version, VersionFrom)> {
    let talk = Talk::new(client, server);
    let mut scene = Scene::new(&talk);
    scene.play(&packet_by_packet(&talk));
    let records = scene.check("version");
    scene.assert_ascending("version", &records);
    packets(&records)
        .iter()
        .map(|packet| (packet.version, packet.version_from))
        .collect()
}

fn assert_inferred(what: &str, version: Version, client: &[Vec<u8>], server: &[Vec<u8>]) {
    for found in versions(client, server) {
        assert_eq!(found, (version, VersionFrom::Inferred), "{what}");
    }
}

/// A PUBLISH of 5.0 with these properties.
fn publish5(topic: &str, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let body = [
        &string(topic)[..],
        &[properties.len() as u8],
        properties,
        payload,
    ];
    packet(0x30, &body.concat())
}

#[test]
fn only_publish() {
    let texts: [&[u8]; 6] = [
        b"{\"t\":21.5}",
        b"21.5",
        b"on",
        b"<a/>",
        "\u{20ac} 5".as_bytes(),
        b"\x22quoted\x22",
    ];
    let binaries: [&[u8]; 4] = [
        b"\x89PNG\x0d\x0a",
        b"\x0a\x07\x08\x96\x01\x12\x02hi",
        b"\x82\xa1t\xcb\x40\x35",
        &[0xff; 40],
    ];
    let properties: [&[u8]; 5] = [
        b"",
        b"\x01\x01",
        b"\x03\x00\x10application/json",
        b"\x02\x00\x00\x00\x3c\x26\x00\x01k\x00\x01v",
        b"\x23\x00\x05",
    ];
    for payloads in [&texts[..], &binaries] {
        for properties in properties {
            let client: Vec<_> = (0..8)
                .map(|i| {
                    publish5(
                        &format!("plant/{i}/state"),
                        properties,
                        payloads[i % payloads.len()],
                    )
                })
                .collect();
            assert_inferred(
                &format!("5.0, {properties:02x?}"),
                Version::V5,
                &client,
                &[],
            );
            assert_inferred(
                &format!("5.0 to a subscriber, {properties:02x?}"),
                Version::V5,
                &[],
                &client,
            );
        }
        let client: Vec<_> = (0..8)
            .map(|i| {
                publish(
                    Version::V311,
                    &format!("plant/{i}/state"),
                    payloads[i % payloads.len()],
                )
            })
            .collect();
        assert_inferred("3.1.1", Version::V311, &client, &[]);
    }
}

/// Payloads of 3.1.1 that read as properties, among others.
#[test]
fn payloads_that_read_as_properties() {
    for odd in [
        &b"\0"[..],
        b"\0\0\0\x07",
        b"\x02\x01\x01abc",
        b"\0{\"t\":1}",
        b"\x03\x23\0\x01",
    ] {
        let v = Version::V311;
        for place in [0, 3, 9] {
            let client: Vec<_> = (0..10)
                .map(|i| publish(v, "plant/7/raw", if i == place { odd } else { b"21.5" }))
                .collect();
            let found = versions(&client, &[]);
            let wrong = found.iter().filter(|found| found.0 != v).count();
            // What came alone before anything else is shown as it looked then.
            assert!(
                wrong == 0 || (place == 0 && wrong <= 1),
                "{odd:02x?} at {place}: {found:?}"
            );
        }
    }
}

#[test]
fn big_endian_numbers_of_3_1_1() {
    let v = Version::V311;
    let client: Vec<_> = (0..20u32)
        .map(|i| publish(v, "meter/7/energy", &(i * 1001 + 77_777).to_be_bytes()))
        .collect();
    for (version, _) in versions(&client, &[]) {
        assert_eq!(version, v);
    }
}

#[test]
fn empty_retained_payloads_of_3_1_1() {
    let v = Version::V311;
    let client: Vec<_> = (0..5)
        .map(|i| packet(0x31, &string(&format!("plant/{i}"))))
        .collect();
    assert_inferred("empty", v, &client, &[]);
}

#[test]
fn every_other_evidence() {
    let v5 = Version::V5;
    let v311 = Version::V311;
    let ping = PINGREQ.to_vec();
    for (what, version, client, server) in [
        (
            "SUBSCRIBE",
            v311,
            vec![packet(0x82, b"\0\x01\0\x03a/b\x01"), ping.clone()],
            vec![],
        ),
        (
            "SUBSCRIBE",
            v5,
            vec![packet(0x82, b"\0\x01\0\0\x03a/b\x2d"), ping.clone()],
            vec![],
        ),
        (
            "CONNACK",
            v311,
            vec![ping.clone()],
            vec![packet(0x20, b"\x01\0")],
        ),
        (
            "CONNACK",
            v5,
            vec![ping.clone()],
            vec![packet(0x20, b"\x01\0\0")],
        ),
        (
            "SUBACK",
            v311,
            vec![ping.clone()],
            vec![packet(0x90, b"\0\x01\x01")],
        ),
        (
            "SUBACK",
            v5,
            vec![ping.clone()],
            vec![packet(0x90, b"\0\x01\0\x87")],
        ),
        (
            "UNSUBACK",
            v311,
            vec![ping.clone()],
            vec![packet(0xb0, b"\0\x01")],
        ),
        (
            "UNSUBACK",
            v5,
            vec![ping.clone()],
            vec![packet(0xb0, b"\0\x01\0\x11")],
        ),
        (
            "PUBACK",
            v5,
            vec![ping.clone()],
            vec![packet(0x40, b"\0\x01\x10")],
        ),
        (
            "PUBREC",
            v5,
            vec![ping.clone()],
            vec![packet(0x50, b"\0\x01\x10\0")],
        ),
        (
            "DISCONNECT",
            v5,
            vec![ping.clone(), packet(0xe0, b"\x04")],
            vec![],
        ),
        (
            "DISCONNECT of the server",
            v5,
            vec![ping.clone()],
            vec![packet(0xe0, b"\x8e")],
        ),
        (
            "AUTH",
            v5,
            vec![ping.clone(), packet(0xf0, b"\x18\x04\x15\0\x01m")],
            vec![],
        ),
        (
            "empty topic",
            v5,
            vec![ping.clone(), packet(0x30, b"\0\0\x03\x23\0\x01hi")],
            vec![],
        ),
    ] {
        assert_inferred(&format!("{what} {version}"), version, &client, &server);
    }
}

#[test]
fn a_guess_that_is_proved_wrong_ends() {
    // Twenty numbers that begin with a zero, then something that 5.0 cannot have.
    let v = Version::V311;
    let mut client = vec![publish(v, "raw", b"\0\x80\xff\x01\x02"); 20];
    client.extend(vec![publish(v, "raw", b"\x77\x80\xff\x01\x02"); 5]);
    let found = versions(&client, &[]);
    assert!(found[20..].iter().all(|found| found.0 == v), "{found:?}");
}

/// 3.1.1, [MQTT-3.1.2-2]: a server that does not know the level says so as its own version does.
#[test]
fn a_server_that_does_not_know_5_0() {
    let refusal = vec![0x20, 2, 0, 1];
    for level in [5, 6] {
        let mut hello = connect(Version::V5, "new");
        hello[8] = level;
        // The second one cannot be understood like this.
        let talk = Talk::new(&[hello], &[refusal.clone(), refusal.clone()]);
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        play(&talk, &packet_by_packet(&talk), &mut capture);
        let records = read(&capture);
        let found: Vec<_> = packets(&records)
            .iter()
            .map(|packet| (packet.version, packet.version_from))
            .collect();
        let expected = [
            (Version::V5, VersionFrom::Connect),
            (Version::V311, VersionFrom::Inferred),
            (Version::V5, VersionFrom::Connect),
        ];
        assert_eq!(found, expected, "level {level}");
    }
    // As text, and in words.
    let text = "100e00044d51545405020000000001 61 20020001";
    let ended = run_with_input(&["decode", "--lint=info", "--lines"], text.as_bytes());
    let shown = String::from_utf8(ended.stdout.clone()).unwrap();
    assert_eq!(ended.code(), 0, "{shown}{}", ended.stderr);
    assert!(shown.contains("unacceptable protocol version"), "{shown}");
}

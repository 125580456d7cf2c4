//! Captures that begin inside of a connection.

use super::{wire::*, *};

const V: Version = Version::V311;

/// A scene on port `port` that begins at byte `at` of each side.
fn from_bytes(talk: &Talk, at: [usize; 2], steps: &[Step]) -> Scene {
    let mut scene = Scene::new(talk);
    for &(from, start, end) in steps {
        let start = start.max(at[from]);
        if start < end {
            scene.send(from, start, end);
        }
    }
    scene
}

fn small(n: u16) -> Talk {
    let mut client = Vec::new();
    let mut server = Vec::new();
    for i in 1..=n {
        let payload = format!("{{\"t\":{i}.5,\"ok\":true}}");
        client.push(publish_qos1("plant/7/temperature", i, payload.as_bytes()));
        server.push(puback(i));
    }
    Talk::new(&client, &server)
}

/// The first packet is cut at every byte.
#[test]
fn inside_of_every_part_of_a_packet() {
    let talk = small(6);
    for at in 0..talk.packets[0][0].len() {
        for sizes in [0, 20, 64, 1000] {
            let steps = match sizes {
                0 => packet_by_packet(&talk),
                size => chunks(&talk, size),
            };
            for ends in [false, true] {
                let mut scene = from_bytes(&talk, [at, 0], &steps);
                if ends {
                    scene.fin();
                }
                let what = format!("from {at}, segments of {sizes}, ends {ends}");
                scene.check(&what);
            }
        }
    }
}

#[test]
fn few_packets_are_left() {
    for (name, client, server) in [
        (
            "one PUBLISH",
            vec![publish(V, "plant/7/state", b"on")],
            vec![],
        ),
        (
            "PUBLISH and PUBACK",
            vec![publish_qos1("plant/7/state", 9, b"on")],
            vec![puback(9)],
        ),
        (
            "one PINGREQ and its answer",
            vec![PINGREQ.to_vec()],
            vec![PINGRESP.to_vec()],
        ),
        ("only PINGREQ", vec![PINGREQ.to_vec()], vec![]),
        (
            "PINGREQ and DISCONNECT",
            vec![PINGREQ.to_vec(), DISCONNECT.to_vec()],
            vec![],
        ),
        ("DISCONNECT", vec![DISCONNECT.to_vec()], vec![]),
        ("PUBACK", vec![puback(9)], vec![]),
    ] {
        let talk = Talk::new(&client, &server);
        let mut scene = from_bytes(&talk, [0, 0], &packet_by_packet(&talk));
        scene.fin();
        let records = scene.check(name);
        scene.assert_ascending(name, &records);
    }
}

#[test]
fn nothing_but_pings() {
    for port in [1883, 9001, 443] {
        let n = 6;
        let mut talk = Talk::new(&vec![PINGREQ.to_vec(); n], &vec![PINGRESP.to_vec(); n]);
        talk.addrs[1].set_port(port);
        let mut scene = from_bytes(&talk, [0, 0], &packet_by_packet(&talk));
        let records = scene.check(&format!("port {port}"));
        scene.assert_ascending("pings", &records);
        // One direction.
        let mut steps = packet_by_packet(&talk);
        steps.retain(|step| step.0 == 1);
        scene = from_bytes(&talk, [0, 0], &steps);
        scene.check(&format!("port {port}, server only"));
    }
}

#[test]
fn acknowledgments_of_a_subscriber() {
    let client: Vec<_> = (1..40).map(puback).collect();
    let server: Vec<_> = (1..40)
        .map(|i| publish_qos1("a/b", i, &[i as u8; 30]))
        .collect();
    for port in [1883, 8000] {
        let mut talk = Talk::new(&client, &server);
        talk.addrs[1].set_port(port);
        for only in [None, Some(0), Some(1)] {
            let mut steps = packet_by_packet(&talk);
            steps.retain(|step| only.is_none_or(|only| step.0 == only));
            for at in [0, 1, 5] {
                let scene = from_bytes(&talk, [0, at], &steps);
                scene.check(&format!("port {port}, only {only:?}, from {at}"));
            }
        }
    }
}

/// A payload of every kind, of which the capture has only the end.
#[test]
fn inside_of_a_payload() {
    let text = b"{\"temperature\": 21.5, \"unit\": \"C\", \"ok\": true}\n".repeat(40);
    let binary: Vec<u8> = (0..2000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8)
        .collect();
    for (name, payload) in [
        ("text", text),
        ("binary", binary),
        ("zeros", vec![0; 2000]),
        ("ones", vec![0xff; 2000]),
        ("digits", b"0123456789".repeat(200)),
    ] {
        for port in [1883, 8883] {
            let mut client = vec![publish(V, "camera/1", &payload)];
            for i in 1..8 {
                client.push(publish_qos1("plant/7/state", i, b"{\"on\":true}"));
            }
            let mut talk = Talk::new(&client, &(1..8).map(puback).collect::<Vec<_>>());
            talk.addrs[1].set_port(port);
            for size in [100, 536, 1448] {
                for at in [500, 1001, 1992] {
                    let whole = talk.packets[0][0].len();
                    let mut steps: Vec<Step> = (at..whole)
                        .step_by(size)
                        .map(|start| (0, start, (start + size).min(whole)))
                        .collect();
                    steps.extend(
                        packet_by_packet(&talk)
                            .into_iter()
                            .filter(|step| *step != (0, 0, whole)),
                    );
                    let scene = from_bytes(&talk, [at, 0], &steps);
                    scene.check(&format!(
                        "{name}, port {port}, segments of {size}, from {at}"
                    ));
                }
            }
        }
    }
}

/// Packets larger than what is kept of a stream that is not known yet.
#[test]
fn large_packets() {
    let random = |len: u32, seed: u32| -> Vec<u8> {
        (0..len)
            .map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 11) as u8)
            .collect()
    };
    for port in [1883, 9999] {
        for len in [70_000, 300_000, 1_200_000] {
            let mut client: Vec<Vec<u8>> = (0..3)
                .map(|i| publish(V, "camera/1/image", &random(len, i << 22)))
                .collect();
            client.push(publish(V, "camera/1/state", b"idle"));
            client.push(PINGREQ.to_vec());
            let mut talk = Talk::new(&client, &[]);
            talk.addrs[1].set_port(port);
            for at in [0, 10_000] {
                let mut steps = Vec::new();
                let mut begin = 0;
                for packet in &talk.packets[0] {
                    let end = begin + packet.len();
                    for start in (begin..end).step_by(16_000) {
                        steps.push((0, start, (start + 16_000).min(end)));
                    }
                    begin = end;
                }
                let scene = from_bytes(&talk, [at, 0], &steps);
                scene.check(&format!("port {port}, packets of {len}, from {at}"));
            }
        }
    }
}

/// Bytes are missing soon after the capture begins: before it is clear that this is MQTT.
#[test]
fn loss_while_nothing_is_known() {
    let talk = small(12);
    for port in [1883, 7777] {
        let mut talk = talk.clone();
        talk.addrs[1].set_port(port);
        for lost in 1..6 {
            let mut scene = Scene::new(&talk);
            for (i, &(from, start, end)) in packet_by_packet(&talk).iter().enumerate() {
                if i != lost {
                    scene.send(from, start, end);
                }
            }
            scene.fin();
            scene.check(&format!("port {port} without step {lost}"));
        }
    }
}

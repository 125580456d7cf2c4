//! What TCP does to segments, and what capturing does to them.

use super::{wire::*, *};

/// Client packets of several forms, with some that look like what they are not, and answers.
fn busy() -> Talk {
    let v = Version::V311;
    let mut client = vec![connect(v, "busy")];
    let mut server = vec![connack(v)];
    for i in 0..20u16 {
        client.push(publish(
            v,
            "plant/7/state",
            format!("{{\"n\":{i}}}").as_bytes(),
        ));
        client.push(publish_qos1("plant/7/alarm", i + 1, &[0x30; 40]));
        server.push(puback(i + 1));
        if i % 5 == 0 {
            client.push(PINGREQ.to_vec());
            server.push(PINGRESP.to_vec());
        }
    }
    client.push(DISCONNECT.to_vec());
    Talk::new(&client, &server)
}

fn both_handshakes(mut run: impl FnMut(&str, Scene)) {
    let talk = busy();
    run("opened", Scene::opened(&talk));
    run("mid-stream", Scene::new(&talk));
    let mut talk = busy();
    talk.isn = [u32::MAX - 100, u32::MAX - 20];
    run("wrapping", Scene::opened(&talk));
    run("wrapping, mid-stream", Scene::new(&talk));
}

#[test]
fn in_order_both_ways() {
    both_handshakes(|what, mut scene| {
        let steps = packet_by_packet(&scene.talk);
        scene.play(&steps);
        scene.fin();
        let records = scene.check(what);
        scene.assert_ascending(what, &records);
    });
}

#[test]
fn in_order_without_acknowledgments() {
    both_handshakes(|what, mut scene| {
        scene.acknowledges = false;
        let steps = packet_by_packet(&scene.talk);
        scene.play(&steps);
        let records = scene.check(what);
        scene.assert_ascending(what, &records);
    });
}

#[test]
fn swapped_neighbours() {
    for offset in [0, 1] {
        both_handshakes(|what, mut scene| {
            let mut steps = packet_by_packet(&scene.talk);
            steps[offset..].chunks_mut(2).for_each(<[Step]>::reverse);
            scene.play(&steps);
            scene.fin();
            scene.check(&format!("{what}, from {offset}"));
        });
        for size in [10, 33] {
            both_handshakes(|what, mut scene| {
                let mut steps = chunks(&scene.talk, size);
                steps[offset..].chunks_mut(2).for_each(<[Step]>::reverse);
                scene.play(&steps);
                scene.fin();
                scene.check(&format!("{what}, {size} from {offset}"));
            });
        }
    }
}

#[test]
fn backwards() {
    let talk = busy();
    for size in [40, 300] {
        let mut scene = Scene::opened(&talk);
        let mut steps = chunks(&talk, size);
        steps.reverse();
        scene.play(&steps);
        scene.fin();
        scene.check(&format!("segments of {size} backwards"));
    }
}

/// Every frame of the file in the opposite order: first the ends, last the handshake.
#[test]
fn the_whole_file_backwards() {
    for size in [40, 300] {
        let talk = busy();
        let mut forward = Scene::opened(&talk);
        forward.play(&chunks(&talk, size));
        forward.fin();
        let n = forward.capture.frames.len() as u64;
        forward.capture.frames.reverse();
        forward.renumber(|frame| n + 1 - frame);
        forward.check(&format!("file backwards, {size}"));
    }
}

#[test]
fn frames_captured_twice() {
    both_handshakes(|what, mut scene| {
        let steps = packet_by_packet(&scene.talk);
        scene.play(&steps);
        scene.fin();
        let frames = std::mem::take(&mut scene.capture.frames);
        scene.capture.frames = frames
            .iter()
            .flat_map(|frame| {
                let mut other = frame.clone();
                other[14 + 8] -= 1; // TTL
                [frame.clone(), other]
            })
            .collect();
        scene.renumber(|frame| 2 * frame - 1);
        let records = scene.check(what);
        scene.assert_ascending(what, &records);
    });
}

#[test]
fn sent_again_with_other_bytes() {
    // What was captured first counts, for the receiver had it.
    both_handshakes(|what, mut scene| {
        for (from, start, end) in packet_by_packet(&scene.talk) {
            scene.send(from, start, end);
            let (seq, ack) = (scene.seq(from, start), scene.seq(1 - from, 0));
            let ends = scene.talk.ends(from);
            scene
                .capture
                .segment(ends, seq, ack, ACK, &vec![0x30; end - start]);
        }
        scene.fin();
        scene.check(what);
    });
}

#[test]
fn sent_again_and_more() {
    both_handshakes(|what, mut scene| {
        for (from, start, end) in chunks(&scene.talk, 50) {
            scene.send(from, start, end);
            let len = scene.talk.stream(from).len();
            scene.send(from, start.saturating_sub(30), (end + 20).min(len));
        }
        scene.fin();
        scene.check(what);
    });
}

#[test]
fn keep_alive_probes_with_garbage() {
    for garbage in [0, b'0', 0xc0, 0x10, 0xff] {
        both_handshakes(|what, mut scene| {
            for (from, start, end) in packet_by_packet(&scene.talk) {
                scene.send(from, start, end);
                for _ in 0..3 {
                    let ack = scene.seq(1 - from, 0);
                    let (ends, seq) = (scene.talk.ends(from), scene.seq(from, end).wrapping_sub(1));
                    scene.capture.segment(ends, seq, ack, ACK, &[garbage]);
                    scene.ack(1 - from, 0, end);
                }
            }
            scene.fin();
            scene.check(&format!("{what}, {garbage:02x}"));
        });
    }
}

/// The very first frame of the capture is a probe: the byte in it is not of the stream.
#[test]
fn keep_alive_probes_first() {
    for garbage in [0, b'0', 0xc0, 0x10, 0xff] {
        let talk = busy();
        let skip = talk.packets[0][0].len();
        let mut scene = Scene::new(&talk);
        for _ in 0..2 {
            let (ends, seq) = (talk.ends(0), scene.seq(0, skip).wrapping_sub(1));
            let ack = scene.seq(1, 4);
            scene.capture.segment(ends, seq, ack, ACK, &[garbage]);
            scene.ack(1, 4, skip);
        }
        for (from, start, end) in packet_by_packet(&talk) {
            if start >= [skip, 4][from] {
                scene.send(from, start, end);
            }
        }
        scene.fin();
        let records = scene.check(&format!("{garbage:02x}"));
        assert_eq!(packets(&records).len(), records.len(), "{records:?}");
    }
}

#[test]
fn zero_window_probes() {
    both_handshakes(|what, mut scene| {
        let steps = packet_by_packet(&scene.talk);
        for (i, &(from, start, end)) in steps.iter().enumerate() {
            if i % 3 == 2 && end > start + 1 {
                // One true byte, again and again, then the rest.
                for _ in 0..3 {
                    scene.send(from, start, start + 1);
                }
                scene.send(from, start + 1, end);
            } else {
                scene.send(from, start, end);
            }
        }
        scene.fin();
        scene.check(what);
    });
}

#[test]
fn data_with_fin() {
    let talk = busy();
    let mut scene = Scene::opened(&talk);
    let steps = packet_by_packet(&talk);
    let (last, rest) = steps.split_last().unwrap();
    scene.play(rest);
    let &(from, start, end) = last;
    assert_eq!(from, 0);
    let bytes = &talk.stream(0)[start..end];
    let ends = talk.ends(0);
    let (seq, ack) = (scene.seq(0, start), scene.seq(1, 0));
    let frame = scene.capture.segment(ends, seq, ack, FIN | ACK, bytes);
    scene.has(0, start, end, frame);
    let (seq, ack) = (scene.seq(1, talk.stream(1).len()), scene.seq(0, end + 1));
    scene
        .capture
        .segment(talk.ends(1), seq, ack, FIN | ACK, b"");
    let records = scene.check("data with FIN");
    scene.assert_ascending("data with FIN", &records);
}

#[test]
fn fin_before_the_last_data() {
    let talk = busy();
    let mut scene = Scene::opened(&talk);
    let steps = packet_by_packet(&talk);
    let (late, rest) = steps.split_at(steps.len() - 2);
    let _ = rest;
    scene.play(late);
    scene.fin();
    scene.play(&steps[steps.len() - 2..]);
    scene.check("FIN first");
}

/// The other side goes on after one has said that this was all.
#[test]
fn half_closed() {
    let talk = busy();
    let mut scene = Scene::opened(&talk);
    let steps = packet_by_packet(&talk);
    let (client, server): (Vec<Step>, Vec<Step>) = steps.iter().partition(|step| step.0 == 0);
    scene.play(&client);
    let len = talk.stream(0).len();
    let (seq, ack) = (scene.seq(0, len), scene.seq(1, 0));
    scene
        .capture
        .segment(talk.ends(0), seq, ack, FIN | ACK, b"");
    for _ in 0..200 {
        scene.ack(1, 0, len + 1);
    }
    scene.play(&server);
    scene.check("half closed");
}

/// An RST that is none of this connection, as an attacker sends it.
#[test]
fn a_reset_that_the_receiver_ignores() {
    let talk = busy();
    let mut scene = Scene::opened(&talk);
    let steps = packet_by_packet(&talk);
    scene.play(&steps[..9]);
    let seq = scene.seq(1, 0).wrapping_add(900_000_000);
    scene.capture.segment(talk.ends(1), seq, 0, RST, b"");
    for _ in 0..200 {
        scene.ack(1, 0, 0);
    }
    scene.play(&steps[9..]);
    scene.check("RST");
}

/// The peer had more under way when it was reset, or the frames were swapped.
#[test]
fn data_after_a_reset() {
    let talk = busy();
    for at in [9, 20, 40] {
        let mut scene = Scene::opened(&talk);
        let steps = packet_by_packet(&talk);
        scene.play(&steps[..at]);
        let sent: usize = steps[..at]
            .iter()
            .filter(|s| s.0 == 1)
            .map(|s| s.2 - s.1)
            .sum();
        let seq = scene.seq(1, sent);
        scene.capture.segment(talk.ends(1), seq, 0, RST, b"");
        scene.play(&steps[at..]);
        scene.check(&format!("RST at {at}"));
    }
}

#[test]
fn a_reset_inside_of_a_packet() {
    let talk = busy();
    let mut scene = Scene::opened(&talk);
    let steps = packet_by_packet(&talk);
    scene.play(&steps[..9]);
    let (from, start, end) = steps[9..]
        .iter()
        .copied()
        .find(|s| s.0 == 0 && s.2 - s.1 > 9)
        .unwrap();
    let before: usize = steps[..9]
        .iter()
        .filter(|s| s.0 == 0)
        .map(|s| s.2)
        .max()
        .unwrap();
    assert_eq!(start, before);
    let _ = end;
    scene.send(from, start, start + 7);
    let seq = scene.seq(1, 4);
    scene.capture.segment(talk.ends(1), seq, 0, RST, b"no");
    let records = scene.check("RST inside");
    assert!(packets(&records).last().unwrap().is_cut());
}

#[test]
fn simultaneous_open() {
    let talk = busy();
    for client_first in [true, false] {
        let mut scene = Scene::new(&talk);
        let order = if client_first { [0, 1] } else { [1, 0] };
        for from in order {
            let seq = scene.seq(from, 0).wrapping_sub(1);
            scene.capture.segment(talk.ends(from), seq, 0, SYN, b"");
        }
        for from in order {
            let seq = scene.seq(from, 0).wrapping_sub(1);
            let ack = scene.seq(1 - from, 0);
            scene
                .capture
                .segment(talk.ends(from), seq, ack, SYN | ACK, b"");
        }
        scene.knows(0, 0);
        scene.knows(1, 0);
        scene.play(&packet_by_packet(&talk));
        scene.fin();
        scene.check("simultaneous");
    }
}

#[test]
fn the_handshake_after_the_data() {
    let talk = busy();
    let mut scene = Scene::new(&talk);
    let steps = packet_by_packet(&talk);
    scene.play(&steps[..2]);
    scene.handshake();
    scene.play(&steps[2..]);
    scene.fin();
    scene.check("late handshake");
}

#[test]
fn the_accept_before_the_connect() {
    // SYN-ACK before SYN, CONNACK before CONNECT.
    let talk = busy();
    let mut scene = Scene::new(&talk);
    let (c, s) = (scene.seq(0, 0), scene.seq(1, 0));
    scene
        .capture
        .segment(talk.ends(1), s.wrapping_sub(1), c, SYN | ACK, b"");
    scene
        .capture
        .segment(talk.ends(0), c.wrapping_sub(1), 0, SYN, b"");
    scene.knows(0, 0);
    scene.knows(1, 0);
    let mut steps = packet_by_packet(&talk);
    steps.swap(0, 1);
    scene.play(&steps);
    scene.fin();
    scene.check("swapped");
}

#[test]
fn snapshot_lengths() {
    let talk = busy();
    // 14 Ethernet, 20 IP and 32 TCP, then payload.
    for payload in [0, 1, 2, 3, 5, 20, 45, 52, 53] {
        for size in [0, 55, 200] {
            let mut scene = Scene::opened(&talk);
            let steps = match size {
                0 => packet_by_packet(&talk),
                size => chunks(&talk, size),
            };
            scene.capture.snaplen = 66 + payload;
            for (from, start, end) in steps {
                let frame = scene.send_nothing(from, start, end);
                scene.has(from, start, end.min(start + payload), frame);
            }
            scene.fin();
            let what = format!("{payload} of {size}");
            if size == 0 {
                scene.check(&what);
            } else {
                // A few bytes out of the middle of something tell nothing.
                scene.check_soundness(&what);
            }
        }
    }
}

/// Both ends of a connection at one address, and extreme ports.
#[test]
fn addresses_and_ports() {
    for (a, b) in [
        ("127.0.0.1:1", "127.0.0.1:65535"),
        ("127.0.0.1:65535", "127.0.0.1:1883"),
        ("127.0.0.1:1883", "127.0.0.1:1"),
        ("[::1]:1883", "[::1]:8883"),
        ("127.0.0.1:1883", "127.0.0.2:1883"),
        ("0.0.0.0:0", "255.255.255.255:0"),
    ] {
        let mut talk = busy();
        talk.addrs = [a.parse().unwrap(), b.parse().unwrap()];
        let mut scene = Scene::opened(&talk);
        scene.play(&packet_by_packet(&talk));
        scene.fin();
        let records = scene.check(&format!("{a} to {b}"));
        for packet in packets(&records) {
            let side = if packet.at.src == talk.addrs[0] {
                Side::Client
            } else {
                Side::Server
            };
            assert_eq!(packet.at.from, Some(side), "{a} to {b}");
        }
    }
}

/// A connection to itself has one stream of bytes, both ways. It need not be understood.
#[test]
fn a_connection_to_itself() {
    let mut talk = busy();
    talk.addrs[1] = talk.addrs[0];
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    talk.handshake(&mut capture);
    for (from, start, end) in packet_by_packet(&talk) {
        talk.send(&mut capture, from, start, end);
    }
    read(&capture);
}

#[test]
fn hundreds_of_connections_at_once() {
    for reorder in [false, true] {
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        let mut scenes: Vec<(Scene, Vec<Step>)> = Vec::new();
        for i in 0..300u16 {
            let mut talk = busy();
            talk.addrs[0].set_port(20_000 + i);
            talk.isn = [77_000_001, 31_000_001].map(|isn: u32| isn.wrapping_mul(i.into()));
            let mut scene = Scene::onto(capture, &talk);
            scene.handshake();
            scene.stream_number = u64::from(i);
            capture = std::mem::replace(&mut scene.capture, Capture::new(Link::Raw, MICRO));
            let mut steps = packet_by_packet(&talk);
            if reorder {
                steps.chunks_mut(2).for_each(<[Step]>::reverse);
                steps[5..].chunks_mut(3).for_each(<[Step]>::reverse);
            }
            scenes.push((scene, steps));
        }
        for round in 0..scenes[0].1.len() {
            for (scene, steps) in &mut scenes {
                std::mem::swap(&mut scene.capture, &mut capture);
                let (from, start, end) = steps[round];
                scene.send(from, start, end);
                std::mem::swap(&mut scene.capture, &mut capture);
            }
        }
        let records = read(&capture);
        for (i, (scene, _)) in scenes.iter().enumerate() {
            scene.audit(&format!("connection {i}, reorder {reorder}"), &records);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cuts, order, repetition and loss together.
    #[test]
    fn every_byte_is_accounted_for(
        steps in schedule(&busy()),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        isn in any::<[u32; 2]>(),
        shuffle in any::<bool>(),
    ) {
        let mut talk = busy();
        talk.isn = isn;
        let mut steps = steps;
        if !shuffle {
            steps.sort_unstable_by_key(|step| (step.0, step.1));
        }
        let mut scene = Scene::opened(&talk);
        let lost: Vec<usize> = lost.iter().map(|lost| lost.index(steps.len())).collect();
        for (i, &(from, start, end)) in steps.iter().enumerate() {
            if !lost.contains(&i) {
                scene.send(from, start, end);
            }
        }
        scene.fin();
        if lost.is_empty() {
            scene.check("any");
        } else {
            scene.check_soundness("any, with loss");
        }
    }
}

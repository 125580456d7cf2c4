//! What is told of WebSocket that is not as RFC 6455 and MQTT, chapter 6, want it.

use midge::capture::{Options, TurnKind};
use midge::mqtt::session::WebSocketFault;

use super::super::read_with;
use super::*;
use crate::program::run_with_input;

/// The sender (0: the client) of each fault, and the fault, in the order in which they are told.
fn faults(wrapped: &Wrapped, steps: &[Step]) -> Vec<(usize, WebSocketFault)> {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let talk = &wrapped.talk;
    talk.handshake(&mut capture);
    for &(from, start, end) in steps {
        talk.send(&mut capture, from, start, end);
    }
    talk.fin(&mut capture);
    told(&capture, talk)
}

fn told(capture: &Capture, talk: &Talk) -> Vec<(usize, WebSocketFault)> {
    let options = Options {
        turns: true,
        ..Options::default()
    };
    let (records, error, _) = read_with(&capture.file(), options);
    assert!(error.is_none());
    let fault = |record: &Record| match record {
        Record::Turn(turn) => match turn.kind {
            TurnKind::WebSocket(fault) => {
                let from = usize::from(turn.at.src != talk.addrs[0]);
                let side = [Side::Client, Side::Server][from];
                assert_eq!(turn.at.from, Some(side));
                Some((from, fault))
            }
            _ => None,
        },
        _ => None,
    };
    records.iter().filter_map(fault).collect()
}

/// With frames of the client from `at` on instead of its own, all in segments of their own.
fn with_frames(style: Style, from: usize, at: usize, frames: &[Vec<u8>]) -> Wrapped {
    let mut wrapped = wrap(&small_talk(8083), style);
    wrapped.talk.packets[from].splice(at..at, frames.iter().cloned());
    wrapped
}

#[test]
fn nothing_is_told_of_what_is_right_and_text_once_for_each_side() {
    for style in all_styles() {
        let wrapped = wrap(&small_talk(8083), style);
        let expected: &[_] = match style {
            Style::Text => &[
                (0, WebSocketFault::NotBinary),
                (1, WebSocketFault::NotBinary),
            ],
            _ => &[],
        };
        for size in [1, 7, 1448] {
            let found = faults(&wrapped, &chunks(&wrapped.talk, size));
            assert_eq!(found, expected, "{style:?} by {size}");
        }
        let found = faults(&wrapped, &packet_by_packet(&wrapped.talk));
        assert_eq!(found, expected, "{style:?} by frames");
    }
}

/// [MQTT-6.0.0-3] and [MQTT-6.0.0-4]: `mqtt` among others in the offer, and in the answer.
#[test]
fn subprotocols() {
    let style = Style::Packets(1);
    let (offer, answer) = (WebSocketFault::NotOffered, WebSocketFault::NotAnswered);
    for (offered, answered, expected) in [
        ("mqtt", "mqtt", &[][..]),
        ("mqttv3.1, mqtt", "mqtt", &[]),
        ("mqttv3.1", "mqttv3.1", &[(0, offer), (1, answer)]),
        ("mqtt, mqttv3.1", "mqttv3.1", &[(1, answer)]),
        ("graphql-ws", "", &[(0, offer), (1, answer)]),
        ("mqtt", "", &[(1, answer)]),
        ("", "", &[(0, offer), (1, answer)]),
    ] {
        let head = |protocol: &str, side: usize| {
            let line = match protocol {
                "" => String::new(),
                _ => format!("Sec-WebSocket-Protocol: {protocol}\r\n"),
            };
            heads(&line, style)[side].clone()
        };
        let wrapped = wrap_with(
            &small_talk(80),
            style,
            [head(offered, 0), head(answered, 1)],
        );
        let mut found = faults(&wrapped, &packet_by_packet(&wrapped.talk));
        found.sort_by_key(|fault| fault.0);
        assert_eq!(found, expected, "{offered} {answered}");
    }
}

/// RFC 6455, sections 5.1 to 5.5. The frames are between right ones, whose packets stay readable.
#[test]
fn frames_that_are_wrong() {
    use WebSocketFault::{Control, Fragment, Frame, Mask};
    let key = [0; 4];
    let masked = |byte1: u8, len: u8| [&[byte1, 0x80 | len][..], &key].concat();
    for (from, frames, expected) in [
        // Pings and empty messages are right, and so is a ping in a message of two fragments.
        (0, vec![masked(0x89, 0), masked(0x82, 0)], None),
        (
            0,
            vec![masked(0x02, 0), masked(0x8a, 0), masked(0x80, 0)],
            None,
        ),
        (1, vec![vec![0x89, 0], vec![0x82, 0]], None),
        (0, vec![vec![0x82, 0]], Some(Mask)),
        (0, vec![vec![0x89, 0]], Some(Mask)),
        (1, vec![masked(0x82, 0)], Some(Mask)),
        // A continuation of nothing; a message inside of another.
        (0, vec![masked(0x80, 0)], Some(Fragment)),
        (
            1,
            vec![vec![0x02, 0], vec![0x82, 0], vec![0x80, 0]],
            Some(Fragment),
        ),
        // 126 and 127 announce lengths that take so many bytes.
        (1, vec![vec![0x82, 126, 0, 0]], Some(Frame)),
        // Reserved bits, compression that nobody agreed on, a reserved opcode.
        (1, vec![vec![0xa2, 0]], Some(Frame)),
        (1, vec![vec![0xc2, 0]], Some(Frame)),
        (0, vec![masked(0x83, 0)], Some(Frame)),
        (0, vec![masked(0x8b, 0)], Some(Frame)),
        // A ping in fragments, and a long one.
        (0, vec![masked(0x09, 0)], Some(Control)),
        (1, vec![vec![0x89, 126, 0, 126]], Some(Control)),
    ] {
        let what = format!("{from} {frames:x?}");
        let wrapped = with_frames(Style::Packets(1), from, 3, &frames);
        let found = faults(&wrapped, &packet_by_packet(&wrapped.talk));
        let expected: Vec<_> = expected.map(|fault| (from, fault)).into_iter().collect();
        // Behind a continuation of nothing there may be more of the same.
        assert_eq!(found, expected, "{what}");
    }
}

/// Frames that are found behind a hole, or in the middle of a connection, may not be frames at all.
#[test]
fn nobody_is_blamed_behind_a_hole() {
    let wrapped = wrap(&small_talk(8083), Style::Text);
    let talk = &wrapped.talk;
    let steps = packet_by_packet(talk);
    // Without the upgrade.
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    for &(from, start, end) in steps.iter().filter(|step| step.1 > 0) {
        talk.send(&mut capture, from, start, end);
    }
    assert_eq!(told(&capture, talk), []);
}

/// From the bytes to the statements.
#[test]
fn lint_names_the_statements() {
    let style = Style::Text;
    let wrapped = wrap_with(&small_talk(8083), style, heads("", style));
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play_wrapped(&wrapped, &packet_by_packet(&wrapped.talk), &mut capture);
    let ended = run_with_input(&["decode", "--lint", "--json", "-"], &capture.file());
    assert_eq!(ended.code(), 5, "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    let mut found = Vec::new();
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        // By itself, or with the packet that came in the same frame.
        let of_packet = object["violations"].as_array().into_iter().flatten();
        for fault in of_packet.chain(object["record"].is_string().then_some(&object)) {
            let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            if word(&fault["ids"][0]).starts_with("MQTT-6") {
                found.push((
                    object["frame"].as_u64().unwrap(),
                    word(&object["from"]),
                    word(&fault["ids"][0]),
                ));
            }
        }
    }
    found.sort();
    // Behind the handshake of three frames: both heads, both first messages.
    let expected = [
        (4, "client", "MQTT-6.0.0-3"),
        (5, "server", "MQTT-6.0.0-4"),
        (6, "client", "MQTT-6.0.0-1"),
        (7, "server", "MQTT-6.0.0-1"),
    ]
    .map(|(frame, from, id)| (frame, from.to_owned(), id.to_owned()));
    assert_eq!(found, expected, "{text}");
}

/// [MQTT-6.0.0-1]: between binary frames, what is in a text frame is no MQTT. Findings come in the
/// order of their frames, and time begins with the first.
#[test]
fn text_between_binary_frames() {
    let style = Style::Packets(1);
    let mut wrapped = wrap_with(&small_talk(8083), style, heads("", style));
    // Bytes that would be a PUBREL that is wrong, and the front of another one.
    wrapped.talk.packets[1].insert(3, b"\x81\x05hello".to_vec());
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let talk = &wrapped.talk;
    talk.handshake(&mut capture);
    for (from, start, end) in packet_by_packet(talk) {
        talk.send(&mut capture, from, start, end);
    }
    talk.fin(&mut capture);
    let ended = run_with_input(&["decode", "--lint", "-"], &capture.file());
    assert_eq!(ended.code(), 5, "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    // The client of this talk never subscribed.
    let is_other = |line: &&str| !line.contains("MQTT-3.3.2-3");
    let lines: Vec<&str> = text.lines().filter(is_other).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, id) in lines
        .iter()
        .zip(["MQTT-6.0.0-3", "MQTT-6.0.0-4", "MQTT-6.0.0-1"])
    {
        assert!(line.contains(id), "{id}:\n{text}");
        assert!(!line.contains(" -"), "{text}");
    }
    // The five bytes are shown as what they are.
    let ended = run_with_input(&["decode", "-"], &capture.file());
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(
        text.contains("5 bytes skipped: a WebSocket text frame"),
        "{text}"
    );
}

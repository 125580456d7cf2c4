//! `midge rr`: the request, the response that belongs to it, and what it says when there is none.

use std::fs;

use midge::mqtt::decode::{Context, Strict, decode};
use midge::mqtt::packet::Packet;
use midge::mqtt::{PropertyId, Version};

use crate::client_scripted::{Connection, Peer, Script};
use crate::program::{run, run_with_input};
use crate::test_broker::TestBroker;

/// CONNACK of 5.0: success.
const CONNACK: &[u8] = b"\x20\x03\x00\x00\x00";

/// What a request asks for.
struct Asked {
    topic: String,
    payload: Vec<u8>,
    response_topic: String,
    data: Vec<u8>,
}

/// Answers the subscription, and takes the request that follows.
fn take_request(connection: &mut Connection) -> (String, Asked) {
    let subscribe = connection.packet();
    let context = Context {
        version: Version::V5,
        from: None,
    };
    let Ok(Packet::Subscribe(packet)) = decode(&subscribe, context, &mut Strict) else {
        panic!("not SUBSCRIBE: {subscribe:?}");
    };
    let filter = packet.filters.iter().next().expect("a filter").0.to_owned();
    let [high, low] = packet.packet_id.to_be_bytes();
    connection.send(&[0x90, 4, high, low, 0, 0]);
    let publish = connection.packet();
    let Ok(Packet::Publish(packet)) = decode(&publish, context, &mut Strict) else {
        panic!("not PUBLISH: {publish:?}");
    };
    let topic = packet.properties.text(PropertyId::RESPONSE_TOPIC);
    let data = packet.properties.get(PropertyId::CORRELATION_DATA);
    let asked = Asked {
        topic: packet.topic.to_owned(),
        payload: packet.payload.to_vec(),
        response_topic: topic.expect("a response topic").to_owned(),
        data: data.and_then(|d| d.bytes()).unwrap_or_default().to_vec(),
    };
    (filter, asked)
}

/// A message of QoS 0.
fn message(topic: &str, data: Option<&[u8]>, payload: &str) -> Vec<u8> {
    let mut properties = Vec::new();
    if let Some(data) = data {
        properties.extend([9, 0, data.len() as u8]);
        properties.extend(data);
    }
    let mut packet = vec![0x30, 0, 0, topic.len() as u8];
    packet.extend(topic.as_bytes());
    packet.push(properties.len() as u8);
    packet.extend(properties);
    packet.extend(payload.as_bytes());
    packet[1] = (packet.len() - 2) as u8;
    packet
}

#[test]
fn the_response_is_the_one_with_the_data_of_the_request() {
    let peer = Peer::after(CONNACK, |connection| {
        let (filter, asked) = take_request(connection);
        assert_eq!(
            (asked.topic.as_str(), &asked.payload[..]),
            ("q", &b"ask"[..])
        );
        assert_eq!(filter, asked.response_topic);
        assert_eq!(asked.data.len(), 8);
        for (data, payload) in [
            (None, "without"),
            (Some(&b"another"[..]), "another's"),
            (Some(&asked.data), "yes"),
        ] {
            connection.send(&message(&filter, data, payload));
        }
        connection.expect(b"\xe0\x00");
    });
    let ended = run(&peer.args("rr", &["-V", "5", "-t", "q", "-m", "ask"]));
    ended.expect(0, "");
    assert_eq!(ended.text(), "yes\n");
    peer.finish();
}

#[test]
fn the_response_topic_is_below_what_the_broker_offers() {
    let connack: &[u8] = b"\x20\x0a\x00\x00\x07\x1a\x00\x04mine";
    let peer = Peer::after(connack, |connection| {
        let (filter, asked) = take_request(connection);
        assert!(filter.starts_with("mine/"), "{filter}");
        connection.send(&message(&filter, Some(&asked.data), "yes"));
    });
    let args = ["-V", "5", "-t", "q", "-n", "-v"];
    let ended = run(&peer.args("rr", &args));
    ended.expect(0, "");
    assert!(ended.text().starts_with("mine/"), "{}", ended.text());
    assert!(ended.text().ends_with(" yes\n"), "{}", ended.text());
    peer.finish();
}

#[test]
fn retained_messages_are_left_out_if_wanted() {
    let peer = Peer::after(b"\x20\x02\x00\x00", |connection| {
        connection.expect(b"\x82\x06\x00\x01\x00\x01r\x00");
        connection.send(b"\x90\x03\x00\x01\x00");
        connection.expect(b"\x30\x04\x00\x01qx");
        connection.send(b"\x31\x06\x00\x01rold");
        connection.send(b"\x30\x06\x00\x01rnew");
        connection.expect(b"\xe0\x00");
    });
    let args = ["-V", "311", "-t", "q", "-e", "r", "-m", "x", "-R"];
    let ended = run(&peer.args("rr", &args));
    ended.expect(0, "");
    assert_eq!(ended.text(), "new\n");
    peer.finish();
}

#[test]
fn a_program_can_answer() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    let answerer = std::thread::spawn({
        let port = port.clone();
        move || {
            // Its answer needs no data in 3.1.1.
            let heard = run(&["sub", "-h", "127.0.0.1", "-p", &port, "-t", "q", "-C", "1"]);
            let args = ["pub", "-h", "127.0.0.1", "-p", &port, "-t", "r", "-s"];
            run_with_input(&args, heard.text().trim_end().to_uppercase().as_bytes())
        }
    });
    broker.wait_for("subscribed");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("question");
    fs::write(&file, "ask").expect("written");
    let file = file.to_str().expect("UTF-8");
    let mut args = vec!["rr", "-h", "127.0.0.1", "-p", &port, "-V", "311", "-q", "1"];
    args.extend(["-t", "q", "-e", "r", "-f", file, "--latency", "--json"]);
    let ended = run(&args);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(
        ended.text().contains("\"payload\":\"ASK\""),
        "{}",
        ended.text()
    );
    let latency = ended.stderr.strip_prefix("midge: the response took ");
    let latency = latency.and_then(|rest| rest.strip_suffix(" ms\n"));
    let latency: f64 = latency.expect(&ended.stderr).parse().expect("a number");
    assert!((0.0..60_000.0).contains(&latency));
    assert_eq!(answerer.join().expect("it answers").code(), 0);
}

#[test]
fn without_a_response_the_time_ends_it() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    let args = [
        "rr",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-t",
        "q",
        "-m",
        "x",
        "-W",
        "300ms",
    ];
    let ended = run(&args);
    assert_eq!((ended.code(), ended.text()), (27, ""));
}

#[test]
fn refusals_have_their_code() {
    let suback = Peer::after(CONNACK, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x87");
    });
    let args = ["-V", "5", "-t", "q", "-e", "r", "-m", "x"];
    let ended = run(&suback.args("rr", &args));
    ended.expect(
        135,
        "midge: the broker refused the subscription to the response topic 'r': 0x87 Not \
         authorized\n",
    );
    suback.finish();
    let puback = Peer::after(CONNACK, |connection| {
        take_request_of_qos_1(connection, 0x87);
    });
    let ended = run(&puback.args("rr", &[&args[..], &["-q", "1"]].concat()));
    assert_eq!(ended.code(), 135, "{ended:?}");
    assert!(
        ended.stderr.contains("refused the request to 'q'"),
        "{}",
        ended.stderr
    );
    puback.finish();
}

fn take_request_of_qos_1(connection: &mut Connection, reason: u8) {
    let subscribe = connection.packet();
    connection.send(&[0x90, 4, subscribe[2], subscribe[3], 0, 0]);
    let publish = connection.packet();
    let id = 4 + usize::from(publish[3]);
    connection.send(&[0x40, 3, publish[id], publish[id + 1], reason]);
}

#[test]
fn wrong_usage_is_one_sentence() {
    for (args, sentence) in [
        (
            &["-V", "311", "-t", "q", "-m", "x"][..],
            "MQTT 3.1.1 does not tell who answers where to: give the topic of the response with -e",
        ),
        (&["-m", "x"], "no topic to publish the request to: give -t"),
        (
            &["-t", "q"],
            "no request to send: give one of -m, -f, -s and -n",
        ),
        (
            &["-t", "q", "-m", "x", "-n"],
            "more than one request: give only one of -m, -f, -s and -n",
        ),
        (
            &["-t", "q", "-m", "x", "-e", "r/#"],
            "'r/#' (-e) is not a topic to publish to: a topic name may not hold the wildcard '#' \
             (byte 2)",
        ),
    ] {
        let ended = run(&[&["rr", "-p", "1"], args].concat());
        ended.expect(2, &format!("midge: {sentence}\n"));
    }
}

#[test]
fn quiet_says_nothing() {
    let args = [
        "rr",
        "-p",
        "1",
        "-h",
        "127.0.0.1",
        "-t",
        "q",
        "-m",
        "x",
        "--quiet",
    ];
    run(&args).expect(3, "");
}

#[test]
fn words_authenticate() {
    let script = |connection: &mut Connection| {
        // CONNECT: method M, data one; then two for what the broker asks.
        let connect = connection.packet();
        let has = |part: &[u8]| connect.windows(part.len()).any(|window| window == part);
        assert!(has(b"\x15\x00\x01M\x16\x00\x03one"), "{connect:?}");
        connection.send(b"\xf0\x06\x18\x04\x15\x00\x01M");
        connection.expect(b"\xf0\x0c\x18\x0a\x15\x00\x01M\x16\x00\x03two");
        connection.send(CONNACK);
        connection.packet();
        connection.expect(b"\xe0\x00");
    };
    let peer = Peer::each([Box::new(script) as Script]);
    let mut args = vec!["-V", "5", "-t", "a", "-m", "b"];
    for (packet, property, value) in [
        ("connect", "authentication-method", "M"),
        ("connect", "authentication-data", "one"),
        ("auth", "authentication-data", "two"),
    ] {
        args.extend(["-D", packet, property, value]);
    }
    run(&peer.args("pub", &args)).expect(0, "");
    peer.finish();
}

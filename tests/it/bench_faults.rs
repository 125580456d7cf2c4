//! bench against a broker that loses, repeats, reorders, delays and refuses as a test says: what
//! comes out must be what was put in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::client_scripted::Peer;
use crate::program::{Ended, Running, midge};

/// What a broker does with a message, by its number from 0 (one publisher, one subscriber).
pub(crate) type Fault = dyn Fn(usize, &[u8]) -> Vec<Act> + Send + Sync;

pub(crate) enum Act {
    /// The subscriber gets this packet.
    Forward(Vec<u8>),
    /// The publisher gets this reason instead of success.
    Refuse(u8),
    /// The publisher gets no acknowledgement.
    LeaveUnanswered,
    /// The broker takes a rest.
    Stall(Duration),
    /// The broker ends, for everybody.
    Die,
}

/// Who has subscribed.
#[derive(Default)]
struct Subscriber {
    stream: Mutex<Option<TcpStream>>,
    there: Condvar,
}

/// A broker for MQTT 5.0 with packets under 128 bytes. `suback` is the code for subscriptions.
pub(crate) fn broker(suback: u8, fault: Box<Fault>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let subscriber = Arc::new(Subscriber::default());
    let fault: Arc<Fault> = Arc::from(fault);
    // Ends with the test's process; each connection ends with its client.
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (subscriber, fault) = (subscriber.clone(), fault.clone());
            thread::spawn(move || serve(stream, suback, &subscriber, &*fault));
        }
    });
    port
}

/// Until the client leaves.
fn serve(mut stream: TcpStream, suback: u8, subscriber: &Subscriber, fault: &Fault) -> Option<()> {
    let mut number = 0;
    loop {
        let packet = packet(&mut stream)?;
        match packet[0] >> 4 {
            1 => stream.write_all(b"\x20\x03\x00\x00\x00").ok()?,
            8 => {
                let id = [packet[2], packet[3]];
                let answer = [0x90, 4, id[0], id[1], 0, suback];
                // Nobody may publish to the subscriber of an earlier run meanwhile.
                let mut place = subscriber.stream.lock().unwrap();
                stream.write_all(&answer).ok()?;
                *place = Some(stream.try_clone().ok()?);
                drop(place);
                subscriber.there.notify_all();
            }
            3 => {
                let guard = subscriber.stream.lock().unwrap();
                let mut to = subscriber
                    .there
                    .wait_while(guard, |stream| stream.is_none())
                    .unwrap();
                let to = to.as_mut().unwrap();
                let mut reason = Some(0);
                for act in fault(number, &packet) {
                    match act {
                        Act::Forward(packet) => to.write_all(&packet).ok()?,
                        Act::Refuse(code) => reason = Some(code),
                        Act::LeaveUnanswered => reason = None,
                        Act::Stall(time) => thread::sleep(time),
                        Act::Die => {
                            to.shutdown(std::net::Shutdown::Both).ok()?;
                            stream.shutdown(std::net::Shutdown::Both).ok()?;
                            return None;
                        }
                    }
                }
                if let Some(reason) = reason.filter(|_| packet[0] & 0b110 != 0) {
                    let topic = usize::from(packet[2]) << 8 | usize::from(packet[3]);
                    let id = &packet[4 + topic..6 + topic];
                    stream.write_all(&[0x40, 3, id[0], id[1], reason]).ok()?;
                }
                number += 1;
            }
            _ => {}
        }
    }
}

fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut packet = vec![0; 2];
    stream.read_exact(&mut packet).ok()?;
    assert!(packet[1] < 128, "a long packet");
    packet.resize(2 + usize::from(packet[1]), 0);
    stream.read_exact(&mut packet[2..]).ok()?;
    Some(packet)
}

pub(crate) fn bench(port: &str, args: &str) -> Ended {
    start(port, args).wait()
}

pub(crate) fn start(port: &str, args: &str) -> Running {
    let mut command = midge(&["bench", "-h", "127.0.0.1", "-p", port]);
    command.args(["--json", "--no-progress", "--topic", "t"]);
    command.args(args.split(' '));
    Running::start(command)
}

/// A run that is sent a signal when ten messages have come.
#[cfg(unix)]
pub(crate) fn interrupted(signal: rustix::process::Signal, args: &str) -> Ended {
    let (tell, told) = std::sync::mpsc::channel();
    let fault = move |number, packet: &[u8]| {
        if number == 10 {
            tell.send(()).unwrap();
        }
        vec![Act::Forward(packet.to_vec())]
    };
    let running = start(&broker(1, Box::new(fault)), args);
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    running.signal(signal);
    running.wait()
}

pub(crate) fn result(ended: &Ended) -> Value {
    serde_json::from_str(ended.text()).unwrap_or_else(|_| panic!("no result: {ended:?}"))
}

#[track_caller]
pub(crate) fn check(result: &Value, expected: &[(&str, u64)]) {
    for (key, value) in expected {
        assert_eq!(result[*key], *value, "{key} in {result}");
    }
}

/// Of 20 messages: 3 is lost, 5 comes twice, 7 comes behind 9, 11 three times and late; one is
/// retained, one is somebody else's.
fn trouble() -> Box<Fault> {
    let held = Mutex::new(Vec::new());
    Box::new(move |number, packet| {
        let forward = |packet: &[u8]| Act::Forward(packet.to_vec());
        let mut held = held.lock().unwrap();
        match number {
            3 => vec![],
            5 => vec![forward(packet), forward(packet)],
            7 | 11 => {
                *held = packet.to_vec();
                vec![]
            }
            9 => vec![forward(packet), forward(&held)],
            13 => {
                let again = [forward(&held), forward(&held), forward(&held)];
                std::iter::once(forward(packet)).chain(again).collect()
            }
            15 => {
                let mut retained = packet.to_vec();
                retained[0] |= 1;
                vec![Act::Forward(retained), forward(packet)]
            }
            17 => vec![
                forward(packet),
                forward(b"\x30\x17\x00\x01t\x00not a stamp of ours"),
            ],
            _ => vec![forward(packet)],
        }
    })
}

const TROUBLE: &[(&str, u64)] = &[
    ("sent", 20),
    ("expected", 20),
    ("received", 19),
    ("lost", 1),
    ("duplicated", 3),
    ("reordered", 2),
    ("foreign", 1),
    ("retained", 1),
];

#[test]
fn what_goes_wrong_is_counted_exactly() {
    let port = broker(1, trouble());
    let ended = bench(&port, "-q 1 --count 20 --drain 200ms");
    check(&result(&ended), TROUBLE);
    check(&result(&ended), &[("acknowledged", 20)]);
    ended.expect(5, "midge: 1 of 20 messages of QoS 1 were lost\n");
}

#[test]
fn qos_0_may_lose() {
    let port = broker(0, trouble());
    let ended = bench(&port, "-q 0 --count 20 --drain 200ms");
    check(&result(&ended), TROUBLE);
    ended.expect(0, "");
}

#[test]
fn a_subscription_granted_at_qos_0_may_lose() {
    let port = broker(0, trouble());
    let ended = bench(&port, "-q 1 --count 20 --drain 200ms");
    check(&result(&ended), TROUBLE);
    check(&result(&ended), &[("qos", 1), ("granted_qos", 0)]);
    ended.expect(0, "");
}

#[test]
fn refused_messages_are_not_lost() {
    let fault = |number, packet: &[u8]| match number {
        4 | 6 => vec![Act::Refuse(0x97)],
        5 => vec![Act::Refuse(0x87)],
        _ => vec![Act::Forward(packet.to_vec())],
    };
    let port = broker(1, Box::new(fault));
    let ended = bench(&port, "-q 1 --count 10");
    let result = result(&ended);
    check(
        &result,
        &[
            ("sent", 10),
            ("acknowledged", 7),
            ("refused", 3),
            ("unacknowledged", 0),
            ("expected", 7),
            ("lost", 0),
        ],
    );
    assert_eq!(
        result["refusals"],
        serde_json::json!([
            {"reason_code": 0x87, "reason": "Not authorized", "packet": "PUBACK", "count": 1},
            {"reason_code": 0x97, "reason": "Quota exceeded", "packet": "PUBACK", "count": 2},
        ])
    );
    ended.expect(
        0x97,
        "midge: the broker refused 3 of 10 messages, 2 of them with 0x97 Quota exceeded\n",
    );
}

#[test]
fn a_refused_subscription_ends_the_run_before_it_begins() {
    let port = broker(0x87, Box::new(|_, _| vec![]));
    let ended = bench(&port, "-q 1");
    ended.expect(
        0x87,
        "midge: the broker refused the subscription to 't': 0x87 Not authorized\n",
    );
    assert_eq!(ended.text(), "");
}

/// With one message every 10 ms, a rest of 300 ms makes 30 messages late, not one.
#[test]
fn a_stall_cannot_hide() {
    let fault = |number, packet: &[u8]| {
        let mut acts = vec![Act::Forward(packet.to_vec())];
        if number == 10 {
            acts.insert(0, Act::Stall(Duration::from_millis(300)));
        }
        acts
    };
    let port = broker(1, Box::new(fault));
    for window in ["--inflight 1", "--inflight 1000"] {
        let ended = bench(&port, &format!("-q 1 --rate 100 --count 60 {window}"));
        ended.expect(0, "");
        let result = result(&ended);
        for latency in ["publish_to_ack_us", "publish_to_delivery_us"] {
            let at = |key: &str| result[latency][key].as_f64().unwrap();
            assert!(at("max") >= 300_000.0, "{window}: {result}");
            // The sixth latest of 60 was due 50 ms behind the first late one.
            assert!(at("p90") >= 200_000.0, "{window}: {result}");
        }
    }
}

#[test]
fn a_broker_that_dies_leaves_what_was_measured() {
    let fault = |number, packet: &[u8]| match number {
        10 => vec![Act::Die],
        _ => vec![Act::Forward(packet.to_vec())],
    };
    let port = broker(1, Box::new(fault));
    let ended = bench(&port, "-q 1 --inflight 1");
    let result = result(&ended);
    assert_eq!(result["ended_by"], "error");
    check(&result, &[("sent", 11), ("acknowledged", 10)]);
    assert_eq!(ended.code(), 4);
    let sentence = format!("midge: lost the connection to 127.0.0.1:{port}: ");
    assert!(ended.stderr.starts_with(&sentence), "{}", ended.stderr);
    let error = result["error"].as_str().unwrap();
    assert_eq!(ended.stderr, format!("midge: {error}\n"));
}

/// The count is sent, and the wait for the last acknowledgement has an end.
#[test]
fn a_message_without_answer_does_not_hold_the_run() {
    let fault = |number, packet: &[u8]| {
        let forward = Act::Forward(packet.to_vec());
        match number {
            4 => vec![forward, Act::LeaveUnanswered],
            _ => vec![forward],
        }
    };
    let port = broker(1, Box::new(fault));
    let ended = bench(&port, "-q 1 --count 10 --drain 200ms");
    let expected = [
        ("sent", 10),
        ("received", 10),
        ("lost", 0),
        ("acknowledged", 9),
        ("unacknowledged", 1),
    ];
    check(&result(&ended), &expected);
    assert_eq!(result(&ended)["ended_by"], "count");
    ended.expect(
        5,
        "midge: 1 of 10 messages of QoS 1 were not acknowledged\n",
    );
}

/// The window is full of messages that nobody acknowledges, and there is more to send.
#[test]
fn a_window_without_answers_does_not_hold_the_run() {
    let port = broker(1, Box::new(|_, _| vec![Act::LeaveUnanswered]));
    let ended = bench(
        &port,
        "-q 1 --inflight 5 --subscribers 0 --count 100 --drain 50ms",
    );
    check(&result(&ended), &[("sent", 5), ("unacknowledged", 5)]);
    assert_eq!(ended.code(), 5);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_with_its_results() {
    use rustix::process::Signal;

    for (signal, code, ended_by) in [
        (Signal::INT, 130, "interrupt"),
        (Signal::TERM, 143, "terminate"),
    ] {
        let ended = interrupted(signal, "-q 1 --rate 200 --duration 60");
        ended.expect(code, "");
        let result = result(&ended);
        assert_eq!(result["ended_by"], ended_by);
        check(&result, &[("lost", 0), ("unacknowledged", 0)]);
        assert!(result["sent"].as_u64().unwrap() > 10);
    }
}

#[test]
fn a_subscription_that_is_never_answered_ends_the_run() {
    let peer = Peer::after(b"\x20\x03\x00\x00\x00", |connection| {
        assert_eq!(connection.packet()[0], 0x82);
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let args = "--publishers 0 --connect-timeout 0.3";
    bench(&peer.port, args).expect(
        3,
        &format!(
            "midge: 127.0.0.1:{} has not answered the subscription to 't' within 0.3 s\n",
            peer.port
        ),
    );
    peer.finish();
}

//! pub and sub over a wire that is cut again and again, on real sockets: QoS 2 is exactly once.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::interop_client::Mosquitto;
use crate::program::{Running, midge, run_with_input};
use crate::test_broker::TestBroker;

/// How many connections are cut; pauses double, so not many.
const CUTS: usize = 4;

const LINES: usize = 400;

/// Passes bytes between clients and a broker, and cuts the first connections after some thousand.
struct Scissors {
    port: String,
    connections: Arc<AtomicUsize>,
}

impl Scissors {
    fn start(broker: SocketAddr) -> Scissors {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let budget = match number < CUTS {
                    // Neither end of a packet nor end of an exchange falls on these on purpose.
                    true => 997 + 613 * number,
                    false => usize::MAX,
                };
                let Ok(server) = TcpStream::connect(broker) else {
                    return;
                };
                let left = Arc::new(AtomicUsize::new(budget));
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let from = from.try_clone().expect("a second handle");
                    let to = to.try_clone().expect("a second handle");
                    let left = left.clone();
                    thread::spawn(move || pass(from, to, &left));
                }
            }
        });
        Scissors { port, connections }
    }
}

/// Until one side closes, or the bytes that both directions share are used up.
fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicUsize) {
    let mut buffer = [0; 256];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
            Some(n.saturating_sub(len))
        });
        let may = before.unwrap_or(0).min(len);
        if to.write_all(&buffer[..may]).is_err() || may < len {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn exactly_once(broker: SocketAddr, is_subscribed: impl FnOnce()) {
    let (up, down) = (Scissors::start(broker), Scissors::start(broker));
    let count = LINES.to_string();
    let subscriber = Running::start(midge(&[
        "sub",
        "-h",
        "127.0.0.1",
        "-p",
        &down.port,
        "-i",
        "s",
        "-t",
        "a/long/topic",
        "-q",
        "2",
        "-C",
        &count,
        "-W",
        "50",
        "--retry",
        "forever",
    ]));
    is_subscribed();
    let lines: Vec<String> = (0..LINES).map(|i| format!("line {i}")).collect();
    let input = lines.join("\n");
    let published = run_with_input(
        &[
            "pub",
            "-h",
            "127.0.0.1",
            "-p",
            &up.port,
            "-t",
            "a/long/topic",
            "-q",
            "2",
            "-l",
            "--retry",
            "30s",
        ],
        input.as_bytes(),
    );
    assert_eq!(published.code(), 0, "{}", published.stderr);
    let received = subscriber.wait();
    assert_eq!(received.code(), 0, "{}", received.stderr);
    let got: Vec<&str> = received.text().lines().collect();
    assert_eq!(got, lines, "each line once, in order");
    for scissors in [up, down] {
        let connections = scissors.connections.load(Ordering::SeqCst);
        assert_eq!(connections, CUTS + 1, "every cut was made");
    }
    assert_eq!(
        published.stderr.matches("the session goes on").count(),
        CUTS
    );
}

#[test]
fn qos_2_is_exactly_once_over_cuts() {
    let broker = TestBroker::start();
    exactly_once(broker.address, || broker.wait_for("subscribed"));
}

#[test]
#[ignore = "needs mosquitto"]
fn qos_2_is_exactly_once_over_cuts_by_mosquitto() {
    let broker = Mosquitto::start();
    let address = format!("127.0.0.1:{}", broker.port).parse().unwrap();
    exactly_once(address, || broker.wait_for("Sending SUBACK to s"));
}

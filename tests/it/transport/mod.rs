//! pub and sub over every transport, against servers made here: that the bytes arrive, and what is
//! said when they cannot.

pub(crate) mod certificates;
mod proxy;
mod tls;
mod unix;
mod websocket;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// CONNACK of 5.0: success.
const CONNACK: &[u8] = b"\x20\x03\x00\x00\x00";

/// What `midge pub -t t -m hello` sends between CONNECT and DISCONNECT.
const PUBLISH: &[u8] = b"\x30\x09\x00\x01t\x00hello";

/// A server for some connections, which end with the script.
struct Server {
    port: String,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(connections: usize, mut script: impl FnMut(TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port().to_string();
        let thread = thread::spawn(move || {
            for _ in 0..connections {
                let (stream, _) = listener.accept().expect("the client comes");
                stream
                    .set_read_timeout(Some(Duration::from_secs(30)))
                    .expect("a time-out");
                script(stream);
            }
        });
        Server { port, thread }
    }

    /// The arguments of `midge pub`, to this server.
    fn publish<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["pub", "-t", "t", "-m", "hello", "-h", "localhost", "-p"];
        args.push(&self.port);
        args.extend_from_slice(more);
        args
    }

    /// Everything the script asserts has held.
    fn finish(self) {
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// A broker for one client that publishes: it must find the message that was sent.
fn take_message(stream: &mut (impl Read + Write)) {
    let mut got = vec![0; 2];
    stream.read_exact(&mut got).expect("CONNECT");
    assert_eq!(got[0], 0x10, "CONNECT first");
    let mut rest = vec![0; usize::from(got[1])];
    stream.read_exact(&mut rest).expect("the rest of CONNECT");
    stream.write_all(CONNACK).expect("the client takes it");
    stream.flush().expect("the client takes it");
    let mut publish = vec![0; PUBLISH.len()];
    stream.read_exact(&mut publish).expect("PUBLISH");
    assert_eq!(publish, PUBLISH);
    let mut disconnect = [0; 2];
    stream.read_exact(&mut disconnect).expect("DISCONNECT");
    assert_eq!(disconnect, *b"\xe0\x00");
}

#[test]
fn the_other_engine_refuses_what_it_cannot_do() {
    for transport in [["--ws", "--nodelay"], ["-A", "127.0.0.1"], ["--unix", "/x"]] {
        let common = ["pub", "-t", "t", "-m", "x", "--engine", "rumqttc"];
        let ended = crate::program::run(&[&common[..], &transport].concat());
        let sentence = "the engine rumqttc cannot do more than plain TCP without proxy and local \
                        address (-A, --bind)\n";
        assert!(ended.stderr.ends_with(sentence), "{}", ended.stderr);
        assert_eq!(ended.code(), 2);
    }
}

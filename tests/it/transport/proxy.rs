//! SOCKS5, as RFC 1928 and RFC 1929 have it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Server, take_message};
use crate::program::run;

fn read(tcp: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    tcp.read_exact(&mut bytes).expect("the client sends it");
    bytes
}

/// `broker.example:7`, a name (type 3) that only a proxy could resolve.
const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0ebroker.example\x00\x07";

/// Success, with an address that means nothing.
const CONNECTED: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

fn publish(proxy: &str) -> crate::program::Ended {
    let common = ["pub", "-t", "t", "-m", "hello", "-h", "broker.example"];
    run(&[&common[..], &["-p", "7", "--proxy", proxy]].concat())
}

#[test]
fn a_message_arrives_and_the_proxy_gets_the_name() {
    let server = Server::start(1, |mut tcp| {
        assert_eq!(read(&mut tcp, 3), b"\x05\x01\x00");
        tcp.write_all(b"\x05\x00").expect("sent");
        assert_eq!(read(&mut tcp, REQUEST.len()), REQUEST);
        tcp.write_all(CONNECTED).expect("sent");
        take_message(&mut tcp);
    });
    publish(&format!("socks5h://localhost:{}", server.port)).expect(0, "");
    server.finish();
}

/// A proxy that wants name and password, and says this about them.
fn login(says: u8) -> Server {
    Server::start(1, move |mut tcp| {
        let head = read(&mut tcp, 2);
        let methods = read(&mut tcp, usize::from(head[1]));
        assert!(methods.contains(&2), "{methods:?}");
        tcp.write_all(b"\x05\x02").expect("sent");
        assert_eq!(read(&mut tcp, 10), b"\x01\x02me\x05s@cre");
        tcp.write_all(&[1, says]).expect("sent");
        if says == 0 {
            assert_eq!(read(&mut tcp, REQUEST.len()), REQUEST);
            tcp.write_all(CONNECTED).expect("sent");
            take_message(&mut tcp);
        }
    })
}

#[test]
fn a_login() {
    let server = login(0);
    publish(&format!("socks5h://me:s%40cre@localhost:{}", server.port)).expect(0, "");
    server.finish();
    let server = login(1);
    let port = server.port.clone();
    let ended = publish(&format!("socks5h://me:s%40cre@localhost:{port}"));
    let sentence = "does not accept the user name and password";
    ended.expect(3, &failure(&port, sentence));
    server.finish();
}

fn failure(port: &str, sentence: &str) -> String {
    format!("midge: could not connect to broker.example:7: the proxy localhost:{port} {sentence}\n")
}

#[test]
fn what_a_proxy_says() {
    // RFC 1928, 6.
    for (code, sentence) in [
        (1, "says: general failure"),
        (2, "does not allow this connection"),
        (3, "says: network unreachable"),
        (4, "says: host unreachable"),
        (5, "says: connection refused"),
        (6, "says: time to live expired"),
        (7, "says: command not supported"),
        (8, "says: address type not supported"),
    ] {
        let server = Server::start(1, move |mut tcp| {
            read(&mut tcp, 3);
            tcp.write_all(b"\x05\x00").expect("sent");
            read(&mut tcp, REQUEST.len());
            let reply = [&[5, code], &CONNECTED[2..]].concat();
            tcp.write_all(&reply).expect("sent");
        });
        let port = server.port.clone();
        let ended = publish(&format!("socks5h://localhost:{port}"));
        ended.expect(3, &failure(&port, sentence));
        server.finish();
    }
}

#[test]
fn what_is_no_proxy_for_us() {
    for (answer, sentence) in [
        (
            b"\x05\xff".as_slice(),
            "wants a login that was not given, or of a kind that midge does not have",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n", "does not speak SOCKS5"),
    ] {
        let server = Server::start(1, move |mut tcp| {
            read(&mut tcp, 3);
            tcp.write_all(answer).expect("sent");
        });
        let port = server.port.clone();
        let ended = publish(&format!("socks5h://localhost:{port}"));
        ended.expect(3, &failure(&port, sentence));
        server.finish();
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let ended = publish(&format!("socks5h://127.0.0.1:{port}"));
    ended.expect(
        3,
        &format!(
            "midge: could not connect to broker.example:7: the proxy 127.0.0.1:{port} is not \
             reached: Connection refused (tried 127.0.0.1:{port})\n"
        ),
    );
}

//! WebSocket: frames in both directions, and what is said when there are none.

use std::io::{Read, Write};
use std::net::TcpStream;

use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

use super::{CONNACK, PUBLISH, Server};
use crate::program::run;

/// Takes a WebSocket with MQTT; the function looks at the request.
pub(super) fn accept<S: Read + Write>(stream: S, look: fn(&Request)) -> WebSocket<S> {
    #[expect(clippy::result_large_err, reason = "so tungstenite wants it")]
    let answer = |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
        look(request);
        let protocol = HeaderValue::from_static("mqtt");
        response
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    match accept_hdr(stream, answer) {
        Ok(socket) => socket,
        Err(error) => panic!("no handshake: {error}"),
    }
}

/// The bytes of the next binary frames, `len` of them; tungstenite refuses unmasked ones.
fn read(socket: &mut WebSocket<TcpStream>, pongs: &mut Vec<Vec<u8>>, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        match socket.read().expect("a frame") {
            Message::Binary(frame) => bytes.extend_from_slice(&frame),
            Message::Pong(payload) => pongs.push(payload.to_vec()),
            message => panic!("not binary: {message:?}"),
        }
    }
    bytes
}

#[test]
fn packets_may_cross_frames_and_pings_are_answered() {
    let server = Server::start(1, |tcp| {
        let mut socket = accept(tcp, |request| {
            assert_eq!(request.uri().path_and_query().expect("a path"), "/mqtt");
        });
        let mut pongs = Vec::new();
        let connect = read(&mut socket, &mut pongs, 2);
        assert_eq!(connect[0], 0x10);
        let (first, second) = CONNACK.split_at(3);
        socket.send(Message::binary(first.to_vec())).expect("sent");
        socket
            .send(Message::Ping(b"there?".as_slice().into()))
            .expect("sent");
        socket.send(Message::binary(Vec::new())).expect("sent");
        socket.send(Message::binary(second.to_vec())).expect("sent");
        let sent = read(&mut socket, &mut pongs, PUBLISH.len() + 2);
        assert_eq!(sent, [PUBLISH, b"\xe0\x00"].concat());
        match socket.read().expect("a frame") {
            Message::Close(_) => {}
            message => panic!("not the end: {message:?}"),
        }
        assert_eq!(pongs, [b"there?"]);
    });
    run(&server.publish(&["--ws"])).expect(0, "");
    server.finish();
}

#[test]
fn many_packets_in_a_frame_and_one_in_many() {
    let large = vec![b'x'; 200_000];
    let expected = [b"a\nb\n".as_slice(), &large, b"\n"].concat();
    let server = Server::start(1, move |tcp| {
        let mut socket = accept(tcp, |_| {});
        let mut none = Vec::new();
        read(&mut socket, &mut none, 2);
        socket.send(Message::binary(CONNACK)).expect("sent");
        read(&mut socket, &mut none, 2);
        let mut bytes = b"\x90\x04\x00\x01\x00\x00".to_vec();
        for payload in [b"a".as_slice(), b"b", &large] {
            let len = 2 + 1 + 1 + payload.len();
            bytes.push(0x30);
            // The remaining length in groups of seven bits (5.0, 1.5.5).
            match len {
                0..128 => bytes.push(len as u8),
                _ => bytes.extend([
                    (len % 128 + 128) as u8,
                    (len / 128 % 128 + 128) as u8,
                    (len / 16_384) as u8,
                ]),
            }
            bytes.extend(b"\x00\x01t\x00");
            bytes.extend_from_slice(payload);
        }
        for piece in bytes.chunks(50_001) {
            socket.send(Message::binary(piece.to_vec())).expect("sent");
        }
        while socket.read().is_ok() {}
    });
    let args = [
        "sub",
        "-t",
        "t",
        "-C",
        "3",
        "--ws",
        "-h",
        "127.0.0.1",
        "-p",
        &server.port,
    ];
    let ended = run(&args);
    ended.expect(0, "");
    assert!(ended.stdout == expected);
    server.finish();
}

#[test]
fn path_and_headers() {
    let server = Server::start(1, |tcp| {
        accept(tcp, |request| {
            assert_eq!(request.uri().path_and_query().expect("a path"), "/a/b?c=d");
            assert_eq!(request.headers()["authorization"], "Bearer x:y");
            assert_eq!(request.headers()["origin"], "https://example.org");
            assert_eq!(request.headers()["host"], "elsewhere");
        });
    });
    let mut args = vec!["--ws", "--ws-path", "/a/b?c=d"];
    args.extend(["--ws-header", "Authorization: Bearer x:y"]);
    args.extend(["--ws-header", "Origin:https://example.org"]);
    args.extend(["--ws-header", "Host: elsewhere"]);
    let ended = run(&server.publish(&args));
    assert!(ended.stderr.contains("before CONNACK"), "{}", ended.stderr);
    server.finish();
}

/// Runs pub against a server that answers so.
#[track_caller]
fn refused(answer: &'static [u8], sentence: &str) {
    let server = Server::start(1, move |mut tcp| {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).expect("a request");
            request.extend(byte);
        }
        tcp.write_all(answer).expect("sent");
    });
    let ended = run(&server.publish(&["--ws"]));
    let start = format!(
        "midge: could not connect to ws://localhost:{}/mqtt: ",
        server.port
    );
    ended.expect(3, &format!("{start}{sentence}\n"));
    server.finish();
}

#[test]
fn answers_that_are_no_websocket() {
    refused(
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "the server answers 404 Not Found",
    );
    refused(
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://example.org/\r\n\r\n",
        "the server answers 301 Moved Permanently, and names 'https://example.org/'",
    );
    refused(b"HTTP/1.1 799 Odd\r\n\r\n", "the server answers 799");
    refused(
        b"\x20\x03\x00\x00\x00",
        "this port does not answer with HTTP",
    );
    refused(
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "the server's WebSocket handshake is wrong: WebSocket protocol error: No \"Upgrade: \
         websocket\" header",
    );
}

#[test]
fn a_server_that_chooses_no_or_another_subprotocol() {
    for (protocol, says) in [
        (None, "does not choose"),
        (Some("soap"), "chooses another than"),
    ] {
        let server = Server::start(1, move |tcp| {
            #[expect(clippy::result_large_err, reason = "so tungstenite wants it")]
            let answer = |_: &Request, mut response: Response| {
                if let Some(protocol) = protocol {
                    let value = HeaderValue::from_static(protocol);
                    response
                        .headers_mut()
                        .insert("sec-websocket-protocol", value);
                }
                Ok(response)
            };
            accept_hdr(tcp, answer).expect("a handshake");
        });
        let ended = run(&server.publish(&["--ws"]));
        let sentence =
            format!("the server {says} the subprotocol mqtt: there is no MQTT at this path");
        let start = format!(
            "midge: could not connect to ws://localhost:{}/mqtt: ",
            server.port
        );
        ended.expect(3, &format!("{start}{sentence}\n"));
        server.finish();
    }
}

#[test]
fn text_is_refused() {
    let server = Server::start(1, |tcp| {
        let mut socket = accept(tcp, |_| {});
        socket.send(Message::text("hello")).expect("sent");
        while socket.read().is_ok() {}
    });
    let ended = run(&server.publish(&["--ws"]));
    let sentence = "before CONNACK, the connection broke: the server sent text, and MQTT is binary";
    let start = format!(
        "midge: could not connect to ws://localhost:{}/mqtt: ",
        server.port
    );
    ended.expect(3, &format!("{start}{sentence}\n"));
    server.finish();
}

#[test]
fn a_frame_without_measure() {
    let server = Server::start(1, |tcp| {
        let mut socket = accept(tcp, |_| {});
        // A binary frame of 2^40 bytes (RFC 6455, 5.2), of which some come.
        let stream = socket.get_mut();
        stream
            .write_all(b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00 and so on")
            .expect("sent");
        while socket.read().is_ok() {}
    });
    let ended = run(&server.publish(&["--ws"]));
    let sentence = ": before CONNACK, the connection broke: Space limit exceeded: Message too \
                    long: 1099511627776 > 272629760\n";
    assert!(ended.stderr.ends_with(sentence), "{}", ended.stderr);
    assert_eq!(ended.code(), 3);
    server.finish();
}

#[test]
fn the_wrong_port() {
    // MQTT without WebSocket to a server that wants HTTP.
    let server = Server::start(1, |mut tcp| {
        tcp.read_exact(&mut [0; 1]).expect("CONNECT");
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .expect("sent");
        while let Ok(1..) = tcp.read(&mut [0; 1024]) {}
    });
    let ended = run(&server.publish(&[]));
    let sentence = "this port speaks HTTP: for MQTT over WebSocket use ws:// or wss://, or --ws";
    let start = format!("midge: could not connect to localhost:{}: ", server.port);
    ended.expect(3, &format!("{start}{sentence}\n"));
    server.finish();
}

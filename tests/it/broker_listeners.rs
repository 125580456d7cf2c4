//! The broker's listeners: TLS, WebSocket, unix sockets, several at once, and peers that do not get
//! through their handshakes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use midge::broker::{
    Config, HandshakeError, ListenOptions, Listener, TlsServer, TlsServerOptions, Watch, serve,
};
use rcgen::{
    CertificateRevocationListParams, ExtendedKeyUsagePurpose, KeyIdMethod, RevokedCertParams,
    SerialNumber,
};
use serde_json::Value;

use crate::program::{Ended, Running, midge, run};
use crate::transport::certificates::Authority;

/// `midge broker ARGUMENTS -- sh -c SCRIPT` to its end.
fn around(arguments: &[&str], script: &str) -> Ended {
    let mut command = midge(&["broker"]);
    command.args(arguments).args(["--", "sh", "-c", script]);
    Running::start(command).wait()
}

/// A folder that goes away, and the names of files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// The log's events of this name.
fn events(ended: &Ended, name: &str) -> Vec<Value> {
    ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event"] == name)
        .collect()
}

#[test]
fn all_kinds_at_once_are_one_broker() {
    let folder = Folder::new();
    let socket = format!("unix:{}", folder.file("s"));
    let script = r#"
        set -e
        ca="--cafile $MQTT_CAFILE"
        midge pub -r -t mqtt -m 1
        midge pub -r -t mqtts -m 2 -L "$MQTT_TLS_URL" $ca
        midge pub -r -t ws -m 3 -L "$MQTT_WS_URL"
        midge pub -r -t wss -m 4 -L "$MQTT_WSS_URL" $ca
        midge pub -r -t unix -m 5 -L "$MQTT_UNIX_URL"
        for flags in "-h $MQTT_HOST -p $MQTT_PORT" "-L $MQTT_TLS_URL $ca" "-L $MQTT_WS_URL" \
                     "-L $MQTT_WSS_URL $ca" "-L $MQTT_UNIX_URL"; do
            midge sub -t '#' -C 5 -F %t=%p $flags | sort | tr '\n' ' '
            echo
        done
    "#;
    let ended = around(
        &[
            "--listen",
            "mqtt://127.0.0.1:0",
            "--listen",
            "mqtts://localhost:0",
            "--listen",
            "ws://127.0.0.1:0",
            "--listen",
            "wss://127.0.0.1:0/any/path",
            "--listen",
            &socket,
            "--tls-auto",
            &folder.file("tls"),
        ],
        script,
    );
    ended.expect(0, "");
    assert_eq!(
        ended.text(),
        "mqtt=1 mqtts=2 unix=5 ws=3 wss=4 \n".repeat(5)
    );
    assert!(!Path::new(&folder.file("s")).exists(), "the socket's file");
}

#[test]
fn the_ready_line_has_every_listener_and_the_files() {
    let folder = Folder::new();
    let socket = folder.file("s");
    let mut command = midge(&["broker", "--listen", "wss://127.0.0.1:0", "--listen"]);
    command.arg(format!("unix:{socket}")).args([
        "--tls-auto",
        &folder.file("tls"),
        "--exit-after",
        "0.2s",
    ]);
    let ended = Running::start(command).wait();
    ended.expect(0, "");
    let ready: Value = serde_json::from_str(ended.text()).unwrap();
    let port = ready["port"].as_u64().unwrap();
    let url = format!("wss://127.0.0.1:{port}");
    assert_eq!(ready["url"], *url);
    assert_eq!(
        ready["listeners"],
        serde_json::json!([
            {"host": "127.0.0.1", "port": port, "url": url},
            {"url": format!("unix://{socket}")},
        ])
    );
    for (name, file) in [
        ("cafile", "ca.pem"),
        ("client_cert", "client.pem"),
        ("client_key", "client.key"),
    ] {
        let path = folder.file(&format!("tls/{file}"));
        assert_eq!(ready[name], *path);
        assert!(fs::read_to_string(path).unwrap().contains("-----BEGIN"));
    }
}

#[test]
fn large_messages_pass_every_layer() {
    let folder = Folder::new();
    // As large as a packet may be, nearly.
    let large = folder.file("large");
    let bytes: Vec<u8> = (0..1_990_000u32).map(|i| (i % 251) as u8).collect();
    fs::write(&large, &bytes).unwrap();
    for scheme in ["mqtts", "ws", "wss"] {
        let script = format!(
            "midge pub -q 1 -r -t t -f {large} --cafile \"$MQTT_CAFILE\" && \
             midge sub -t t -C 1 -N --cafile \"$MQTT_CAFILE\"",
        );
        let script = match scheme {
            "ws" => script.replace("--cafile \"$MQTT_CAFILE\"", ""),
            _ => script,
        };
        let url = format!("{scheme}://127.0.0.1:0");
        let tls = folder.file("tls");
        let mut arguments = vec!["--listen", url.as_str()];
        if scheme != "ws" {
            arguments.extend(["--tls-auto", &tls]);
        }
        let ended = around(&arguments, &script);
        ended.expect(0, "");
        assert!(ended.stdout == bytes, "{scheme}: {}", ended.stdout.len());
    }
}

#[test]
fn without_listen_the_one_port_speaks_tls() {
    let folder = Folder::new();
    let tls = folder.file("tls");
    let script = "echo $MQTT_URL; midge pub -t t -m x --cafile $MQTT_CAFILE";
    let ended = around(&["--port", "0", "--tls-auto", &tls], script);
    ended.expect(0, "");
    assert!(ended.text().starts_with("mqtts://127.0.0.1:"));
}

#[test]
fn a_client_certificate_is_asked_for() {
    let folder = Folder::new();
    let arguments = [
        "--listen",
        "mqtts://127.0.0.1:0",
        "--tls-auto",
        &folder.file("tls"),
        "--require-certificate",
        "--log",
        "json",
    ];
    let script = r#"
        midge pub -t t -m x --cafile $MQTT_CAFILE; echo $?
        midge pub -t t -m x --cafile $MQTT_CAFILE --cert $MQTT_CLIENT_CERT --key $MQTT_CLIENT_KEY
        echo $?
    "#;
    let ended = around(&arguments, script);
    assert_eq!((ended.code(), ended.text()), (0, "3\n0\n"));
    let failed = events(&ended, "handshake_failed");
    assert_eq!(failed.len(), 1, "{}", ended.stderr);
    assert_eq!(failed[0]["why"], "the client has no certificate");
    let listener = failed[0]["listener"].as_str().unwrap();
    assert!(listener.starts_with("mqtts://127.0.0.1:"), "{listener}");
    assert_eq!(events(&ended, "connected").len(), 1);
}

#[test]
fn a_revoked_certificate_is_refused() {
    let authority = Authority::new();
    let server = authority.certify("server", |params| {
        params.subject_alt_names = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .subject_alt_names;
    });
    let certify = |name: &str, serial: u64| {
        authority.certify(name, |params| {
            params.serial_number = Some(SerialNumber::from(serial));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    };
    let (good, bad) = (certify("good", 7), certify("bad", 8));
    let list = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2099, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(8),
            revocation_time: rcgen::date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = authority.revoke(list);
    let ca = authority.file();
    let script = format!(
        "midge pub -t t -m x --cafile {ca} --cert {} --key {}; echo $?
         midge pub -t t -m x --cafile {ca} --cert {} --key {}; echo $?",
        good.cert_file, good.key_file, bad.cert_file, bad.key_file
    );
    let arguments = [
        "--listen",
        "mqtts://127.0.0.1:0",
        "--cafile",
        &ca,
        "--cert",
        &server.cert_file,
        "--key",
        &server.key_file,
        "--require-certificate",
        "--crlfile",
        &list,
        "--log",
        "json",
    ];
    let ended = around(&arguments, &script);
    assert_eq!(
        (ended.code(), ended.text()),
        (0, "0\n3\n"),
        "{}",
        ended.stderr
    );
    let failed = events(&ended, "handshake_failed");
    assert_eq!(failed[0]["why"], "the client's certificate is revoked");
}

/// Tells why handshakes failed.
struct Refusals(mpsc::Sender<String>);

impl Watch for Refusals {
    fn refused(&mut self, _: usize, _: Option<std::net::SocketAddr>, why: &HandshakeError) {
        // Nobody may be listening any more.
        let _ = self.0.send(why.to_string());
    }
}

/// Runs `test` with the port of a broker whose patience for handshakes is this short.
fn with_layers(
    options: ListenOptions,
    patience: Duration,
    test: impl FnOnce(u16, &dyn Fn() -> String),
) {
    let (tell, refusals) = mpsc::channel();
    let (tell_port, port) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = Listener::bind("127.0.0.1", 0).await.unwrap().with(options);
            tell_port.send(listener.address().unwrap().port()).unwrap();
            let config = Config {
                connect_timeout: patience,
                ..Config::default()
            };
            let shutdown = async { drop(stopped.await) };
            serve(vec![listener], config, Refusals(tell), shutdown).await;
        });
    });
    let next = || {
        refusals
            .recv_timeout(Duration::from_secs(30))
            .expect("a refusal")
    };
    test(port.recv().unwrap(), &next);
    drop(stop);
    thread.join().unwrap();
}

fn tls_options(authority: &Authority) -> ListenOptions {
    let server = authority.certify("server", |_| {});
    let files = TlsServerOptions::new(server.cert_file.into(), server.key_file.into());
    ListenOptions {
        tls: Some(TlsServer::new(&files).unwrap()),
        ..ListenOptions::default()
    }
}

#[test]
fn a_handshake_has_a_time_out_and_blocks_nobody() {
    let authority = Authority::new();
    let ca = authority.file();
    let websocket = ListenOptions {
        websocket: Some(1 << 20),
        ..ListenOptions::default()
    };
    for (options, flags) in [
        (tls_options(&authority), vec!["--cafile", ca.as_str()]),
        (websocket, vec!["--ws"]),
    ] {
        with_layers(options, Duration::from_secs(2), |port, refusal| {
            // Says nothing, and half a handshake.
            let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut half = TcpStream::connect(("127.0.0.1", port)).unwrap();
            half.write_all(b"\x16\x03").unwrap();
            let port = port.to_string();
            let mut arguments = vec!["pub", "-t", "t", "-m", "x", "-h", "localhost", "-p", &port];
            arguments.extend(flags);
            run(&arguments).expect(0, "");
            let late = "the handshake was not done after 2 s";
            let refusals = [refusal(), refusal()];
            assert!(refusals.iter().any(|why| why == late), "{refusals:?}");
            for stream in [&mut silent, &mut half] {
                stream
                    .set_read_timeout(Some(Duration::from_secs(30)))
                    .unwrap();
                // The broker has hung up, maybe with an alert.
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
    }
}

#[test]
fn peers_that_speak_something_else() {
    let authority = Authority::new();
    let websocket = ListenOptions {
        websocket: Some(1 << 20),
        ..ListenOptions::default()
    };
    let patience = Duration::from_secs(30);
    let say = |port, bytes: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    // CONNECT 3.1.1.
    let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a";
    with_layers(tls_options(&authority), patience, |port, refusal| {
        say(port, connect);
        assert_eq!(refusal(), "the client does not speak TLS");
        drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
        let closed = "the client closed the connection during the TLS handshake";
        assert_eq!(refusal(), closed);
    });
    with_layers(websocket, patience, |port, refusal| {
        say(port, connect);
        assert_eq!(refusal(), "the client does not speak HTTP");
        // RFC 9110, 15.5.22: says what to upgrade to.
        let answer = say(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.contains("\r\nUpgrade: websocket\r\n"), "{answer}");
        let why = refusal();
        assert!(
            why.starts_with("the client's WebSocket handshake is wrong"),
            "{why}"
        );
        let upgrade = "GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let answer = say(
            port,
            format!("{upgrade}Sec-WebSocket-Protocol: soap, mqtt2\r\n\r\n").as_bytes(),
        );
        assert!(answer.starts_with(b"HTTP/1.1 400 "));
        assert_eq!(
            refusal(),
            "the client does not offer the WebSocket subprotocol mqtt"
        );
    });
}

#[test]
fn the_handshake_of_the_standard_and_frames_that_do_not_fit_packets() {
    let websocket = ListenOptions {
        websocket: Some(1 << 20),
        ..ListenOptions::default()
    };
    with_layers(websocket, Duration::from_secs(30), |port, _| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
            .write_all(
                b"GET /x?y HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\
                  Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                  Sec-WebSocket-Protocol: other, mqtt\r\n\r\n",
            )
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let answer = String::from_utf8(answer).unwrap().to_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        // The key and its answer are those of RFC 6455, 1.3.
        let accept = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n";
        assert!(answer.contains(accept), "{answer}");
        assert!(answer.contains("sec-websocket-protocol: mqtt\r\n"));
        // CONNECT in two frames with a ping between, masked with zeros.
        let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a";
        let mut frame = |opcode: u8, payload: &[u8]| {
            let mut bytes = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
            bytes.extend_from_slice(payload);
            stream.write_all(&bytes).unwrap();
        };
        frame(2, &connect[..5]);
        frame(9, b"hi");
        // The rest, and PINGREQ with it.
        frame(2, &[&connect[5..], b"\xc0\x00"].concat());
        // Pong, then CONNACK and PINGRESP, in whatever frames.
        let mut pong = [0; 4];
        stream.read_exact(&mut pong).unwrap();
        assert_eq!(pong, *b"\x8a\x02hi");
        let mut packets = Vec::new();
        while packets.len() < 6 {
            let mut header = [0; 2];
            stream.read_exact(&mut header).unwrap();
            assert_eq!(header[0], 0x82, "binary");
            let mut payload = vec![0; usize::from(header[1])];
            stream.read_exact(&mut payload).unwrap();
            packets.extend(payload);
        }
        assert_eq!(packets, b"\x20\x02\x00\x00\xd0\x00");
        // PINGREQ in a text frame: closed, without an answer to it ([MQTT-6.0.0-1]).
        stream.write_all(b"\x81\x82\0\0\0\0\xc0\x00").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest[0] == 0x88, "{rest:x?}");
    });
}

#[test]
fn a_unix_sockets_file() {
    let folder = Folder::new();
    let path = folder.file("s");
    let url = format!("unix:{path}");
    let script = "midge pub -t t -m x && echo $MQTT_URL$MQTT_HOST$MQTT_PORT";
    // One that a broker has left, which had no time to say goodbye.
    drop(UnixListener::bind(&path).unwrap());
    let ended = around(&["--listen", &url], script);
    ended.expect(0, "");
    assert_eq!(ended.text(), format!("unix://{path}\n"));
    // One that somebody listens on.
    let taken = UnixListener::bind(&path).unwrap();
    let ended = around(&["--listen", &url], script);
    let start = format!("midge: cannot listen on {path}: ");
    assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
    assert_eq!(ended.code(), 1);
    UnixStream::connect(&path).unwrap();
    drop(taken);
    fs::remove_file(&path).unwrap();
    // A file of another kind.
    fs::write(&path, "mine").unwrap();
    let ended = around(&["--listen", &url], script);
    assert_eq!(ended.code(), 1);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn who_listens_beyond_this_machine_is_warned() {
    let ended = around(&["--listen", "mqtt://*:0"], "midge pub -t t -m x");
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let warning = "midge: warning: listening on ";
    assert!(ended.stderr.starts_with(warning), "{}", ended.stderr);
    around(
        &["--bind", "localhost", "--port", "0"],
        "midge pub -t t -m x",
    )
    .expect(0, "");
}

#[test]
fn wrong_usage_is_one_sentence() {
    let folder = Folder::new();
    let tls = folder.file("tls");
    for (arguments, sentence) in [
        (
            vec!["--listen", "mqtts://h:0"],
            "--listen mqtts://h wants a certificate: give --cert and --key, or --tls-auto",
        ),
        (
            vec!["--listen", "mqtt://h:0", "--tls-auto", &tls],
            "--cert and --tls-auto are about TLS, which no listener speaks: give --listen \
             mqtts://HOST:PORT",
        ),
        (
            vec!["--require-certificate"],
            "--cafile and --require-certificate are about TLS: give --cert and --key, too, or \
             --tls-auto",
        ),
        (
            vec!["--cert", "c", "--key", "k", "--require-certificate"],
            "--require-certificate takes the certificates of authorities from --cafile: give it, \
             too",
        ),
        (
            vec!["--listen", "mqtt://u:p@h:0"],
            "--listen mqtt://h: a listener has no user name and password",
        ),
        (
            vec!["--listen", "mqtt://h:0/t"],
            "--listen mqtt://h: a listener of MQTT has no path",
        ),
        (
            vec!["--listen", "tcp://h:0"],
            "--listen takes mqtt://HOST[:PORT], or the same with mqtts, ws or wss, or unix:PATH: \
             the scheme 'tcp' is not supported",
        ),
    ] {
        let ended = run(&[&["broker"], arguments.as_slice()].concat());
        ended.expect(2, &format!("midge: {sentence}\n"));
    }
    assert!(!Path::new(&tls).exists(), "nothing is made for wrong usage");
    let ended = run(&["broker", "--cert", "/none.pem", "--key", "/none.key"]);
    let sentence = "midge: TLS: the server certificate /none.pem: No such file or directory\n";
    ended.expect(1, sentence);
}

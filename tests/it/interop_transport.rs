//! pub and sub against mosquitto over TLS, WebSocket and unix sockets.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::interop_client::Mosquitto;
use crate::program::{Running, midge, run, run_with_input};

const QOS: [&str; 3] = ["0", "1", "2"];

/// An authority and two certificates that it has signed, as files in this directory.
fn make_certificates(dir: &Path) {
    let write = |name: &str, text: String| fs::write(dir.join(name), text).expect("written");
    let params = |name: &str| {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut authority = params("authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let issuer = CertifiedIssuer::self_signed(authority, key).expect("a certificate");
    write("ca.pem", issuer.pem());
    for name in ["server", "client"] {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(name)
            .signed_by(&key, &issuer)
            .expect("a certificate");
        write(&format!("{name}.pem"), certificate.pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
}

/// mosquitto with one more listener, that has these lines of configuration. `DIR` in them is a
/// directory with certificates.
fn with_listener(lines: &str) -> (Mosquitto, String) {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
        .to_string();
    let broker = Mosquitto::with(|dir| {
        make_certificates(dir);
        let dir = dir.to_str().expect("UTF-8");
        let lines = lines.replace("DIR", dir);
        format!("allow_anonymous true\nlistener {port} 127.0.0.1\n{lines}")
    });
    (broker, port)
}

/// Bytes of a large message.
const LARGE: usize = 300_000;

/// The same where mosquitto 2.0 sends 4 KiB every 100 ms, over WebSocket.
const LARGE_FOR_WEBSOCKET: usize = 20_000;

/// Three messages there and back over a transport, at every QoS and one of them large.
fn three_messages(broker: &Mosquitto, id: &str, large: usize, transport: &[&str]) {
    let large = "x".repeat(large);
    let input = format!("one\n{large}\nthree\n");
    for qos in QOS {
        let id = format!("{id}-{qos}");
        let mut command = vec!["sub", "-t", "t", "-q", qos, "-C", "3", "-i", &id];
        command.extend_from_slice(transport);
        let subscriber = Running::start(midge(&command));
        broker.wait_for(&format!("Sending SUBACK to {id}"));
        let publish = [&["pub", "-t", "t", "-q", qos, "-l"], transport].concat();
        run_with_input(&publish, input.as_bytes()).expect(0, "");
        let ended = subscriber.wait();
        assert!(ended.text() == input, "{id}");
        ended.expect(0, "");
    }
}

const SERVER: &str = "cafile DIR/ca.pem\ncertfile DIR/server.pem\nkeyfile DIR/server.key\n";

#[test]
#[ignore = "needs mosquitto"]
fn tls_of_mosquitto() {
    let (broker, port) = with_listener(SERVER);
    let cafile = broker.dir.path().join("ca.pem");
    let common = ["-h", "localhost", "-p", &port];
    let tls = [&common[..], &["--cafile", cafile.to_str().expect("UTF-8")]].concat();
    for version in ["tlsv1.2", "tlsv1.3"] {
        three_messages(
            &broker,
            version,
            LARGE,
            &[&tls[..], &["--tls-version", version]].concat(),
        );
    }
    // mosquitto hangs up on plain text without a word, and on TLS at a port for plain text.
    let ended = run(&[&["pub", "-t", "t", "-m", "x"], &common[..]].concat());
    ended.expect(
        3,
        &format!(
            "midge: could not connect to localhost:{port}: this port speaks TLS, and the \
             connection is plain: use mqtts:// or wss://, or --cafile\n"
        ),
    );
    let plain = &broker.port;
    let url = format!("mqtts://localhost:{plain}");
    let cafile = cafile.to_str().expect("UTF-8");
    let ended = run(&["pub", "-t", "t", "-m", "x", "-L", &url, "--cafile", cafile]);
    ended.expect(
        3,
        &format!(
            "midge: could not connect to {url}: the broker closed the connection when TLS began: \
             maybe this port is for plain text\n"
        ),
    );
}

#[test]
#[ignore = "needs mosquitto"]
fn client_certificates_of_mosquitto() {
    let config = format!("{SERVER}require_certificate true\nuse_identity_as_username true\n");
    let (broker, port) = with_listener(&config);
    let file = |name: &str| broker.dir.path().join(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let tls = ["-h", "localhost", "-p", &port, "--cafile", &ca];
    for version in ["tlsv1.2", "tlsv1.3"] {
        let tls = [&tls[..], &["--tls-version", version]].concat();
        let certified = [&tls[..], &["--cert", &cert, "--key", &key]].concat();
        three_messages(&broker, version, LARGE, &certified);
        broker.wait_for("u'client'");
        let ended = run(&[&["pub", "-t", "t", "-m", "x"], &tls[..]].concat());
        ended.expect(
            3,
            &format!(
                "midge: could not connect to mqtts://localhost:{port}: the broker asks for a \
                 client certificate: give --cert and --key\n"
            ),
        );
    }
}

#[test]
#[ignore = "needs mosquitto with WebSocket"]
fn websocket_of_mosquitto() {
    let (broker, port) = with_listener("protocol websockets\n");
    let common = ["-h", "localhost", "-p", &port];
    three_messages(
        &broker,
        "ws",
        LARGE_FOR_WEBSOCKET,
        &[&common[..], &["--ws"]].concat(),
    );
    let ended = run(&[&["pub", "-t", "t", "-m", "x"], &common[..]].concat());
    ended.expect(
        3,
        &format!(
            "midge: could not connect to localhost:{port}: this port speaks HTTP: for MQTT over \
             WebSocket use ws:// or wss://, or --ws\n"
        ),
    );
    let (broker, port) = with_listener(&format!("protocol websockets\n{SERVER}"));
    let cafile = broker.dir.path().join("ca.pem");
    let url = format!("wss://localhost:{port}");
    let wss = ["-L", &url, "--cafile", cafile.to_str().expect("UTF-8")];
    three_messages(&broker, "wss", LARGE_FOR_WEBSOCKET, &wss);
}

#[cfg(unix)]
#[test]
#[ignore = "needs mosquitto"]
fn unix_socket_of_mosquitto() {
    let mut path = PathBuf::new();
    let broker = Mosquitto::with(|dir| {
        path = dir.join("broker.sock");
        format!("allow_anonymous true\nlistener 0 {}\n", path.display())
    });
    let path = path.to_str().expect("UTF-8");
    three_messages(&broker, "unix", LARGE, &["--unix", path]);
}

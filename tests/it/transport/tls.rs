//! TLS: what passes, and a sentence for each way to fail.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, IsCa, SanType, date_time_ymd};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};
use tokio_tungstenite::tungstenite::Message;

use super::certificates::{Authority, Certified};
use super::{Server, take_message};
use crate::program::{Ended, Running, midge, run};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// A server's set-up; it asks for a client certificate of this authority, if one is given.
fn config(
    versions: &[&'static SupportedProtocolVersion],
    certified: &Certified,
    clients: Option<&Authority>,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("versions that there are");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate()).expect("an authority");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    builder
        .with_single_cert(vec![certified.certificate.clone()], certified.key())
        .expect("certificate and key belong together")
}

/// A server that lets the handshake fail as it may, and says what it has to say.
fn failing(config: ServerConfig) -> Server {
    let config = Arc::new(config);
    Server::start(1, move |mut tcp| {
        let mut session = ServerConnection::new(config.clone()).expect("a session");
        let mut stream = Stream::new(&mut session, &mut tcp);
        // Either the handshake fails, or the client goes after it.
        let _ = stream.read(&mut [0; 1]);
        let _ = stream.flush();
        wait_for_end(&tcp);
    })
}

/// A server that takes a message over TLS; the function looks at the session.
fn taking(config: ServerConfig, look: fn(&ServerConnection)) -> Server {
    let config = Arc::new(config);
    Server::start(1, move |mut tcp| {
        let mut session = ServerConnection::new(config.clone()).expect("a session");
        take_message(&mut Stream::new(&mut session, &mut tcp));
        look(&session);
        session.send_close_notify();
        let _ = session.complete_io(&mut tcp);
    })
}

/// Until the client hangs up: a socket that is closed with unread bytes resets the connection, and
/// what was said last may be lost.
fn wait_for_end(mut tcp: &TcpStream) {
    while let Ok(1..) = tcp.read(&mut [0; 1024]) {}
}

/// Runs pub, which cannot connect.
#[track_caller]
fn refused(server: Server, more: &[&str], sentence: &str) {
    let ended = run(&server.publish(more));
    let start = format!(
        "midge: could not connect to mqtts://localhost:{}: ",
        server.port
    );
    ended.expect(3, &format!("{start}{sentence}\n"));
    server.finish();
}

#[track_caller]
fn passes(server: Server, more: &[&str]) -> Ended {
    let ended = run(&server.publish(more));
    ended.expect(0, "");
    server.finish();
    ended
}

#[test]
fn a_message_arrives_in_each_version() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let cafile = authority.file();
    let server = taking(config(BOTH, &certified, None), |session| {
        assert_eq!(
            session.protocol_version(),
            Some(rustls::ProtocolVersion::TLSv1_3)
        );
        assert_eq!(session.server_name(), Some("localhost"));
        assert_eq!(session.alpn_protocol(), None);
    });
    passes(server, &["--cafile", &cafile]);
    let server = taking(config(BOTH, &certified, None), |session| {
        assert_eq!(
            session.protocol_version(),
            Some(rustls::ProtocolVersion::TLSv1_2)
        );
    });
    passes(server, &["--cafile", &cafile, "--tls-version", "tlsv1.2"]);
}

#[test]
fn protocol_cipher_and_key_log() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let mut config = config(BOTH, &certified, None);
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    let server = taking(config, |session| {
        assert_eq!(session.alpn_protocol(), Some(b"mqtt".as_slice()));
        let suite = session.negotiated_cipher_suite().expect("a suite");
        assert_eq!(
            suite.suite(),
            rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
        );
    });
    let log = authority.path("keys");
    let cafile = authority.file();
    let mut args = vec!["--cafile", &cafile, "--tls-alpn", "mqtt"];
    args.extend(["--ciphers", "TLS_CHACHA20_POLY1305_SHA256"]);
    args.extend(["--tls-keylog", log.to_str().expect("UTF-8")]);
    passes(server, &args);
    let log = fs::read_to_string(log).expect("it is written");
    assert!(log.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "), "{log}");
    // Label, client random of 32 bytes, secret of 32 bytes.
    for line in log.lines() {
        let lengths: Vec<_> = line.split(' ').skip(1).map(str::len).collect();
        assert_eq!(lengths, [64, 64], "{line}");
    }
}

#[test]
fn a_folder_of_authorities() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let server = taking(config(BOTH, &certified, None), |_| {});
    let folder = tempfile::tempdir().expect("a directory");
    fs::copy(authority.file(), folder.path().join("1a2b3c4d.0")).expect("copied");
    passes(
        server,
        &["--capath", folder.path().to_str().expect("UTF-8")],
    );
}

#[test]
fn what_the_system_trusts() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let file = authority.file();
    for flag in [false, true] {
        let server = taking(config(BOTH, &certified, None), |_| {});
        let url = format!("mqtts://localhost:{}", server.port);
        let mut args = vec!["pub", "-t", "t", "-m", "hello"];
        match flag {
            true => args.extend(["-h", "localhost", "-p", &server.port, "--tls-use-os-certs"]),
            false => args.extend(["-L", &url]),
        }
        let mut command = midge(&args);
        // OpenSSL's variable, in place of where the system has its certificates.
        command
            .env("SSL_CERT_FILE", &file)
            .env_remove("SSL_CERT_DIR");
        Running::start(command).wait().expect(0, "");
        server.finish();
    }
}

#[test]
fn bench_and_websocket_inside() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let config = Arc::new(config(BOTH, &certified, None));
    let server = Server::start(1, move |mut tcp| {
        let mut session = ServerConnection::new(config.clone()).expect("a session");
        let stream = Stream::new(&mut session, &mut tcp);
        let mut socket = super::websocket::accept(stream, |_| {});
        socket.read().expect("CONNECT");
        socket.send(Message::binary(super::CONNACK)).expect("sent");
        while socket.read().is_ok() {}
    });
    let (url, cafile) = (format!("wss://localhost:{}", server.port), authority.file());
    let mut args = vec![
        "bench",
        "--publishers",
        "1",
        "--subscribers",
        "0",
        "--count",
        "3",
    ];
    args.extend(["-L", &url, "--cafile", &cafile, "--no-progress"]);
    run(&args).expect(0, "");
    server.finish();
}

#[test]
fn a_certificate_too_old_or_too_young() {
    let authority = Authority::new();
    let cafile = authority.file();
    let old = authority.certify("old", |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let server = failing(config(BOTH, &old, None));
    let ended = run(&server.publish(&["--cafile", &cafile]));
    assert_eq!(ended.code(), 3);
    let (start, rest) = ended.stderr.split_once(" expired ").expect("expired");
    assert!(
        start.ends_with(": the broker's certificate"),
        "{}",
        ended.stderr
    );
    let days = rest.strip_suffix(" days ago\n").expect("days");
    // 2001 to 2026 is 9,131 days, and these tests may live to 2100.
    assert!((9_131..36_525).contains(&days.parse::<u32>().expect("a number")));
    server.finish();

    let young = authority.certify("young", |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
        params.not_after = date_time_ymd(4001, 1, 1);
    });
    let server = failing(config(BOTH, &young, None));
    let ended = run(&server.publish(&["--cafile", &cafile]));
    let sentence = ": the broker's certificate is not valid yet: it will be in ";
    assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    assert_eq!(ended.code(), 3);
    server.finish();
}

#[test]
fn a_certificate_for_other_names() {
    let authority = Authority::new();
    let cafile = authority.file();
    let other = authority.certify("other", |params| {
        params.subject_alt_names = vec![
            SanType::DnsName("broker.example".try_into().expect("a name")),
            SanType::IpAddress([192, 0, 2, 1].into()),
        ];
    });
    let server = failing(config(BOTH, &other, None));
    refused(
        server,
        &["--cafile", &cafile],
        "the broker's certificate is not for localhost: it is for broker.example, 192.0.2.1",
    );
    let nameless = authority.certify("nameless", |params| params.subject_alt_names.clear());
    refused(
        failing(config(BOTH, &nameless, None)),
        &["--cafile", &cafile],
        "the broker's certificate is not for localhost: it has no names (subjectAltName)",
    );
    let server = taking(config(BOTH, &other, None), |_| {});
    passes(server, &["--cafile", &cafile, "--insecure"]);
}

#[test]
fn an_authority_that_is_not_trusted() {
    let authority = Authority::new();
    let stranger = Authority::named("stranger");
    let certified = stranger.certify("server", |_| {});
    let sentence = "the broker's certificate is signed by no one that is trusted here: name its \
                    authority with --cafile or --capath";
    for insecure in [&[][..], &["--insecure"]] {
        let server = failing(config(BOTH, &certified, None));
        let cafile = authority.file();
        refused(
            server,
            &[&["--cafile", &cafile], insecure].concat(),
            sentence,
        );
    }
}

#[test]
fn an_authority_made_anew() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = failing(config(BOTH, &new.certify("server", |_| {}), None));
    refused(
        server,
        &["--cafile", &old.file()],
        "the broker's certificate is signed by an authority with the name of one that is trusted \
         here, but with another key: maybe that was made anew",
    );
}

/// midge as mosquitto_pub: its codes are 8 for TLS, and 7 where the broker hangs up after it.
#[cfg(unix)]
#[test]
fn mosquittos_codes() {
    let (authority, stranger) = (Authority::new(), Authority::named("stranger"));
    let certified = authority.certify("server", |_| {});
    let other = authority.certify("other", |params| {
        params.subject_alt_names = vec![SanType::DnsName("other.example".try_into().unwrap())];
    });
    let own = stranger.certify("client", |_| {});
    let cafile = authority.file();
    let link = authority.path("mosquitto_pub");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_midge"), &link).expect("a link");
    let server = |certified, clients| failing(config(BOTH, certified, clients));
    let wanted = Some(&authority);
    let tls = "Error: A TLS error occurred";
    let lost = "Error: The connection was lost";
    for (server, cafile, more, code, theirs, sentence) in [
        (
            server(&certified, None),
            &stranger.file(),
            vec![],
            8,
            tls,
            "the broker's certificate is signed by no one that is trusted here: name its \
             authority with --cafile or --capath",
        ),
        (
            server(&other, None),
            &cafile,
            vec![],
            8,
            tls,
            "the broker's certificate is not for localhost: it is for other.example",
        ),
        (
            Server::start(1, drop),
            &cafile,
            vec![],
            8,
            tls,
            "the broker closed the connection when TLS began: maybe this port is for plain text",
        ),
        (
            server(&certified, wanted),
            &cafile,
            vec![],
            7,
            lost,
            "the broker asks for a client certificate: give --cert and --key",
        ),
        (
            server(&certified, wanted),
            &cafile,
            vec!["--cert", &own.cert_file, "--key", &own.key_file],
            7,
            lost,
            "the broker does not accept the client certificate: unknown CA",
        ),
    ] {
        let mut command = std::process::Command::new(&link);
        let args = server.publish(&["--cafile", cafile]);
        command.args(&args[1..]).args(more).env_remove("HOME");
        let ended = Running::start(command).wait();
        ended.expect(code, &format!("{theirs}: {sentence}.\n"));
        server.finish();
    }
}

#[test]
fn a_server_that_is_its_own_authority() {
    let authority = Authority::new();
    let own = authority.certify("own", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    // The very certificate is named: it is taken. Only its authority is: an authority is no server.
    let server = taking(config(BOTH, &own, None), |_| {});
    passes(server, &["--cafile", &own.cert_file]);
    let server = failing(config(BOTH, &own, None));
    refused(
        server,
        &["--cafile", &authority.file()],
        "the broker's certificate cannot be accepted: it is that of an authority (CA:TRUE), \
         as openssl req -x509 makes them: name this very one with --cafile, or make one for the \
         server with CA:FALSE",
    );
}

#[test]
fn a_client_certificate() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let client = authority.certify("client", |_| {});
    let cafile = authority.file();
    // In 1.3 the refusal comes after our handshake, in 1.2 within it.
    for version in ["tlsv1.3", "tlsv1.2"] {
        let common = ["--cafile", &cafile, "--tls-version", version];
        let server = failing(config(BOTH, &certified, Some(&authority)));
        let sentence = "the broker asks for a client certificate: give --cert and --key";
        refused(server, &common, sentence);

        let with = |certified: &Certified| {
            let files = ["--cert", &certified.cert_file, "--key", &certified.key_file];
            let args = [&common[..], &files].concat();
            args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>()
        };
        let args = with(&client);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let server = taking(config(BOTH, &certified, Some(&authority)), |session| {
            assert_eq!(session.peer_certificates().map(<[_]>::len), Some(1));
        });
        passes(server, &args);

        let other = config(BOTH, &certified, Some(&Authority::named("other")));
        let sentence = "the broker does not accept the client certificate: unknown CA";
        refused(failing(other), &args, sentence);
    }
}

#[test]
fn a_client_certificate_under_websocket() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    for version in ["tlsv1.3", "tlsv1.2"] {
        let server = failing(config(BOTH, &certified, Some(&authority)));
        let url = format!("wss://localhost:{}", server.port);
        let cafile = authority.file();
        let mut args = vec!["pub", "-t", "t", "-m", "x", "-L", &url, "--cafile", &cafile];
        args.extend(["--tls-version", version]);
        let sentence = "the broker asks for a client certificate: give --cert and --key";
        let expected = format!("midge: could not connect to {url}/mqtt: {sentence}\n");
        run(&args).expect(3, &expected);
        server.finish();
    }
}

#[test]
fn nothing_in_common() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let cafile = authority.file();
    refused(
        failing(config(&[&TLS12], &certified, None)),
        &["--cafile", &cafile, "--tls-version", "tlsv1.3"],
        "the broker takes none of the TLS versions that are offered",
    );
    let mut alpn = config(BOTH, &certified, None);
    alpn.alpn_protocols = vec![b"h2".to_vec()];
    refused(
        failing(alpn),
        &["--cafile", &cafile, "--tls-alpn", "mqtt"],
        "the broker takes none of the protocols offered by ALPN",
    );
    // Its key is for ECDSA.
    refused(
        failing(config(&[&TLS12], &certified, None)),
        &[
            "--cafile",
            &cafile,
            "--ciphers",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ],
        "the broker takes none of the cipher suites (or the like) that are offered",
    );
}

#[test]
fn plain_text_where_tls_is_spoken() {
    let authority = Authority::new();
    let certified = authority.certify("server", |_| {});
    let sentence = "this port speaks TLS, and the connection is plain: use mqtts:// or wss://, \
                    or --cafile";
    // With an alert, as rustls answers, and without a word, which is asked again in TLS.
    let config = Arc::new(config(BOTH, &certified, None));
    for (connections, speaks) in [(1, true), (2, false)] {
        let config = config.clone();
        let server = Server::start(connections, move |mut tcp| {
            let mut first = [0; 1];
            tcp.peek(&mut first).expect("the client speaks first");
            if first == [0x10] && !speaks {
                return;
            }
            let mut session = ServerConnection::new(config.clone()).expect("a session");
            let _ = session.complete_io(&mut tcp);
            wait_for_end(&tcp);
        });
        let ended = run(&server.publish(&[]));
        let start = format!("midge: could not connect to localhost:{}: ", server.port);
        ended.expect(3, &format!("{start}{sentence}\n"));
        server.finish();
    }
}

#[test]
fn tls_where_plain_text_is_spoken() {
    let cafile = Authority::new();
    let file = cafile.file();
    let args = ["--cafile", &file];
    let server = Server::start(1, |mut tcp| {
        tcp.read_exact(&mut [0; 1]).expect("a ClientHello");
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .expect("sent");
        tcp.shutdown(std::net::Shutdown::Write).expect("sent");
        wait_for_end(&tcp);
    });
    refused(
        server,
        &args,
        "this port does not speak TLS: the answer is 'HTTP/1.1'",
    );
    let server = Server::start(1, |mut tcp| {
        tcp.write_all(b"\x20\x02\x00\x05\x00\x00\x00\x00\x00")
            .expect("sent");
        wait_for_end(&tcp);
    });
    refused(
        server,
        &args,
        "this port does not speak TLS: the answer is 2002000500000000",
    );
    let sentence = "the broker closed the connection when TLS began: maybe this port is for plain \
                    text";
    refused(Server::start(1, drop), &args, sentence);
}

#[test]
fn a_handshake_without_end() {
    let authority = Authority::new();
    let server = Server::start(1, |tcp| wait_for_end(&tcp));
    refused(
        server,
        &["--cafile", &authority.file(), "--connect-timeout", "100ms"],
        "the connection is open, but the TLS handshake got no answer within 0.1 s",
    );
}

#[test]
fn files_that_do_not_do() {
    let authority = Authority::new();
    let certified = authority.certify("client", |_| {});
    let other = authority.certify("other", |_| {});
    let (cafile, key) = (authority.file(), &certified.key_file);
    let encrypted = authority.path("encrypted");
    let pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(&encrypted, pem).expect("written");
    let encrypted = encrypted.to_str().expect("UTF-8");
    for (args, sentence) in [
        (
            vec!["--cafile", "/does/not/exist"],
            "the CA file /does/not/exist: No such file or directory".to_owned(),
        ),
        (
            vec!["--cafile", key],
            format!("the CA file {key}: there is no certificate in it (PEM)"),
        ),
        (
            vec!["--cafile", &cafile, "--cert", key, "--key", key],
            format!("the client certificate {key}: there is none in it (PEM)"),
        ),
        (
            vec![
                "--cafile",
                &cafile,
                "--cert",
                &other.cert_file,
                "--key",
                key,
            ],
            format!("the client key {key}: it does not belong to the client certificate"),
        ),
        (
            vec![
                "--cafile",
                &cafile,
                "--cert",
                &other.cert_file,
                "--key",
                encrypted,
            ],
            format!(
                "the client key {encrypted}: it is encrypted, which midge cannot read: `openssl \
                 pkey` writes it plain"
            ),
        ),
    ] {
        let ended = run(&[&["pub", "-t", "t", "-m", "x"], &args[..]].concat());
        ended.expect(1, &format!("midge: TLS cannot be set up: {sentence}\n"));
    }
    let ended = run(&[
        "pub",
        "-t",
        "t",
        "-m",
        "x",
        "--cafile",
        &cafile,
        "--ciphers",
        "RC4-MD5",
    ]);
    assert_eq!(ended.code(), 2);
}

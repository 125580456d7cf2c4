//! Real TLS sessions between two ends in memory, of which every byte is known.

use std::{
    fmt,
    io::{Read, Write},
    sync::{Arc, Mutex},
};

use midge::mqtt::Version;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Connection, DigitallySignedStruct,
    DistinguishedName, KeyLog, ProtocolVersion, ServerConfig, ServerConnection, SignatureScheme,
    SupportedCipherSuite, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, SupportedKxGroup, ring},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::super::wire::*;

/// Self-signed, for tests only: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
/// -nodes -days 36500 -subj /CN=broker.test -addext subjectAltName=DNS:broker.test`.
const CERTIFICATE: &[u8] = include_bytes!("cert.der");
const KEY: &[u8] = include_bytes!("key.der");

/// A key log in memory.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<String>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let (random, secret) = (hex::encode(client_random), hex::encode(secret));
        *self.0.lock().unwrap() += &format!("{label} {random} {secret}\n");
    }
}

/// Takes every certificate.
#[derive(Debug)]
struct Trust(Arc<CryptoProvider>);

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Trust {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What kind of sessions.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) suite: SupportedCipherSuite,
    /// The server asks for another key share.
    pub(super) retry: bool,
    pub(super) client_certificate: bool,
    /// The largest record, header included.
    pub(super) fragment: Option<usize>,
    /// Bytes of early data that the server takes.
    pub(super) early: u32,
}

impl Kind {
    pub(super) fn new(suite: SupportedCipherSuite) -> Kind {
        Kind {
            suite,
            retry: false,
            client_certificate: false,
            fragment: None,
            early: 0,
        }
    }

    /// Every suite of both versions.
    pub(super) fn all() -> Vec<Kind> {
        ring::ALL_CIPHER_SUITES
            .iter()
            .copied()
            .map(Kind::new)
            .collect()
    }

    pub(super) fn tls12() -> Kind {
        Kind::new(ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
    }

    pub(super) fn tls13() -> Kind {
        Kind::new(ring::cipher_suite::TLS13_AES_256_GCM_SHA384)
    }

    pub(super) fn is_tls13(&self) -> bool {
        self.suite.version().version == ProtocolVersion::TLSv1_3
    }

    /// What a record is longer than its content.
    fn overhead(&self) -> usize {
        match (self.is_tls13(), self.suite.suite()) {
            (true, _) => 1 + 16,
            (false, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)
            | (false, CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => 16,
            (false, _) => 8 + 16,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kind {
            retry,
            early,
            fragment,
            ..
        } = self;
        write!(
            f,
            "{:?} retry {retry} early {early} fragment {fragment:?}",
            self.suite.suite()
        )
    }
}

/// Both ends' configurations; sessions made with the same one are resumed.
pub(super) struct Ends {
    pub(super) kind: Kind,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    log: Arc<Log>,
}

impl Ends {
    pub(super) fn new(kind: Kind) -> Ends {
        let provider = |groups: &[&'static dyn SupportedKxGroup]| {
            Arc::new(CryptoProvider {
                cipher_suites: vec![kind.suite],
                kx_groups: groups.to_vec(),
                ..ring::default_provider()
            })
        };
        let (x25519, p384) = (ring::kx_group::X25519, ring::kx_group::SECP384R1);
        let for_client = provider(&[x25519, p384]);
        let for_server = provider(&[if kind.retry { p384 } else { x25519 }]);
        let versions: [&'static SupportedProtocolVersion; 1] = [match kind.is_tls13() {
            true => &rustls::version::TLS13,
            false => &rustls::version::TLS12,
        }];
        let log = Arc::new(Log::default());
        let certificate = || vec![CertificateDer::from(CERTIFICATE)];
        let key = || PrivatePkcs8KeyDer::from(KEY).into();

        let client = ClientConfig::builder_with_provider(for_client.clone())
            .with_protocol_versions(&versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trust(for_client)));
        let mut client = match kind.client_certificate {
            true => client.with_client_auth_cert(certificate(), key()).unwrap(),
            false => client.with_no_client_auth(),
        };
        client.key_log = log.clone();
        client.max_fragment_size = kind.fragment;
        client.enable_early_data = true;

        let server = ServerConfig::builder_with_provider(for_server.clone())
            .with_protocol_versions(&versions)
            .unwrap();
        let server = match kind.client_certificate {
            true => server.with_client_cert_verifier(Arc::new(Trust(for_server))),
            false => server.with_no_client_auth(),
        };
        let mut server = server.with_single_cert(certificate(), key()).unwrap();
        server.max_fragment_size = kind.fragment;
        server.max_early_data_size = kind.early;
        server.alpn_protocols = vec![b"mqtt".to_vec()];
        client.alpn_protocols = vec![b"mqtt".to_vec()];
        Ends {
            kind,
            client: Arc::new(client),
            server: Arc::new(server),
            log,
        }
    }

    /// Lets the client of `other` talk to this server.
    pub(super) fn take_client_of(&mut self, other: &Ends) {
        self.client = other.client.clone();
    }

    pub(super) fn key_log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    /// A session up to the end of its handshake. `early`: what the client sends before.
    pub(super) fn session(&self, early: &[Vec<u8>]) -> Session {
        let name = ServerName::try_from("broker.test").unwrap();
        let mut client = ClientConnection::new(self.client.clone(), name).unwrap();
        if !early.is_empty() {
            let mut writer = client.early_data().expect("no ticket for early data");
            writer.write_all(&early.concat()).unwrap();
        }
        let server = ServerConnection::new(self.server.clone()).unwrap();
        let mut session = Session {
            kind: self.kind,
            ends: [client.into(), server.into()],
            streams: Default::default(),
            flights: Vec::new(),
            packets: Default::default(),
            early: [early.to_vec(), Vec::new()],
        };
        session.turn();
        assert!(session.ends.iter().all(|end| !end.is_handshaking()));
        session
    }

    /// A session in which the usual packets are sent, and closed.
    pub(super) fn usual(&self) -> Session {
        let mut session = self.session(&[]);
        session.talk();
        session.close();
        session
    }
}

/// A packet that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Where in the stream its first record begins.
    pub(super) first: usize,
    /// Where its last record ends.
    pub(super) complete: usize,
    pub(super) bytes: Vec<u8>,
}

/// A session, and what went over the wire.
pub(super) struct Session {
    kind: Kind,
    ends: [Connection; 2],
    /// What each end has sent.
    pub(super) streams: [Vec<u8>; 2],
    /// In which order: sender, start, end.
    pub(super) flights: Vec<Step>,
    /// The packets of each end.
    pub(super) packets: [Vec<Sent>; 2],
    early: [Vec<Vec<u8>>; 2],
}

impl Session {
    /// CONNECT, some PUBLISH packets of all kinds of sizes, DISCONNECT, and the answers.
    pub(super) fn talk(&mut self) {
        let v = Version::V311;
        self.send(0, &[connect(v, "gen")]);
        self.send(1, &[connack(v)]);
        self.send(0, &[publish(v, "a/b", b"0123456789"), PINGREQ.to_vec()]);
        self.send(1, &[PINGRESP.to_vec()]);
        self.send(0, &[publish_qos1("a/c", 7, &[0xc0; 300])]);
        self.send(1, &[puback(7), publish(v, "s/t", &[0x30; 3000])]);
        self.send(0, &[publish(v, "a/d", &[0; 20_000]), publish(v, "e", b"")]);
        self.send(0, &[DISCONNECT.to_vec()]);
    }

    /// Sends packets in one write.
    pub(super) fn send(&mut self, from: From, packets: &[Vec<u8>]) {
        self.turn();
        let start = self.streams[from].len();
        self.ends[from]
            .writer()
            .write_all(&packets.concat())
            .unwrap();
        self.flush(from);
        // The records: where they begin and end, and how much content there is up to there.
        let mut records = Vec::new();
        let (mut at, mut content) = (start, 0);
        while at < self.streams[from].len() {
            let len = record_len(&self.streams[from][at..]);
            content += len - 5 - self.kind.overhead();
            records.push((at, at + len, content));
            at += len;
        }
        // An answer to an update of keys may go before.
        let before = content - packets.concat().len();
        records.retain(|(.., content)| *content > before);
        let record_of = |byte: usize| {
            let record = records
                .iter()
                .find(|(.., content)| *content > before + byte);
            record.copied().unwrap()
        };
        let mut sent = 0;
        for packet in packets {
            let (first, ..) = record_of(sent);
            sent += packet.len();
            let (_, complete, _) = record_of(sent - 1);
            self.packets[from].push(Sent {
                first,
                complete,
                bytes: packet.clone(),
            });
        }
        self.turn();
    }

    /// Changes the keys of what `from` sends, TLS 1.3 only.
    pub(super) fn update_keys(&mut self, from: From) {
        self.ends[from].refresh_traffic_keys().unwrap();
        self.turn();
    }

    pub(super) fn close(&mut self) {
        for from in [0, 1] {
            self.ends[from].send_close_notify();
            self.flush(from);
        }
    }

    /// Whether the server took the early data, which are packets then.
    pub(super) fn early_data(&mut self) -> bool {
        let Connection::Client(client) = &self.ends[0] else {
            unreachable!();
        };
        client.is_early_data_accepted()
    }

    /// The early data were taken: the record of each is the one after the ClientHello.
    pub(super) fn count_early_data(&mut self) {
        let stream = &self.streams[0];
        let mut first = record_len(stream);
        // What is said to be a change of ciphers stands in between.
        if stream[first] == 20 {
            first += record_len(&stream[first..]);
        }
        let complete = first + record_len(&stream[first..]);
        for bytes in std::mem::take(&mut self.early[0]).into_iter().rev() {
            let sent = Sent {
                first,
                complete,
                bytes,
            };
            self.packets[0].insert(0, sent);
        }
    }

    /// Lets each end send what it has to, until there is nothing more.
    fn turn(&mut self) {
        while self.flush(0) | self.flush(1) {}
    }

    fn flush(&mut self, from: From) -> bool {
        let mut sent = Vec::new();
        while self.ends[from].wants_write() {
            self.ends[from].write_tls(&mut sent).unwrap();
        }
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let to = &mut self.ends[1 - from];
            to.read_tls(&mut rest).unwrap();
            let state = to.process_new_packets().unwrap();
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            to.reader().read_exact(&mut plain).unwrap();
            if let Connection::Server(server) = to
                && let Some(mut early) = server.early_data()
            {
                early.read_to_end(&mut plain).unwrap();
            }
        }
        let start = self.streams[from].len();
        self.streams[from].extend_from_slice(&sent);
        if !sent.is_empty() {
            self.flights.push((from, start, start + sent.len()));
        }
        !sent.is_empty()
    }
}

pub(super) fn record_len(record: &[u8]) -> usize {
    5 + usize::from(u16::from_be_bytes([record[3], record[4]]))
}

//! What the command line and the option file have set, and the arguments of midge that it means.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::cli::{self, Program};
use crate::mqtt::Version;

/// What has been set.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) program: Program,
    pub(super) connection: cli::Connection,
    pub(super) session: cli::Session,
    pub(super) version: Version,
    /// -x; `None`: not given.
    pub(super) expiry: Option<u32>,
    pub(super) topics: Vec<String>,
    pub(super) filter_out: Vec<String>,
    pub(super) unsubscribe: Vec<String>,
    pub(super) response_topic: Option<String>,
    pub(super) source: Option<Source>,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) repeat: u64,
    pub(super) repeat_delay: f64,
    pub(super) count: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) format: Option<String>,
    pub(super) random_filter: Option<f64>,
    pub(super) retain_handling: Option<String>,
    pub(super) message_rate: bool,
    pub(super) exit_after_subscribing: bool,
    pub(super) no_retained: bool,
    pub(super) retained_only: bool,
    pub(super) remove_retained: bool,
    pub(super) retain_as_published: bool,
    pub(super) verbose: bool,
    pub(super) no_eol: bool,
    pub(super) pretty: bool,
    pub(super) watch: bool,
    pub(super) latency: bool,
    pub(super) keyform: Option<String>,
    /// Options that midge does not have, with their names.
    pub(super) not_had: Vec<&'static str>,
    /// Options whose word is not UTF-8, and has to be.
    pub(super) not_utf8: Vec<&'static str>,
    /// The option file of -o.
    pub(super) options_file: Option<PathBuf>,
}

/// Where the message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Message(OsString),
    File(PathBuf),
    Stdin,
    Lines,
    Null,
}

impl Typed {
    /// Nothing yet: what they do without any option.
    pub(super) fn new(program: Program) -> Typed {
        let is_rr = program == Program::MosquittoRr;
        Typed {
            program,
            connection: cli::Connection {
                program,
                ..cli::Connection::default()
            },
            session: cli::Session::default(),
            version: if is_rr { Version::V5 } else { Version::V311 },
            expiry: None,
            topics: Vec::new(),
            filter_out: Vec::new(),
            unsubscribe: Vec::new(),
            response_topic: None,
            source: None,
            qos: 0,
            retain: false,
            repeat: 1,
            repeat_delay: 0.0,
            count: is_rr.then_some(1),
            timeout: None,
            format: None,
            random_filter: None,
            retain_handling: None,
            message_rate: false,
            exit_after_subscribing: false,
            no_retained: false,
            retained_only: false,
            remove_retained: false,
            retain_as_published: false,
            verbose: false,
            no_eol: false,
            pretty: false,
            watch: false,
            latency: false,
            keyform: None,
            not_had: Vec::new(),
            not_utf8: Vec::new(),
            options_file: None,
        }
    }

    /// Their sentence if the message's file cannot be had, or stdin is empty.
    pub(super) fn empty_input(&self) -> Option<String> {
        match &self.source {
            Some(Source::File(path)) => {
                let name = path.display();
                let what = match File::open(path) {
                    Err(_) => format!("Error: Unable to open file \"{name}\"."),
                    // A folder opens, and cannot be read.
                    Ok(mut file) => match file.read(&mut [0]) {
                        Ok(_) => return None,
                        Err(_) => "Error: File must be less than 268435455 bytes.\n".to_owned(),
                    },
                };
                Some(format!("{what}\nError loading input file \"{name}\"."))
            }
            _ => None,
        }
    }

    pub(super) fn into_publish(mut self) -> cli::Publish {
        let mut args = cli::Publish {
            topic: std::mem::take(&mut self.topics),
            qos: self.qos,
            retain: self.retain,
            repeat: self.repeat,
            repeat_delay: self.repeat_delay.to_string(),
            ..cli::Publish::default()
        };
        match self.source.take() {
            Some(Source::Message(text)) => args.message = Some(text),
            Some(Source::File(path)) => args.file = Some(path),
            Some(Source::Stdin) => args.stdin_file = true,
            Some(Source::Lines) => args.stdin_line = true,
            Some(Source::Null) | None => args.null_message = true,
        }
        (args.connection, args.session, args.reconnect) = self.into_connection("none");
        args
    }

    pub(super) fn into_subscribe(mut self) -> cli::Subscribe {
        let mut args = cli::Subscribe {
            topic: std::mem::take(&mut self.topics),
            filter_out: std::mem::take(&mut self.filter_out),
            qos: self.qos,
            count: self.count,
            timeout: self.timeout.map(|seconds| seconds.to_string()),
            retained_only: self.retained_only,
            unsubscribe: std::mem::take(&mut self.unsubscribe),
            subscribe_only: self.exit_after_subscribing,
            remove_retained: self.remove_retained,
            random_filter: self.random_filter,
            watch: self.watch,
            message_rate: self.message_rate,
            receive: self.receive(),
            ..cli::Subscribe::default()
        };
        (args.connection, args.session, args.reconnect) = self.into_connection("forever");
        args
    }

    pub(super) fn into_request(mut self) -> cli::Request {
        let mut args = cli::Request {
            topic: self.topics.pop(),
            response_topic: self.response_topic.take(),
            qos: self.qos,
            timeout: self.timeout.map(|seconds| seconds.to_string()),
            latency: self.latency,
            receive: self.receive(),
            ..cli::Request::default()
        };
        match self.source.take() {
            Some(Source::Message(text)) => args.message = Some(text),
            Some(Source::File(path)) => args.file = Some(path),
            Some(Source::Stdin) => args.stdin_file = true,
            Some(Source::Lines | Source::Null) | None => args.null_message = true,
        }
        (args.connection, args.session, args.reconnect) = self.into_connection("none");
        args
    }

    /// What 5.0 only has is taken with the other versions too, and goes nowhere.
    fn receive(&mut self) -> cli::Receive {
        let is_v5 = self.version == Version::V5;
        cli::Receive {
            no_retained: self.no_retained,
            retain_as_published: self.retain_as_published && is_v5,
            retain_handling: self.retain_handling.take().filter(|_| is_v5),
            verbose: self.verbose,
            no_eol: self.no_eol,
            format: self.format.take(),
            pretty: self.pretty,
            json: false,
        }
    }

    /// Host, port, version and properties are all given, so that no variable of midge's counts.
    fn into_connection(self, retry: &str) -> (cli::Connection, cli::Session, cli::Reconnect) {
        let mut connection = self.connection;
        let mut session = self.session;
        let transport = &mut connection.transport;
        let tls = !transport.no_tls
            && (transport.cafile.is_some()
                || transport.capath.is_some()
                || transport.tls_use_os_certs);
        if !tls {
            // They take it, and it goes nowhere.
            transport.cert = None;
            transport.key = None;
            transport.insecure = false;
            transport.ciphers = None;
            transport.tls_alpn = None;
            transport.tls_version = None;
            transport.tls_keylog = None;
        }
        if transport.unix.is_none() {
            connection
                .host
                .get_or_insert_with(|| "localhost".to_owned());
            if !connection.srv {
                connection.port.get_or_insert(if tls { 8883 } else { 1883 });
            }
        }
        if session.id_prefix.is_none() && connection.id.is_none() {
            connection.id = Some(match self.version {
                Version::V31 => format!("mosq/{}", random_name()),
                Version::V311 | Version::V5 => String::new(),
            });
        }
        connection.protocol_version = Some(self.version.to_string());
        let mut words = Vec::new();
        if self.version == Version::V5 {
            words = std::mem::take(&mut session.property);
            if !words.iter().any(|word| word == "receive-maximum") {
                let most = self.count.unwrap_or(20).min(20).to_string();
                words.extend(["connect", "receive-maximum", &most].map(OsString::from));
            }
        }
        session.property = words;
        session.session_expiry_interval = match self.version {
            Version::V5 => self.expiry.map(|seconds| match seconds {
                u32::MAX => "infinite".to_owned(),
                seconds => seconds.to_string(),
            }),
            Version::V31 | Version::V311 => None,
        };
        let reconnect = cli::Reconnect {
            retry: retry.to_owned(),
            answer_timeout: "0".to_owned(),
        };
        (connection, session, reconnect)
    }
}

/// 18 letters and digits: with `mosq/`, the 23 characters that a 3.1 server takes.
fn random_name() -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = u128::from(super::super::connect::random()) << 64
        | u128::from(super::super::connect::random());
    (0..18)
        .filter_map(|_| {
            let letter = LETTERS.get((number % 62) as usize);
            number /= 62;
            letter.map(|letter| char::from(*letter))
        })
        .collect()
}

//! Where to, and through what: the flags, URLs and variables about that become a [`Target`].

use std::path::PathBuf;
use std::sync::Arc;

use super::super::{Exit, Failure};
use super::url::{Scheme, Url};
use crate::cli;
use crate::client::{
    Address, Proxy, Target, Tls, TlsOptions, TlsSetupError, TlsVersion, WebSocket,
};

/// The port of MQTT over TCP, and of WebSocket, as mosquitto has it.
pub(in crate::cmd) const PORT: u16 = 1883;

/// The port of MQTT over TLS.
pub(in crate::cmd) const TLS_PORT: u16 = 8883;

/// The port of SOCKS (RFC 1928, 3).
const PROXY_PORT: u16 = 1080;

/// The path that brokers have agreed upon without a standard.
const WEBSOCKET_PATH: &str = "/mqtt";

/// Where to connect, and the URL if there is one. TLS is set up only if it is asked for: reading
/// the system's certificates takes longer than all of the rest.
///
/// # Errors
/// Wrong usage, or a file that cannot be read.
pub(super) fn target(
    args: &cli::Connection,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<(Target, Option<Url>), Failure> {
    let flags = &args.transport;
    let url = find_url(args, env)?;
    let scheme = url.as_ref().map_or(Scheme::Mqtt, |url| url.scheme);
    let secure_scheme = matches!(scheme, Scheme::Mqtts | Scheme::Wss);
    // A port says something about TLS, and TLS about the port.
    let wants_tls =
        secure_scheme || flags.cafile.is_some() || flags.capath.is_some() || flags.tls_use_os_certs;
    let address = match (&url, &flags.unix) {
        (Some(url), _) if scheme == Scheme::Unix => unix(PathBuf::from(&url.host))?,
        (Some(url), _) => Address::Tcp {
            host: url.host.clone(),
            port: url.port.unwrap_or(default_port(wants_tls)),
        },
        (None, Some(path)) => unix(path.clone())?,
        (None, None) if args.srv => srv(args, env)?,
        (None, None) => find_address(args, env, default_port(wants_tls))?,
    };
    let on_tls_port = matches!(address, Address::Tcp { port: TLS_PORT, .. });
    let is_tcp = matches!(address, Address::Tcp { .. } | Address::Srv(_));
    let mut target = Target::new(address);
    if !flags.no_tls && (wants_tls || (on_tls_port && scheme == Scheme::Mqtt)) {
        target.tls = Some(tls(flags)?);
    } else if let Some(flag) = tls_flag(flags) {
        return Err(Failure::usage(format!(
            "{flag} is about TLS, which is not in use: ask for it with mqtts://, --cafile, \
             --capath or --tls-use-os-certs"
        )));
    }
    if flags.ws || matches!(scheme, Scheme::Ws | Scheme::Wss) {
        target.websocket = Some(Arc::new(websocket(flags)?));
    } else if flags.ws_path.is_some() || !flags.ws_headers.is_empty() {
        return Err(Failure::usage(
            "--ws-path and --ws-header are about WebSocket: give --ws, too",
        ));
    }
    target.bind.clone_from(&flags.bind_address);
    target.proxy = match &flags.proxy {
        Some(text) => Some(Arc::new(proxy(text)?)),
        None => None,
    };
    if !is_tcp && (target.bind.is_some() || target.proxy.is_some() || target.tls.is_some()) {
        return Err(Failure::usage(
            "a unix socket has no local address (-A), no proxy and no TLS",
        ));
    }
    Ok((target, url))
}

/// -S.
fn srv(args: &cli::Connection, env: &impl Fn(&str) -> Option<String>) -> Result<Address, Failure> {
    if args.port.is_some() || args.transport.proxy.is_some() {
        return Err(Failure::usage(
            "SRV records (-S) name the port, and are not asked for through a proxy: leave out -p \
             and --proxy",
        ));
    }
    match find_address(args, env, PORT)? {
        Address::Tcp { host, .. } if host.parse::<std::net::IpAddr>().is_err() => {
            Ok(Address::Srv(host))
        }
        _ => Err(Failure::usage(
            "SRV records (-S) belong to a domain: give its name with -h",
        )),
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { TLS_PORT } else { PORT }
}

/// -L; MQTT_URL if no flag says where the broker is.
fn find_url(
    args: &cli::Connection,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Url>, Failure> {
    let has_address = args.host.is_some() || args.port.is_some() || args.transport.unix.is_some();
    match &args.url {
        Some(_) if has_address => Err(Failure::usage(
            "-L names host and port: give it without -h, -p and --unix",
        )),
        Some(text) => Url::parse("-L", text).map(Some),
        None if has_address => Ok(None),
        None => env("MQTT_URL")
            .map(|text| Url::parse("MQTT_URL", &text))
            .transpose(),
    }
}

/// -h and -p; MQTT_HOST and MQTT_PORT for the one that is not given.
fn find_address(
    args: &cli::Connection,
    env: &impl Fn(&str) -> Option<String>,
    default_port: u16,
) -> Result<Address, Failure> {
    let host = args
        .host
        .clone()
        .or_else(|| env("MQTT_HOST"))
        .unwrap_or_else(|| "localhost".to_owned());
    if host.is_empty() {
        return Err(Failure::usage("-h takes a host name or address"));
    }
    let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(ipv6) => ipv6.to_owned(),
        None => host,
    };
    let port = match (args.port, env("MQTT_PORT")) {
        (Some(port), _) => port,
        (None, Some(text)) => text.parse().map_err(|_| {
            Failure::usage(format!(
                "MQTT_PORT is a number from 1 to 65535, not '{}'",
                text.escape_debug()
            ))
        })?,
        (None, None) => default_port,
    };
    if port == 0 {
        return Err(Failure::usage("a port is a number from 1 to 65535, not 0"));
    }
    Ok(Address::Tcp { host, port })
}

#[cfg(unix)]
fn unix(path: PathBuf) -> Result<Address, Failure> {
    Ok(Address::Unix(path))
}

#[cfg(not(unix))]
fn unix(_: PathBuf) -> Result<Address, Failure> {
    Err(Failure::usage("unix sockets are not available here"))
}

/// A flag that has no meaning without TLS, if one is given.
fn tls_flag(flags: &cli::Transport) -> Option<&'static str> {
    if flags.no_tls {
        return None;
    }
    [
        (flags.cert.is_some(), "--cert"),
        (flags.key.is_some(), "--key"),
        (flags.insecure, "--insecure"),
        (flags.tls_version.is_some(), "--tls-version"),
        (flags.ciphers.is_some(), "--ciphers"),
        (flags.tls_alpn.is_some(), "--tls-alpn"),
        (flags.tls_keylog.is_some(), "--tls-keylog"),
    ]
    .into_iter()
    .find_map(|(given, name)| given.then_some(name))
}

fn tls(flags: &cli::Transport) -> Result<Tls, Failure> {
    let identity = match (&flags.cert, &flags.key) {
        (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return Err(Failure::usage(
                "a client certificate (--cert) and its key (--key) are given together",
            ));
        }
    };
    let (min_version, max_version) = match flags.tls_version.as_deref() {
        None => (TlsVersion::V12, TlsVersion::V13),
        Some("tlsv1.2") => (TlsVersion::V12, TlsVersion::V12),
        Some("tlsv1.3") => (TlsVersion::V13, TlsVersion::V13),
        Some("tlsv1.1" | "tlsv1" | "tlsv1.0") => {
            return Err(Failure::usage(
                "TLS before 1.2 is broken, and midge does not have it: --tls-version takes \
                 tlsv1.2 or tlsv1.3",
            ));
        }
        Some(text) => {
            return Err(Failure::usage(format!(
                "--tls-version takes tlsv1.2 or tlsv1.3, not '{}'",
                text.escape_debug()
            )));
        }
    };
    let alpn: Vec<_> = flags.tls_alpn.iter().cloned().collect();
    if alpn.iter().any(|p| p.is_empty() || p.len() > 255) {
        return Err(Failure::usage("--tls-alpn takes a name of 1 to 255 bytes"));
    }
    let options = TlsOptions {
        system_roots: flags.tls_use_os_certs || (flags.cafile.is_none() && flags.capath.is_none()),
        ca_file: flags.cafile.clone(),
        ca_dir: flags.capath.clone(),
        identity,
        alpn,
        min_version,
        max_version,
        ciphers: flags.ciphers.clone(),
        check_name: !flags.insecure,
        key_log: flags.tls_keylog.clone(),
    };
    Tls::new(&options).map_err(|error| {
        let exit = match error {
            TlsSetupError::Cipher(_) | TlsSetupError::NothingLeft => Exit::Usage,
            _ => Exit::Io,
        };
        Failure::new(exit, format!("TLS cannot be set up: {error}"))
    })
}

fn websocket(flags: &cli::Transport) -> Result<WebSocket, Failure> {
    let path = flags.ws_path.as_deref().unwrap_or(WEBSOCKET_PATH);
    let mut headers = Vec::with_capacity(flags.ws_headers.len());
    for header in &flags.ws_headers {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Failure::usage("--ws-header takes a name and a value with a colon between")
        })?;
        headers.push((name.trim(), value.trim()));
    }
    WebSocket::new(path, &headers).map_err(|error| Failure::usage(format!("WebSocket: {error}")))
}

fn proxy(text: &str) -> Result<Proxy, Failure> {
    let url = Url::parse_proxy("--proxy", text)?;
    let login = match (url.username, url.password) {
        (None, _) => None,
        (Some(name), password) => Some((name, password.unwrap_or_default())),
    };
    if let Some((name, password)) = &login
        && (!(1..=255).contains(&name.len()) || !(1..=255).contains(&password.len()))
    {
        return Err(Failure::usage(
            "a proxy takes a user name and a password of 1 to 255 bytes (RFC 1929)",
        ));
    }
    Ok(Proxy {
        host: url.host,
        port: url.port.unwrap_or(PROXY_PORT),
        login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str, env: &[(&str, &str)]) -> Result<Target, Failure> {
        let args = cli::Connection::from_words(args);
        let env = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        target(&args, &env).map(|(target, _)| target)
    }

    fn shown(args: &str, env: &[(&str, &str)]) -> String {
        parse(args, env).unwrap().to_string()
    }

    #[test]
    fn where_the_broker_is() {
        let broker = [
            ("MQTT_URL", "mqtt://127.0.0.1:4000"),
            ("MQTT_HOST", "127.0.0.2"),
            ("MQTT_PORT", "4001"),
        ];
        let no_url = broker.get(1..).unwrap();
        assert_eq!(shown("", &[]), "localhost:1883");
        assert_eq!(shown("", &broker), "127.0.0.1:4000");
        assert_eq!(shown("", no_url), "127.0.0.2:4001");
        assert_eq!(shown("-h a", &broker), "a:4001");
        assert_eq!(shown("-h a", &[]), "a:1883");
        assert_eq!(shown("-p 7", &broker), "127.0.0.2:7");
        assert_eq!(shown("-h [::1] -p 7", &broker), "[::1]:7");
        assert_eq!(shown("-L mqtt://h/t", &broker), "h:1883");
        assert_eq!(shown("-L ws://h/t", &broker), "ws://h:1883/mqtt");
        assert_eq!(
            shown("-h h -p 80 --ws --ws-path /a?b", &[]),
            "ws://h:80/a?b"
        );
    }

    #[test]
    fn port_8883_is_for_tls() {
        match parse("-h h -p 8883", &[]) {
            Ok(target) => assert!(target.tls.is_some()),
            // A system that trusts nobody.
            Err(failure) => assert_eq!(failure.exit, Exit::Io),
        }
        assert_eq!(shown("-h h -p 8883 --no-tls", &[]), "h:8883");
        assert_eq!(shown("-h h -p 8883 --ws --no-tls", &[]), "ws://h:8883/mqtt");
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets() {
        assert_eq!(
            shown("--unix /run/m.sock", &[("MQTT_PORT", "7")]),
            "/run/m.sock"
        );
        assert_eq!(shown("-L unix:///run/m.sock", &[]), "/run/m.sock");
    }

    #[test]
    fn a_proxy_with_its_login() {
        let target = parse("-h h --proxy socks5h://u:p%40@proxy", &[]).unwrap();
        let proxy = target.proxy.unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy", 1080));
        assert_eq!(proxy.login, Some(("u".to_owned(), "p@".to_owned())));
        assert!(!format!("{proxy:?}").contains("p@"));
    }

    #[test]
    fn wrong_usage_is_one_sentence() {
        for (args, env, sentence) in [
            (
                "-p 0",
                [].as_slice(),
                "a port is a number from 1 to 65535, not 0",
            ),
            (
                "",
                &[("MQTT_PORT", "x")],
                "MQTT_PORT is a number from 1 to 65535, not 'x'",
            ),
            (
                "-L mqtt://h -p 1",
                &[],
                "-L names host and port: give it without -h, -p and --unix",
            ),
            (
                "--insecure",
                &[],
                "--insecure is about TLS, which is not in use: ask for it with mqtts://, \
                 --cafile, --capath or --tls-use-os-certs",
            ),
            (
                "-L mqtts://h --cert c",
                &[],
                "a client certificate (--cert) and its key (--key) are given together",
            ),
            (
                "-L mqtts://h --tls-version tlsv1.1",
                &[],
                "TLS before 1.2 is broken, and midge does not have it: --tls-version takes \
                 tlsv1.2 or tlsv1.3",
            ),
            (
                "--ws-path /x",
                &[],
                "--ws-path and --ws-header are about WebSocket: give --ws, too",
            ),
            (
                "--ws --ws-path x",
                &[],
                "WebSocket: 'x' is not a path: it starts with a slash and has no spaces",
            ),
            (
                "--proxy socks5h://u@h",
                &[],
                "a proxy takes a user name and a password of 1 to 255 bytes (RFC 1929)",
            ),
            (
                "--proxy http://h",
                &[],
                "--proxy takes socks5h://[USER:PASSWORD@]HOST[:PORT]: the scheme 'http' is not \
                 supported",
            ),
        ] {
            assert_eq!(parse(args, env).unwrap_err(), Failure::usage(sentence));
        }
    }
}

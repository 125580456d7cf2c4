//! -L and --proxy as they read them: nothing is percent-decoded, and the first `@` ends the user.

use super::options::add_topic;
use super::typed::Typed;
use super::{Stop, number};

/// `SCHEME://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC`.
pub(super) fn read(typed: &mut Typed, text: &str) -> Result<(), Stop> {
    const SCHEMES: [(&str, u16, bool, bool); 4] = [
        ("mqtt://", 1883, false, false),
        ("mqtts://", 8883, true, false),
        ("ws://", 1883, false, true),
        ("wss://", 8883, true, true),
    ];
    let known = SCHEMES
        .into_iter()
        .find_map(|(scheme, port, tls, websocket)| {
            Some((text.strip_prefix(scheme)?, port, tls, websocket))
        });
    let Some((rest, port, tls, websocket)) = known else {
        return wrong("Error: Unsupported URL scheme.\n");
    };
    let connection = &mut typed.connection;
    connection.port = Some(port);
    connection.transport.tls_use_os_certs |= tls;
    connection.transport.ws |= websocket;
    let Some((authority, topic)) = rest.split_once('/') else {
        return wrong("Error: Invalid URL for -L argument specified - topic missing.");
    };
    let host = match authority.split_once('@') {
        Some((user, host)) => {
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(password)),
                None => (user, None),
            };
            connection.username = Some(name.to_owned());
            if let Some(password) = password {
                connection.password = Some(password.into());
            }
            host
        }
        None => authority,
    };
    let (host, port) = split_port(host);
    connection.host = Some(host.to_owned());
    if let Some(port) = port {
        connection.port = Some(u16::try_from(number::integer(port)).map_err(|_| {
            Stop::Failed("Unable to connect (Invalid function arguments provided.).".to_owned())
        })?);
    }
    add_topic(typed, topic.to_owned())
}

/// `socks5h://[USER[:PASSWORD]@]HOST[:PORT]`.
pub(super) fn read_proxy(typed: &mut Typed, text: &str) -> Result<(), Stop> {
    let Some(rest) = text.strip_prefix("socks5h://") else {
        return wrong(format!("Error: Unsupported proxy protocol: {text}"));
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, port) = split_port(host);
    if host.is_empty() {
        return wrong("Error: Invalid proxy.");
    }
    if let Some(port) = port {
        let port = number::integer(port);
        if !(1..=65535).contains(&port) {
            return wrong(format!("Error: Invalid proxy port {port}"));
        }
    }
    typed.connection.transport.proxy = Some(text.to_owned());
    Ok(())
}

/// Host and port; an IPv6 address stands in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let bracketed = authority.strip_prefix('[').and_then(|a| a.split_once(']'));
    match (bracketed, authority.split_once(':')) {
        (Some((host, rest)), _) => (host, rest.strip_prefix(':')),
        (None, Some((host, port))) => (host, Some(port)),
        (None, None) => (authority, None),
    }
}

fn wrong(text: impl Into<String>) -> Result<(), Stop> {
    Err(Stop::Wrong(text.into()))
}

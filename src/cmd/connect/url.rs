//! `mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]`, as -L and MQTT_URL have it; the same with
//! `mqtts`, `ws` and `wss`, where the path is the topic, too, as in mosquitto; `unix://PATH`; and
//! `socks5h` for a proxy. Where a broker listens is written in the same way.

use crate::cmd::Failure;

/// The parts of a URL, percent-decoded.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cmd) struct Url {
    pub(in crate::cmd) scheme: Scheme,
    /// The path of the socket if the scheme is `unix`.
    pub(in crate::cmd) host: String,
    pub(in crate::cmd) port: Option<u16>,
    pub(in crate::cmd) username: Option<String>,
    pub(in crate::cmd) password: Option<String>,
    /// Everything behind the slash; unchecked.
    pub(in crate::cmd) topic: Option<String>,
}

/// What the bytes go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Scheme {
    Mqtt,
    Mqtts,
    Ws,
    Wss,
    Unix,
    Socks5h,
}

const BROKERS: &[(&str, Scheme)] = &[
    ("mqtt", Scheme::Mqtt),
    ("mqtts", Scheme::Mqtts),
    ("ws", Scheme::Ws),
    ("wss", Scheme::Wss),
    ("unix", Scheme::Unix),
];

const PROXIES: &[(&str, Scheme)] = &[("socks5h", Scheme::Socks5h)];

impl Url {
    /// Reads a broker's URL; `from` is named in the sentence if it is none. The sentence does not
    /// show the URL, which may hold a password.
    pub(in crate::cmd) fn parse(from: &str, text: &str) -> Result<Url, Failure> {
        let form = "mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]";
        Url::parse_as(from, form, BROKERS, 1, text)
    }

    /// Reads where to listen: port 0 is one, and `unix:PATH` is enough of a URL.
    pub(in crate::cmd) fn parse_listener(from: &str, text: &str) -> Result<Url, Failure> {
        if let Some(path) = text.strip_prefix("unix:")
            && !path.starts_with("//")
        {
            let missing = || Failure::usage(format!("{from} takes unix:PATH: PATH is missing"));
            return Url::socket(path).ok_or_else(missing);
        }
        let form = "mqtt://HOST[:PORT], or the same with mqtts, ws or wss, or unix:PATH";
        Url::parse_as(from, form, BROKERS, 0, text)
    }

    /// Reads a proxy's URL.
    pub(in crate::cmd) fn parse_proxy(from: &str, text: &str) -> Result<Url, Failure> {
        let form = "socks5h://[USER:PASSWORD@]HOST[:PORT]";
        Url::parse_as(from, form, PROXIES, 1, text)
    }

    fn parse_as(
        from: &str,
        form: &str,
        schemes: &[(&str, Scheme)],
        lowest_port: u16,
        text: &str,
    ) -> Result<Url, Failure> {
        let wrong = |what: &str| Failure::usage(format!("{from} takes {form}: {what}"));
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            let missing = schemes.first().map_or("", |(name, _)| name);
            wrong(&format!("'{missing}://' is missing"))
        })?;
        let known = schemes
            .iter()
            .find(|(name, _)| scheme.eq_ignore_ascii_case(name));
        let Some(&(_, scheme)) = known else {
            let scheme = scheme.escape_debug();
            return Err(wrong(&format!("the scheme '{scheme}' is not supported")));
        };
        if scheme == Scheme::Unix {
            return Url::socket(rest).ok_or_else(|| wrong("the path of the socket is missing"));
        }
        let (authority, topic) = match rest.split_once('/') {
            Some((authority, topic)) => (authority, Some(topic).filter(|t| !t.is_empty())),
            None => (rest, None),
        };
        // The last '@', since passwords with one are often written as they are.
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (username, password) = match user.map(|user| (user, user.split_once(':'))) {
            Some((_, Some((name, password)))) => (Some(name), Some(password)),
            Some((name, None)) => (Some(name), None),
            None => (None, None),
        };
        let (host, port) = split_port(host).ok_or_else(|| wrong("the ']' is missing"))?;
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        let port = match port {
            None => None,
            Some(port) => Some(
                port.parse()
                    .ok()
                    .filter(|&port| port >= lowest_port)
                    .ok_or_else(|| {
                        wrong(&format!(
                            "the port is not a number from {lowest_port} to 65535"
                        ))
                    })?,
            ),
        };
        let decode = |part: &str| {
            percent_decode(part).ok_or_else(|| wrong("a part is not UTF-8 when decoded"))
        };
        Ok(Url {
            scheme,
            host: decode(host)?,
            port,
            username: username.map(decode).transpose()?,
            password: password.map(decode).transpose()?,
            topic: topic.map(decode).transpose()?,
        })
    }

    /// All of `unix://PATH` is the path.
    fn socket(path: &str) -> Option<Url> {
        Some(Url {
            scheme: Scheme::Unix,
            host: percent_decode(path).filter(|path| !path.is_empty())?,
            port: None,
            username: None,
            password: None,
            topic: None,
        })
    }
}

/// Host and port; IPv6 addresses stand in brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return Some((host, rest.strip_prefix(':')));
    }
    Some(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// `%41` to `A`; a `%` without two hex digits stands for itself. `None` if the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |i: usize| tail.get(i).and_then(|&c| char::from(c).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let url = Url::parse("-L", "mqtt://me:s%40c:r@h.example:4000/a/b%20c").unwrap();
        assert_eq!(
            url,
            Url {
                scheme: Scheme::Mqtt,
                host: "h.example".to_owned(),
                port: Some(4000),
                username: Some("me".to_owned()),
                password: Some("s@c:r".to_owned()),
                topic: Some("a/b c".to_owned()),
            }
        );
        let url = Url::parse("-L", "MQTT://[2001:db8::1]/").unwrap();
        assert_eq!(url.host, "2001:db8::1");
        assert_eq!((url.port, url.topic, url.username), (None, None, None));
        let url = Url::parse("-L", "mqtt://me@[::1]:7").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", Some(7)));
        assert_eq!((url.username.as_deref(), url.password), (Some("me"), None));
        assert_eq!(
            Url::parse("-L", "mqtt://h/100%").unwrap().topic.as_deref(),
            Some("100%")
        );
    }

    #[test]
    fn schemes() {
        let url = Url::parse("-L", "wss://h/a/b").unwrap();
        assert_eq!(
            (url.scheme, url.topic.as_deref()),
            (Scheme::Wss, Some("a/b"))
        );
        let url = Url::parse("-L", "unix:///run/a%20b.sock").unwrap();
        assert_eq!(
            (url.scheme, url.host.as_str()),
            (Scheme::Unix, "/run/a b.sock")
        );
        let url = Url::parse_proxy("--proxy", "socks5h://u:p@h:7").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("h", Some(7)));
        assert!(Url::parse_proxy("--proxy", "mqtt://h").is_err());
        assert!(Url::parse("-L", "socks5h://h").is_err());
    }

    #[test]
    fn where_to_listen() {
        let listener = |text| Url::parse_listener("--listen", text);
        let url = listener("wss://[::]:0/mqtt").unwrap();
        assert_eq!(
            (url.scheme, url.host.as_str(), url.port),
            (Scheme::Wss, "::", Some(0))
        );
        for (text, path) in [("unix:/a", "/a"), ("unix:///a", "/a"), ("unix:a", "a")] {
            let url = listener(text).unwrap();
            assert_eq!((url.scheme, url.host.as_str()), (Scheme::Unix, path));
        }
        for bad in ["unix:", "unix://", "1883", "mqtt://h:-1", "tcp://h"] {
            let failure = listener(bad).unwrap_err();
            assert!(failure.message.starts_with("--listen takes "), "{bad}");
        }
    }

    #[test]
    fn what_is_no_url() {
        for bad in [
            "h",
            "http://h",
            "mqtt://",
            "mqtt://u@:1",
            "mqtt://h:0",
            "mqtt://h:x",
            "mqtt://h:65536",
            "mqtt://[::1",
            "mqtt://%ff",
            "unix://",
        ] {
            let failure = Url::parse("-L", bad).unwrap_err();
            assert!(failure.message.starts_with("-L takes mqtt://"), "{bad}");
        }
    }
}

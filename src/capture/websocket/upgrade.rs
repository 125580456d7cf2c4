//! The HTTP heads with which a WebSocket connection begins (RFC 6455, section 4; RFC 9112).
//!
//! Only what tells one from other HTTP, and what was agreed on, is read.

use memchr::memmem;

/// Bytes of a head; a larger one is none of ours.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Where a request that may ask for WebSocket begins (RFC 6455, section 4.1: the method is GET).
pub(super) const REQUEST: &[u8] = b"GET ";

/// Where a response that grants it begins.
pub(super) const RESPONSE: &[u8] = b"HTTP/1.1 101";

/// What heads begin with. CONNECT asks a proxy for a way through, which may lead to an upgrade.
const BEGINNINGS: [&[u8]; 10] = [
    REQUEST,
    b"HTTP/1.",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];

/// Whether bytes begin with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    Head,
    Other,
    /// More bytes will tell.
    Unclear,
}

/// See [`Beginning`].
pub(super) fn beginning(bytes: &[u8]) -> Beginning {
    if BEGINNINGS.iter().any(|begin| bytes.starts_with(begin)) {
        Beginning::Head
    } else if BEGINNINGS.iter().any(|begin| begin.starts_with(bytes)) {
        Beginning::Unclear
    } else {
        Beginning::Other
    }
}

/// A head, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Asks for WebSocket, and offers this.
    Request {
        /// The subprotocol `mqtt`.
        mqtt: bool,
        /// permessage-deflate (RFC 7692).
        deflate: bool,
    },
    /// Grants it, with what was chosen.
    Response {
        /// The subprotocol `mqtt`.
        mqtt: bool,
        /// `mqttv3.1`, which the time of MQTT 3.1 had for it.
        old: bool,
        /// permessage-deflate (RFC 7692).
        deflate: bool,
    },
    /// Other HTTP.
    OtherRequest,
    OtherResponse,
}

/// Reads the head that `bytes` begin with; `None` if its end is not there. Returns its length too.
/// `searched`: so many bytes are known not to hold the end.
pub(super) fn head(bytes: &[u8], searched: usize) -> Option<(Head, usize)> {
    // The end may have begun before.
    let from = searched.saturating_sub(3).min(bytes.len());
    let end = from + memmem::find(bytes.get(from..)?, b"\r\n\r\n")?;
    let mut lines = bytes.get(..end)?.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default().trim_ascii();
    let is_response = first.starts_with(b"HTTP/");
    let mut upgrades = false;
    let mut mqtt = false;
    let mut old = false;
    let mut deflate = false;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let mut items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if name.eq_ignore_ascii_case(b"Upgrade") {
            upgrades |= items.any(|item| item.eq_ignore_ascii_case(b"websocket"));
        } else if name.eq_ignore_ascii_case(b"Sec-WebSocket-Protocol") {
            for item in items {
                mqtt |= item.eq_ignore_ascii_case(b"mqtt");
                old |= item.eq_ignore_ascii_case(b"mqttv3.1");
            }
        } else if name.eq_ignore_ascii_case(b"Sec-WebSocket-Extensions") {
            deflate |= items.any(|item| {
                let name = item.split(|byte| *byte == b';').next().unwrap_or_default();
                name.trim_ascii()
                    .eq_ignore_ascii_case(b"permessage-deflate")
            });
        }
    }
    let head = match is_response {
        true if upgrades && first.starts_with(RESPONSE) => Head::Response { mqtt, old, deflate },
        true => Head::OtherResponse,
        false if upgrades && first.starts_with(REQUEST) => Head::Request { mqtt, deflate },
        false => Head::OtherRequest,
    };
    Some((head, end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nupgrade: WebSocket\r\n\
        Connection: Upgrade\r\nsec-websocket-protocol: mqtt, mqttv3.1\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

    #[test]
    fn a_request_in_any_pieces() {
        for cut in 0..UPGRADE.len() {
            assert_eq!(head(&UPGRADE[..cut], 0), None, "{cut}");
            let request = Head::Request {
                mqtt: true,
                deflate: true,
            };
            let whole = Some((request, UPGRADE.len()));
            assert_eq!(head(UPGRADE, cut), whole, "{cut}");
        }
    }

    #[test]
    fn responses() {
        let of = |lines: &str| {
            head(format!("{lines}\r\n\r\n\x02").as_bytes(), 0)
                .unwrap()
                .0
        };
        let granted = |mqtt, old, deflate| Head::Response { mqtt, old, deflate };
        for (lines, expected) in [
            (
                "HTTP/1.1 101 Switching Protocols\r\nUPGRADE:websocket\r\nSec-WebSocket-Protocol:mqtt",
                granted(true, false, false),
            ),
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqttv3.1\r\n\
                 Sec-WebSocket-Extensions: x-other, permessage-deflate;server_no_context_takeover",
                granted(false, true, true),
            ),
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: graphql-ws",
                granted(false, false, false),
            ),
            ("HTTP/1.1 101 X\r\nUpgrade: h2c", Head::OtherResponse),
            ("HTTP/1.1 101", Head::OtherResponse),
            (
                "HTTP/1.1 401 Unauthorized\r\nUpgrade: websocket",
                Head::OtherResponse,
            ),
            ("HTTP/1.1 200 Connection established", Head::OtherResponse),
            ("GET / HTTP/1.1\r\nHost: a", Head::OtherRequest),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a", Head::OtherRequest),
        ] {
            assert_eq!(of(lines), expected, "{lines}");
        }
    }

    #[test]
    fn what_begins_a_head() {
        for (bytes, expected) in [
            (&b"GET /"[..], Beginning::Head),
            (b"HTTP/1.1 101", Beginning::Head),
            (b"", Beginning::Unclear),
            (b"P", Beginning::Unclear),
            (b"PATC", Beginning::Unclear),
            (b"PAY ", Beginning::Other),
            (b"\x10\x0d\x00\x04MQTT", Beginning::Other),
        ] {
            assert_eq!(beginning(bytes), expected, "{bytes:?}");
        }
    }
}

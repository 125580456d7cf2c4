//! ClientHello, ServerHello and EncryptedExtensions: what of them is needed to find the keys and to
//! say what a stream is (RFC 8446, 4.1 and 4.2; RFC 5246, 7.4.1).

use super::{
    record::{HANDSHAKE, Header},
    suite::{CipherSuite, TlsVersion},
};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;

/// The random of a ServerHello that is a HelloRetryRequest: SHA-256 of this name.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The names of MQTT in the registry of application-layer protocols.
const MQTT_PROTOCOL: &[u8] = b"mqtt";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    /// Only if it has no characters but those of host names.
    pub(super) server_name: Option<String>,
    pub(super) offers_mqtt: bool,
    pub(super) offers_early_data: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) random: [u8; 32],
    pub(super) version: TlsVersion,
    pub(super) suite: CipherSuite,
    pub(super) is_compressed: bool,
    /// Whether the protocol it chose is MQTT, if it chose one here.
    pub(super) chose_mqtt: Option<bool>,
}

impl ServerHello {
    pub(super) fn is_retry(&self) -> bool {
        self.random == RETRY_RANDOM
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EncryptedExtensions {
    pub(super) chose_mqtt: Option<bool>,
    pub(super) accepts_early_data: bool,
}

/// Reads a ClientHello, of which the end may be missing. `None` if there is not even a random.
pub(super) fn client(body: &[u8]) -> Option<ClientHello> {
    let mut bytes = Cursor(body);
    bytes.take(2)?;
    let mut hello = ClientHello {
        random: *bytes.take(32)?.first_chunk()?,
        server_name: None,
        offers_mqtt: false,
        offers_early_data: false,
    };
    let mut extensions = || {
        bytes.take_with_u8()?; // session id
        bytes.take_with_u16()?; // cipher suites
        bytes.take_with_u8()?; // compression methods
        bytes.u16()?; // length of the extensions, which may be cut
        Some(Extensions(Cursor(bytes.0)))
    };
    for (kind, value) in extensions().into_iter().flatten() {
        match kind {
            SERVER_NAME => hello.server_name = server_name(value),
            ALPN => hello.offers_mqtt = protocols(value).any(|name| name == MQTT_PROTOCOL),
            EARLY_DATA => hello.offers_early_data = true,
            _ => {}
        }
    }
    Some(hello)
}

/// Reads a whole ServerHello.
pub(super) fn server(body: &[u8]) -> Option<ServerHello> {
    let mut bytes = Cursor(body);
    let mut hello = ServerHello {
        version: TlsVersion(bytes.u16()?),
        random: *bytes.take(32)?.first_chunk()?,
        suite: {
            bytes.take_with_u8()?; // session id
            CipherSuite(bytes.u16()?)
        },
        is_compressed: bytes.take(1)? != [0],
        chose_mqtt: None,
    };
    if let Some(extensions) = bytes.take_with_u16() {
        for (kind, value) in Extensions(Cursor(extensions)) {
            match kind {
                SUPPORTED_VERSIONS => hello.version = TlsVersion(Cursor(value).u16()?),
                ALPN => hello.chose_mqtt = chosen(value),
                _ => {}
            }
        }
    }
    Some(hello)
}

/// Reads EncryptedExtensions.
pub(super) fn encrypted_extensions(body: &[u8]) -> EncryptedExtensions {
    let mut found = EncryptedExtensions {
        chose_mqtt: None,
        accepts_early_data: false,
    };
    let extensions = Cursor(body).take_with_u16().unwrap_or_default();
    for (kind, value) in Extensions(Cursor(extensions)) {
        match kind {
            ALPN => found.chose_mqtt = chosen(value),
            EARLY_DATA => found.accepts_early_data = true,
            _ => {}
        }
    }
    found
}

/// How a direction of a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With a ClientHello or a ServerHello, beyond doubt.
    Hello,
    /// More bytes will tell.
    Unclear,
    /// With something else.
    Other,
}

/// Whether what begins with a hello ([`opening`]) begins with a ServerHello.
pub(super) fn is_server(bytes: &[u8]) -> bool {
    bytes.get(Header::LEN) == Some(&2)
}

/// What the bytes of a direction begin with.
pub(super) fn opening(mut bytes: &[u8]) -> Opening {
    // Type (1), length (3), version (2), random (32), length of the session id (1).
    const FRONT_LEN: usize = 39;
    let mut front: Vec<u8> = Vec::with_capacity(FRONT_LEN);
    loop {
        let Ok(header) = Header::parse(bytes) else {
            return Opening::Other;
        };
        if bytes.first().is_some_and(|kind| *kind != HANDSHAKE) {
            return Opening::Other;
        }
        let Some(header) = header else {
            return Opening::Unclear;
        };
        let body = bytes.get(Header::LEN..).unwrap_or_default();
        let (body, rest) = body.split_at(header.body_len().min(body.len()));
        let wanted = (FRONT_LEN - front.len()).min(body.len());
        front.extend_from_slice(body.get(..wanted).unwrap_or_default());
        if !is_front(&front) {
            return Opening::Other;
        }
        if front.len() == FRONT_LEN {
            return Opening::Hello;
        }
        bytes = rest;
    }
}

/// Whether a hello may begin so.
fn is_front(front: &[u8]) -> bool {
    let at = |i: usize, fits: fn(u8) -> bool| front.get(i).is_none_or(|byte| fits(*byte));
    at(0, |kind| kind == 1 || kind == 2)
        && at(1, |high| high == 0)
        && front.get(2..4).is_none_or(|len| len >= &[0, 38][..])
        && at(4, |major| major == 3)
        && at(5, |minor| minor <= 4)
        && at(38, |session_id_len| session_id_len <= 32)
}

/// The only name in the list that is a DNS host name (RFC 6066, 3).
fn server_name(value: &[u8]) -> Option<String> {
    let mut list = Cursor(Cursor(value).take_with_u16()?);
    if list.take(1)? != [0] {
        return None;
    }
    let name = list.take_with_u16()?;
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let is_name = !name.is_empty() && name.len() <= 255 && name.iter().all(is_host);
    is_name.then(|| String::from_utf8_lossy(name).into_owned())
}

/// The names in a list of application-layer protocols (RFC 7301, 3.1).
fn protocols(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Cursor(Cursor(value).take_with_u16().unwrap_or_default());
    std::iter::from_fn(move || list.take_with_u8())
}

fn chosen(value: &[u8]) -> Option<bool> {
    protocols(value).next().map(|name| name == MQTT_PROTOCOL)
}

/// Takes fields off the front.
#[derive(Clone, Copy)]
struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    fn take_with_u8(&mut self) -> Option<&'b [u8]> {
        let len = *self.take(1)?.first()?;
        self.take(len.into())
    }

    fn take_with_u16(&mut self) -> Option<&'b [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }
}

/// Types and values of extensions, as far as they are whole.
struct Extensions<'b>(Cursor<'b>);

impl<'b> Iterator for Extensions<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.u16()?, self.0.take_with_u16()?))
    }
}

#[cfg(test)]
mod tests;

//! Why TLS fails, in words that say what to do.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible,
};

use super::identity::Identity;
use crate::net::Foreign;
use crate::net::error::brief;

/// Why TLS fails.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate can be for such a name.
    #[error("'{}' is not a name that a certificate can have", .0.escape_debug())]
    NoName(String),
    /// The server's certificate is too old.
    #[error("the broker's certificate expired {} ago", Span(*.0))]
    Expired(Duration),
    /// The server's certificate is too young, or our clock is wrong.
    #[error("the broker's certificate is not valid yet: it will be in {}", Span(*.0))]
    NotYetValid(Duration),
    /// The server's certificate is somebody else's.
    #[error("the broker's certificate is not for {wanted}: {}", Names(.has))]
    WrongName {
        /// The name that was connected to.
        wanted: String,
        /// The names in the certificate.
        has: Vec<String>,
    },
    /// Nobody who is trusted has signed the server's certificate.
    #[error(
        "the broker's certificate is signed by no one that is trusted here: \
         name its authority with --cafile or --capath"
    )]
    UnknownIssuer,
    /// The authority has the name of one that is trusted, and another key.
    #[error(
        "the broker's certificate is signed by an authority with the name of one that is trusted \
         here, but with another key: maybe that was made anew"
    )]
    AnotherKey,
    /// Something else is wrong with the server's certificate.
    #[error("the broker's certificate cannot be accepted: {0}")]
    BadCertificate(String),
    /// The server asks for our certificate, and there is none.
    #[error("the broker asks for a client certificate: give --cert and --key")]
    ClientCertificateWanted,
    /// The server does not like our certificate.
    #[error("the broker does not accept the client certificate: {0}")]
    ClientCertificateRefused(String),
    /// What answers is not TLS.
    #[error("this port does not speak TLS: the answer is {}", Answer(.0))]
    NotTls(Vec<u8>),
    /// The server hung up at the first message.
    #[error("the broker closed the connection when TLS began: maybe this port is for plain text")]
    ClosedAtStart,
    /// The server hung up in the middle of it.
    #[error("the broker closed the connection during the TLS handshake")]
    Closed,
    /// No version in common.
    #[error("the broker takes none of the TLS versions that are offered")]
    NoCommonVersion,
    /// No cipher suite, group or signature scheme in common.
    #[error("the broker takes none of the cipher suites (or the like) that are offered")]
    NoCommonCipher,
    /// No ALPN protocol in common.
    #[error("the broker takes none of the protocols offered by ALPN")]
    NoCommonProtocol,
    /// The server says another of TLS's error codes.
    #[error("the broker ends the TLS handshake: {0}")]
    Alert(String),
    /// Something else.
    #[error("TLS fails: {0}")]
    Other(Error),
    /// The connection broke.
    #[error("the connection broke during the TLS handshake: {}", brief(.0))]
    Io(io::Error),
}

impl TlsError {
    /// See [`DialError::is_lasting`](crate::net::DialError::is_lasting).
    pub(in crate::net) fn is_lasting(&self) -> bool {
        !matches!(
            self,
            TlsError::ClosedAtStart | TlsError::Closed | TlsError::Io(_)
        )
    }

    /// Takes it out of an I/O error.
    ///
    /// # Errors
    /// The I/O error as it was if there is none inside.
    pub fn from_io(error: io::Error) -> Result<TlsError, io::Error> {
        error.downcast()
    }
}

/// What is known when a handshake has failed.
pub(super) struct Evidence<'a> {
    pub(super) identity: &'a Identity,
    /// The first bytes of the answer.
    pub(super) answer: Vec<u8>,
}

impl Evidence<'_> {
    /// Why the handshake has failed.
    pub(super) fn explain(self, error: io::Error) -> TlsError {
        match error.downcast::<Error>() {
            Ok(error) => self.explain_tls(error),
            Err(_) if self.lacks_certificate() => TlsError::ClientCertificateWanted,
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => match self.answer.is_empty() {
                    true => TlsError::ClosedAtStart,
                    false => TlsError::Closed,
                },
                _ => TlsError::Io(error),
            },
        }
    }

    /// Why the connection has ended, when nothing came from the server after our handshake.
    pub(super) fn explain_later(self, error: io::Error) -> io::Error {
        let kind = error.kind();
        match error.downcast::<Error>() {
            Ok(error) => io::Error::new(kind, self.explain_tls(error)),
            Err(_) if self.lacks_certificate() => {
                io::Error::new(kind, TlsError::ClientCertificateWanted)
            }
            Err(error) => error,
        }
    }

    /// Whether the server has asked for a certificate and got none.
    fn lacks_certificate(&self) -> bool {
        self.identity.was_asked() && !self.identity.is_given()
    }

    fn explain_tls(self, error: Error) -> TlsError {
        match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::AlertReceived(alert) => self.alert(alert),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            ) if Foreign::recognize(&self.answer) != Some(Foreign::Tls) => {
                TlsError::NotTls(self.answer)
            }
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => TlsError::NoCommonVersion,
            Error::NoApplicationProtocol => TlsError::NoCommonProtocol,
            error => TlsError::Other(error),
        }
    }

    fn alert(&self, alert: AlertDescription) -> TlsError {
        use AlertDescription as A;
        let about_certificate = matches!(
            alert,
            A::CertificateRequired
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
                | A::DecryptError
                | A::NoCertificate
                | A::HandshakeFailure
        );
        match alert {
            A::CertificateRequired => TlsError::ClientCertificateWanted,
            _ if about_certificate && self.lacks_certificate() => TlsError::ClientCertificateWanted,
            _ if about_certificate && self.identity.was_asked() => {
                TlsError::ClientCertificateRefused(words(alert))
            }
            A::ProtocolVersion => TlsError::NoCommonVersion,
            A::HandshakeFailure | A::InsufficientSecurity => TlsError::NoCommonCipher,
            A::NoApplicationProtocol => TlsError::NoCommonProtocol,
            alert => TlsError::Alert(words(alert)),
        }
    }
}

fn certificate(error: CertificateError) -> TlsError {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            TlsError::Expired(between(time, not_after))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            TlsError::NotYetValid(between(not_before, time))
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => TlsError::WrongName {
            wanted: expected.to_str().into_owned(),
            has: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
        CertificateError::BadSignature => TlsError::AnotherKey,
        error => TlsError::BadCertificate(fault(&error)),
    }
}

/// What else is wrong with a certificate. Most of it webpki tells, whose words are the names of its
/// variants.
fn fault(error: &CertificateError) -> String {
    let sentence = match error {
        CertificateError::BadEncoding => "it cannot be read, it is no X.509 in DER",
        // What webpki says of a certificate whose end is before its beginning.
        CertificateError::Expired => "its time ends before it begins",
        CertificateError::UnhandledCriticalExtension => UNKNOWN_EXTENSION,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is not safe enough, or not known here: make it anew with \
             SHA-256"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers: its extendedKeyUsage lacks serverAuth"
        }
        CertificateError::Other(other) => {
            let name = other.0.to_string();
            return webpki_sentence(&name).map_or_else(|| apart(&name), str::to_owned);
        }
        error => return apart(&error.to_string()),
    };
    sentence.to_owned()
}

/// What is wrong with a client's certificate, to whoever runs the server.
pub(super) fn client_fault(error: &CertificateError) -> String {
    let sentence = match error {
        CertificateError::UnknownIssuer => {
            "it is signed by no authority that this listener trusts (--cafile)"
        }
        CertificateError::BadSignature => {
            "it is signed by an authority with the name of one that is trusted here, but with \
             another key: maybe that was made anew"
        }
        CertificateError::ExpiredContext { time, not_after } => {
            return format!("it expired {} ago", Span(between(*time, *not_after)));
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let span = Span(between(*not_before, *time));
            return format!("it is not valid yet: it will be in {span}");
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for clients: its extendedKeyUsage lacks clientAuth"
        }
        CertificateError::UnknownRevocationStatus => {
            "the list of revoked certificates is not its authority's"
        }
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "the list of revoked certificates is too old to be believed"
        }
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "it is that of an authority (CA:TRUE): make one for the client with CA:FALSE"
        }
        error => return fault(error),
    };
    sentence.to_owned()
}

fn between(late: UnixTime, early: UnixTime) -> Duration {
    Duration::from_secs(late.as_secs().saturating_sub(early.as_secs()))
}

const UNKNOWN_EXTENSION: &str = "it has a critical extension that is not known here";

fn webpki_sentence(name: &str) -> Option<&'static str> {
    Some(match name {
        "UnsupportedCertVersion" => {
            "it is X.509 version 1, as openssl x509 -req makes them without -extfile: make it anew \
             with version 3 and a subjectAltName"
        }
        "CaUsedAsEndEntity" => {
            "it is that of an authority (CA:TRUE), as openssl req -x509 makes them: name this very \
             one with --cafile, or make one for the server with CA:FALSE"
        }
        "EndEntityUsedAsCa" => {
            "what has signed it is not the certificate of an authority (CA:TRUE)"
        }
        "PathLenConstraintViolated" => {
            "there are more authorities between it and the trusted one than that allows (pathlen)"
        }
        "NameConstraintViolation" => {
            "one of its authorities may not sign for its names (nameConstraints)"
        }
        "MaximumPathDepthExceeded"
        | "MaximumPathBuildCallsExceeded"
        | "MaximumSignatureChecksExceeded"
        | "MaximumNameConstraintComparisonsExceeded" => {
            "its chain of authorities is too long, or too tangled, to be checked"
        }
        "UnsupportedCriticalExtension" => UNKNOWN_EXTENSION,
        "InvalidSerialNumber" => "its serial number is none: it is to be above 0, in 20 bytes",
        "SignatureAlgorithmMismatch" => "it names two different algorithms of its signature",
        "EmptyEkuExtension" => "its extendedKeyUsage is empty",
        "ExtensionValueInvalid"
        | "MalformedExtensions"
        | "MalformedDnsIdentifier"
        | "MalformedNameConstraint"
        | "InvalidNetworkMaskConstraint"
        | "UnsupportedNameType" => "one of its extensions cannot be read",
        _ => return None,
    })
}

/// `DnsName("a.example")` and `IpAddress(127.0.0.1)`, as webpki writes them, without what is around.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, n)| n.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// What an alert says.
pub(super) fn words(alert: AlertDescription) -> String {
    match alert.as_str() {
        Some(name) => apart(name),
        None => format!("alert {}", u8::from(alert)),
    }
}

/// `UnknownCA` as `unknown CA`.
fn apart(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 8);
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lower {
            text.push(' ');
        }
        after_lower = c.is_ascii_lowercase();
        text.push(c);
    }
    let keep = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let words: Vec<_> = text
        .split(' ')
        .map(|word| match keep(word) {
            true => word.to_owned(),
            false => word.to_ascii_lowercase(),
        })
        .collect();
    words.join(" ")
}

/// A time in its largest unit.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..60 => (seconds, "second"),
            60..3600 => (seconds / 60, "minute"),
            3600..86_400 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

/// The names of a certificate, as many as fit in a sentence.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.0.is_empty() {
            return f.write_str("it has no names (subjectAltName)");
        }
        f.write_str("it is for ")?;
        for (i, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", name.escape_debug())?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The start of an answer: as text if it is that.
struct Answer<'a>(&'a [u8]);

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |c: &u8| c.is_ascii_graphic() || c.is_ascii_whitespace();
        match std::str::from_utf8(self.0) {
            Ok(text) if self.0.iter().all(printable) => {
                write!(f, "'{}'", text.trim_end().escape_debug())
            }
            _ => write!(f, "{}", hex::encode(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::OtherError;

    use super::*;

    /// An error of webpki, which shows itself by its name.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Webpki(&'static str);

    #[test]
    fn faults_of_certificates_in_words() {
        for (name, begin) in [
            (
                "UnsupportedCertVersion",
                "it is X.509 version 1, as openssl",
            ),
            ("PathLenConstraintViolated", "there are more authorities"),
            ("UnsupportedCriticalExtension", UNKNOWN_EXTENSION),
            // One that is not known here is still no name.
            ("SomethingNewInDER", "something new in DER"),
        ] {
            let other = OtherError(Arc::new(Webpki(name)));
            let sentence = certificate(CertificateError::Other(other)).to_string();
            let sentence = sentence.strip_prefix("the broker's certificate cannot be accepted: ");
            assert!(
                sentence.is_some_and(|s| s.starts_with(begin)),
                "{sentence:?}"
            );
        }
        assert_eq!(
            fault(&CertificateError::Expired),
            "its time ends before it begins"
        );
        assert_eq!(fault(&CertificateError::Revoked), "revoked");
        let time = UnixTime::since_unix_epoch(Duration::from_secs(7200));
        let not_after = UnixTime::since_unix_epoch(Duration::from_secs(0));
        for (error, begin) in [
            (
                CertificateError::UnknownIssuer,
                "it is signed by no authority",
            ),
            (
                CertificateError::ExpiredContext { time, not_after },
                "it expired 2 hours ago",
            ),
            (CertificateError::Expired, "its time ends before it begins"),
        ] {
            let sentence = client_fault(&error);
            assert!(sentence.starts_with(begin), "{sentence}");
        }
    }
}

//! What they say when something fails, and how they end.

use std::io;

use super::super::subscribe::Unshown;
use super::super::{Exit, Failure};
use crate::cli::Program;

use crate::client::{ConnectError, DialError, Lost, PublishError, Refusal, TlsError};

use crate::mqtt::{PacketType, ReasonCode, Version};
use crate::output::text::Safe;

/// Numbers of libmosquitto's errors, which are exit codes, too.
const PROTOCOL: u8 = 2;
const NOT_CONNECTED: u8 = 4;
const CONNECTION_LOST: u8 = 7;
const TLS: u8 = 8;

/// There is no connection.
pub(in crate::cmd) fn connect_failure(
    program: Program,
    version: Version,
    error: &ConnectError,
) -> Failure {
    let failure = |code, text: String| Failure::new(Exit::Theirs(code), text);
    match error {
        ConnectError::Dial(DialError::Tls(error)) => tls_failure(error),
        ConnectError::Dial(error) => failure(1, dial_sentence(error)),
        ConnectError::Refused(refusal) => refused(program, version, refusal),
        ConnectError::Lost(lost) => lost_failure(program, version, lost),
        ConnectError::Protocol(_) => failure(PROTOCOL, protocol_error()),
        ConnectError::Timeout(_) => failure(CONNECTION_LOST, lost_error()),
        ConnectError::Property(_) | ConnectError::Encode(_) | ConnectError::Unsupported { .. } => {
            failure(1, format!("Error: {error}."))
        }
    }
}

/// There is none any more.
pub(in crate::cmd) fn lost_failure(program: Program, version: Version, lost: &Lost) -> Failure {
    match lost {
        Lost::Refused(refusal) => refused(program, version, refusal),
        Lost::Reconnect(error) => connect_failure(program, version, error),
        // mosquitto_sub takes the server's farewell for a good end.
        Lost::Disconnected(_) if program == Program::MosquittoSub => {
            Failure::new(Exit::Theirs(0), "")
        }
        Lost::Disconnected(_) => Failure::new(
            Exit::Theirs(NOT_CONNECTED),
            "Error: The client is not currently connected.",
        ),
        Lost::Protocol(_) => Failure::new(Exit::Theirs(PROTOCOL), protocol_error()),
        _ => Failure::new(Exit::Theirs(CONNECTION_LOST), lost_error()),
    }
}

/// A message that the broker has refused: they go on.
pub(in crate::cmd) fn publish_warning(packet_id: u64, reason: ReasonCode) -> String {
    let why = reason_name(PacketType::PUBACK, reason);
    format!("Warning: Publish {packet_id} failed: {why}.")
}

/// A message that is not shown, or not all of it: they go on.
pub(in crate::cmd) fn unshown(topic: &str, why: &Unshown) -> String {
    match why {
        Unshown::NotJson(_) => {
            format!(
                "Error: Message payload is not valid JSON on topic {}.",
                Safe(topic)
            )
        }
        Unshown::NotDecoded(_) => format!("Error: a message on topic {}: {why}.", Safe(topic)),
    }
}

/// A message that the broker would not take: they end with a farewell and success.
pub(in crate::cmd) fn strerror(error: &PublishError) -> Failure {
    let text = match error {
        PublishError::QosNotSupported { .. } => {
            "Error: Message QoS not supported on broker, try a lower QoS.".to_owned()
        }
        error => format!("Error: {error}."),
    };
    Failure::new(Exit::Theirs(0), text)
}

fn refused(program: Program, version: Version, refusal: &Refusal) -> Failure {
    let (code, mut text, then) = match version {
        Version::V5 => {
            let mut text = reason_name(PacketType::CONNACK, refusal.reason).to_owned();
            if refusal.reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION {
                text.push_str(". Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.");
            }
            (refusal.reason.0, text, protocol_error())
        }
        Version::V31 | Version::V311 => {
            let text = match (program, refusal.code) {
                // It takes the number for one of 5.0's.
                (Program::MosquittoRr, _) => "Unknown reason",
                (_, 1) => "Connection Refused: unacceptable protocol version.",
                (_, 2) => "Connection Refused: identifier rejected.",
                (_, 3) => "Connection Refused: broker unavailable.",
                (_, 4) => "Connection Refused: bad user name or password.",
                (_, 5) => "Connection Refused: not authorised.",
                _ => "Connection Refused: unknown reason.",
            };
            let then = "Error: The connection was refused.".to_owned();
            (refusal.code, text.to_owned(), then)
        }
    };
    text.insert_str(0, "Connection error: ");
    if program == Program::MosquittoPub {
        text.push('\n');
        text.push_str(&then);
    }
    Failure::new(Exit::Theirs(code), text)
}

/// TLS fails. Theirs say no more than this, and with the code of "Unable to connect" if the answer
/// is there before they look for it.
fn tls_failure(error: &TlsError) -> Failure {
    let (code, text) = match error {
        // They learn of it when they are through with TLS.
        TlsError::ClientCertificateWanted | TlsError::ClientCertificateRefused(_) => {
            (CONNECTION_LOST, lost_error())
        }
        _ => (TLS, "Error: A TLS error occurred.".to_owned()),
    };
    let text = text.trim_end_matches('.');
    Failure::new(Exit::Theirs(code), format!("{text}: {error}."))
}

fn dial_sentence(error: &DialError) -> String {
    match error {
        DialError::Resolve { .. } | DialError::ResolveTimeout { .. } => {
            "Unable to connect (Lookup error.).".to_owned()
        }
        DialError::Connect { source, .. }
        | DialError::Unix { source, .. }
        | DialError::Bind { source, .. } => format!("Error: {}", system(source)),
        DialError::Timeout { .. } => "Error: Connection timed out".to_owned(),
        // Theirs only name the kind.
        error => format!("Unable to connect ({error})."),
    }
}

/// The system's words alone.
fn system(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

fn reason_name(packet: PacketType, reason: ReasonCode) -> &'static str {
    reason.name(packet, Version::V5).unwrap_or("Unknown reason")
}

fn protocol_error() -> String {
    "Error: A network protocol error occurred when communicating with the broker.".to_owned()
}

fn lost_error() -> String {
    "Error: The connection was lost.".to_owned()
}

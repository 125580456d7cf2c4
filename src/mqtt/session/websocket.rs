//! What the layer below MQTT saw of WebSocket: MQTT 5.0 and 3.1.1, chapter 6, and RFC 6455.
//!
//! It sees the upgrade before anybody knows the version of MQTT; what is wrong waits for that.

use std::collections::VecDeque;

use super::super::rule::Rule;
use super::super::version::{Side, Version};
use super::At;
use super::finding::{Finding, Report};

/// Something that the sender of a frame or of a head may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebSocketFault {
    /// The client's upgrade request does not list `mqtt` (`[MQTT-6.0.0-3]`).
    NotOffered,
    /// The server's answer does not say `mqtt` (`[MQTT-6.0.0-4]`).
    NotAnswered,
    /// A data frame that is not binary carries MQTT (`[MQTT-6.0.0-1]`).
    NotBinary,
    /// A frame of a client is not masked, or one of a server is (RFC 6455, section 5.1).
    Mask,
    /// A frame has reserved bits that nobody agreed on, a reserved opcode, or a length in more bytes
    /// than it takes (section 5.2).
    Frame,
    /// A frame continues a message that was not begun, or begins one inside of another (section 5.4).
    Fragment,
    /// A control frame is in fragments or longer than 125 bytes (section 5.5).
    Control,
}

impl WebSocketFault {
    /// The rule, and what was there and what the standard wants.
    fn says(self, from: Side) -> (Rule, &'static str) {
        match (self, from) {
            (WebSocketFault::NotOffered, _) => (
                Rule::WebSocketNotOffered,
                "an upgrade request that does not offer the subprotocol mqtt",
            ),
            (WebSocketFault::NotAnswered, _) => (
                Rule::WebSocketNotAnswered,
                "an answer to the upgrade request without the subprotocol mqtt",
            ),
            (WebSocketFault::NotBinary, _) => (
                Rule::WebSocketText,
                "a text frame; MQTT must come in binary ones",
            ),
            (WebSocketFault::Mask, Side::Client) => (
                Rule::WebSocketMask,
                "a frame of the client that is not masked; it must be",
            ),
            (WebSocketFault::Mask, Side::Server) => (
                Rule::WebSocketMask,
                "a frame of the server that is masked; it must not be",
            ),
            (WebSocketFault::Frame, _) => (
                Rule::WebSocketFrame,
                "a frame with reserved bits, a reserved opcode, or a length in more bytes than it \
                 takes",
            ),
            (WebSocketFault::Fragment, _) => (
                Rule::WebSocketFragment,
                "a frame that continues no message, or that begins one before the last is complete",
            ),
            (WebSocketFault::Control, _) => (
                Rule::WebSocketControl,
                "a control frame in fragments or of more than 125 bytes",
            ),
        }
    }
}

/// Faults that wait; the layer below tells of each kind once for each side.
const MAX_FAULTS: usize = 16;

/// What was wrong before the version was known.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<(At, Side, WebSocketFault)>);

impl Waiting {
    pub(super) fn push(&mut self, at: At, from: Side, fault: WebSocketFault) {
        if self.0.len() < MAX_FAULTS {
            self.0.push((at, from, fault));
        }
    }

    /// Now the version is known.
    pub(super) fn report(&mut self, version: Version, out: &mut VecDeque<Finding>) {
        // An answer shows what is wrong with it before the request that it is for does.
        self.0.sort_by_key(|(at, ..)| at.frame);
        for (at, from, fault) in self.0.drain(..) {
            let (rule, message) = fault.says(from);
            Report::new(at, version, Some(from), out).add(rule, &[], message);
        }
    }
}

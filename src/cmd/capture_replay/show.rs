//! What clients of an embedded broker are sent, on stdout.

use std::io::{self, Write};

use crate::client::Message;
use crate::mqtt::Version;
use crate::output::replay::{Received, write_received_json, write_received_text};

/// Lines on stdout.
#[derive(Debug)]
pub(super) struct Show {
    is_json: bool,
    /// Whether nobody reads any more.
    is_closed: bool,
}

impl Show {
    /// Text, or JSON.
    pub(super) fn new(is_json: bool) -> Show {
        Show {
            is_json,
            is_closed: false,
        }
    }

    /// A client got a message.
    pub(super) fn message(&mut self, client: &str, version: Version, message: &Message) {
        if self.is_closed {
            return;
        }
        let received = Received {
            client,
            version,
            publish: message.as_packet(),
        };
        let mut out = io::stdout().lock();
        let written = match self.is_json {
            true => write_received_json(&mut out, &received),
            false => write_received_text(&mut out, &received),
        };
        self.is_closed = written.and_then(|()| out.flush()).is_err();
    }
}

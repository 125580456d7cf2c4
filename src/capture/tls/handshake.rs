//! Handshake messages of one direction, put together from records (RFC 8446, 4 and 5.1).
//!
//! Only what tells how to go on is kept; certificates and the like are passed over.

use super::hello::{self, ClientHello, EncryptedExtensions, ServerHello};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const END_OF_EARLY_DATA: u8 = 5;
const ENCRYPTED_EXTENSIONS: u8 = 8;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// Type and length.
const HEAD_LEN: usize = 4;

/// The longest message that is kept; hellos with post-quantum keys have some thousand bytes.
const MAX_KEPT: usize = 64 * 1024;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    ClientHello(Box<ClientHello>),
    ServerHello(Box<ServerHello>),
    EncryptedExtensions(EncryptedExtensions),
    EndOfEarlyData,
    Finished,
    KeyUpdate,
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The message that is not whole yet; of one that is passed over, only the head.
    message: Vec<u8>,
    /// How much has come of the body of a message that is passed over.
    passed: usize,
    /// Bytes are missing: what comes may be the middle of a message.
    is_lost: bool,
}

impl Messages {
    /// Takes the content of a record; gives the messages that it completes to `found`.
    pub(super) fn push(&mut self, mut content: &[u8], mut found: impl FnMut(Message)) {
        if self.is_lost {
            // A message nearly always begins with its record. If one does that fills the record,
            // it is one.
            if !fills(content) {
                return;
            }
            self.is_lost = false;
        }
        while !content.is_empty() {
            content = self.take(content, HEAD_LEN);
            let &[kind, h, m, l, ..] = self.message.as_slice() else {
                return;
            };
            let len = usize::from(h) << 16 | usize::from(m) << 8 | usize::from(l);
            let is_kept = matches!(kind, CLIENT_HELLO | SERVER_HELLO | ENCRYPTED_EXTENSIONS)
                && len <= MAX_KEPT;
            if is_kept {
                content = self.take(content, HEAD_LEN + len);
                if self.message.len() < HEAD_LEN + len {
                    return;
                }
            } else {
                let passed = len.saturating_sub(self.passed).min(content.len());
                self.passed += passed;
                content = content.get(passed..).unwrap_or_default();
                if self.passed < len {
                    return;
                }
                self.passed = 0;
            }
            let message = std::mem::take(&mut self.message);
            if let Some(message) = parse(kind, message.get(HEAD_LEN..).unwrap_or_default()) {
                found(message);
            }
        }
    }

    /// Records are missing. Gives the front of a ClientHello that they cut.
    pub(super) fn lose(&mut self) -> Option<ClientHello> {
        let message = std::mem::take(&mut self.message);
        *self = Messages {
            is_lost: true,
            ..Messages::default()
        };
        let body = message.strip_prefix(&[CLIENT_HELLO])?.get(3..)?;
        hello::client(body)
    }

    /// Moves bytes over until the message has `len`; gives back the others.
    fn take<'c>(&mut self, content: &'c [u8], len: usize) -> &'c [u8] {
        let missing = len.saturating_sub(self.message.len()).min(content.len());
        let (taken, rest) = content.split_at(missing);
        self.message.extend_from_slice(taken);
        rest
    }
}

fn parse(kind: u8, body: &[u8]) -> Option<Message> {
    Some(match kind {
        CLIENT_HELLO => Message::ClientHello(Box::new(hello::client(body)?)),
        SERVER_HELLO => Message::ServerHello(Box::new(hello::server(body)?)),
        ENCRYPTED_EXTENSIONS => Message::EncryptedExtensions(hello::encrypted_extensions(body)),
        END_OF_EARLY_DATA => Message::EndOfEarlyData,
        FINISHED => Message::Finished,
        KEY_UPDATE => Message::KeyUpdate,
        _ => return None,
    })
}

/// Whether messages of known types fill the bytes exactly.
fn fills(mut bytes: &[u8]) -> bool {
    while let &[kind, h, m, l, ref rest @ ..] = bytes {
        let len = usize::from(h) << 16 | usize::from(m) << 8 | usize::from(l);
        match rest.get(len..) {
            Some(rest) if kind <= KEY_UPDATE => bytes = rest,
            _ => return false,
        }
    }
    bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(messages: &mut Messages, content: &[u8]) -> Vec<Message> {
        let mut found = Vec::new();
        messages.push(content, |message| found.push(message));
        found
    }

    #[test]
    fn coalesced_and_fragmented() {
        let certificate = [&[11, 1, 0, 2][..], &[0xaa; 65_538]].concat();
        let bytes = [&certificate[..], &[20, 0, 0, 3, 1, 2, 3], &[5, 0, 0, 0]].concat();
        for size in [1, 2, 5, 1000, bytes.len()] {
            let mut messages = Messages::default();
            let found: Vec<_> = bytes
                .chunks(size)
                .flat_map(|chunk| pushed(&mut messages, chunk))
                .collect();
            assert_eq!(
                found,
                [Message::Finished, Message::EndOfEarlyData],
                "{size}"
            );
            assert!(messages.message.capacity() < 100, "{size}");
        }
    }

    #[test]
    fn after_a_loss_only_what_fills_a_record_is_believed() {
        let mut messages = Messages::default();
        assert_eq!(pushed(&mut messages, &[11, 0, 9, 0, 7]), []);
        messages.lose();
        assert_eq!(pushed(&mut messages, &[24, 0, 0, 2, 1]), []);
        assert_eq!(
            pushed(&mut messages, &[24, 0, 0, 1, 1]),
            [Message::KeyUpdate]
        );
    }
}

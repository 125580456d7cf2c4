//! The secrets of TLS sessions, from a key log (the format of NSS, `SSLKEYLOGFILE`) or from the
//! capture itself.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    io::{self, ErrorKind, Read},
};

/// Secrets that are known at once; beyond it the ones that came first are forgotten.
const MAX_SECRETS: usize = 1 << 17;

/// The longest line that is looked at. The longest with a meaning has 195 characters.
const MAX_LINE: usize = 4096;

/// What is read of a key log in all: it may have no end.
const MAX_LOG: u64 = 1 << 30;

/// What of a session a secret is for. The names are those of the key log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    /// `CLIENT_RANDOM`: the master secret of TLS 1.2.
    Master,
    /// `CLIENT_EARLY_TRAFFIC_SECRET`.
    ClientEarly,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`.
    ClientHandshake,
    /// `SERVER_HANDSHAKE_TRAFFIC_SECRET`.
    ServerHandshake,
    /// `CLIENT_TRAFFIC_SECRET_0`.
    ClientTraffic,
    /// `SERVER_TRAFFIC_SECRET_0`.
    ServerTraffic,
}

impl Label {
    fn parse(word: &[u8]) -> Option<Label> {
        Some(match word {
            b"CLIENT_RANDOM" => Label::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Label::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::ServerHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Label::ClientTraffic,
            b"SERVER_TRAFFIC_SECRET_0" => Label::ServerTraffic,
            _ => return None,
        })
    }

    /// A master secret has 48 bytes, others as many as the hash of the suite.
    fn allows(self, len: usize) -> bool {
        match self {
            Label::Master => len == 48,
            _ => len == 32 || len == 48,
        }
    }
}

/// A secret of at most 48 bytes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    bytes: [u8; 48],
    len: u8,
}

impl Secret {
    pub(super) fn new(secret: &[u8]) -> Option<Secret> {
        let mut bytes = [0; 48];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Secret {
            bytes,
            len: u8::try_from(secret.len()).ok()?,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len)
    }
}

type Key = (Label, [u8; 32]);

/// All secrets that are known. By label and random of the ClientHello; keyed hash, since both come
/// from outside.
#[derive(Default)]
pub(in crate::capture) struct Secrets {
    known: HashMap<Key, Secret>,
    /// The order in which they came.
    order: VecDeque<Key>,
    log: Option<Log>,
    /// More may come out of the capture.
    pub(in crate::capture) may_come: bool,
    /// Changes with each secret that comes.
    version: u64,
    damaged: u64,
}

/// A key log that may be growing.
struct Log {
    reader: Box<dyn Read>,
    /// The last line, while its end has not come.
    tail: Vec<u8>,
    /// The rest of a line that is too long is not kept.
    skips_line: bool,
    read: u64,
    /// The frame at which it was looked at last.
    looked_at: u64,
}

impl Secrets {
    /// Takes the secrets of a whole key log.
    pub(in crate::capture) fn add(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            self.line(line);
        }
    }

    /// Takes what `log` has now, and what it will have later.
    ///
    /// # Errors
    /// Those of the log.
    pub(in crate::capture) fn follow(&mut self, log: Box<dyn Read>) -> io::Result<()> {
        self.log = Some(Log {
            reader: log,
            tail: Vec::new(),
            skips_line: false,
            read: 0,
            looked_at: 0,
        });
        self.read_log()
    }

    /// The capture is over: what the key log ends with is its last line.
    pub(in crate::capture) fn end(&mut self) {
        self.look_again(u64::MAX);
        if let Some(log) = self.log.take() {
            self.line(&log.tail);
        }
        self.may_come = false;
    }

    /// Lines that should have held a secret and could not be read.
    pub(in crate::capture) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Whether a secret that is not known may still come.
    pub(super) fn may_grow(&self) -> bool {
        self.may_come || self.log.is_some()
    }

    /// Another number than before if secrets have come.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Looks whether the key log has grown; once per frame of the capture is enough.
    pub(super) fn look_again(&mut self, frame: u64) {
        if self.log.as_ref().is_some_and(|log| log.looked_at < frame) {
            // A log that cannot be read any further has said what it had to say.
            if self.read_log().is_err() {
                self.log = None;
            }
            if let Some(log) = &mut self.log {
                log.looked_at = frame;
            }
        }
    }

    /// The secret of the session whose ClientHello has this random.
    pub(super) fn find(&self, label: Label, client_random: &[u8; 32]) -> Option<&Secret> {
        self.known.get(&(label, *client_random))
    }

    fn read_log(&mut self) -> io::Result<()> {
        let Some(mut log) = self.log.take() else {
            return Ok(());
        };
        let result = self.read_lines(&mut log);
        // The line may be whole but for its end.
        self.secret(&log.tail);
        self.log = Some(log);
        result
    }

    fn read_lines(&mut self, log: &mut Log) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        while log.read < MAX_LOG {
            let read = match log.reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            log.read += read as u64;
            let mut rest = chunk.get(..read).unwrap_or_default();
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let (line, after) = rest.split_at(end);
                rest = after.get(1..).unwrap_or_default();
                if std::mem::take(&mut log.skips_line) {
                    continue;
                }
                if log.tail.is_empty() {
                    self.line(line);
                } else {
                    log.tail.extend_from_slice(line);
                    let whole = std::mem::take(&mut log.tail);
                    self.line(&whole);
                }
            }
            if !log.skips_line {
                log.tail.extend_from_slice(rest);
            }
            if log.tail.len() > MAX_LINE {
                let start = std::mem::take(&mut log.tail);
                log.skips_line = true;
                self.line(&start);
            }
        }
        Ok(())
    }

    /// A line: empty, a comment, or a label and two numbers.
    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return;
        }
        if self.secret(line) {
            return;
        }
        let mut words = line.split(|byte| byte.is_ascii_whitespace());
        let label = words.next().unwrap_or_default();
        // Labels that have no use here, and those of times to come, are in order.
        let is_label =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        let is_other = Label::parse(label).is_none()
            && label.iter().all(is_label)
            && line.len() <= MAX_LINE
            && words.filter(|word| !word.is_empty()).count() == 2;
        if !is_other {
            self.damaged += 1;
        }
    }

    /// Takes the secret of a line, if it has one.
    fn secret(&mut self, line: &[u8]) -> bool {
        let Some((key, secret)) = parse(line) else {
            return false;
        };
        let before = self.known.insert(key, secret.clone());
        if before.is_none() {
            self.order.push_back(key);
            if self.order.len() > MAX_SECRETS
                && let Some(first) = self.order.pop_front()
            {
                self.known.remove(&first);
            }
        }
        if before != Some(secret) {
            self.version += 1;
        }
        true
    }
}

fn parse(line: &[u8]) -> Option<(Key, Secret)> {
    if line.len() > MAX_LINE {
        return None;
    }
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let label = Label::parse(words.next()?)?;
    let mut random = [0; 32];
    hex::decode_to_slice(words.next()?, &mut random).ok()?;
    let secret = hex::decode(words.next()?).ok()?;
    if words.next().is_some() || !label.allows(secret.len()) {
        return None;
    }
    Some(((label, random), Secret::new(&secret)?))
}

/// Secrets are not shown.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("known", &self.known.len())
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! One direction's frames: takes the payload out of them.

use super::{
    deflate::Inflater,
    header::{Header, Illegal, MAX_HEADER, Opcode, unmask},
};
use crate::capture::{
    dialogue::Dialogue,
    follower::{End, Follower, Lost},
    packets::Out,
    record::{Place, SkipReason, TurnKind},
};
use crate::mqtt::{Side, session::WebSocketFault};

/// Where the payload goes: one direction of what is inside.
pub(super) struct Inside<'a> {
    pub(super) end: End,
    pub(super) dialogue: &'a mut Dialogue,
    pub(super) out: &'a mut Out,
}

impl Inside<'_> {
    fn data(&mut self, bytes: &[u8], place: Place) {
        self.dialogue.data(self.end, bytes, place, self.out);
    }

    /// What comes is the very first of this direction. `opens`: see [`Follower::syn`].
    pub(super) fn syn(&mut self, opens: bool) {
        self.dialogue.syn(self.end, opens, self.out);
    }

    /// The sender does what is not allowed.
    pub(super) fn fault(&mut self, fault: WebSocketFault, place: Place) {
        let kind = TurnKind::WebSocket(fault);
        self.dialogue.turn(self.end, kind, place, self.out);
    }

    pub(super) fn gap(&mut self, lost: Lost, place: Place) {
        self.dialogue.gap(self.end, lost, place, self.out);
    }

    pub(super) fn skipped(&mut self, len: usize, place: Place, reason: SkipReason) {
        if len > 0 {
            self.dialogue.skipped(self.end, len as u64, place, reason);
        }
    }
}

/// How far [`Frames::feed`] got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fed {
    /// Through.
    All,
    /// To a close frame; nothing follows it (RFC 6455, section 5.5.1).
    Closed,
    /// To what begins no frame: so many bytes are not read, beside [`Frames::partial`].
    Stuck(usize),
}

/// Reads frames, from the first byte of one on.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The front of a header.
    partial: Vec<u8>,
    frame: Option<Frame>,
    message: Message,
    inflater: Option<Inflater>,
    scratch: Vec<u8>,
    /// A binary frame has come.
    has_binary: bool,
    /// The message is no MQTT.
    is_foreign: bool,
    /// Whether messages may be compressed.
    pub(super) deflate: Compression,
    /// What the last data frame was.
    pub(super) is_masked: Option<bool>,
    /// The sender, if every frame from the first one on was seen: then what is wrong is its fault.
    sure: Option<Side>,
    /// What was told of it.
    told: Vec<WebSocketFault>,
}

/// A frame whose payload is not all there.
#[derive(Debug, Clone, Copy)]
struct Frame {
    header: Header,
    /// Bytes of payload that came.
    seen: u64,
}

impl Frame {
    fn rest(&self) -> u64 {
        self.header.len.saturating_sub(self.seen)
    }

    fn is_data(&self) -> bool {
        matches!(self.header.opcode, Opcode::Data | Opcode::Continuation)
    }
}

/// Whether messages may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Compression {
    /// What was agreed on is not known.
    #[default]
    Unknown,
    /// One that is compressed was seen, or it was agreed on.
    Yes,
    No,
}

/// The message that the data frames belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Message {
    /// Between two messages; or its beginning was not seen.
    #[default]
    None,
    Plain,
    Compressed,
    /// Compressed, and something of it is lost.
    Unreadable,
}

impl Frames {
    /// Takes bytes; the payload in them goes `inside`.
    pub(super) fn feed(&mut self, bytes: &[u8], place: Place, inside: &mut Inside<'_>) -> Fed {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(frame) = self.frame {
                let len = frame.rest().min(rest.len() as u64) as usize;
                let Some((payload, behind)) = rest.split_at_checked(len) else {
                    break;
                };
                rest = behind;
                self.payload(frame, payload, place, inside);
                self.advance(len as u64, place, inside);
                continue;
            }
            match self.header(&mut rest) {
                Ok(None) => {}
                Ok(Some(header)) if header.opcode == Opcode::Close => return Fed::Closed,
                Ok(Some(header)) => self.begin(header, place, inside),
                Err(Illegal) => return Fed::Stuck(rest.len()),
            }
        }
        Fed::All
    }

    /// The first frame comes.
    pub(super) fn begin_with(&mut self, sender: Side) {
        self.sure = Some(sender);
    }

    /// Tells of a fault, if it is sure to be one, and once.
    pub(super) fn blame(&mut self, fault: WebSocketFault, place: Place, inside: &mut Inside<'_>) {
        if self.sure.is_some() && !self.told.contains(&fault) {
            self.told.push(fault);
            inside.fault(fault, place);
        }
    }

    /// Looks at a frame that can be read.
    fn judge(&mut self, header: &Header, place: Place, inside: &mut Inside<'_>) {
        let Some(sender) = self.sure else {
            return;
        };
        let is_begun = self.message != Message::None;
        for (is_wrong, fault) in [
            (header.is_text, WebSocketFault::NotBinary),
            (
                header.mask.is_some() != (sender == Side::Client),
                WebSocketFault::Mask,
            ),
            (!header.is_minimal, WebSocketFault::Frame),
            (
                match header.opcode {
                    Opcode::Data => is_begun,
                    Opcode::Continuation => !is_begun,
                    Opcode::Control | Opcode::Close => false,
                },
                WebSocketFault::Fragment,
            ),
        ] {
            if is_wrong {
                self.blame(fault, place, inside);
            }
        }
    }

    /// The bytes of a header that is not all there, or of what is none.
    pub(super) fn partial(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    /// Bytes are lost behind those that came; returns whether the next frame can be told.
    pub(super) fn gap(&mut self, lost: Lost, place: Place, inside: &mut Inside<'_>) -> bool {
        if let Some(frame) = self.frame
            && lost.exact
            && lost.bytes <= frame.rest()
        {
            if frame.is_data() {
                match self.message {
                    Message::None | Message::Plain => inside.gap(lost, place),
                    Message::Compressed | Message::Unreadable => {
                        self.lose_message();
                        inside.gap(Lost::wrapped(lost.bytes), place);
                    }
                }
            }
            self.advance(lost.bytes, place, inside);
            return true;
        }
        self.lose();
        inside.gap(Lost::wrapped(lost.bytes), place);
        false
    }

    /// Where the next frame begins is lost.
    pub(super) fn lose(&mut self) {
        self.partial.clear();
        self.sure = None;
        self.frame = None;
        self.lose_message();
        self.message = Message::None;
    }

    fn lose_message(&mut self) {
        self.message = Message::Unreadable;
        if let Some(inflater) = &mut self.inflater {
            inflater.forget();
        }
    }

    /// Takes a header off the front of `rest`. What is none stays in `partial`, or in `rest`.
    fn header(&mut self, rest: &mut &[u8]) -> Result<Option<Header>, Illegal> {
        let before = self.partial.len();
        if before == 0 {
            if let Some(header) = self.allowed(Header::parse(rest)?)? {
                *rest = rest.get(header.header_len..).unwrap_or_default();
                return Ok(Some(header));
            }
            self.partial.extend_from_slice(rest);
            *rest = &[];
            return Ok(None);
        }
        let more = rest.len().min(MAX_HEADER.saturating_sub(before));
        let (front, behind) = rest.split_at(more);
        self.partial.extend_from_slice(front);
        match Header::parse(&self.partial).and_then(|header| self.allowed(header)) {
            Ok(Some(header)) => {
                let used = header.header_len.saturating_sub(before);
                *rest = rest.get(used..).unwrap_or_default();
                self.partial.clear();
                Ok(Some(header))
            }
            Ok(None) => {
                *rest = behind;
                Ok(None)
            }
            Err(Illegal) => {
                self.partial.truncate(before);
                Err(Illegal)
            }
        }
    }

    fn allowed(&self, header: Option<Header>) -> Result<Option<Header>, Illegal> {
        match header {
            Some(header) if header.rsv1 && self.deflate == Compression::No => Err(Illegal),
            header => Ok(header),
        }
    }

    fn begin(&mut self, header: Header, place: Place, inside: &mut Inside<'_>) {
        self.judge(&header, place, inside);
        let frame = Frame { header, seen: 0 };
        if frame.is_data() {
            self.is_masked = Some(header.mask.is_some());
        }
        if header.rsv1 {
            self.deflate = Compression::Yes;
        }
        // A sender that knows no better writes MQTT into text; one that does writes none there.
        if header.opcode == Opcode::Data {
            self.has_binary |= !header.is_text;
            self.is_foreign = header.is_text && self.has_binary;
        }
        self.message = match (header.opcode, self.message) {
            (Opcode::Data, _) if header.rsv1 => Message::Compressed,
            (Opcode::Data, _) => Message::Plain,
            // Its beginning is lost, and with it whether it is compressed.
            (Opcode::Continuation, Message::None) if self.deflate == Compression::Yes => {
                Message::Unreadable
            }
            (Opcode::Continuation, Message::None) => Message::Plain,
            (_, message) => message,
        };
        self.frame = Some(frame);
        self.advance(0, place, inside);
    }

    /// So many bytes of the payload are through.
    fn advance(&mut self, len: u64, place: Place, inside: &mut Inside<'_>) {
        let Some(frame) = &mut self.frame else {
            return;
        };
        frame.seen = frame.seen.saturating_add(len);
        let frame = *frame;
        if frame.rest() > 0 {
            return;
        }
        self.frame = None;
        if !frame.is_data() || !frame.header.fin {
            return;
        }
        let is_foreign = self.is_foreign;
        if self.message == Message::Compressed
            && let Some(inflater) = &mut self.inflater
            && inflater
                .end(&mut |bytes| {
                    if !is_foreign {
                        inside.data(bytes, place);
                    }
                })
                .is_err()
        {
            inflater.forget();
            inside.gap(Lost::wrapped(0), place);
        }
        self.message = Message::None;
    }

    fn payload(&mut self, frame: Frame, bytes: &[u8], place: Place, inside: &mut Inside<'_>) {
        if !frame.is_data() {
            return;
        }
        if self.message == Message::Unreadable {
            inside.skipped(bytes.len(), place, SkipReason::AfterGap);
            return;
        }
        let is_foreign = self.is_foreign;
        if is_foreign {
            inside.skipped(bytes.len(), place, SkipReason::NotBinary);
            // Messages behind it may refer to what is compressed.
            if self.message == Message::Plain {
                return;
            }
        }
        let bytes = match frame.header.mask {
            Some(key) => {
                self.scratch.clear();
                unmask(bytes, key, frame.seen, &mut self.scratch);
                &self.scratch
            }
            None => bytes,
        };
        if self.message == Message::Plain {
            inside.data(bytes, place);
            return;
        }
        let inflater = self.inflater.get_or_insert_with(Inflater::new);
        let read = inflater.piece(bytes, &mut |bytes| {
            if !is_foreign {
                inside.data(bytes, place);
            }
        });
        if read.is_err() {
            let lost = bytes.len() as u64;
            self.lose_message();
            inside.gap(Lost::wrapped(lost), place);
        }
    }
}

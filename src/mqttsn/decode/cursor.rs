//! The decoder's state, and reading of single fields.

use super::super::ReturnCode;
use super::super::rule::{Detail, Rule, Violation};
use super::{Field, Sink};
use crate::mqtt::Side;
use crate::mqtt::property::Value;

/// A datagram on its way through the decoder.
pub(super) struct Decoder<'a, 's, S> {
    pub(super) bytes: &'a [u8],
    /// The next byte to read.
    pub(super) pos: usize,
    /// Where the message ends: by its length, or earlier if the bytes do.
    pub(super) end: usize,
    /// The bytes end before the message does.
    pub(super) is_cut: bool,
    pub(super) from: Option<Side>,
    pub(super) sink: &'s mut S,
    /// The first violation that the message model has no place for.
    pub(super) broken: Option<Violation>,
}

const fn make(rule: Rule, offset: usize, len: usize, detail: Detail) -> Violation {
    Violation {
        rule,
        // A datagram is shorter than 2^16 bytes.
        offset: offset as u32,
        len: len as u32,
        detail,
    }
}

impl<'a, 's, S: Sink<'a>> Decoder<'a, 's, S> {
    pub(super) fn new(bytes: &'a [u8], from: Option<Side>, sink: &'s mut S) -> Self {
        Decoder {
            bytes,
            pos: 0,
            end: bytes.len(),
            is_cut: false,
            from,
            sink,
            broken: None,
        }
    }

    /// What is left of the message.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..self.end).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.pos >= self.end
    }

    /// Reports a violation after which the decoder can go on.
    pub(super) fn violate(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Result<(), Violation> {
        self.sink.violation(make(rule, offset, len, detail))
    }

    /// The same about the field that was read last, of `len` bytes.
    pub(super) fn violate_last(&mut self, rule: Rule, len: usize) -> Result<(), Violation> {
        self.violate(rule, self.pos.saturating_sub(len), len, Detail::None)
    }

    /// Reports a violation after which there is no message, but the rest can still be read.
    pub(super) fn break_message(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Result<(), Violation> {
        let violation = make(rule, offset, len, detail);
        self.broken.get_or_insert(violation);
        self.sink.violation(violation)
    }

    /// Reports a violation after which nothing more can be read.
    pub(super) fn fatal(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Violation {
        let violation = make(rule, offset, len, detail);
        // Stop in any case, whatever the sink says.
        self.sink.violation(violation).err().unwrap_or(violation)
    }

    /// A field that begins at `pos` wants `needed` bytes, and they are not there.
    fn overrun(&mut self, field: Field, needed: usize) -> Violation {
        let has = self.rest().len();
        self.record_raw(field, self.pos, self.end);
        let detail = Detail::Length {
            says: needed as u32,
            has: has as u32,
        };
        match self.broken {
            // The sender is not to blame, and it has been said already.
            Some(violation) if self.is_cut => violation,
            _ => self.fatal(Rule::Overrun, self.pos, has, detail),
        }
    }

    /// Keeps raw bytes as a field.
    pub(super) fn record_raw(&mut self, field: Field, start: usize, end: usize) {
        if S::RECORDS
            && start < end
            && let Some(bytes) = self.bytes.get(start..end)
        {
            self.sink.field(field, start, end, Value::Binary(bytes));
        }
    }

    pub(super) fn byte(&mut self, field: Field) -> Result<u8, Violation> {
        match self.rest().first() {
            Some(&byte) => {
                self.pos += 1;
                self.sink
                    .field(field, self.pos - 1, self.pos, Value::Byte(byte));
                Ok(byte)
            }
            None => Err(self.overrun(field, 1)),
        }
    }

    pub(super) fn u16(&mut self, field: Field) -> Result<u16, Violation> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                let value = u16::from_be_bytes(*bytes);
                self.pos += 2;
                self.sink
                    .field(field, self.pos - 2, self.pos, Value::U16(value));
                Ok(value)
            }
            None => Err(self.overrun(field, 2)),
        }
    }

    /// A message id that an answer has to name.
    pub(super) fn msg_id(&mut self) -> Result<u16, Violation> {
        let id = self.u16(Field::MsgId)?;
        if id == 0 {
            self.violate_last(Rule::MsgIdZero, 2)?;
        }
        Ok(id)
    }

    pub(super) fn return_code(&mut self) -> Result<ReturnCode, Violation> {
        let code = ReturnCode(self.byte(Field::ReturnCode)?);
        if code.name().is_none() {
            self.violate_last(Rule::ReturnCodeReserved, 1)?;
        }
        Ok(code)
    }

    /// The rest of the message, as bytes. They may be none.
    pub(super) fn data(&mut self, field: Field) -> &'a [u8] {
        let data = self.rest();
        self.sink
            .field(field, self.pos, self.end, Value::Binary(data));
        self.pos = self.end;
        data
    }

    /// The next `len` bytes as text.
    pub(super) fn text(&mut self, field: Field, len: usize) -> Result<&'a str, Violation> {
        let Some(data) = self.rest().get(..len) else {
            return Err(self.overrun(field, len));
        };
        let start = self.pos;
        self.pos += len;
        self.sink.field(field, start, self.pos, Value::Str(data));
        match std::str::from_utf8(data) {
            Ok(text) => Ok(text),
            Err(_) => {
                self.break_message(Rule::Utf8, start, len, Detail::None)?;
                Ok("")
            }
        }
    }

    /// The rest of the message as text.
    pub(super) fn rest_as_text(&mut self, field: Field) -> Result<&'a str, Violation> {
        self.text(field, self.rest().len())
    }

    /// The end of the message must be here, and what was read must make one.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        if !self.is_at_end() {
            let (start, len) = (self.pos, self.end - self.pos);
            self.record_raw(Field::Extra, start, self.end);
            self.pos = self.end;
            self.violate(Rule::Extra, start, len, Detail::Found(len as u32))?;
        }
        Ok(())
    }
}

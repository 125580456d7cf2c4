//! The decoder's state, and reading of single fields.

use super::super::property::{Value, read_prefixed};
use super::super::rule::{Detail, Rule, Violation};
use super::super::version::{Side, Version};
use super::{Context, Field, Sink};

/// A packet on its way through the decoder.
pub(super) struct Decoder<'a, 's, S> {
    pub(super) bytes: &'a [u8],
    /// The next byte to read.
    pub(super) pos: usize,
    /// Where the packet ends: by its Remaining Length, or earlier if its bytes do.
    pub(super) end: usize,
    /// The bytes end before the packet does.
    pub(super) is_cut: bool,
    pub(super) version: Version,
    pub(super) from: Option<Side>,
    pub(super) sink: &'s mut S,
    /// The first violation that the packet model has no place for.
    pub(super) broken: Option<Violation>,
}

/// The rules that a string breaks, which depend on what it is.
#[derive(Clone, Copy)]
pub(super) struct StringRules {
    pub(super) utf8: Rule,
    pub(super) null: Rule,
}

impl StringRules {
    pub(super) const PLAIN: StringRules = StringRules::new(Rule::Utf8, Rule::NullCharacter);
    pub(super) const PAIR: StringRules = StringRules::new(Rule::Utf8Pair, Rule::NullInPair);

    pub(super) const fn new(utf8: Rule, null: Rule) -> StringRules {
        StringRules { utf8, null }
    }
}

impl<'a, 's, S: Sink<'a>> Decoder<'a, 's, S> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], context: Context, sink: &'s mut S) -> Decoder<'a, 's, S> {
        Decoder {
            bytes,
            pos: 0,
            end: bytes.len(),
            is_cut: false,
            version: context.version,
            from: context.from,
            sink,
            broken: None,
        }
    }

    /// What is left of the packet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..self.end).unwrap_or_default()
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.pos >= self.end
    }

    /// Whether the packet has nothing more. Where only its bytes end, nobody knows what its sender
    /// wrote behind them.
    #[inline]
    pub(super) fn ends_here(&self) -> bool {
        self.is_at_end() && !self.is_cut
    }

    fn make(&self, rule: Rule, offset: usize, len: usize, detail: Detail) -> Violation {
        Violation {
            rule,
            version: self.version,
            // A packet is shorter than 2^28 bytes.
            offset: offset as u32,
            len: len as u32,
            detail,
        }
    }

    /// Reports a violation after which the decoder can go on. Rules that do not exist in the
    /// packet's version are passed over.
    #[cold]
    pub(super) fn violate(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Result<(), Violation> {
        if !rule.exists_in(self.version) {
            return Ok(());
        }
        let violation = self.make(rule, offset, len, detail);
        self.sink.violation(violation)
    }

    /// Reports a violation after which no [`Packet`](super::Packet) can be made, but the rest can
    /// still be read.
    #[cold]
    pub(super) fn break_packet(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Result<(), Violation> {
        let violation = self.make(rule, offset, len, detail);
        self.broken.get_or_insert(violation);
        self.sink.violation(violation)
    }

    /// Reports a violation after which nothing more can be read.
    #[cold]
    pub(super) fn fatal(
        &mut self,
        rule: Rule,
        offset: usize,
        len: usize,
        detail: Detail,
    ) -> Violation {
        let violation = self.make(rule, offset, len, detail);
        // Stop in any case, whatever the sink says.
        self.sink.violation(violation).err().unwrap_or(violation)
    }

    /// A field that begins at `pos` wants `needed` bytes, and they are not there.
    #[cold]
    pub(super) fn overrun(&mut self, needed: usize) -> Violation {
        let has = self.end.saturating_sub(self.pos);
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

    #[inline]
    pub(super) fn byte(&mut self, field: Field) -> Result<u8, Violation> {
        match self.rest().first() {
            Some(&byte) => {
                self.pos += 1;
                self.sink
                    .field(field, self.pos - 1, self.pos, Value::Byte(byte));
                Ok(byte)
            }
            None => Err(self.overrun(1)),
        }
    }

    #[inline]
    pub(super) fn u16(&mut self, field: Field) -> Result<u16, Violation> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                let value = u16::from_be_bytes(*bytes);
                self.pos += 2;
                self.sink
                    .field(field, self.pos - 2, self.pos, Value::U16(value));
                Ok(value)
            }
            None => {
                self.record_raw(field, self.pos, self.end);
                Err(self.overrun(2))
            }
        }
    }

    /// The Packet Identifier; `zero` is the rule that 0 breaks.
    #[inline]
    pub(super) fn packet_id(&mut self, zero: Rule) -> Result<u16, Violation> {
        let id = self.u16(Field::PacketId)?;
        if id == 0 {
            self.violate(zero, self.pos - 2, 2, Detail::None)?;
        }
        Ok(id)
    }

    /// Binary Data: two bytes of length, then the bytes.
    #[inline]
    pub(super) fn binary(&mut self, field: Field) -> Result<&'a [u8], Violation> {
        let start = self.pos;
        let data = self.prefixed(field)?;
        self.sink.field(field, start, self.pos, Value::Binary(data));
        Ok(data)
    }

    #[inline]
    fn prefixed(&mut self, field: Field) -> Result<&'a [u8], Violation> {
        let rest = self.rest();
        match read_prefixed(rest) {
            Some(data) => {
                self.pos += 2 + data.len();
                Ok(data)
            }
            None => {
                self.record_raw(field, self.pos, self.end);
                let len = rest
                    .first_chunk()
                    .map_or(0, |b| usize::from(u16::from_be_bytes(*b)));
                Err(self.overrun(2 + len))
            }
        }
    }

    /// A UTF-8 Encoded String.
    #[inline]
    pub(super) fn string(
        &mut self,
        field: Field,
        rules: StringRules,
    ) -> Result<&'a str, Violation> {
        let start = self.pos;
        let data = self.prefixed(field)?;
        self.sink.field(field, start, self.pos, Value::Str(data));
        self.check_string(data, start, self.pos - start, rules)?;
        std::str::from_utf8(data).or_else(|_| {
            // Reported already; the model wants a string, so there will be no packet.
            let violation = self.make(rules.utf8, start, self.pos - start, Detail::None);
            self.broken.get_or_insert(violation);
            Ok("")
        })
    }

    /// Checks the bytes of a string that stands at `start` (5.0, 1.5.4; 3.1.1, 1.5.3).
    #[inline]
    pub(super) fn check_string(
        &mut self,
        data: &'a [u8],
        start: usize,
        len: usize,
        rules: StringRules,
    ) -> Result<(), Violation> {
        if is_plain(data) {
            return Ok(());
        }
        self.check_unusual_string(data, start, len, rules)
    }

    #[cold]
    fn check_unusual_string(
        &mut self,
        data: &'a [u8],
        start: usize,
        len: usize,
        rules: StringRules,
    ) -> Result<(), Violation> {
        let Ok(text) = std::str::from_utf8(data) else {
            return self.violate(rules.utf8, start, len, Detail::None);
        };
        if data.contains(&0) {
            self.violate(rules.null, start, len, Detail::None)?;
        }
        // A warning only, so the fast sink need not look.
        if S::RECORDS && text.chars().any(is_discouraged) {
            self.violate(Rule::ControlCharacter, start, len, Detail::None)?;
        }
        Ok(())
    }

    /// The end of the packet must be here, and what was read must make a packet.
    #[inline]
    pub(super) fn finish(&mut self, left_over: Rule) -> Result<(), Violation> {
        if !self.is_at_end() {
            self.left_over(left_over)?;
        }
        match self.broken {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    #[cold]
    fn left_over(&mut self, rule: Rule) -> Result<(), Violation> {
        let (start, len) = (self.pos, self.end - self.pos);
        self.record_raw(Field::Extra, start, self.end);
        self.pos = self.end;
        self.violate(rule, start, len, Detail::Found(len as u32))
    }
}

/// Whether the bytes are printable ASCII: then there is nothing to check. Strings are short and
/// mostly plain, and without a branch in the loop this is vector code.
#[inline]
fn is_plain(data: &[u8]) -> bool {
    data.iter().fold(true, |plain, &byte| {
        plain & (byte.wrapping_sub(0x20) < 0x5f)
    })
}

/// Characters that a string SHOULD NOT hold: controls, and the code points that Unicode reserves
/// as non-characters. U+0000 has a rule of its own.
fn is_discouraged(c: char) -> bool {
    let code = u32::from(c);
    matches!(code, 0x01..=0x1f | 0x7f..=0x9f | 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
}

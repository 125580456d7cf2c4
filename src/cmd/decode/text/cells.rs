//! What stands behind the offset in a line of a dump: bytes in hex, octal, decimal, bits or as
//! characters, one by one or in words, and often the same bytes as text.

use std::fmt;

/// A line of a dump.
pub(super) struct Row<'t> {
    pub(super) offset: usize,
    /// `hexdump` and `od` write six or seven digits and no colon, and words in the order of the
    /// machine.
    pub(super) is_plain: bool,
    /// All behind the offset, as it is.
    pub(super) rest: &'t str,
}

/// How the bytes of a dump are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Two digits each, in words of any length. `xxd -e` reverses the bytes of each.
    Hex { is_reversed: bool },
    /// `od -b`, `hexdump -b`: three digits each.
    Octal,
    /// `od` by itself, `hexdump -o`: words of two bytes.
    OctalWords,
    /// `od -t u1`, `od -t d1`.
    Decimal,
    /// `od -c`, `hexdump -c`: four columns each. Blanks at the end of a line get lost when it is
    /// copied.
    Characters { is_trimmed: bool },
    /// `xxd -b`: eight digits each.
    Bits,
    /// `od -a`.
    Names,
    /// `hexdump -d`, `od -t d2` and the like.
    DecimalWords,
}

/// What is wrong with a line is said in these words.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Hex { .. } => "hex",
            Form::Octal | Form::OctalWords => "octal",
            Form::Decimal | Form::DecimalWords => "decimal",
            Form::Characters { .. } => "characters",
            Form::Bits => "bits",
            Form::Names => "names",
        })
    }
}

impl Form {
    /// The form that all rows of a dump are in; `None` if there are none.
    pub(super) fn of(rows: &[Row<'_>]) -> Option<Form> {
        let with_bytes = || rows.iter().filter(|row| !row.rest.trim().is_empty());
        with_bytes().next()?;
        if rows
            .iter()
            .enumerate()
            .all(|(i, row)| is_bits(row, rows.get(i + 1)))
        {
            return Some(Form::Bits);
        }
        if !rows.iter().all(|row| row.is_plain) {
            let is_reversed = is_reversed(rows, false);
            return Some(Form::Hex { is_reversed });
        }
        // `od` with a `z` adds a column of text, which is in no form.
        let words = || with_bytes().flat_map(|row| without_column(row.rest).split_whitespace());
        let all = |is: &dyn Fn(&str) -> bool| words().all(is);
        let is_octal = |word: &str| word.bytes().all(|b| matches!(b, b'0'..=b'7'));
        if all(&|word| word.len() == 6 && is_octal(word)) {
            return Some(Form::OctalWords);
        }
        if all(&|word| word.len() == 3 && is_octal(word)) {
            return Some(Form::Octal);
        }
        let is_decimal = |word: &str| {
            let digits = word.strip_prefix('-').unwrap_or(word);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        if all(&is_decimal) {
            if all(&|word| word.len() == 5) {
                return Some(Form::DecimalWords);
            }
            // Numbers are set to the right, in four columns or more; in hex, one blank is between.
            let is_apart = with_bytes().all(|row| row.rest.starts_with("  "));
            let is_hex_pair = all(&|word| word.len() == 2);
            if !all(&|word| word.len() % 2 == 0) || (is_apart && is_hex_pair) {
                let is_byte = |word: &str| matches!(word.parse(), Ok(-128..=255));
                return Some(match all(&is_byte) {
                    true => Form::Decimal,
                    false => Form::DecimalWords,
                });
            }
        }
        if all(&|word| word.len() % 2 == 0 && word.bytes().all(|b| b.is_ascii_hexdigit())) {
            let is_reversed = is_reversed(rows, true);
            return Some(Form::Hex { is_reversed });
        }
        let is_cell = |word: &str| character(word).is_some();
        if with_bytes().all(|row| row.rest.split_whitespace().all(is_cell)) || all(&is_cell) {
            return Some(Form::Characters { is_trimmed: false });
        }
        let is_name = |word: &str| word.chars().count() == 1 || NAMES.contains(&word);
        match all(&is_name) {
            true => Some(Form::Names),
            false => Some(Form::Hex { is_reversed: false }),
        }
    }

    /// Why a form cannot be read, and what to do.
    pub(super) fn refusal(self) -> Option<(&'static str, &'static str)> {
        match self {
            Form::Names => Some((
                "these are names of characters as od -a prints them, which leave out the highest \
                 bit of a byte,",
                "od -t x1 shows bytes",
            )),
            Form::DecimalWords => Some((
                "these are decimal words and not bytes",
                "od -t x1 and hexdump -C show bytes",
            )),
            _ => None,
        }
    }

    /// The `len` bytes of a row, if they end there and a column of text, or nothing, follows.
    pub(super) fn exactly(self, row: &Row<'_>, len: usize) -> Option<Vec<u8>> {
        if let Form::Characters { is_trimmed } = self {
            return characters(row, Some(len), is_trimmed);
        }
        let mut bytes = Vec::new();
        for (mut of_word, after) in self.words(row) {
            let room = len.checked_sub(bytes.len())?;
            // The last word is whole though the file has no more bytes.
            if row.is_plain && of_word.len() > room {
                of_word.truncate(room);
            }
            bytes.extend(of_word);
            if bytes.len() == len {
                return is_gap(after).then_some(bytes);
            }
        }
        None
    }

    /// The bytes of the last line, where no offset says how many there are, and the column of text
    /// may look like bytes: as many as make the text.
    pub(super) fn without_text(self, row: &Row<'_>) -> Vec<u8> {
        if let Form::Characters { is_trimmed } = self {
            return characters(row, None, is_trimmed).unwrap_or_default();
        }
        let words: Vec<_> = self.words(row).collect();
        self.says(&words).unwrap_or_else(|| {
            // No text, or one that does not fit: up to a bar, or all.
            words.into_iter().flat_map(|(bytes, _)| bytes).collect()
        })
    }

    /// The bytes of as many words as the text behind them shows.
    fn says(self, words: &[(Vec<u8>, &str)]) -> Option<Vec<u8>> {
        // A line is short; what is not is no line of a dump.
        (1..=words.len().min(MAX_WORDS)).rev().find_map(|count| {
            let words = words.get(..count)?;
            let (_, after) = words.last()?;
            if !is_gap(after) || after.trim().is_empty() {
                return None;
            }
            let bytes: Vec<u8> = words.iter().flat_map(|(bytes, _)| bytes).copied().collect();
            shows(after, &bytes).then_some(bytes)
        })
    }

    /// The bytes of the words behind an offset, and what follows each.
    fn words<'t>(self, row: &Row<'t>) -> impl Iterator<Item = (Vec<u8>, &'t str)> {
        let mut rest = row.rest.trim_start();
        std::iter::from_fn(move || {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let bytes = self.bytes(word)?;
            rest = after.trim_start();
            Some((bytes, after))
        })
    }

    fn bytes(self, word: &str) -> Option<Vec<u8>> {
        let number = |radix| u16::from_str_radix(word, radix).ok();
        let byte = |radix| u8::from_str_radix(word, radix).ok().map(|byte| vec![byte]);
        match self {
            Form::Hex { is_reversed } => {
                let mut bytes = hex::decode(word).ok().filter(|bytes| !bytes.is_empty())?;
                if is_reversed {
                    bytes.reverse();
                }
                Some(bytes)
            }
            Form::Octal => byte(8).filter(|_| word.len() == 3),
            Form::OctalWords => number(8).map(|number| number.to_le_bytes().to_vec()),
            Form::Decimal => {
                let signed = || word.parse().ok().map(i8::cast_unsigned);
                word.parse().ok().or_else(signed).map(|byte| vec![byte])
            }
            Form::Bits => byte(2).filter(|_| word.len() == 8),
            Form::Characters { .. } | Form::Names | Form::DecimalWords => None,
        }
    }
}

/// Words of a line that are compared with its text; `xxd -c 256 -g1` has as many.
const MAX_WORDS: usize = 256;

/// What `od -a` prints for what cannot be seen (POSIX, od).
const NAMES: &[&str] = &[
    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "lf", "vt", "ff",
    "cr", "so", "si", "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub",
    "esc", "fs", "gs", "rs", "us", "sp", "del",
];

/// Whether a row has bits: as many words of eight as the next offset says, where four bytes in hex
/// would be more.
fn is_bits(row: &Row<'_>, next: Option<&Row<'_>>) -> bool {
    let words = row.rest.split_whitespace();
    let is_bits = |word: &&str| word.len() == 8 && word.bytes().all(|b| matches!(b, b'0' | b'1'));
    let count = words.take_while(is_bits).count();
    let len = next.and_then(|next| next.offset.checked_sub(row.offset));
    match len.filter(|len| *len > 0) {
        Some(len) => count >= len,
        None => count > 0,
    }
}

/// Whether the bytes of each word are in the order of a little machine: as the text behind them
/// says, or, without one, as `od` and `hexdump` have it.
fn is_reversed(rows: &[Row<'_>], is_plain: bool) -> bool {
    let words = || {
        let of_row = |row: &Row<'_>| row.rest.split_whitespace().next().map(str::len);
        rows.iter().filter_map(of_row)
    };
    if words().all(|len| len == 2) {
        return false;
    }
    let as_is = Form::Hex { is_reversed: false };
    let reversed = Form::Hex { is_reversed: true };
    let shown = |form: Form| {
        let is_shown = |row: &&Row<'_>| {
            let words: Vec<_> = form.words(row).collect();
            form.says(&words).is_some()
        };
        rows.iter().filter(is_shown).count()
    };
    let (as_is, reversed) = (shown(as_is), shown(reversed));
    if as_is != reversed {
        return reversed > as_is;
    }
    // `xxd -e` sets the last word to the right, if it is a part of one.
    let is_set_right = rows.iter().any(|row| row.rest.starts_with("   "));
    match is_plain {
        // `od --endian=big` writes no other line than `od` does; a packet says it.
        true if begins_with_packet(rows, Form::Hex { is_reversed: false })
            && !begins_with_packet(rows, Form::Hex { is_reversed: true }) =>
        {
            false
        }
        true => words().all(|len| matches!(len, 4 | 8 | 16)),
        false => is_set_right,
    }
}

fn begins_with_packet(rows: &[Row<'_>], form: Form) -> bool {
    let words = rows.iter().flat_map(|row| form.words(row));
    let bytes: Vec<u8> = words.flat_map(|(bytes, _)| bytes).collect();
    super::begin_with_packet(&bytes)
}

/// The characters of a row, four columns each; if it `is_trimmed`, blanks at its end are lost.
fn characters(row: &Row<'_>, len: Option<usize>, is_trimmed: bool) -> Option<Vec<u8>> {
    let rest = row.rest.trim_end();
    let columns: Vec<char> = rest.chars().collect();
    let count = len.unwrap_or(columns.len().div_ceil(4));
    // If half of it is missing, the offsets are in another base.
    let is_too_short = match is_trimmed {
        true => columns.len() <= 2 * count,
        false => row.rest.chars().count() < 4 * count,
    };
    if is_too_short || count > MAX_WORDS {
        return None;
    }
    // `od` with a `z` adds a column of text.
    let after: String = columns.iter().skip(4 * count).collect();
    if !after.is_empty() && !after.trim_start().starts_with('>') {
        return None;
    }
    let cells = (0..count).map(|i| columns.iter().skip(4 * i).take(4).collect::<String>());
    cells.map(|cell| character(cell.trim())).collect()
}

/// One byte as `od -c` and `hexdump -c` print it; nothing is a blank.
fn character(cell: &str) -> Option<u8> {
    match cell.as_bytes() {
        [] => Some(b' '),
        [byte @ b'!'..=b'~'] => Some(*byte),
        [b'\\', letter] => match letter {
            b'0' => Some(0),
            b'a' => Some(7),
            b'b' => Some(8),
            b't' => Some(b'\t'),
            b'n' => Some(b'\n'),
            b'v' => Some(11),
            b'f' => Some(12),
            b'r' => Some(b'\r'),
            _ => None,
        },
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7'] => u8::from_str_radix(cell, 8).ok(),
        _ => None,
    }
}

/// What stands before the column of text that `od` adds.
fn without_column(rest: &str) -> &str {
    match rest.find("  >") {
        Some(at) if rest.ends_with('<') => rest.get(..at).unwrap_or(rest),
        _ => rest,
    }
}

/// Whether what follows the bytes of a line is nothing, or set apart from them.
fn is_gap(after: &str) -> bool {
    let gap = after.len() - after.trim_start().len();
    after.trim().is_empty() || gap >= 2 || after.trim_start().starts_with(['|', '>'])
}

/// Whether a column of text shows these bytes; dots stand for what cannot be shown.
fn shows(column: &str, bytes: &[u8]) -> bool {
    let column = column.trim();
    let inner = column
        .strip_prefix('|')
        .and_then(|column| column.strip_suffix('|'))
        .or(column.strip_prefix('>').and_then(|c| c.strip_suffix('<')))
        .unwrap_or(column);
    let shown: String = bytes
        .iter()
        .map(|byte| match byte {
            b'!'..=b'~' => char::from(*byte),
            _ => '.',
        })
        .collect();
    // Blanks are shown as they are by some, and those at the ends are lost when trimmed.
    let dotted = inner.replace(|c: char| !c.is_ascii_graphic(), ".");
    shown == dotted || shown.trim_matches('.') == dotted.trim_matches('.')
}

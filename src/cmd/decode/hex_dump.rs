//! Hex dumps: lines of an offset, bytes in hex, and often the same bytes as text, as `xxd`,
//! `hexdump -C`, `tcpdump -X` and Wireshark write them.

/// The bytes' digits alone, if the text is a dump: each line begins with an offset, the first is
/// 0, and each other is the one before plus the bytes of that line. `None` for plain hex.
///
/// Without this check an offset would be read as bytes, and packets that never were be shown.
pub(super) fn digits_of(text: &str) -> Option<String> {
    let lines: Vec<(usize, &str)> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(offset_and_rest)
        .collect::<Option<_>>()?;
    let mut digits = String::with_capacity(text.len());
    let mut expected = 0;
    for (i, &(offset, rest)) in lines.iter().enumerate() {
        if offset != expected {
            return None;
        }
        let bytes = match lines.get(i + 1) {
            // The next offset says how many bytes there are, whatever the text column looks like.
            Some(&(next, _)) => {
                let all = hex_column(rest);
                let len = next.checked_sub(offset)?;
                all.get(..2 * len)?.to_owned()
            }
            None => hex_column(text_cut_off(rest)),
        };
        expected += bytes.len() / 2;
        digits.push_str(&bytes);
        digits.push('\n');
    }
    // `hexdump -C` ends with an offset and no bytes; one such line alone is no dump.
    (expected > 0).then_some(digits)
}

/// An offset of at least four digits, alone or with a colon, and what follows it.
fn offset_and_rest(line: &str) -> Option<(usize, &str)> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let word = word.strip_suffix(':').unwrap_or(word);
    let word = word.strip_prefix("0x").unwrap_or(word);
    if word.len() < 4 {
        return None;
    }
    Some((usize::from_str_radix(word, 16).ok()?, rest))
}

/// The digits of the groups at the front that are pairs of hex digits.
fn hex_column(rest: &str) -> String {
    let is_group =
        |word: &&str| word.len().is_multiple_of(2) && word.chars().all(|c| c.is_ascii_hexdigit());
    rest.split_whitespace().take_while(is_group).collect()
}

/// The last line without its text column, which may look like hex: behind a bar, or behind the
/// first wide gap.
fn text_cut_off(rest: &str) -> &str {
    let rest = rest.trim_start();
    if let Some((bytes, _)) = rest.split_once('|') {
        return bytes;
    }
    rest.split_once("  ").map_or(rest, |(bytes, _)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        digits_of(text).map(|digits| hex::decode(digits.replace('\n', "")).unwrap())
    }

    /// PUBLISH to "topic" with 14 bytes of text, as the tools print it.
    const PACKET: &[u8] = b"\x30\x15\x00\x05topicadded beef 12";

    #[test]
    fn as_the_tools_print_it() {
        for dump in [
            // xxd
            "00000000: 3015 0005 746f 7069 6361 6464 6564 2062  0...topicadded b\n\
             00000010: 6565 6620 3132                           eef 12\n",
            // hexdump -C
            "00000000  30 15 00 05 74 6f 70 69  63 61 64 64 65 64 20 62  |0...topicadded b|\n\
             00000010  65 65 66 20 31 32                                 |eef 12|\n\
             00000016\n",
            // Wireshark, Copy as Hex Dump
            "0000   30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62   0...topicadded b\n\
             0010   65 65 66 20 31 32                                 eef 12\n",
            // tcpdump -X
            "\t0x0000:  3015 0005 746f 7069 6361 6464 6564 2062  0...topicadded.b\n\
             \t0x0010:  6565 6620 3132                           eef.12\n",
            // without text
            "0000 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62\n0010 65 65 66 20 31 32\n",
        ] {
            assert_eq!(bytes(dump).as_deref(), Some(PACKET), "{dump}");
        }
    }

    #[test]
    fn a_single_line() {
        assert_eq!(bytes("0000  c0 00\n"), Some(vec![0xc0, 0]));
        assert_eq!(bytes("00000000: c000"), Some(vec![0xc0, 0]));
    }

    #[test]
    fn plain_hex_is_no_dump() {
        for text in [
            "c000",
            "c0 00 d0 00",
            "3005 0001 61",
            "100f0004\n4d515454",
            "0000",
            "",
        ] {
            assert_eq!(digits_of(text), None, "{text}");
        }
    }
}

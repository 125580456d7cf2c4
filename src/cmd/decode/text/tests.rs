//! Every way of writing the same bytes gives the same bytes.

use proptest::prelude::*;

use super::*;

/// PUBLISH to "topic" with 14 bytes of text that look like hex.
const PACKET: &[u8] = b"\x30\x15\x00\x05topicadded beef 12";

fn bytes(text: &str) -> Vec<u8> {
    let content = read(text, None);
    assert_eq!(content.error, None, "{text}");
    assert_eq!(content.capture, None, "{text}");
    content.bytes
}

fn error(text: &str) -> String {
    read(text, None).error.unwrap()
}

#[test]
fn the_ways_people_write_hex() {
    for text in [
        "10 0f 00 04",
        "100f0004",
        "0x10, 0x0f, 0x00,0x04",
        "10:0F:00:04",
        "100f\n0004\n",
        "\"100f0004\"",
        "b'100f0004'",
        "<Buffer 10 0f 00 04>",
        "<100f 0004>",
    ] {
        assert_eq!(recognise(text), Some(InputFormat::Hex), "{text}");
        assert_eq!(bytes(text), [0x10, 0x0f, 0x00, 0x04], "{text}");
    }
}

#[test]
fn arrays_of_several_languages() {
    for text in [
        "unsigned char p[] = { 0x10, 0x0f, 0x00, 0x04 };\nunsigned int p_len = 4;\n",
        "const uint8_t pkt1[4] = {\n0x10, 0x0f, /* ..}* */ // 0xff\n0x00, 0x04\n};",
        "/* Frame (4 bytes) */\nstatic const unsigned char pkt12[4] = {\n0x10, 0x0f,\n 0x00, 0x04\n};\n",
        "var pkt1 = []byte{0x10, 0x0f, 0x00, 0x04}",
        "byte[] p = {(byte)0x10, 15, (byte) 0x00, 4};",
        "bytes([16, 15, 0, 4])",
        "[16,15,0,4]",
        "a[] = {0x10, 0x0f}; b[] = {0x00, 0x04};",
    ] {
        assert_eq!(recognise(text), Some(InputFormat::Array), "{text}");
        assert_eq!(bytes(text), [0x10, 0x0f, 0x00, 0x04], "{text}");
    }
    assert_eq!(bytes("[-64, 0]"), [0xc0, 0]);
    for text in [
        "[0x30u8, 0x08_u8, 0u8, 3, b'a', b'/', b'b', b'\\'', b' ', b',']",
        "{'0', 8U, '\\0', 0b11, 'a', '/', 'b', '\\'', ' ', ','}",
        "{'\\x30', '\\b', 0, 3, 'a', '/', 'b', '\\'', ' ',','}",
    ] {
        assert_eq!(recognise(text), Some(InputFormat::Array), "{text}");
        assert_eq!(bytes(text), b"0\x08\0\x03a/b' ,", "{text}");
    }
    // Brackets and comments in quotes are characters.
    assert_eq!(bytes("{0x30, 3, 0, '}', '#'}"), b"0\x03\0}#");
}

#[test]
fn strings_with_escapes() {
    for text in [
        r"\x10\x0f\x00\x04MQTT",
        "\"\\x10\\x0f\\x00\\x04\" \\\n\"MQTT\"",
        r"b'\x10\x0f\x00\x04MQTT'",
        r"\020\017\0\004MQTT",
        r"printf '\x10\017\x00\x04MQTT' | nc localhost 1883",
        r#"{"raw": "\u0010\u000f\u0000\u0004MQTT"}"#
            .split_once(": ")
            .unwrap()
            .1
            .trim_end_matches('}'),
        r"\x{10}\x{f}\0\x04MQ\x54T",
    ] {
        assert_eq!(recognise(text), Some(InputFormat::Escaped), "{text}");
        assert_eq!(bytes(text), b"\x10\x0f\x00\x04MQTT", "{text}");
    }
    assert_eq!(bytes(r#"b"it's \x00\n""#), b"it's \0\n");
    // A quote behind the first escape is one of the bytes.
    assert_eq!(
        bytes(r#"\x30\x0c\x00\x03a/b{"a":1}"#),
        b"\x30\x0c\0\x03a/b{\"a\":1}"
    );
}

#[test]
fn base64_is_recognised_by_its_packets() {
    // PINGREQ and PUBLISH "a" with "hi": c0 00 30 05 00 01 61 68 69.
    for text in ["wAAwBQABYWhp", "wAAw\nBQAB YWhp\n"] {
        assert_eq!(recognise(text), Some(InputFormat::Base64), "{text}");
        assert_eq!(bytes(text), b"\xc0\0\x30\x05\0\x01ahi", "{text}");
    }
    assert_eq!(bytes("wAA="), [0xc0, 0]);
    assert_eq!(bytes("wAA"), [0xc0, 0]);
    assert_eq!(recognise("Hello"), None);
    assert_eq!(recognise("capture"), None);
    // Asked for, it may be anything.
    assert_eq!(read("SGVsbG8=", Some(InputFormat::Base64)).bytes, b"Hello");
    let broken = read("SGVs!", Some(InputFormat::Base64));
    assert_eq!(broken.bytes, b"Hel");
    assert_eq!(
        broken.error.as_deref(),
        Some("'!' is not a base64 digit at line 1, column 5 (byte 3 of the packets)")
    );
}

#[test]
fn dumps_as_the_tools_print_them() {
    for dump in [
        // xxd
        "00000000: 3015 0005 746f 7069 6361 6464 6564 2062  0...topicadded b\n\
         00000010: 6565 6620 3132                           eef 12\n",
        // xxd -g1
        "00000000: 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62  0...topicadded b\n\
         00000010: 65 65 66 20 31 32                                eef 12\n",
        // hexdump -C
        "00000000  30 15 00 05 74 6f 70 69  63 61 64 64 65 64 20 62  |0...topicadded b|\n\
         00000010  65 65 66 20 31 32                                 |eef 12|\n\
         00000016\n",
        // hexdump
        "0000000 1530 0500 6f74 6970 6163 6464 6465 6220\n\
         0000010 6565 2066 3231\n\
         0000016\n",
        // od -x: the same words, octal offsets
        "0000000 1530 0500 6f74 6970 6163 6464 6465 6220\n\
         0000020 6565 2066 3231\n\
         0000026\n",
        // od -t x1
        "0000000 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62\n\
         0000020 65 65 66 20 31 32\n\
         0000026\n",
        // od -A d -t x1
        "0000000 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62\n\
         0000016 65 65 66 20 31 32\n\
         0000022\n",
        // od -A x -t x1z
        "000000 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62  >0...topicadded b<\n\
         000010 65 65 66 20 31 32                                >eef 12<\n\
         000016\n",
        // Wireshark, Copy as Hex Dump
        "0000   30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62   0...topicadded b\n\
         0010   65 65 66 20 31 32                                 eef 12\n",
        // tcpdump -X
        "\t0x0000:  3015 0005 746f 7069 6361 6464 6564 2062  0...topicadded.b\n\
         \t0x0010:  6565 6620 3132                           eef.12\n",
        // without text
        "0000 30 15 00 05 74 6f 70 69 63 61 64 64 65 64 20 62\n0010 65 65 66 20 31 32\n",
        // eight bytes a line, a title
        "Packet 1\n0000  30 15 00 05 74 6f 70 69  0...topi\n\
         0008  63 61 64 64 65 64 20 62  cadded b\n0010  65 65 66 20 31 32        eef 12\n",
    ] {
        assert_eq!(recognise(dump), Some(InputFormat::Dump), "{dump}");
        assert_eq!(bytes(dump), PACKET, "{dump}");
    }
}

/// Printed by od 9.1, hexdump 2.38 and xxd 2022 of these bytes: every kind of escape, blanks at the
/// end of a line, and a word that the file has only a part of.
#[test]
fn dumps_in_words_octal_decimal_bits_and_characters() {
    let expected = b"\x30\x15\x00\x05topic1added beef 12\xc0\x00\x30\x05\x00\x01\\\n\"";
    for dump in [
        // od -c
        "0000000   0 025  \\0 005   t   o   p   i   c   1   a   d   d   e   d    \n\
         0000020   b   e   e   f       1   2 300  \\0   0 005  \\0 001   \\  \\n   \"\n\
         0000040\n",
        // hexdump -c
        "0000000   0 025  \\0 005   t   o   p   i   c   1   a   d   d   e   d    \n\
         0000010   b   e   e   f       1   2 300  \\0   0 005  \\0 001   \\  \\n   \"\n\
         0000020\n",
        // od -A d -w8 -c
        "0000000   0 025  \\0 005   t   o   p   i\n\
         0000008   c   1   a   d   d   e   d    \n\
         0000016   b   e   e   f       1   2 300\n\
         0000024  \\0   0 005  \\0 001   \\  \\n   \"\n\
         0000032\n",
        // od -c, blanks at the end of a line lost
        "0000000   0 025  \\0 005   t   o   p   i   c   1   a   d   d   e   d\n\
         0000020   b   e   e   f       1   2 300  \\0   0 005  \\0 001   \\  \\n   \"\n\
         0000040\n",
        // od -t cz
        "0000000   0 025  \\0 005   t   o   p   i   c   1   a   d   d   e   d      >0...topic1added <\n\
         0000020   b   e   e   f       1   2 300  \\0   0 005  \\0 001   \\  \\n   \"  >beef 12..0...\\.\"<\n\
         0000040\n",
        // od
        "0000000 012460 002400 067564 064560 030543 062141 062544 020144\n\
         0000020 062542 063145 030440 140062 030000 000005 056001 021012\n\
         0000040\n",
        // od -A x -b
        "000000 060 025 000 005 164 157 160 151 143 061 141 144 144 145 144 040\n\
         000010 142 145 145 146 040 061 062 300 000 060 005 000 001 134 012 042\n\
         000020\n",
        // od -t u1
        "0000000  48  21   0   5 116 111 112 105  99  49  97 100 100 101 100  32\n\
         0000020  98 101 101 102  32  49  50 192   0  48   5   0   1  92  10  34\n\
         0000040\n",
        // od -t d1
        "0000000   48   21    0    5  116  111  112  105   99   49   97  100  100  101  100   32\n\
         0000020   98  101  101  102   32   49   50  -64    0   48    5    0    1   92   10   34\n\
         0000040\n",
        // od -t x4z
        "0000000 05001530 69706f74 64613163 20646564  >0...topic1added <\n\
         0000020 66656562 c0323120 00053000 220a5c01  >beef 12..0...\\.\"<\n\
         0000040\n",
        // od -A x -t x8
        "000000 69706f7405001530 2064656464613163\n\
         000010 c032312066656562 220a5c0100053000\n\
         000020\n",
        // xxd -e
        "00000000: 05001530 69706f74 64613163 20646564  0...topic1added \n\
         00000010: 66656562 c0323120 00053000 220a5c01  beef 12..0...\\.\"\n",
        // xxd -e -g2
        "00000000: 1530 0500 6f74 6970 3163 6461 6564 2064  0...topic1added \n\
         00000010: 6562 6665 3120 c032 3000 0005 5c01 220a  beef 12..0...\\.\"\n",
        // xxd -e -g8
        "00000000: 69706f7405001530 2064656464613163  0...topic1added \n\
         00000010: c032312066656562 220a5c0100053000  beef 12..0...\\.\"\n",
        // xxd -g4
        "00000000: 30150005 746f7069 63316164 64656420  0...topic1added \n\
         00000010: 62656566 203132c0 00300500 015c0a22  beef 12..0...\\.\"\n",
        // xxd -b
        "00000000: 00110000 00010101 00000000 00000101 01110100 01101111  0...to\n\
         00000006: 01110000 01101001 01100011 00110001 01100001 01100100  pic1ad\n\
         0000000c: 01100100 01100101 01100100 00100000 01100010 01100101  ded be\n\
         00000012: 01100101 01100110 00100000 00110001 00110010 11000000  ef 12.\n\
         00000018: 00000000 00110000 00000101 00000000 00000001 01011100  .0...\\\n\
         0000001e: 00001010 00100010                                      .\"\n",
    ] {
        assert_eq!(recognise(dump), Some(InputFormat::Dump), "{dump}");
        assert_eq!(bytes(dump), expected, "{dump}");
    }
    for dump in [
        // xxd -e sets what there is of the last word to the right.
        "00000000: 05001530 69706f74     0063  0...topic.\n",
        // od fills it up.
        "0000000 05001530 69706f74 00000063\n0000012\n",
        "0000000 012460 002400 067564 064560 000143\n0000012\n",
    ] {
        assert_eq!(bytes(dump), b"\x30\x15\0\x05topic\0", "{dump}");
    }
}

/// As `tshark -x` prints a frame with several sources of bytes, and one with its own alone.
#[test]
fn of_several_sections_the_frames_count() {
    let rows = |bytes: &[u8]| hex_rows(bytes, 16, |i| format!("{i:04x}  "), true);
    let own = [frame(&[0xc0, 0]), frame(&[0xd0, 0])];
    let text = format!(
        "Frame (42 bytes):\n{}Unmasked data (5 bytes):\n{}\n{}\n\
         Frame (42 bytes):\n{}Reassembled TCP (2 bytes):\n{}Uncompressed entity body (1 byte):\n{}\n",
        rows(&own[0]),
        rows(b"\x30\x03\0\x01a"),
        rows(&own[1]),
        rows(&own[0]),
        rows(&[0xc0, 0]),
        rows(&[0]),
    );
    let content = read(&text, None);
    assert_eq!(content.error, None);
    assert_eq!(content.bytes, [&own[0][..], &own[1], &own[0]].concat());
    assert_eq!(content.capture.unwrap().1, 3);
    assert_eq!(
        content.note.unwrap(),
        "of several sections for one frame only 'Frame' is read; left out: 1 of 'Unmasked data', \
         1 of 'Reassembled TCP', 1 of 'Uncompressed entity body'"
    );
    // Wireshark exports the same as arrays.
    let array = |bytes: &[u8]| {
        let numbers: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
        numbers.join(", ")
    };
    let text = format!(
        "/* Frame (42 bytes) */\nstatic const unsigned char pkt1[42] = {{\n{}\n}};\n\n\
         /* Unmasked data (5 bytes) */\nstatic const unsigned char pkt1_1[5] = {{\n{}\n}};\n\n\
         /* Frame (42 bytes) */\nstatic const unsigned char pkt2[42] = {{\n{}\n}};\n",
        array(&own[0]),
        array(b"\x30\x03\0\x01a"),
        array(&own[1]),
    );
    let content = read(&text, None);
    assert_eq!(content.bytes, [&own[0][..], &own[1]].concat());
    assert_eq!(content.capture.unwrap().1, 2);
    // Without the frames, what MQTT is in; MQTT may be in what a server sent unmasked, or not.
    let text = format!(
        "Decrypted TLS (11 bytes):\n{}Unmasked data (2 bytes):\n{}\n\
         Decrypted TLS (11 bytes):\n{}Unmasked data (2 bytes):\n{}\n",
        rows(b"\x82\x85\x01\x02\x03\x04\x31\x01\x03\x05\x60"),
        rows(b"\xc0\0"),
        rows(b"\x82\x82\x01\x02\x03\x04\xc1\x02"),
        rows(b"\xe0\0"),
    );
    assert_eq!(bytes(&text), b"\xc0\0\xe0\0");
    // Finished of TLS 1.2 (RFC 5246, 7.4.9) is in a section of its own.
    let finished = [&[0x14, 0, 0, 12][..], &[0xc0; 12]].concat();
    let text = format!(
        "Decrypted TLS (16 bytes):\n{}\nDecrypted TLS (2 bytes):\n{}",
        rows(&finished),
        rows(b"\xc0\0"),
    );
    assert_eq!(bytes(&text), b"\xc0\0");
    // A line of the text that looks like a heading, but stands apart, is none.
    let text = format!("Data (2 bytes)\n\n{}", rows(b"\xc0\0"));
    assert_eq!(read(&text, None).note, None);
    assert_eq!(bytes(&text), b"\xc0\0");
}

#[test]
fn a_single_line_of_a_dump() {
    assert_eq!(bytes("0000  c0 00\n"), [0xc0, 0]);
    assert_eq!(bytes("00000000: c000"), [0xc0, 0]);
    // 16 bytes whose text looks like hex, last line and first.
    assert_eq!(bytes("0000  31 32 33 34  1234\n"), b"1234",);
}

#[test]
fn dumps_one_after_the_other_and_lines_that_repeat() {
    let two = "0000  c0 00  ..\n\n0000  d0 00  ..\n";
    assert_eq!(bytes(two), [0xc0, 0, 0xd0, 0]);
    let zeros = "00000000  30 30 00 01 61 00 00 00  00 00 00 00 00 00 00 00  |00..a...........|\n\
         00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n\
         *\n00000030  00 00                                             |..|\n00000032\n";
    let mut expected = vec![0x30, 0x30, 0, 1, b'a'];
    expected.resize(0x32, 0);
    assert_eq!(bytes(zeros), expected);
    // A star cannot ask for more memory than a text may have.
    let bomb = "00000000  00 00\n00000002  00 00\n*\nffffffff0\n";
    assert!(error(bomb).contains("cannot be"), "{}", error(bomb));
}

#[test]
fn plain_hex_is_no_dump() {
    for text in [
        "c000",
        "c0 00 d0 00",
        "3005 0001 61",
        "100f0004\n4d515454",
        "0000",
    ] {
        assert_eq!(dump::parse(text), None, "{text}");
    }
}

#[test]
fn damage_is_located_and_what_came_before_is_kept() {
    let content = read("c000\nd0 0g", None);
    assert_eq!(content.bytes, [0xc0, 0x00, 0xd0]);
    assert_eq!(
        content.error.as_deref(),
        Some(
            "'g' is not a hex digit at line 2, column 5 (byte 3 of the packets). Leave it out, or say with --input what the text is"
        )
    );
    // The pairs in the same word count too, and nothing reaches the terminal unescaped.
    let content = read("c000, d000c0\u{1b}[31m", None);
    assert_eq!(content.bytes, [0xc0, 0x00, 0xd0, 0x00, 0xc0]);
    assert_eq!(
        content.error.as_deref(),
        Some(
            "'\\u{1b}' is not a hex digit at line 1, column 13 (byte 5 of the packets). Leave it out, or say with --input what the text is"
        )
    );
    for (text, expected) in [
        (
            "c00",
            "3 hex digits, an odd number, at line 1, column 1 (byte 1 of the packets). Each byte has two digits, as in 0c",
        ),
        (
            "c0 0",
            "1 hex digit, half a byte, at line 1, column 4 (byte 1 of the packets). Each byte has two digits, as in 0c",
        ),
        (
            "c0,0x",
            "'0x' has no hex digits at line 1, column 4 (byte 1 of the packets)",
        ),
        (
            "{0xc0, 0x100}",
            "0x100 does not fit into a byte at line 1, column 8 (byte 1 of the packets)",
        ),
        (
            "{c0, 00}",
            "'c0' is not a number at line 1, column 2 (byte 0 of the packets). Numbers in an array \
             are decimal without 0x; leave the brackets out, and they are hex",
        ),
        (
            r"\xc0\q",
            r"'\q' is no escape at line 1, column 5 (byte 1 of the packets)",
        ),
        (
            "0000  c0 00\n0002  d0 00\n0005  c0 00\n",
            "this line should have 3 bytes in hex, which it has not, at line 2, column 1 (byte 2 of the packets)",
        ),
        (
            "0000000   4112  -1024\n0000004\n",
            "these are decimal words and not bytes at line 1, column 1 (byte 0 of the packets). od -t x1 and hexdump -C show bytes",
        ),
        (
            "0000000 dle  si nul eot\n0000004\n",
            "these are names of characters as od -a prints them, which leave out the highest bit of a byte, at line 1, column 1 (byte 0 of the packets). od -t x1 shows bytes",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

/// The IPv4 and TCP headers of a segment from 127.0.0.1:40000 to port 1883.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![
        0x45,
        0,
        0,
        40 + payload.len() as u8,
        0,
        1,
        0x40,
        0,
        64,
        6,
        0,
        0,
        127,
        0,
        0,
        1,
        127,
        0,
        0,
        1,
        0x9c,
        0x40,
        0x07,
        0x5b,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        1,
        0x50,
        0x18,
        1,
        0,
        0,
        0,
        0,
        0,
    ];
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn frames_with_ip_headers_become_a_capture() {
    let tcpdump: String = [&[0xc0, 0][..], &[0xc0, 0, 0xc0, 0]]
        .iter()
        .map(|payload| {
            let rows = hex_rows(&frame(payload), 16, |i| format!("\t0x{i:04x}:  "), false);
            format!("12:00:00.000001 IP localhost.40000 > localhost.1883: Flags [P.]\n{rows}")
        })
        .collect();
    let content = read(&tcpdump, None);
    assert_eq!(content.error, None);
    let (file, frames) = content.capture.unwrap();
    assert_eq!(frames, 2);
    assert!(crate::capture::is_capture(&file));
    // The same with Ethernet before it, as one stream of hex.
    let ethernet = [&[2; 12][..], &[8, 0], &frame(&[0xc0, 0])].concat();
    assert!(read(&hex::encode(ethernet), None).capture.is_some());
    assert!(read(&hex::encode(PACKET), None).capture.is_none());
}

/// `head` and a scrolled terminal cut the last one.
#[test]
fn a_frame_that_is_cut_is_a_frame() {
    let rows = hex_rows(&frame(PACKET), 16, |i| format!("\t0x{i:04x}:  "), false);
    let lines: Vec<&str> = rows.lines().collect();
    assert!(lines.len() > 3, "{rows}");
    let cut = lines[..lines.len() - 1].join("\n");
    let content = read(&cut, None);
    assert_eq!(
        (content.error, content.capture.map(|of| of.1)),
        (None, Some(1))
    );
}

fn hex_rows(
    bytes: &[u8],
    width: usize,
    offset: impl Fn(usize) -> String,
    with_text: bool,
) -> String {
    let mut text = String::new();
    for (i, row) in bytes.chunks(width).enumerate() {
        text += &offset(i * width);
        let groups: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{:<1$}", groups.join(" "), 3 * width - 1);
        if with_text {
            text += "  ";
            let visible = |b: &u8| {
                if (32..127).contains(b) {
                    char::from(*b)
                } else {
                    '.'
                }
            };
            text.extend(row.iter().map(visible));
        }
        text.push('\n');
    }
    text
}

proptest! {
    /// Every format of the same bytes gives the same bytes.
    #[test]
    fn all_formats_agree(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
        // Bytes of packets, since base64 is recognised by them.
        let mut packet = vec![0x30, payload.len() as u8 + 3, 0, 1, b'a'];
        packet.extend(&payload);
        let join = |f: &dyn Fn(&u8) -> String, between: &str| {
            packet.iter().map(f).collect::<Vec<_>>().join(between)
        };
        let swapped: String = packet.chunks(16).enumerate().map(|(i, row)| {
            let words = row.chunks(2).map(|w| format!(" {:02x}{:02x}", w.get(1).unwrap_or(&0), w[0]));
            format!("{:07x}{}\n", i * 16, words.collect::<String>())
        }).collect::<String>() + &format!("{:07x}\n", packet.len());
        for text in [
            join(&|b| format!("{b:02x}"), ""),
            join(&|b| format!("{b:02X}"), " "),
            join(&|b| format!("0x{b:02x}"), ", "),
            join(&|b| format!("{b:02x}"), ":"),
            format!("unsigned char p[] = {{\n{}\n}};", join(&|b| format!("0x{b:02x}"), ", ")),
            format!("[{}]", join(&|b| b.to_string(), ", ")),
            join(&|b| format!("\\x{b:02x}"), ""),
            join(&|b| format!("\\{b:03o}"), ""),
            format!("b'{}'", join(&|b| match b {
                b'\\' | b'\'' => format!("\\{}", char::from(*b)),
                32..127 => char::from(*b).to_string(),
                _ => format!("\\x{b:02x}"),
            }, "")),
            hex_rows(&packet, 16, |i| format!("{i:08x}: "), true),
            hex_rows(&packet, 16, |i| format!("{i:08x}  "), true) + &format!("{:08x}\n", packet.len()),
            hex_rows(&packet, 16, |i| format!("{i:07o} "), false) + &format!("{:07o}\n", packet.len()),
            hex_rows(&packet, 8, |i| format!("\t0x{i:04x}:  "), true) + &format!("\t0x{:04x}:\n", packet.len()),
            swapped,
        ] {
            let content = read(&text, None);
            prop_assert_eq!(&content.error, &None, "{}", text);
            prop_assert_eq!(&content.bytes, &packet, "{}", text);
        }
    }

    /// Nothing that can be pasted breaks a reader.
    #[test]
    fn any_text_is_read_without_a_panic(text in "[ -~\\n\\t\u{e9}*]{0,200}|([0-9a-f]{4,8}[: ] ?([0-9a-f]{2} ?){0,20}( [ -~]{0,16})?\\n|\\*\\n){0,6}") {
        for format in [
            None,
            Some(InputFormat::Hex),
            Some(InputFormat::Array),
            Some(InputFormat::Escaped),
            Some(InputFormat::Dump),
            Some(InputFormat::Base64),
        ] {
            let _ = read(&text, format);
        }
    }
}

/// CONNECT with client id "a b", and PINGREQ, in what `od -An` prints of them.
#[test]
fn columns_without_offsets() {
    let packets = b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03a b\xc0\0";
    let printed = |cell: &dyn Fn(u8) -> String| -> String {
        packets
            .chunks(16)
            .map(|row| row.iter().map(|byte| cell(*byte)).collect::<String>() + "\n")
            .collect()
    };
    let character = |byte: u8| match byte {
        0 => "\\0".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("{byte:03o}"),
    };
    for text in [
        printed(&|byte| format!("{byte:4}")),
        printed(&|byte| format!("{:5}", byte.cast_signed())),
        printed(&|byte| format!(" {byte:03o}")),
        printed(&|byte| format!("{:>4}", character(byte))),
        printed(&|byte| format!(" {byte:02x}")),
    ] {
        assert_eq!(bytes(&text), packets, "{text}");
    }
    for (text, sentence) in [
        (
            " 007420 002000 050515 052124\n",
            "these are words, of which nobody knows the order of the bytes, at line 1, column 1 \
             (byte 0 of the packets). od -An -t x1 shows bytes",
        ),
        (
            " 120 121 122 123\n",
            "these bytes may be octal or decimal, at line 1, column 1 (byte 0 of the packets). \
             od -An -t x1 shows bytes",
        ),
    ] {
        assert_eq!(error(text), sentence);
        assert_eq!(read(text, None).bytes, b"");
    }
    // Hex in columns is hex.
    assert_eq!(bytes("  c0  00\n"), [0xc0, 0]);
    assert_eq!(bytes(" 30 03 00 01 61"), [0x30, 3, 0, 1, b'a']);
}

/// `od -t x1c`, and `od -t x2 --endian=big`.
#[test]
fn more_of_what_od_prints() {
    let packet = b"\x30\x12\0\x05topic0123456789\xc0";
    let text = "\
0000000  30  12  00  05  74  6f  70  69  63  30  31  32  33  34  35  36
          0 022  \\0 005   t   o   p   i   c   0   1   2   3   4   5   6
0000020  37  38  39  c0
          7   8   9 300
0000024
";
    assert_eq!(bytes(text), packet);
    let text = "\
0000000 3012 0005 746f 7069 6330 3132 3334 3536
0000020 3738 39c0
0000024
";
    assert_eq!(bytes(text), packet);
}

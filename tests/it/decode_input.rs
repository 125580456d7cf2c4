//! What `midge decode` takes: every way to hand it the same packets shows the same packets.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use midge::capture::FrameReader;
use serde_json::Value;

use crate::program::{run, run_with_input};

/// PINGREQ, and PUBLISH to "a/b" with "hi".
const PACKETS: &[u8] = b"\xc0\x00\x30\x07\x00\x03a/bhi";

fn lines(args: &[&str], input: &[u8]) -> String {
    let ended = run_with_input(&[&["decode", "--lines"], args].concat(), input);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// A packet that is larger than what is read at once.
#[test]
fn a_large_packet_as_it_is() {
    let mut packet = b"\x30\xa3\x8d\x06\x00\x01a".to_vec();
    packet.extend(vec![0xfe; 100_000]);
    let shown = lines(&[], &packet);
    assert!(
        shown.starts_with("PUBLISH     q0 a (100000) fe fe"),
        "{shown}"
    );
}

#[test]
fn as_argument_as_file_and_from_stdin() {
    let hex = hex::encode(PACKETS);
    let expected = lines(&[&hex], b"");
    assert_eq!(expected.lines().count(), 2, "{expected}");
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(hex.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let with_mark = format!("\u{feff}{hex}\r\n");
    for content in [hex.as_bytes(), PACKETS, &utf16, with_mark.as_bytes()] {
        let path = folder.path().join("packets");
        fs::write(&path, content).unwrap();
        assert_eq!(lines(&[path.to_str().unwrap()], b""), expected);
        assert_eq!(lines(&[], content), expected);
        assert_eq!(lines(&["-"], content), expected);
    }
    for argument in [
        r"b'\xc0\x000\x07\x00\x03a/bhi'",
        "{0xc0, 0, 0x30, 7, 0, 3, 0x61, 0x2f, 0x62, 0x68, 0x69}",
        "wAAwBwADYS9iaGk=",
    ] {
        assert_eq!(lines(&[argument], b""), expected, "{argument}");
    }
    assert_eq!(lines(&["--input", "binary"], PACKETS), expected);
    assert_eq!(
        lines(&["--input", "base64", "wAAwBwADYS9iaGk"], b""),
        expected
    );
}

#[test]
fn compressed_packets_and_text() {
    let expected = lines(&["--input", "binary"], PACKETS);
    let hex = hex::encode(PACKETS);
    for content in [PACKETS, hex.as_bytes()] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(content).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::stream::encode_all(content, 3).unwrap();
        for packed in [&gzip, &zstd] {
            assert_eq!(lines(&[], packed), expected);
        }
        let ended = run_with_input(&["decode", "--lines"], &[&gzip[..], b"tail"].concat());
        assert_eq!(ended.code(), 1);
        assert!(
            ended.stderr.starts_with(
                "midge: cannot read stdin: the compressed data is damaged or cut, or something \
                 else is behind it ("
            ),
            "{}",
            ended.stderr
        );
    }
    let mut nothing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    nothing.flush().unwrap();
    run_with_input(&["decode"], &nothing.finish().unwrap()).expect(1, "midge: stdin is empty\n");
}

/// PINGREQ behind the headers of IPv4 and TCP, as tshark -x prints a frame that has more than its
/// own bytes.
#[test]
fn of_several_sections_the_frame_counts() {
    let text = "\
Frame (42 bytes):
0000  45 00 00 2a 00 01 40 00 40 06 00 00 7f 00 00 01   E..*..@.@.......
0010  7f 00 00 01 9c 40 07 5b 00 00 00 01 00 00 00 01   .....@.[........
0020  50 18 01 00 00 00 00 00 c0 00                     P.........
Unmasked data (2 bytes):
0000  d0 00                                             ..
";
    let ended = run_with_input(&["decode", "--lines"], text.as_bytes());
    ended.expect(
        0,
        "midge: stdin: of several sections for one frame only 'Frame' is read; left out: 1 of \
         'Unmasked data'\n\
         midge: stdin: a frame with IP headers, read as a capture without times\n",
    );
    assert_eq!(ended.text().lines().count(), 1);
    assert!(ended.text().contains("PINGREQ"), "{}", ended.text());
}

#[test]
fn what_is_nothing_of_it_is_one_sentence() {
    let mut noise = PACKETS.to_vec();
    noise[0] = 0xff;
    let ended = run_with_input(&["decode"], &noise);
    ended.expect(
        1,
        "midge: stdin is neither a pcap or pcapng file nor hex text (byte 0 is not text), and does \
         not begin with a packet of MQTT (--input binary takes it anyway)\n",
    );
    run(&["decode", "--input", "dump", "c000"]).expect(
        1,
        "midge: the command line: this is no hex dump, at line 1, column 1 (byte 0 of the \
         packets). Each line of a dump begins with the offset of its first byte, from 0\n",
    );
    // The argument may hold anything; the terminal sees nothing of it raw.
    let ended = run(&["decode", "a\u{1b}[31m"]);
    ended.expect(
        1,
        "midge: 'a\\u{1b}[31m' is neither a file that exists nor hex text: '\\u{1b}' is not a hex \
         digit at line 1, column 2 (byte 0 of the packets). Leave it out, or say with --input what \
         the text is\n",
    );
}

/// What `tcpdump -xx` prints of a capture is the same capture, but for its times.
#[test]
fn the_frames_of_a_capture_as_text_are_its_packets() {
    for capture in [
        "mosq20_v311_lo.pcap",
        "mosq20_v5_ip6.pcap",
        "mosq20_v31_any_sll2.pcap",
    ] {
        let path = format!("{}/tests/captures/{capture}", env!("CARGO_MANIFEST_DIR"));
        let file = fs::read(&path).unwrap();
        let mut reader = FrameReader::new(file.as_slice());
        let mut text = String::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            text += "12:34:56.789012 IP 127.0.0.1.40000 > 127.0.0.1.1883: Flags [P.], length 1\n";
            for (i, row) in frame.data.chunks(16).enumerate() {
                let words: Vec<String> = row.chunks(2).map(hex::encode).collect();
                writeln!(text, "\t0x{:04x}:  {}", 16 * i, words.join(" ")).unwrap();
            }
        }
        let packets = |ended: crate::program::Ended| -> Vec<Value> {
            assert_eq!(ended.code(), 0);
            let text = String::from_utf8(ended.stdout).unwrap();
            text.lines()
                .map(|line| {
                    let mut object: Value = serde_json::from_str(line).unwrap();
                    object.as_object_mut().unwrap().remove("time");
                    object
                })
                .collect()
        };
        let from_text = run_with_input(&["decode", "--json"], text.as_bytes());
        assert!(
            from_text.stderr.contains("frames with IP headers"),
            "{}",
            from_text.stderr
        );
        let from_text = packets(from_text);
        assert!(from_text.len() > 10, "{capture}");
        assert_eq!(
            from_text,
            packets(run(&["decode", "--json", &path])),
            "{capture}"
        );
    }
}

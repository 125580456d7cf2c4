use super::*;
use crate::capture::file::{FrameReader, is_capture};

struct Writer {
    big_endian: bool,
    file: Vec<u8>,
}

impl Writer {
    fn u32(&self, value: u32) -> [u8; 4] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }

    fn block(&mut self, block_type: u32, body: &[u8]) {
        let len = self.u32(12 + body.len().next_multiple_of(4) as u32);
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let block = [&self.u32(block_type)[..], &len, &body, &len].concat();
        self.file.extend_from_slice(&block);
    }

    fn section(&mut self) {
        let body = [
            &self.u32(0x1a2b_3c4d)[..],
            &self.u16(1),
            &self.u16(0),
            &[0xff; 8],
        ];
        self.block(SECTION_HEADER, &body.concat());
    }

    fn interface(&mut self, link: u16, tsresol: Option<u8>, tsoffset: Option<i64>) {
        let mut body = [&self.u16(link)[..], &[0, 0], &self.u32(3)].concat();
        if let Some(value) = tsresol {
            let option = [&self.u16(9)[..], &self.u16(1), &[value, 0, 0, 0]].concat();
            body.extend_from_slice(&option);
        }
        if let Some(value) = tsoffset {
            body.extend_from_slice(&[self.u16(14), self.u16(8)].concat());
            body.extend_from_slice(&match self.big_endian {
                true => value.to_be_bytes(),
                false => value.to_le_bytes(),
            });
        }
        self.block(INTERFACE_DESCRIPTION, &body);
    }

    fn enhanced(&mut self, interface: u32, time: u64, data: &[u8]) {
        let head = [
            interface,
            (time >> 32) as u32,
            time as u32,
            data.len() as u32,
            99,
        ];
        let mut body: Vec<u8> = head.iter().flat_map(|v| self.u32(*v)).collect();
        body.extend_from_slice(data);
        self.block(ENHANCED_PACKET, &body);
    }
}

#[test]
fn sections_interfaces_clocks_and_unknown_blocks() {
    let mut writer = Writer {
        big_endian: false,
        file: Vec::new(),
    };
    let mut expected = Vec::new();
    for big_endian in [false, true] {
        writer.big_endian = big_endian;
        writer.section();
        writer.interface(1, None, None);
        writer.interface(101, Some(9), Some(-2));
        writer.interface(113, Some(0x80 | 10), None);
        writer.block(0x0bad_0bad, &[7; 200]);
        writer.enhanced(0, 1_000_001, b"a");
        writer.enhanced(1, 5_000_000_007, b"bcd");
        writer.enhanced(2, 1536, b"efghi");
        let simple = [&writer.u32(9)[..], b"jklmnopqr"].concat();
        writer.block(SIMPLE_PACKET, &simple);
        expected.extend([
            (1, Some((1_000_001_000, 6)), b"a".to_vec()),
            (101, Some((3_000_000_007, 9)), b"bcd".to_vec()),
            (113, Some((1_500_000_000, 4)), b"efghi".to_vec()),
            (1, None, b"jkl".to_vec()), // the snapshot length of interface 0 is 3
        ]);
    }
    assert!(is_capture(&writer.file));
    let mut reader = FrameReader::new(&writer.file[..]);
    let mut found = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        let time = frame.place.time.map(|time| (time.nanos, time.digits));
        found.push((frame.link.0, time, frame.data.to_vec()));
    }
    assert_eq!(found, expected);
}

#[test]
fn any_cut_gives_what_was_before_and_says_so() {
    let mut writer = Writer {
        big_endian: false,
        file: Vec::new(),
    };
    writer.section();
    writer.interface(1, None, None);
    writer.enhanced(0, 0, b"abcd");
    let first = writer.file.len();
    writer.enhanced(0, 0, b"efgh");
    for cut in first + 1..writer.file.len() {
        let mut reader = FrameReader::new(&writer.file[..cut]);
        assert_eq!(reader.next_frame().unwrap().unwrap().data, b"abcd");
        match reader.next_frame() {
            Err(CaptureError::Cut { offset, found, .. }) => {
                assert_eq!((offset, found), (first as u64, (cut - first) as u64));
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn an_interface_that_is_not_described() {
    let mut writer = Writer {
        big_endian: true,
        file: Vec::new(),
    };
    writer.section();
    writer.enhanced(3, 0, b"abcd");
    match FrameReader::new(&writer.file[..]).next_frame() {
        Err(CaptureError::Damaged { offset: 28, what }) => {
            assert_eq!(
                what,
                "a packet of interface 3, but the section has described 0"
            );
        }
        other => panic!("{other:?}"),
    }
}

fn one_section(big_endian: bool) -> Writer {
    let mut writer = Writer {
        big_endian,
        file: Vec::new(),
    };
    writer.section();
    writer.interface(1, None, None);
    writer
}

#[test]
fn an_obsolete_packet_block() {
    for big_endian in [false, true] {
        let mut writer = one_section(big_endian);
        writer.interface(101, None, None);
        // Interface 1, no drops counted, 1.000002 s, 3 of 90 bytes.
        let mut body = [writer.u16(1), writer.u16(0xffff)].concat();
        for value in [0, 1_000_002, 3, 90] {
            body.extend(writer.u32(value));
        }
        body.extend(b"abc");
        writer.block(PACKET, &body);
        let mut reader = FrameReader::new(&writer.file[..]);
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.link, frame.original_len), (LinkType(101), 90));
        assert_eq!(frame.data, b"abc");
        assert_eq!(frame.place.time.unwrap().nanos, 1_000_002_000);
        assert!(reader.next_frame().unwrap().is_none());
    }
}

#[test]
fn key_logs_are_handed_out_once() {
    for big_endian in [false, true] {
        let mut writer = one_section(big_endian);
        let secrets = |writer: &Writer, kind: u32, text: &[u8]| {
            let len = writer.u32(text.len() as u32);
            [&writer.u32(kind)[..], &len, text].concat()
        };
        let block = secrets(&writer, TLS_KEY_LOG, b"CLIENT_RANDOM aa bb\n.");
        writer.block(DECRYPTION_SECRETS, &block);
        // A key log of WireGuard.
        let block = secrets(&writer, 0x5747_4b4c, b"other");
        writer.block(DECRYPTION_SECRETS, &block);
        writer.enhanced(0, 0, b"abcd");
        let block = secrets(&writer, TLS_KEY_LOG, b"second");
        writer.block(DECRYPTION_SECRETS, &block);
        writer.enhanced(0, 0, b"efgh");
        let mut reader = FrameReader::new(&writer.file[..]);
        assert!(reader.take_secrets().is_empty());
        reader.next_frame().unwrap().unwrap();
        assert_eq!(reader.take_secrets(), [b"CLIENT_RANDOM aa bb\n."]);
        assert!(reader.take_secrets().is_empty());
        reader.next_frame().unwrap().unwrap();
        assert_eq!(reader.take_secrets(), [b"second"]);
        assert!(reader.next_frame().unwrap().is_none());
        assert!(reader.take_secrets().is_empty());
    }
}

#[test]
fn secrets_that_nobody_takes_are_bounded() {
    let mut writer = one_section(false);
    let text = [b'x'; 1 << 20];
    let len = writer.u32(text.len() as u32);
    let body = [&writer.u32(TLS_KEY_LOG)[..], &len, &text].concat();
    for _ in 0..10 {
        writer.block(DECRYPTION_SECRETS, &body);
    }
    let mut reader = FrameReader::new(&writer.file[..]);
    assert!(reader.next_frame().unwrap().is_none());
    assert_eq!(reader.take_secrets().len(), 7);
}

fn damage(file: &[u8]) -> String {
    let mut reader = FrameReader::new(file);
    loop {
        match reader.next_frame() {
            Ok(Some(_)) => {}
            Err(CaptureError::Damaged { what, .. }) => return what,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn lengths_that_contradict_each_other() {
    let mut writer = one_section(false);
    writer.enhanced(0, 0, b"abcd");
    let at_end = writer.file.len() - 4;
    writer.file[at_end] ^= 4;
    assert_eq!(
        damage(&writer.file),
        "a block of type 0x00000006 says it is 36 bytes long, and 32 at its end"
    );
    let mut writer = one_section(false);
    writer.block(0x0bad, b"unknown block");
    let at_end = writer.file.len() - 4;
    writer.file[at_end] ^= 4;
    assert_eq!(
        damage(&writer.file),
        "a block of type 0x00000bad says it is 28 bytes long, and 24 at its end"
    );
    let mut writer = one_section(false);
    let body: Vec<u8> = [0, 0, 0, 5, 5]
        .iter()
        .flat_map(|v| writer.u32(*v))
        .collect();
    writer.block(ENHANCED_PACKET, &[&body[..], b"abcd"].concat());
    assert_eq!(
        damage(&writer.file),
        "a packet block of 36 bytes says it holds a frame of 5"
    );
    for kind in [ENHANCED_PACKET, SIMPLE_PACKET, PACKET, DECRYPTION_SECRETS] {
        let mut writer = one_section(false);
        writer.block(kind, b"");
        assert!(!damage(&writer.file).is_empty());
    }
}

#[test]
fn interfaces_are_bounded() {
    let mut writer = one_section(false);
    let from = writer.file.len();
    writer.interface(1, None, None);
    let interface = writer.file[from..].to_vec();
    for _ in 0..MAX_INTERFACES {
        writer.file.extend_from_slice(&interface);
    }
    assert_eq!(
        damage(&writer.file),
        "a section describes more than 65536 interfaces"
    );
}

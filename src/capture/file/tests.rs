use super::*;

/// One frame of 4 bytes at 1 s + 7 units, in each variant of pcap.
fn pcap(big_endian: bool, nanoseconds: bool) -> Vec<u8> {
    let magic: u32 = if nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let u32s = |values: &[u32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|v| {
                if big_endian {
                    v.to_be_bytes()
                } else {
                    v.to_le_bytes()
                }
            })
            .collect()
    };
    let version = if big_endian {
        [0, 2, 0, 4]
    } else {
        [2, 0, 4, 0]
    };
    let mut file = u32s(&[magic]);
    file.extend_from_slice(&version);
    file.extend_from_slice(&u32s(&[0, 0, 65_535, 101]));
    file.extend_from_slice(&u32s(&[1, 7, 4, 60]));
    file.extend_from_slice(b"abcd");
    file
}

#[test]
fn every_pcap_variant() {
    for big_endian in [false, true] {
        for nanoseconds in [false, true] {
            let file = pcap(big_endian, nanoseconds);
            assert!(is_capture(&file));
            let mut reader = FrameReader::new(&file[..]);
            let frame = reader.next_frame().unwrap().unwrap();
            assert_eq!(frame.place.frame, 1);
            assert_eq!(
                frame.place.time,
                Some(Timestamp {
                    nanos: 1_000_000_000 + if nanoseconds { 7 } else { 7_000 },
                    digits: if nanoseconds { 9 } else { 6 },
                })
            );
            assert_eq!((frame.link, frame.original_len), (LinkType::RAW, 60));
            assert_eq!(frame.data, b"abcd");
            assert!(reader.next_frame().unwrap().is_none());
        }
    }
}

#[test]
fn a_cut_record_is_told_with_its_place() {
    let mut file = pcap(false, false);
    let whole = file.len();
    file.extend_from_within(24..);
    for cut in whole + 1..file.len() {
        let mut reader = FrameReader::new(&file[..cut]);
        assert_eq!(reader.next_frame().unwrap().unwrap().data, b"abcd");
        match reader.next_frame() {
            Err(CaptureError::Cut {
                offset,
                needed,
                found,
                ..
            }) => {
                assert_eq!(offset, whole as u64);
                assert_eq!(found, (cut - whole) as u64);
                assert_eq!(needed, if cut - whole < 16 { 16 } else { 20 });
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_capture_is_said() {
    assert!(matches!(
        FrameReader::new(&b""[..]).next_frame(),
        Err(CaptureError::Empty)
    ));
    match FrameReader::new(&b"\x89PNG\r\n\x1a\n...."[..]).next_frame() {
        Err(CaptureError::NotACapture { found }) => {
            assert_eq!(found, "89504e470d0a1a0a (a PNG picture)")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_length_allocates_nothing() {
    let mut file = pcap(false, false);
    file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    match FrameReader::new(&file[..]).next_frame() {
        Err(CaptureError::Damaged { offset: 24, what }) => assert!(what.contains("4294967311")),
        other => panic!("{other:?}"),
    }
}

/// Kuznetzov's format, in which 8 bytes follow the lengths, and old versions, in which the
/// lengths were the other way round.
#[test]
fn modified_and_old_variants() {
    for big_endian in [false, true] {
        let u32s = |values: &[u32]| -> Vec<u8> {
            let bytes = |v: &u32| match big_endian {
                true => v.to_be_bytes(),
                false => v.to_le_bytes(),
            };
            values.iter().flat_map(bytes).collect()
        };
        let version = |major: u16, minor: u16| match big_endian {
            true => [major.to_be_bytes(), minor.to_be_bytes()].concat(),
            false => [major.to_le_bytes(), minor.to_le_bytes()].concat(),
        };
        let check = |magic: u32, (major, minor): (u16, u16), record: &[u32]| {
            // The link type carries the length of a frame check sequence.
            let file = [
                u32s(&[magic]),
                version(major, minor),
                u32s(&[0, 0, 65_535, 0x2400_0000 | 101]),
                u32s(record),
                b"abcd".to_vec(),
            ]
            .concat();
            assert!(is_capture(&file));
            let twice = [&file[..], &file[24..]].concat();
            let mut reader = FrameReader::new(&twice[..]);
            for number in [1, 2] {
                let frame = reader.next_frame().unwrap().unwrap();
                assert_eq!((frame.place.frame, frame.data), (number, &b"abcd"[..]));
                assert_eq!((frame.link, frame.original_len), (LinkType::RAW, 60));
                assert_eq!(frame.place.time.unwrap().nanos, 1_000_007_000);
            }
            assert!(reader.next_frame().unwrap().is_none());
        };
        check(0xa1b2_cd34, (2, 4), &[1, 7, 4, 60, 2, 0x0800_0000]);
        check(0xa1b2_c3d4, (2, 4), &[1, 7, 4, 60]);
        check(0xa1b2_c3d4, (2, 3), &[1, 7, 4, 60]);
        check(0xa1b2_c3d4, (2, 3), &[1, 7, 60, 4]);
        check(0xa1b2_c3d4, (2, 2), &[1, 7, 60, 4]);
        check(0xa1b2_c3d4, (543, 0), &[1, 7, 60, 4]);
    }
}

#[test]
fn a_version_that_is_not_known() {
    let mut file = pcap(false, false);
    file[4] = 7;
    match FrameReader::new(&file[..]).next_frame() {
        Err(CaptureError::Damaged { offset: 4, what }) => {
            assert_eq!(what, "pcap version 7.4; versions 2.0 to 2.4 are known");
        }
        other => panic!("{other:?}"),
    }
}

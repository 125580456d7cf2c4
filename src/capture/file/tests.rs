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

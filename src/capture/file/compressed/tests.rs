use std::io::Write;

use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::capture::file::{FrameReader, is_capture};

const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// A pcap file of `n` frames of link type 101; frame i has i % 97 bytes.
fn pcap(n: usize) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    for value in [0, 0, 65_535, 101_u32] {
        file.extend(value.to_le_bytes());
    }
    for i in 0..n {
        let len = (i % 97) as u32;
        for value in [1, i as u32, len, len] {
            file.extend(value.to_le_bytes());
        }
        file.extend((0..len).map(|k| (i as u32 * 31 + k * k) as u8));
    }
    file
}

/// The frames, and how it ended.
fn frames(reader: impl Read) -> (Vec<Vec<u8>>, Result<(), CaptureError>) {
    let mut reader = FrameReader::new(reader);
    let mut frames = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame.data.to_vec()),
            Ok(None) => return (frames, Ok(())),
            Err(error) => return (frames, Err(error)),
        }
    }
}

fn whole(reader: impl Read) -> Vec<Vec<u8>> {
    let (frames, end) = frames(reader);
    end.unwrap();
    frames
}

/// Gives pieces of these sizes in turn.
struct Splits<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl<'a> Splits<'a> {
    fn new(bytes: &'a [u8], sizes: Vec<usize>) -> Splits<'a> {
        Splits {
            bytes,
            sizes: sizes.into_iter().cycle(),
        }
    }
}

impl Read for Splits<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.next().unwrap().min(buffer.len());
        let size = size.min(self.bytes.len());
        let (now, later) = self.bytes.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_split_of_the_reads_gives_the_same_frames(
        n in 0_usize..300,
        sizes in prop::collection::vec(1_usize..700, 1..20),
    ) {
        let file = pcap(n);
        let expected = whole(&file[..]);
        prop_assert_eq!(expected.len(), n);
        prop_assert_eq!(&whole(Splits::new(&file, sizes.clone())), &expected);
        for compression in BOTH {
            let file = compress(compression, &file);
            prop_assert!(is_capture(&file));
            prop_assert_eq!(&whole(Splits::new(&file, sizes.clone())), &expected);
        }
    }
}

#[test]
fn members_and_frames_in_a_row() {
    let file = pcap(50);
    let (first, second) = file.split_at(777);
    let skippable = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'];
    for compression in BOTH {
        let [first, second, empty] = [first, second, &[]].map(|part| compress(compression, part));
        let mut packed = [&empty[..], &first, &empty, &second, &empty].concat();
        match compression {
            Compression::Gzip => packed.extend([0; 1000]),
            Compression::Zstd => {
                packed = [&skippable[..], &packed, &skippable].concat();
            }
        }
        assert!(is_capture(&packed));
        assert_eq!(whole(&packed[..]), whole(&file[..]), "{compression:?}");
        assert_eq!(
            whole(Splits::new(&packed, vec![1])),
            whole(&file[..]),
            "{compression:?}"
        );
    }
}

#[test]
fn a_cut_gives_what_came_before_and_says_so() {
    let file = pcap(40);
    let all = whole(&file[..]);
    for compression in BOTH {
        let packed = compress(compression, &file);
        let mut most = 0;
        for cut in 4..packed.len() {
            let (frames, end) = frames(&packed[..cut]);
            assert_eq!(frames[..], all[..frames.len()]);
            most = frames.len();
            match end {
                Err(CaptureError::CompressedCut { read, .. }) => assert_eq!(read, cut as u64),
                other => panic!("{compression:?} cut at {cut}: {other:?}"),
            }
        }
        // Only a checksum is missing now.
        assert_eq!(most, 40, "{compression:?}");
    }
}

/// Takes what a compressor has written so far, and then cannot be read any further.
struct Growing<'a> {
    bytes: &'a [u8],
}

impl Read for Growing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.bytes.is_empty(), "read where a pipe would wait");
        self.bytes.read(buffer)
    }
}

/// A writer that flushes after each frame is followed frame by frame, also where a block becomes
/// more than the reader asks for at once.
#[test]
fn all_that_came_is_given_before_more_is_read() {
    let file = pcap(10_000);
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&file).unwrap();
    gzip.flush().unwrap();
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    zstd.write_all(&file).unwrap();
    zstd.flush().unwrap();
    for bytes in [&gzip.get_ref()[..], &zstd.get_ref()[..]] {
        let mut reader = FrameReader::new(Growing { bytes });
        for i in 0..10_000 {
            assert_eq!(reader.next_frame().unwrap().unwrap().data.len(), i % 97);
        }
    }
}

#[test]
fn what_is_in_it_may_be_wrong() {
    for compression in BOTH {
        let name = compression.as_str();
        let nothing = frames(&compress(compression, b"")[..]).1.unwrap_err();
        assert_eq!(
            nothing.to_string(),
            format!(
                "not a pcap or pcapng capture: what is in the {name} data begins with nothing: it is empty"
            )
        );
        let zeros = frames(&compress(compression, &[0; 100])[..]).1.unwrap_err();
        assert!(matches!(
            zeros,
            CaptureError::NotACaptureInside { found, .. } if found == "0000000000000000"
        ));
        let twice = compress(compression, &compress(Compression::Gzip, &pcap(3)));
        assert!(matches!(
            frames(&twice[..]),
            (none, Err(CaptureError::Nested { inside: "gzip", .. })) if none.is_empty()
        ));
        let mut garbage = compress(compression, &pcap(3));
        let end = garbage.len() as u64;
        garbage.extend(b"garbage");
        match frames(&garbage[..]) {
            (frames, Err(CaptureError::CompressedDamaged { at, .. })) => {
                assert_eq!(frames.len(), 3);
                assert!((end..end + 7).contains(&at), "{at}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_changed_checksum_is_found() {
    let file = pcap(3);
    let mut gzip = compress(Compression::Gzip, &file);
    let crc = gzip.len() - 8;
    gzip[crc] ^= 1;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(&file).unwrap();
    let mut zstd = encoder.finish().unwrap();
    *zstd.last_mut().unwrap() ^= 1;
    for packed in [gzip, zstd] {
        assert!(matches!(
            frames(&packed[..]).1,
            Err(CaptureError::CompressedDamaged { .. })
        ));
    }
}

#[test]
fn a_window_over_the_limit_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(MAX_WINDOW_LOG + 1).unwrap();
    encoder.write_all(&pcap(3)).unwrap();
    let packed = encoder.finish().unwrap();
    match frames(&packed[..]).1 {
        Err(CaptureError::CompressedDamaged { what, .. }) => {
            assert!(what.contains("over 8 MiB"), "{what}");
        }
        other => panic!("{other:?}"),
    }
}

fn pcapng_section() -> Vec<u8> {
    let mut file = vec![
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
    ];
    file.extend([0xff; 8]);
    file.extend([28, 0, 0, 0]);
    file
}

/// Blocks that are skipped, one huge or many: a kilobyte of zstd can be gigabytes of them.
#[test]
fn a_bomb_ends_early() {
    let mut huge = pcapng_section();
    huge.extend(0x0bad_0bad_u32.to_le_bytes());
    huge.extend((1_u32 << 30).to_le_bytes());
    huge.extend([0; 100]);
    let mut many = pcapng_section();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let len = 1_u32 << 20;
    let mut block = 0x0bad_0bad_u32.to_le_bytes().to_vec();
    block.extend(len.to_le_bytes());
    block.resize(len as usize - 4, 0);
    block.extend(len.to_le_bytes());
    encoder.write_all(&many).unwrap();
    for _ in 0..300 {
        encoder.write_all(&block).unwrap();
    }
    many = encoder.finish().unwrap();
    for packed in [compress(Compression::Gzip, &huge), many] {
        let end = frames(&packed[..]).1.unwrap_err();
        assert!(matches!(end, CaptureError::Bomb { .. }), "{end}");
    }
    // A header and zeros.
    let zeros = [pcap(1), vec![0; 1 << 20]].concat();
    match frames(&compress(Compression::Gzip, &zeros)[..]) {
        (frames, Err(CaptureError::Damaged { what, .. })) => {
            assert_eq!(frames.len(), 1);
            assert_eq!(what, "the record of frame 2 is all zeros");
        }
        other => panic!("{other:?}"),
    }
}

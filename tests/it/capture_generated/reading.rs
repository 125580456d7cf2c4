//! Link layers, IP versions, file formats, and damage to all of them.

use super::{wire::*, *};

#[test]
fn every_link_layer_ip_version_and_file_format() {
    let formats = [
        MICRO,
        Format::Pcap {
            big_endian: false,
            nanos: true,
        },
        Format::Pcap {
            big_endian: true,
            nanos: false,
        },
        Format::Pcap {
            big_endian: true,
            nanos: true,
        },
        Format::Pcapng,
    ];
    for link in Link::ALL {
        for format in formats {
            for v6 in [false, true] {
                let mut talk = Talk::usual();
                if v6 {
                    talk.addrs = [
                        "[fe80::1]:40000".parse().unwrap(),
                        "[fe80::2]:1883".parse().unwrap(),
                    ];
                }
                let mut capture = Capture::new(link, format);
                let truth = play(&talk, &chunks(&talk, 1000), &mut capture);
                let records = read(&capture);
                assert_truth(&format!("{link:?} {format:?} v6 {v6}"), &records, &truth);
                for packet in packets(&records) {
                    let time = packet.at.time.unwrap();
                    assert_eq!(time.nanos, packet.at.frame as i64 * 1_000_000);
                    let nanos = matches!(format, Format::Pcap { nanos: true, .. });
                    assert_eq!(time.digits, if nanos { 9 } else { 6 });
                }
            }
        }
    }
}

#[test]
fn a_cut_file_gives_all_before_the_cut() {
    let talk = small_talk();
    for format in [MICRO, Format::Pcapng] {
        let mut capture = Capture::new(Link::Ethernet, format);
        let truth = play(&talk, &packet_by_packet(&talk), &mut capture);
        let file = capture.file();
        let (all, none, _) = read_with(&file, Options::default());
        assert!(none.is_none());
        assert_truth("whole", &all, &truth);
        for cut in 0..file.len() {
            let (records, error, stats) = read_with(&file[..cut], Options::default());
            let expected: Vec<Truth> = truth
                .iter()
                .filter(|truth| truth.1 <= stats.frames)
                .cloned()
                .collect();
            let whole: Vec<Truth> = packets(&records)
                .iter()
                .filter(|packet| !packet.is_cut())
                .map(|p| (p.at.src, p.at.frame, p.bytes.to_vec()))
                .collect();
            assert_eq!(whole.len(), expected.len(), "cut at {cut}");
            match error {
                Some(CaptureError::Empty) => assert_eq!(cut, 0),
                Some(CaptureError::NotACapture { .. }) => assert!(cut < 4),
                Some(CaptureError::Cut { offset, found, .. }) => {
                    assert_eq!(offset + found, cut as u64);
                }
                Some(error) => panic!("cut at {cut}: {error}"),
                None => {} // between two records
            }
        }
    }
}

/// Gives a file record by record, as a pipe from a running capture does.
struct Pipe {
    pieces: Vec<Vec<u8>>,
    given: usize,
}

impl io::Read for &mut Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.pieces.get(self.given) else {
            return Ok(0);
        };
        self.given += 1;
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn packets_come_while_the_capture_is_still_growing() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let mut truth = play(&talk, &packet_by_packet(&talk), &mut capture);
    truth.sort_by_key(|truth| truth.1);
    let file = capture.file();
    let mut pieces = vec![file[..24].to_vec()];
    let mut at = 24;
    for frame in &capture.frames {
        pieces.push(file[at..at + 16 + frame.len()].to_vec());
        at += 16 + frame.len();
    }
    for (i, (.., frame, _)) in truth.iter().enumerate() {
        // As much of the file as there is when this packet is complete.
        let mut pipe = Pipe {
            pieces: pieces[..=*frame as usize].to_vec(),
            given: 0,
        };
        let mut packets = Packets::new(&mut pipe, Options::default());
        for _ in 0..=i {
            assert!(matches!(packets.next(), Ok(Some(Record::Packet(_)))));
        }
        assert_eq!(packets.stats().frames, *frame, "packet {i} was given late");
    }
}

proptest! {
    #[test]
    fn any_damage_is_read_without_panic(
        format in 0..3usize,
        steps in schedule(&small_talk()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let formats = [MICRO, Format::Pcap { big_endian: true, nanos: true }, Format::Pcapng];
        let mut capture = Capture::new(Link::Sll2, formats[format]);
        play(&small_talk(), &steps, &mut capture);
        let mut file = capture.file();
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        read_with(&file, Options::default());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in 0..3usize) {
        let magics: [&[u8]; 3] = [
            b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"",
        ];
        read_with(&[magics[magic], &bytes].concat(), Options::default());
    }
}

//! Every file format, packed and not, whole and growing; and what is no capture.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{pack::*, wire::*, *};
use crate::program::{Running, midge, run, run_with_input};

fn talk_and_frames() -> (Talk, Vec<Vec<u8>>, Vec<Truth>) {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Raw, MICRO);
    let truth = play(&talk, &chunks(&talk, 1000), &mut capture);
    (talk, capture.frames, truth)
}

#[test]
fn every_format_and_compression() {
    let (_, frames, truth) = talk_and_frames();
    let mut files: Vec<(String, Vec<u8>)> = PCAPS
        .map(|variant| (variant.0.to_owned(), pcap(variant, 101, &frames)))
        .into();
    for big_endian in [false, true] {
        files.push((
            format!("pcapng, big endian {big_endian}"),
            pcapng(big_endian, 101, &frames),
        ));
    }
    for (name, file) in files {
        for (packing, file) in [
            ("plain", file.clone()),
            ("gzip", gzip(&file)),
            ("zstd", zstd(&file)),
        ] {
            let what = format!("{name}, {packing}");
            let (records, error, stats) = read_with(&file, Options::default());
            assert!(error.is_none(), "{what}: {error:?}");
            assert_eq!(stats.frames, frames.len() as u64, "{what}");
            assert_truth(&what, &records, &truth);
        }
    }
}

/// Sections of both byte orders; interfaces with their own link types, resolutions and offsets;
/// all kinds of packet blocks; and blocks of other kinds between them.
#[test]
fn a_pcapng_file_with_all_that_it_may_have() {
    let (_, frames, truth) = talk_and_frames();
    let mut ng = Ng::new();
    let mut expected_times = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        if i % 9 == 0 {
            ng.section(i % 2 == 1);
            ng.interface(101, 9, -7);
            ng.interface(1, 0x80 | 20, 0);
            ng.interface(113, 3, 1000);
        }
        let n = i as u64 + 1;
        let nanos = n as i64 * 1_000_000_000;
        match i % 6 {
            0 => {
                ng.block(5, &[0; 24]);
                ng.enhanced(0, (n + 7) * 1_000_000_000, frame);
                expected_times.push(Some((nanos, 9)));
            }
            1 => {
                ng.block(0x0bad_0bad, &[0x0a; 5000]);
                ng.enhanced(1, n << 20, &LAYERS[0].2(frame));
                expected_times.push(Some((nanos, 7)));
            }
            2 => {
                let sll = LAYERS.iter().find(|layer| layer.0 == "SLL").unwrap();
                ng.obsolete(2, n * 1000, &sll.2(frame));
                expected_times.push(Some((nanos + 1_000_000_000_000, 3)));
            }
            3 => {
                ng.block(0x8000_0bad, b"custom");
                ng.simple(frame);
                expected_times.push(None);
            }
            4 => {
                ng.block(4, &[0; 4]); // name resolution
                ng.obsolete(1, n << 20, &LAYERS[1].2(frame));
                expected_times.push(Some((nanos, 7)));
            }
            _ => {
                ng.enhanced(2, 0, b"");
                // An empty frame of its own, that has nothing.
                expected_times.push(None);
                ng.enhanced(0, (n + 7) * 1_000_000_000, frame);
                expected_times.push(Some((nanos, 9)));
            }
        }
    }
    let before: Vec<u64> = (0..frames.len())
        .map(|i| (0..=i).filter(|i| i % 6 == 5).count() as u64)
        .collect();
    let truth: Vec<Truth> = truth
        .into_iter()
        .map(|(src, frame, bytes)| (src, frame + before[frame as usize - 1], bytes))
        .collect();
    for file in [ng.file.clone(), gzip(&ng.file), zstd(&ng.file)] {
        let (records, error, _) = read_with(&file, Options::default());
        assert!(error.is_none(), "{error:?}");
        assert_truth("mixed", &records, &truth);
        for packet in packets(&records) {
            let time = packet.at.time.map(|time| (time.nanos, time.digits));
            assert_eq!(time, expected_times[packet.at.frame as usize - 1]);
        }
    }
}

/// The lines of a program that still runs.
fn lines_of(stdout: impl io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    lines
}

/// Writes no more before the line of what was written has come.
#[test]
fn a_growing_stdin_is_followed_packet_by_packet() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Raw, MICRO);
    let truth = play(&talk, &packet_by_packet(&talk), &mut capture);
    let whole = pcap(PCAPS[0], 101, &capture.frames);
    let ng = pcapng(false, 101, &capture.frames);
    // Where the record of each frame ends.
    let ends = |head: usize, around: usize, pad: usize| -> Vec<usize> {
        let mut end = head;
        let mut ends = Vec::new();
        for frame in &capture.frames {
            end += around + frame.len().next_multiple_of(pad);
            ends.push(end);
        }
        ends
    };
    let pcap_ends = ends(24, 16, 1);
    assert_eq!(pcap_ends.last(), Some(&whole.len()));
    let first = capture.frames[0].len().next_multiple_of(4) + 48;
    let frames = capture.frames.iter();
    let total: usize = frames.map(|f| f.len().next_multiple_of(4) + 48).sum();
    let ng_ends = ends(ng.len() - total, 48, 4);
    assert!(first > 48 && ng_ends.last() == Some(&ng.len()));
    for (packing, file, ends) in [
        ("plain", &whole, &pcap_ends),
        ("plain", &ng, &ng_ends),
        ("gzip", &whole, &pcap_ends),
        ("zstd", &ng, &ng_ends),
    ] {
        let mut child = midge(&["decode", "-", "--lines"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        let mut out: Box<dyn Write> = match packing {
            "gzip" => Box::new(flate2::write::GzEncoder::new(
                stdin,
                flate2::Compression::default(),
            )),
            "zstd" => Box::new(
                zstd::stream::write::Encoder::new(stdin, 3)
                    .unwrap()
                    .auto_finish(),
            ),
            _ => Box::new(stdin),
        };
        let mut written = 0;
        for (frame, end) in ends.iter().enumerate() {
            out.write_all(&file[written..*end]).unwrap();
            out.flush().unwrap();
            written = *end;
            for (_, at, _) in &truth {
                if *at == frame as u64 + 1 {
                    let line = lines.recv_timeout(Duration::from_secs(60));
                    let line = line.unwrap_or_else(|_| panic!("{packing}: frame {at} is late"));
                    assert!(!line.is_empty());
                }
            }
        }
        drop(out);
        assert!(child.wait().unwrap().success());
        assert_eq!(lines.iter().count(), 0, "{packing}");
    }
}

#[test]
fn a_cut_packed_file_shows_what_is_whole_and_says_so() {
    let (_, frames, truth) = talk_and_frames();
    let file = pcap(PCAPS[0], 101, &frames);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    gzip.write_all(&file).unwrap();
    gzip.flush().unwrap();
    zstd.write_all(&file).unwrap();
    zstd.flush().unwrap();
    for (name, packed) in [("gzip", gzip.get_ref()), ("zstd", zstd.get_ref())] {
        let (records, error, _) = read_with(packed, Options::default());
        assert_truth(name, &records, &truth);
        assert!(matches!(error, Some(CaptureError::CompressedCut { .. })));
        let ended = run_with_input(&["decode", "--lines"], packed);
        assert_eq!(ended.text().lines().count(), truth.len());
        ended.expect(
            1,
            &format!(
                "midge: stdin: the {name} data is cut: it ends after {} bytes, in the middle of the capture\n",
                packed.len()
            ),
        );
    }
}

#[test]
fn what_is_no_capture_is_one_sentence() {
    let random: Vec<u8> = (0..5000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    let (_, frames, _) = talk_and_frames();
    let file = pcap(PCAPS[0], 101, &frames);
    let zeros = gzip(&vec![0; 1 << 20]);
    // A thousand times a thousand: 10 GB of zeros in 10 MB.
    let bomb = zeros.repeat(10_000);
    let pcap_bomb = [gzip(&file), bomb.clone()].concat();
    let lie = {
        let mut lie = file.clone();
        lie[24 + 8..24 + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        lie
    };
    for (input, message) in [
        (b"".to_vec(), "stdin is empty"),
        (
            random,
            "stdin is neither a pcap or pcapng file nor hex text (byte 0 is not text), and does not begin with a packet of MQTT (--input binary takes it anyway)",
        ),
        (
            png.clone(),
            "stdin is neither a pcap or pcapng file nor hex text, but a PNG picture",
        ),
        (
            b"\xfd7zXZ\0\0\x04".to_vec(),
            "stdin is neither a pcap or pcapng file nor hex text, but xz data; decompress it first: xz -dc",
        ),
        (
            vec![0; 1 << 20],
            "stdin is neither a pcap or pcapng file nor hex text (byte 0 is not text), and does not begin with a packet of MQTT (--input binary takes it anyway)",
        ),
        (
            file[..20].to_vec(),
            "stdin: the capture is cut: the file header at byte 0 needs 24 bytes, the file has 20",
        ),
        (
            lie,
            "stdin: the capture is damaged at byte 24: the record of frame 1 is 2147483663 bytes long, over the limit of 1048576",
        ),
        (
            gzip(&png),
            "stdin: not a pcap or pcapng capture: what is in the gzip data begins with 89504e470d0a1a0a (a PNG picture)",
        ),
        (
            bomb,
            "stdin is neither a pcap or pcapng file nor hex text (byte 0 is not text), and does not begin with a packet of MQTT (--input binary takes it anyway)",
        ),
        (
            pcap_bomb,
            &format!(
                "stdin: the capture is damaged at byte {}: the record of frame {} is all zeros",
                file.len(),
                frames.len() + 1
            ),
        ),
        (
            zstd(&gzip(&file)),
            "stdin: the zstd data holds gzip data again: only one layer of compression is read; decompress it once first",
        ),
        (
            gzip(&file)[..9].to_vec(),
            "stdin: the gzip data is cut: it ends after 9 bytes, in the middle of the capture",
        ),
    ] {
        let mut running = Running::start(midge(&["decode", "--lines"]));
        // It may end before it has read all.
        let _ = running.stdin().write_all(&input);
        let ended = running.wait();
        ended.expect(1, &format!("midge: {message}\n"));
    }
    run(&["decode", "src"]).expect(1, "midge: cannot read src: it is a directory\n");
}

#[test]
fn the_user_is_told_of_a_link_type_that_is_not_read() {
    let (_, frames, _) = talk_and_frames();
    let file = pcap(PCAPS[0], 105, &frames);
    let ended = run_with_input(&["decode"], &file);
    let n = frames.len();
    assert_eq!(ended.code(), 0);
    assert!(ended.stdout.is_empty());
    assert!(
        ended.stderr.starts_with(&format!(
            "midge: stdin: {n} of {n} frames have a link type that is not read (the first is 105, see \
             https://www.tcpdump.org/linktypes.html)\n"
        )),
        "{}",
        ended.stderr
    );
}

//! MQTT in TLS: sessions whose keys and packets are known.

use std::{cell::RefCell, collections::VecDeque, io::Read, rc::Rc};

use midge::capture::{SealReason, Sealed};

use super::*;

mod session;

use session::*;

// ---- writing ----

/// Cuts what was sent into segments of at most `size` bytes, in the order in which it was sent.
fn cut(session: &Session, size: usize) -> Vec<Step> {
    let of = |&(from, start, end): &Step| {
        (start..end)
            .step_by(size)
            .map(move |at| (from, at, (at + size).min(end)))
    };
    session.flights.iter().flat_map(of).collect()
}

/// The bytes of a session as those of a connection.
fn talk_of(session: &Session) -> Talk {
    let [client, server] = &session.streams;
    let mut talk = Talk::new(std::slice::from_ref(client), std::slice::from_ref(server));
    talk.addrs = [
        "10.0.0.1:50000".parse().unwrap(),
        "10.0.0.2:8883".parse().unwrap(),
    ];
    talk
}

/// Writes segments; gives the truth: a packet belongs to the first frame that holds the last byte
/// of its record. With what is missing at last there is no truth for the packets behind it.
fn write(session: &Session, steps: &[Step], capture: &mut Capture) -> Vec<Truth> {
    let talk = talk_of(session);
    talk.handshake(capture);
    let mut have = [0, 1].map(|from| vec![None; session.streams[from].len()]);
    let mut given = [0, 0];
    let mut truth = Vec::new();
    for &(from, start, end) in steps {
        let frame = talk.send(capture, from, start, end);
        for first in &mut have[from][start..end] {
            first.get_or_insert(frame);
        }
        while let Some(sent) = session.packets[from].get(given[from])
            && have[from][..sent.complete].iter().all(Option::is_some)
        {
            let frame = have[from][sent.complete - 1].unwrap();
            truth.push((talk.addrs[from], frame, sent.bytes.clone()));
            given[from] += 1;
        }
    }
    talk.fin(capture);
    truth
}

/// The records of a capture with a key log.
fn read_with_keys(capture: &Capture, keys: &str) -> Vec<Record> {
    let file = capture.file();
    let mut packets = Packets::new(&file[..], Options::default());
    let log = io::Cursor::new(keys.to_owned());
    packets.follow_key_log(Box::new(log)).unwrap();
    drain(&mut packets)
}

fn drain<R: Read>(packets: &mut Packets<R>) -> Vec<Record> {
    std::iter::from_fn(|| packets.next().unwrap()).collect()
}

fn sealed(records: &[Record]) -> Vec<&Sealed> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Sealed(sealed) => Some(sealed),
            _ => None,
        })
        .collect()
}

fn reasons(records: &[Record]) -> Vec<SealReason> {
    sealed(records).iter().map(|sealed| sealed.reason).collect()
}

fn check_tls(what: &str, session: &Session, steps: &[Step], keys: &str) {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = write(session, steps, &mut capture);
    let all = session.packets[0].len() + session.packets[1].len();
    assert_eq!(truth.len(), all, "{what}: the schedule is not whole");
    let records = read_with_keys(&capture, keys);
    assert_truth(what, &records, &truth);
    for packet in packets(&records) {
        let is_client = packet.at.src.port() == 50_000;
        let side = if is_client {
            Side::Client
        } else {
            Side::Server
        };
        assert_eq!(packet.at.from, Some(side), "{what}");
        assert_eq!(packet.at.transport, "tls", "{what}");
        assert_eq!(packet.version_from, VersionFrom::Connect, "{what}");
    }
}

// ---- suites, sizes, order ----

#[test]
fn every_suite_in_segments_of_any_size() {
    for kind in Kind::all() {
        let is_ecdsa = format!("{kind:?}").contains("_RSA_");
        if is_ecdsa {
            continue; // the certificate is another
        }
        let ends = Ends::new(kind);
        let session = ends.usual();
        for size in [40, 100, 536, 1448, 100_000] {
            let what = format!("{kind:?} in segments of {size}");
            check_tls(&what, &session, &cut(&session, size), &ends.key_log());
        }
    }
}

#[test]
fn one_byte_per_segment_in_tls() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let mut session = ends.session(&[]);
        session.send(
            0,
            &[
                connect(Version::V311, "x"),
                publish(Version::V311, "t", &[1; 90]),
            ],
        );
        session.send(1, &[connack(Version::V311)]);
        check_tls("one byte", &session, &cut(&session, 1), &ends.key_log());
    }
}

#[test]
fn records_of_any_size() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        for fragment in [40, 64, 300, 5000] {
            let kind = Kind {
                fragment: Some(fragment),
                ..kind
            };
            let ends = Ends::new(kind);
            let session = ends.usual();
            for size in [200, 1448] {
                let what = format!("{kind:?} in segments of {size}");
                check_tls(&what, &session, &cut(&session, size), &ends.key_log());
            }
        }
    }
}

#[test]
fn out_of_order_and_twice_in_tls() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let session = ends.usual();
        let keys = ends.key_log();
        let steps = cut(&session, 500);
        let mut swapped = steps.clone();
        swapped.chunks_mut(2).for_each(<[Step]>::reverse);
        check_tls("neighbours swapped", &session, &swapped, &keys);
        let twice: Vec<Step> = steps.iter().flat_map(|step| [*step, *step]).collect();
        check_tls("every segment twice", &session, &twice, &keys);
        let mut backwards = steps.clone();
        backwards.reverse();
        check_tls("all backwards", &session, &backwards, &keys);
        // One direction was captured far ahead of the other.
        for first in [0, 1] {
            let mut sorted = steps.clone();
            sorted.sort_by_key(|step| step.0 != first);
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            let truth = write(&session, &sorted, &mut capture);
            let records = read_with_keys(&capture, &keys);
            let mut found: Vec<_> = found(&records)
                .into_iter()
                .map(|(src, _, bytes)| (src, bytes))
                .collect();
            let mut truth: Vec<_> = truth
                .into_iter()
                .map(|(src, _, bytes)| (src, bytes))
                .collect();
            found.sort();
            truth.sort();
            assert!(found == truth, "{kind:?}: {first} first");
            assert_eq!(packets(&records).len(), records.len());
        }
    }
}

// ---- handshakes ----

#[test]
fn retries_resumption_and_client_certificates() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        for (retry, client_certificate) in [(true, false), (false, true), (true, true)] {
            let kind = Kind {
                retry,
                client_certificate,
                ..kind
            };
            let ends = Ends::new(kind);
            let first = ends.usual();
            let second = ends.usual();
            for (which, session) in [("new", first), ("resumed", second)] {
                for size in [100, 1448] {
                    let what = format!("{which} {kind:?} in segments of {size}");
                    check_tls(&what, &session, &cut(&session, size), &ends.key_log());
                }
            }
        }
    }
}

#[test]
fn sessions_are_resumed() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let (first, second) = (ends.usual(), ends.usual());
        // Without a certificate the server has less to say.
        assert!(second.flights[1].2 + 200 < first.flights[1].2, "{kind:?}");
        check_tls("resumed", &second, &cut(&second, 1448), &ends.key_log());
    }
}

#[test]
fn keys_are_updated() {
    let ends = Ends::new(Kind::tls13());
    let mut session = ends.session(&[]);
    session.send(0, &[connect(Version::V311, "x")]);
    session.send(1, &[connack(Version::V311)]);
    for i in 0..6u8 {
        session.update_keys(usize::from(i % 3 == 0));
        session.send(0, &[publish(Version::V311, "t", &[i; 50])]);
        session.send(1, &[publish(Version::V311, "u", &[i; 60])]);
    }
    session.close();
    let keys = ends.key_log();
    for size in [50, 1448] {
        check_tls("key updates", &session, &cut(&session, size), &keys);
    }
}

#[test]
fn early_data() {
    let kind = Kind {
        early: 4096,
        ..Kind::tls13()
    };
    let ends = Ends::new(kind);
    ends.usual();
    let early = [
        connect(Version::V311, "early"),
        publish(Version::V311, "t", &[7; 99]),
    ];
    let mut session = ends.session(&early);
    assert!(session.early_data());
    session.count_early_data();
    session.send(1, &[connack(Version::V311)]);
    session.send(0, &[PINGREQ.to_vec()]);
    session.close();
    let keys = ends.key_log();
    assert!(keys.contains("CLIENT_EARLY_TRAFFIC_SECRET"));
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = write(&session, &cut(&session, 500), &mut capture);
    assert_eq!(truth.len(), 4);
    let records = read_with_keys(&capture, &keys);
    assert_truth("early data", &records, &truth);
}

/// What the server did not take is sent again: it must not be there twice.
#[test]
fn early_data_that_is_rejected() {
    let kind = Kind {
        early: 4096,
        ..Kind::tls13()
    };
    let ends = Ends::new(kind);
    ends.usual();
    // A server that does not know the session.
    let mut other = Ends::new(kind);
    other.take_client_of(&ends);
    let early = [connect(Version::V311, "early")];
    let mut session = other.session(&early);
    assert!(!session.early_data());
    session.send(0, &early);
    session.send(1, &[connack(Version::V311)]);
    session.close();
    let keys = ends.key_log() + &other.key_log();
    check_tls("rejected", &session, &cut(&session, 500), &keys);
    let without: String = keys
        .lines()
        .filter(|line| !line.contains("EARLY"))
        .map(|line| format!("{line}\n"))
        .collect();
    check_tls(
        "rejected, unreadable",
        &session,
        &cut(&session, 500),
        &without,
    );
}

// ---- keys ----

fn only(keys: &str, label: &str) -> String {
    keys.lines()
        .filter(|line| line.contains(label))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn traffic_secrets_alone_are_enough() {
    for retry in [false, true] {
        let kind = Kind {
            retry,
            ..Kind::tls13()
        };
        let ends = Ends::new(kind);
        let session = ends.usual();
        let keys = only(&ends.key_log(), "_TRAFFIC_SECRET_0");
        check_tls("traffic secrets", &session, &cut(&session, 700), &keys);
    }
}

#[test]
fn one_direction_has_keys() {
    let ends = Ends::new(Kind::tls13());
    let session = ends.usual();
    for from in [0, 1] {
        let side = ["CLIENT_", "SERVER_"][from];
        let keys = only(&ends.key_log(), side);
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        let truth = write(&session, &cut(&session, 700), &mut capture);
        let records = read_with_keys(&capture, &keys);
        let expected: Vec<_> = truth
            .into_iter()
            .filter(|t| (t.0.port() == 50_000) == (from == 0))
            .collect();
        assert_eq!(found(&records), expected, "{from}");
        assert_eq!(reasons(&records), [SealReason::NoKeys], "{from}");
    }
}

#[test]
fn without_keys_it_is_said_once() {
    for (kind, version, suite) in [
        (
            Kind::tls12(),
            "TLS 1.2",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (Kind::tls13(), "TLS 1.3", "TLS_AES_256_GCM_SHA384"),
    ] {
        let ends = Ends::new(kind);
        let session = ends.usual();
        for format in [MICRO, Format::Pcapng] {
            let mut capture = Capture::new(Link::Ethernet, format);
            write(&session, &cut(&session, 700), &mut capture);
            for keys in [None, Some(""), Some("# nothing\nnonsense\n")] {
                let records = match keys {
                    None => read(&capture),
                    Some(keys) => read_with_keys(&capture, keys),
                };
                assert_eq!(records.len(), 1, "{records:?}");
                let sealed = sealed(&records)[0];
                assert_eq!(sealed.reason, SealReason::NoKeys);
                assert_eq!(sealed.version.unwrap().to_string(), version);
                assert_eq!(sealed.suite.unwrap().to_string(), suite);
                assert_eq!(sealed.server_name.as_deref(), Some("broker.test"));
                assert_eq!((sealed.at.src.port(), sealed.at.dst.port()), (50_000, 8883));
                assert_eq!(sealed.at.from, Some(Side::Client));
            }
        }
    }
}

#[test]
fn wrong_and_truncated_keys_give_nothing() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let session = ends.usual();
        let keys = ends.key_log();
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        write(&session, &cut(&session, 700), &mut capture);
        // The last digit of each secret is another.
        let wrong: String = keys
            .lines()
            .map(|line| {
                let (rest, last) = line.split_at(line.len() - 1);
                format!("{rest}{}\n", if last == "0" { "1" } else { "0" })
            })
            .collect();
        let records = read_with_keys(&capture, &wrong);
        assert_eq!(reasons(&records), [SealReason::KeysDoNotFit], "{kind:?}");
        assert_eq!(records.len(), 1, "{kind:?}");
        // Lines cut off.
        let cut: String = keys
            .lines()
            .map(|line| line[..120].to_owned() + "\n")
            .collect();
        let records = read_with_keys(&capture, &cut);
        assert_eq!(reasons(&records), [SealReason::NoKeys], "{kind:?}");
        assert_eq!(records.len(), 1, "{kind:?}");
    }
}

// ---- where keys come from, and when ----

/// Puts a block with secrets before the `n`th frame of a pcapng file.
fn with_secrets(file: &[u8], frame: usize, keys: &str) -> Vec<u8> {
    let mut at = 0;
    let mut frames = 0;
    while at < file.len() {
        if file[at..at + 4] == [6, 0, 0, 0] {
            frames += 1;
            if frames == frame {
                break;
            }
        }
        at += u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    let padded = keys.len().next_multiple_of(4);
    let len = 20 + padded as u32;
    let mut block = Vec::new();
    for word in [10, len, 0x544c_534b, keys.len() as u32] {
        block.extend(word.to_le_bytes());
    }
    block.extend(keys.as_bytes());
    block.resize(block.len() + padded - keys.len(), 0);
    block.extend(len.to_le_bytes());
    [&file[..at], &block, &file[at..]].concat()
}

#[test]
fn secrets_in_the_file_at_any_place() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let session = ends.usual();
        let mut capture = Capture::new(Link::Ethernet, Format::Pcapng);
        let truth = write(&session, &cut(&session, 1448), &mut capture);
        let file = capture.file();
        // In front of the last frames, and behind them, the connection is over.
        for frame in 1..=capture.frames.len() + 1 {
            let file = with_secrets(&file, frame, &ends.key_log());
            let (records, error, _) = read_with(&file, Options::default());
            assert!(error.is_none());
            assert_truth(&format!("{kind:?} before frame {frame}"), &records, &truth);
        }
    }
}

/// A file that is written while it is read.
#[derive(Clone, Default)]
struct Growing(Rc<RefCell<VecDeque<u8>>>);

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

/// Gives a capture frame by frame, and at one of them writes the key log.
struct Live {
    parts: VecDeque<Vec<u8>>,
    left_until_keys: usize,
    keys: Vec<u8>,
    log: Growing,
}

impl Read for Live {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left_until_keys == 0 {
            self.log.0.borrow_mut().extend(self.keys.drain(..));
        }
        self.left_until_keys = self.left_until_keys.wrapping_sub(1);
        let part = self.parts.pop_front().unwrap_or_default();
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

#[test]
fn a_key_log_that_lags_behind() {
    let ends = Ends::new(Kind::tls13());
    let session = ends.usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = write(&session, &cut(&session, 1448), &mut capture);
    for late in 1..=capture.frames.len() {
        let mut parts = VecDeque::new();
        let mut shown = Capture::new(Link::Ethernet, MICRO);
        let mut before = 0;
        for frame in &capture.frames {
            shown.frames.push(frame.clone());
            let file = shown.file();
            parts.push_back(file[before..].to_vec());
            before = file.len();
        }
        let log = Growing::default();
        let live = Live {
            parts,
            left_until_keys: late,
            keys: ends.key_log().into_bytes(),
            log: log.clone(),
        };
        let mut packets = Packets::new(live, Options::default());
        packets.follow_key_log(Box::new(log)).unwrap();
        let records = drain(&mut packets);
        assert_truth(&format!("keys at frame {late}"), &records, &truth);
    }
}

// ---- loss ----

/// The packets that lie wholly in records that are whole, one segment being lost.
fn whole(session: &Session, lost: Step) -> Vec<(usize, Vec<u8>)> {
    let (from, start, end) = lost;
    let mut whole = Vec::new();
    for sender in [0, 1] {
        for sent in &session.packets[sender] {
            let is_hit = sender == from && start < sent.complete && end > sent.first;
            if !is_hit {
                whole.push((sender, sent.bytes.clone()));
            }
        }
    }
    whole
}

fn message_len(message: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([message[2], message[3]]))
}

#[test]
fn any_lost_segment_costs_only_what_it_cuts() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        for fragment in [None, Some(200)] {
            let kind = Kind { fragment, ..kind };
            let ends = Ends::new(kind);
            let mut session = ends.session(&[]);
            // A session whose packets have records of their own.
            let v = Version::V311;
            let handshake = session.streams.each_ref().map(Vec::len);
            // The random of the client's, and all of the server's, in which the suite is named.
            let hellos = [
                5 + 4 + 2 + 32,
                5 + 4 + message_len(&session.streams[1][5..]),
            ];
            session.send(0, &[connect(v, "lossy")]);
            session.send(1, &[connack(v)]);
            for i in 0..12u8 {
                session.send(
                    0,
                    &[publish(v, "a/b", &[i; 90]), publish(v, "c/d", &[i; 30])],
                );
                session.send(1, &[publish_qos1("e/f", 1 + u16::from(i), &[i; 100])]);
                session.send(0, &[puback(1 + u16::from(i))]);
                session.send(0, &[publish(v, "long", &[i; 500])]);
            }
            session.send(0, &[DISCONNECT.to_vec()]);
            session.close();
            let keys = ends.key_log();
            for size in [60, 333] {
                let steps = cut(&session, size);
                for (i, lost) in steps.iter().enumerate() {
                    let mut rest = steps.clone();
                    rest.remove(i);
                    let mut capture = Capture::new(Link::Ethernet, MICRO);
                    write(&session, &rest, &mut capture);
                    let records = read_with_keys(&capture, &keys);
                    let what = format!("{kind:?} without {lost:?} of {handshake:?}");
                    let mut truth = whole(&session, *lost);
                    let mut got: Vec<_> = packets(&records)
                        .iter()
                        .filter(|packet| !packet.is_cut())
                        .map(|p| (usize::from(p.at.src.port() == 8883), p.bytes.to_vec()))
                        .collect();
                    truth.sort();
                    got.sort();
                    // Nothing is invented.
                    for packet in &got {
                        let known = &session.packets[packet.0];
                        assert!(known.iter().any(|sent| sent.bytes == packet.1), "{what}");
                    }
                    if lost.1 < hellos[lost.0] && got.is_empty() {
                        // Without a hello there is nothing to be found, and it is said.
                        assert_eq!(reasons(&records), [SealReason::NoHandshake], "{what}");
                        continue;
                    }
                    if lost.1 >= handshake[lost.0] {
                        assert!(
                            truth.len() == session.packets.concat().len()
                                || !gaps(&records).is_empty(),
                            "{what}: no word of the loss"
                        );
                    }
                    assert_eq!(reasons(&records), [], "{what}");
                    assert_eq!(got, truth, "{what}");
                }
            }
        }
    }
}

/// Losses of all kinds at once, behind the handshake: nothing is invented, and what is not in their
/// reach is found.
#[test]
fn many_losses() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let mut session = ends.session(&[]);
        let v = Version::V311;
        session.send(0, &[connect(v, "lossy")]);
        session.send(1, &[connack(v)]);
        let handshake = session.streams.each_ref().map(Vec::len);
        for i in 0..200u16 {
            let [h, l] = i.to_be_bytes();
            session.send(0, &[publish(v, "a/b", &[h, l, 7, 7, 7])]);
            session.send(1, &[publish_qos1("e/f", 1 + i, &[0x30; 150])]);
            session.send(0, &[puback(1 + i)]);
        }
        let keys = ends.key_log();
        let mut random: u32 = 1;
        for (size, every) in [(50, 40), (100, 10), (200, 6), (1448, 5)] {
            for _ in 0..20 {
                let steps: Vec<Step> = cut(&session, size)
                    .into_iter()
                    .filter(|(from, start, _)| {
                        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        *start < handshake[*from] || !(random >> 16).is_multiple_of(every)
                    })
                    .collect();
                let mut capture = Capture::new(Link::Ethernet, MICRO);
                write(&session, &steps, &mut capture);
                let records = read_with_keys(&capture, &keys);
                assert_eq!(reasons(&records), []);
                for from in [0, 1] {
                    let mut have = vec![false; session.streams[from].len()];
                    for (_, start, end) in steps.iter().filter(|step| step.0 == from) {
                        have[*start..*end].fill(true);
                    }
                    let whole = session.packets[from]
                        .iter()
                        .filter(|sent| have[sent.first..sent.complete].iter().all(|have| *have))
                        .map(|sent| sent.bytes.clone());
                    let port = [50_000, 8883][from];
                    let found: Vec<_> = packets(&records)
                        .iter()
                        .filter(|packet| packet.at.src.port() == port && !packet.is_cut())
                        .map(|packet| packet.bytes.to_vec())
                        .collect();
                    let whole: Vec<_> = whole.collect();
                    assert!(
                        found == whole,
                        "{kind:?} {size} {every} {from}: {} of {}",
                        found.len(),
                        whole.len()
                    );
                }
            }
        }
    }
}

/// Thousands of records are lost in a row.
#[test]
fn a_long_loss() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let mut session = ends.session(&[]);
        let v = Version::V311;
        session.send(0, &[connect(v, "lossy")]);
        session.send(1, &[connack(v)]);
        let start = session.streams[0].len();
        for _ in 0..6000 {
            session.send(0, &[PINGREQ.to_vec()]);
        }
        let end = session.streams[0].len();
        for i in 0..5u8 {
            session.send(0, &[publish(v, "behind", &[i; 40])]);
        }
        let steps: Vec<Step> = cut(&session, 1000)
            .into_iter()
            .filter(|(from, at, _)| *from == 1 || *at < start || *at >= end)
            .collect();
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        write(&session, &steps, &mut capture);
        let records = read_with_keys(&capture, &ends.key_log());
        let found = found(&records);
        let behind = found
            .iter()
            .filter(|(_, _, bytes)| bytes[0] == 0x30)
            .count();
        assert_eq!((behind, found.len()), (5, 7), "{kind:?}");
        let lost: Vec<_> = gaps(&records).iter().map(|gap| gap.lost).collect();
        assert_eq!(lost, [(end - start) as u64], "{kind:?}");
    }
}

// ---- what cannot be read ----

fn with_u16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn tls_record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &with_u16(body)].concat()
}

/// A handshake by hand, and sealed bytes behind it.
fn by_hand(version: [u8; 2], suite: [u8; 2], compression: u8) -> Capture {
    let message =
        |kind: u8, body: &[u8]| tls_record(22, &[&[kind, 0][..], &with_u16(body)].concat());
    let client = message(
        1,
        &[&[3, 3][..], &[1; 32], &[0, 0, 2], &suite, &[1, 0]].concat(),
    );
    let server = message(
        2,
        &[&version[..], &[2; 32], &[0], &suite, &[compression]].concat(),
    );
    let sealed = [
        tls_record(20, &[1]),
        tls_record(22, &[9; 40]),
        tls_record(23, &[9; 90]),
    ]
    .concat();
    let talk = Talk::new(&[client, sealed.clone()], &[server, sealed]);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    talk.handshake(&mut capture);
    for (from, start, end) in packet_by_packet(&talk) {
        talk.send(&mut capture, from, start, end);
    }
    talk.fin(&mut capture);
    capture
}

#[test]
fn what_is_not_supported_is_named() {
    let keys = format!("CLIENT_RANDOM {} {}\n", "01".repeat(32), "02".repeat(48));
    for (version, suite, compression, name, reason) in [
        (
            [3, 3],
            [0xc0, 0x14],
            0,
            "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            SealReason::UnsupportedSuite,
        ),
        (
            [3, 3],
            [0xfa, 0xfa],
            0,
            "TLS 1.2 cipher suite 0xfafa",
            SealReason::UnsupportedSuite,
        ),
        (
            [3, 3],
            [0xc0, 0x2f],
            1,
            "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            SealReason::UnsupportedSuite,
        ),
        // A suite of TLS 1.3.
        (
            [3, 3],
            [0x13, 1],
            0,
            "TLS 1.2 TLS_AES_128_GCM_SHA256",
            SealReason::UnsupportedSuite,
        ),
        (
            [3, 2],
            [0xc0, 0x2f],
            0,
            "TLS 1.1 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            SealReason::UnsupportedVersion,
        ),
        (
            [3, 3],
            [0xc0, 0x2f],
            0,
            "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            SealReason::KeysDoNotFit,
        ),
    ] {
        let records = read_with_keys(&by_hand(version, suite, compression), &keys);
        assert_eq!(records.len(), 1, "{name}: {records:?}");
        let sealed = sealed(&records)[0];
        let (version, suite) = (sealed.version.unwrap(), sealed.suite.unwrap());
        assert_eq!(
            (format!("{version} {suite}").as_str(), sealed.reason),
            (name, reason)
        );
        assert_eq!(sealed.server_name, None);
    }
}

/// A capture that begins later: what the records are is seen, and that they cannot be opened.
#[test]
fn a_capture_that_begins_behind_the_hellos() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let mut session = ends.session(&[]);
        for i in 0..40 {
            session.send(0, &[publish_qos1("a/b", 1 + i, b"0123456789")]);
            session.send(1, &[puback(1 + i)]);
        }
        let steps = cut(&session, 30);
        for skipped in steps.len() / 2..steps.len() / 2 + 7 {
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            write(&session, &steps[skipped..], &mut capture);
            capture.frames.drain(..3);
            let records = read_with_keys(&capture, &ends.key_log());
            assert_eq!(reasons(&records), [SealReason::NoHandshake], "{skipped}");
            assert_eq!(records.len(), 1, "{skipped}");
        }
    }
}

/// Only one direction was captured.
#[test]
fn one_direction_alone_in_tls() {
    for kind in [Kind::tls12(), Kind::tls13()] {
        let ends = Ends::new(kind);
        let session = ends.usual();
        for from in [0, 1] {
            let mut steps = cut(&session, 300);
            steps.retain(|step| step.0 == from);
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            write(&session, &steps, &mut capture);
            let records = read_with_keys(&capture, &ends.key_log());
            assert_eq!(
                reasons(&records),
                [SealReason::NoHandshake],
                "{kind:?} {from}"
            );
            assert_eq!(packets(&records).len(), 0);
        }
    }
}

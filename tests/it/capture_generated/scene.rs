//! A connection and what of it a capture has, byte by byte: the strict audit.
//!
//! Whatever a capture lacks, every byte of a stream must be accounted for exactly once and in
//! order: as part of a packet, as lost, or as skipped. And every packet of which the capture has
//! all bytes must be there, with its frame.

use std::ops::Range;

use super::{wire::*, *};

/// A talk that is being captured.
pub(super) struct Scene {
    pub(super) talk: Talk,
    pub(super) capture: Capture,
    /// The frame that first had each byte.
    first: [Vec<Option<u64>>; 2],
    /// The bytes that the capture can know of: those it has, and those that it is told of.
    known: [Option<Range<usize>>; 2],
    /// Packets (sender, index) that cannot be found, for a reason.
    pub(super) unreachable: Vec<(From, usize)>,
    /// Whether segments acknowledge what the other side has sent so far, as real ones do.
    pub(super) acknowledges: bool,
    pub(super) stream_number: u64,
}

impl Scene {
    pub(super) fn new(talk: &Talk) -> Scene {
        Scene::onto(Capture::new(Link::Ethernet, MICRO), talk)
    }

    /// A connection in a capture that has others already.
    pub(super) fn onto(capture: Capture, talk: &Talk) -> Scene {
        Scene {
            first: [0, 1].map(|from| vec![None; talk.stream(from).len()]),
            known: [None, None],
            talk: talk.clone(),
            capture,
            unreachable: Vec::new(),
            acknowledges: true,
            stream_number: 0,
        }
    }

    /// With its handshake.
    pub(super) fn opened(talk: &Talk) -> Scene {
        let mut scene = Scene::new(talk);
        scene.handshake();
        scene
    }

    pub(super) fn handshake(&mut self) {
        self.talk.handshake(&mut self.capture);
        self.knows(0, 0);
        self.knows(1, 0);
    }

    /// The capture tells of byte `at`.
    pub(super) fn knows(&mut self, from: From, at: usize) {
        let known = self.known[from].get_or_insert(at..at);
        *known = known.start.min(at)..known.end.max(at);
    }

    /// Bytes `start..end` of a stream in one segment; returns the frame.
    pub(super) fn send(&mut self, from: From, start: usize, end: usize) -> u64 {
        let known = self.known[1 - from].clone();
        let upto = known
            .filter(|_| self.acknowledges)
            .map_or(0, |known| known.end);
        let (seq, ack) = (self.seq(from, start), self.seq(1 - from, upto));
        let payload = &self.talk.stream(from)[start..end];
        let ends = self.talk.ends(from);
        let frame = self.capture.segment(ends, seq, ack, ACK, payload);
        self.has(from, start, end, frame);
        frame
    }

    /// The same, without saying that the capture has the bytes.
    pub(super) fn send_nothing(&mut self, from: From, start: usize, end: usize) -> u64 {
        let frame = self.talk.send(&mut self.capture, from, start, end);
        self.knows(from, start);
        self.knows(from, end);
        frame
    }

    /// The frames of the capture have other numbers now.
    pub(super) fn renumber(&mut self, number: impl Fn(u64) -> u64) {
        for first in self.first.iter_mut().flatten().flatten() {
            *first = number(*first);
        }
    }

    /// The capture has `start..end` in `frame`.
    pub(super) fn has(&mut self, from: From, start: usize, end: usize, frame: u64) {
        for first in &mut self.first[from][start..end] {
            first.get_or_insert(frame);
        }
        self.knows(from, start);
        self.knows(from, end);
    }

    /// Sequence number of byte `at`.
    pub(super) fn seq(&self, from: From, at: usize) -> u32 {
        self.talk.isn[from].wrapping_add(1).wrapping_add(at as u32)
    }

    /// An empty segment: `from` has everything up to `upto` of the other side.
    pub(super) fn ack(&mut self, from: From, at: usize, upto: usize) -> u64 {
        let (seq, ack) = (self.seq(from, at), self.seq(1 - from, upto));
        let ends = self.talk.ends(from);
        self.capture.segment(ends, seq, ack, ACK, b"")
    }

    /// Both ends say that this was all.
    pub(super) fn fin(&mut self) {
        self.talk.fin(&mut self.capture);
        for from in [0, 1] {
            self.knows(from, self.first[from].len());
        }
    }

    pub(super) fn play(&mut self, steps: &[Step]) {
        for &(from, start, end) in steps {
            self.send(from, start, end);
        }
    }

    /// What must be found of one sender: the packets of which every byte was captured.
    fn truth(&self, from: From) -> Vec<(u64, Vec<u8>)> {
        let mut at = 0;
        let mut truth = Vec::new();
        for (i, packet) in self.talk.packets[from].iter().enumerate() {
            let bytes = &self.first[from][at..at + packet.len()];
            at += packet.len();
            if bytes.iter().all(Option::is_some) && !self.unreachable.contains(&(from, i)) {
                truth.push((bytes[packet.len() - 1].unwrap(), packet.clone()));
            }
        }
        truth
    }

    /// Reads the capture and audits what was found of this stream.
    pub(super) fn check(&self, what: &str) -> Vec<Record> {
        let records = read(&self.capture);
        self.audit(what, &records);
        records
    }

    /// That every byte is accounted for and nothing is invented, though something may be missed:
    /// between losses there may be too little to go by.
    pub(super) fn check_soundness(&self, what: &str) {
        let records = read(&self.capture);
        for from in [0, 1] {
            self.account(what, from, &records);
        }
    }

    pub(super) fn audit(&self, what: &str, records: &[Record]) {
        for from in [0, 1] {
            self.account(what, from, records);
            let found: Vec<_> = packets(records)
                .into_iter()
                .filter(|p| self.is_from(from, &p.at) && !p.is_cut())
                .map(|p| (p.at.frame, p.bytes.to_vec()))
                .collect();
            let truth = self.truth(from);
            let short = |all: &[(u64, Vec<u8>)]| -> Vec<String> {
                let text = |bytes: &[u8]| {
                    String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned()
                };
                all.iter()
                    .map(|(frame, bytes)| format!("{frame}:{}:{:?}", bytes.len(), text(bytes)))
                    .collect()
            };
            assert!(
                found == truth,
                "{what}: packets of {from}: found {:#?}, true are {:#?}\n{}",
                short(&found),
                short(&truth),
                self.list(records)
            );
        }
    }

    /// In which order things came, across both directions: by frame.
    pub(super) fn assert_ascending(&self, what: &str, records: &[Record]) {
        let frames: Vec<u64> = packets(records).iter().map(|p| p.at.frame).collect();
        assert!(frames.is_sorted(), "{what}: {frames:?}");
    }

    fn is_from(&self, from: From, at: &Location) -> bool {
        at.stream == self.stream_number && (at.src, at.dst) == self.talk.ends(from)
    }

    /// Every byte exactly once, in order.
    fn account(&self, what: &str, from: From, records: &[Record]) {
        let stream = self.talk.stream(from);
        let Some(known) = self.known[from].clone() else {
            return;
        };
        let mut at = known.start;
        let mut boundaries = vec![0];
        for packet in &self.talk.packets[from] {
            boundaries.push(boundaries.last().unwrap() + packet.len());
        }
        let mut something = false;
        for record in records {
            match record {
                Record::Packet(packet) if self.is_from(from, &packet.at) => {
                    let end = at + packet.bytes.len();
                    assert!(
                        stream.get(at..end) == Some(&packet.bytes[..]),
                        "{what}: not the bytes of {from} at {at}: {packet:?}\n{}",
                        self.list(records)
                    );
                    assert!(
                        boundaries.contains(&at)
                            && boundaries.contains(&(at + packet.announced_len)),
                        "{what}: invented at {at} of {from}: {packet:?}\n{}",
                        self.list(records)
                    );
                    at = end;
                }
                Record::Gap(gap) if self.is_from(from, &gap.at) => {
                    let end = at + gap.lost as usize;
                    let first = &self.first[from][at..end.min(stream.len())];
                    assert!(
                        end <= stream.len() && first.iter().all(Option::is_none),
                        "{what}: lost at {at} of {from}: {gap:?}\n{}",
                        self.list(records)
                    );
                    if let Some(frame) = gap.resynced_at_frame {
                        let ok = self.first[from][end..].contains(&Some(frame));
                        assert!(ok, "{what}: {gap:?}");
                    }
                    at = end;
                }
                Record::Skipped(skipped) if self.is_from(from, &skipped.at) => {
                    let end = at + skipped.len as usize;
                    let first = &self.first[from][at..end.min(stream.len())];
                    assert!(
                        end <= stream.len() && first.iter().all(Option::is_some),
                        "{what}: skipped at {at} of {from}: {skipped:?}\n{}",
                        self.list(records)
                    );
                    at = end;
                }
                _ => continue,
            }
            something = true;
        }
        if something {
            assert_eq!(
                at,
                known.end,
                "{what}: bytes of {from} that are accounted for\n{}",
                self.list(records)
            );
        }
    }

    fn list(&self, records: &[Record]) -> String {
        let mut list = String::new();
        for record in records {
            list += &match record {
                Record::Packet(p) => format!(
                    "  stream {} frame {} {}: packet {:02x} {} of {}, {} {:?}\n",
                    p.at.stream,
                    p.at.frame,
                    p.at.src,
                    p.bytes[0],
                    p.bytes.len(),
                    p.announced_len,
                    p.version,
                    p.version_from
                ),
                Record::Gap(g) => format!(
                    "  stream {} frame {} {}: gap {} resynced {:?}\n",
                    g.at.stream, g.at.frame, g.at.src, g.lost, g.resynced_at_frame
                ),
                Record::Skipped(s) => format!(
                    "  stream {} frame {} {}: skipped {} {:?}\n",
                    s.at.stream, s.at.frame, s.at.src, s.len, s.reason
                ),
                other => format!("  {other:?}\n"),
            };
        }
        list
    }
}

//! Writes captures whose truth is known.
//!
//! Every header is written by hand on purpose: nothing of what is tested builds them.

use std::net::{IpAddr, SocketAddr};

use midge::mqtt::Version;

// ---- MQTT packets ----

pub(super) fn varint(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        out.push(byte | if value > 0 { 0x80 } else { 0 });
        if value == 0 {
            return;
        }
    }
}

pub(super) fn packet(byte1: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![byte1];
    varint(body.len(), &mut packet);
    packet.extend_from_slice(body);
    packet
}

pub(super) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

pub(super) fn connect(version: Version, id: &str) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let name = string(version.protocol_name());
    packet(
        0x10,
        &[
            &name[..],
            &[version.level(), 2, 0, 60],
            properties,
            &string(id),
        ]
        .concat(),
    )
}

pub(super) fn connack(version: Version) -> Vec<u8> {
    let body: &[u8] = if version == Version::V5 {
        &[0, 0, 0]
    } else {
        &[0, 0]
    };
    packet(0x20, body)
}

pub(super) fn publish(version: Version, topic: &str, payload: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    packet(0x30, &[&string(topic)[..], properties, payload].concat())
}

pub(super) fn publish_qos1(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    packet(
        0x32,
        &[&string(topic)[..], &id.to_be_bytes(), payload].concat(),
    )
}

pub(super) fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

pub(super) const PINGREQ: [u8; 2] = [0xc0, 0];
pub(super) const PINGRESP: [u8; 2] = [0xd0, 0];
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

// ---- frames and files ----

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Link {
    Ethernet,
    Vlan,
    Null,
    Loop,
    Raw,
    Sll,
    Sll2,
}

impl Link {
    pub(super) const ALL: [Link; 7] = [
        Link::Ethernet,
        Link::Vlan,
        Link::Null,
        Link::Loop,
        Link::Raw,
        Link::Sll,
        Link::Sll2,
    ];

    pub(super) fn number(self) -> u32 {
        match self {
            Link::Ethernet | Link::Vlan => 1,
            Link::Null => 0,
            Link::Loop => 108,
            Link::Raw => 101,
            Link::Sll => 113,
            Link::Sll2 => 276,
        }
    }

    pub(super) fn frame(self, ip: &[u8]) -> Vec<u8> {
        let v6 = ip[0] >> 4 == 6;
        let ether_type: [u8; 2] = if v6 { [0x86, 0xdd] } else { [8, 0] };
        let head = match self {
            Link::Ethernet => [&[2; 12][..], &ether_type].concat(),
            Link::Vlan => [&[2; 12][..], &[0x81, 0, 0x20, 7], &ether_type].concat(),
            Link::Null => vec![if v6 { 30 } else { 2 }, 0, 0, 0],
            Link::Loop => vec![0, 0, 0, if v6 { 24 } else { 2 }],
            Link::Raw => vec![],
            Link::Sll => [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &ether_type].concat(),
            Link::Sll2 => [
                &ether_type[..],
                &[0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0],
            ]
            .concat(),
        };
        let mut frame = [&head[..], ip].concat();
        if matches!(self, Link::Ethernet | Link::Vlan) && frame.len() < 60 {
            frame.resize(60, 0xcc); // padding that is no payload
        }
        frame
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Format {
    Pcap { big_endian: bool, nanos: bool },
    Pcapng,
}

pub(super) const MICRO: Format = Format::Pcap {
    big_endian: false,
    nanos: false,
};

pub(super) const SYN: u8 = 2;
pub(super) const FIN: u8 = 1;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A capture being written. Frame n is captured n milliseconds after the epoch.
pub(super) struct Capture {
    pub(super) link: Link,
    pub(super) format: Format,
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) snaplen: usize,
}

impl Capture {
    pub(super) fn new(link: Link, format: Format) -> Capture {
        Capture {
            link,
            format,
            frames: Vec::new(),
            snaplen: usize::MAX,
        }
    }

    /// Writes a segment; returns its frame number.
    pub(super) fn segment(
        &mut self,
        (src, dst): (SocketAddr, SocketAddr),
        seq: u32,
        ack: u32,
        flags: u8,
        payload: &[u8],
    ) -> u64 {
        let mut tcp = Vec::new();
        tcp.extend_from_slice(&src.port().to_be_bytes());
        tcp.extend_from_slice(&dst.port().to_be_bytes());
        tcp.extend_from_slice(&seq.to_be_bytes());
        tcp.extend_from_slice(&ack.to_be_bytes());
        tcp.extend_from_slice(&[0x80, flags, 1, 0, 0, 0, 0, 0]);
        tcp.extend_from_slice(&[1; 12]); // options: twelve times nothing
        tcp.extend_from_slice(payload);
        let ip = match (src.ip(), dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let len = (20 + tcp.len()) as u16;
                let [h, l] = len.to_be_bytes();
                let head = [0x45, 0, h, l, 0, 0, 0x40, 0, 64, 6, 0, 0];
                [&head[..], &src.octets(), &dst.octets(), &tcp].concat()
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let [h, l] = (tcp.len() as u16).to_be_bytes();
                let head = [0x60, 0, 0, 0, h, l, 6, 64];
                [&head[..], &src.octets(), &dst.octets(), &tcp].concat()
            }
            _ => unreachable!(),
        };
        self.frames.push(self.link.frame(&ip));
        self.frames.len() as u64
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        match self.format {
            Format::Pcap { big_endian, nanos } => {
                let word = |v: u32| {
                    if big_endian {
                        v.to_be_bytes()
                    } else {
                        v.to_le_bytes()
                    }
                };
                file.extend(word(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
                file.extend(if big_endian {
                    [0, 2, 0, 4]
                } else {
                    [2, 0, 4, 0]
                });
                for v in [0, 0, 65_535, self.link.number()] {
                    file.extend(word(v));
                }
                for (i, frame) in self.frames.iter().enumerate() {
                    let ms = i as u32 + 1;
                    let kept = frame.len().min(self.snaplen);
                    let fraction = ms % 1000 * if nanos { 1_000_000 } else { 1000 };
                    for v in [ms / 1000, fraction, kept as u32, frame.len() as u32] {
                        file.extend(word(v));
                    }
                    file.extend(&frame[..kept]);
                }
            }
            Format::Pcapng => {
                let mut block = |kind: u32, body: &[u8]| {
                    let len = (12 + body.len().next_multiple_of(4)) as u32;
                    file.extend(kind.to_le_bytes());
                    file.extend(len.to_le_bytes());
                    file.extend(body);
                    file.resize(file.len().next_multiple_of(4), 0);
                    file.extend(len.to_le_bytes());
                };
                block(
                    0x0a0d_0d0a,
                    &[
                        0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
                    ],
                );
                let [l, h, ..] = self.link.number().to_le_bytes();
                block(1, &[l, h, 0, 0, 0, 0, 4, 0]);
                block(5, &[0; 24]); // statistics
                for (i, frame) in self.frames.iter().enumerate() {
                    let us = (i as u32 + 1) * 1000;
                    let kept = frame.len().min(self.snaplen);
                    let mut body = Vec::new();
                    for v in [0, 0, us, kept as u32, frame.len() as u32] {
                        body.extend(v.to_le_bytes());
                    }
                    body.extend(&frame[..kept]);
                    block(6, &body);
                }
            }
        }
        file
    }
}

// ---- connections and their truth ----

/// Which end sends: 0 the client, 1 the server.
pub(super) type From = usize;

/// A connection of which both byte streams are known beforehand.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) addrs: [SocketAddr; 2],
    pub(super) isn: [u32; 2],
    pub(super) packets: [Vec<Vec<u8>>; 2],
}

impl Talk {
    pub(super) fn new(client: &[Vec<u8>], server: &[Vec<u8>]) -> Talk {
        Talk {
            addrs: [
                "10.0.0.1:40000".parse().unwrap(),
                "10.0.0.2:1883".parse().unwrap(),
            ],
            isn: [1000, 5000],
            packets: [client.to_vec(), server.to_vec()],
        }
    }

    /// CONNECT, some PUBLISH packets of all kinds of sizes, DISCONNECT, and the answers.
    pub(super) fn usual() -> Talk {
        let v = Version::V311;
        Talk::new(
            &[
                connect(v, "gen"),
                publish(v, "a/b", b"0123456789"),
                publish_qos1("a/c", 7, &[0xc0; 300]),
                PINGREQ.to_vec(),
                publish(v, "a/d", &[0; 20_000]),
                DISCONNECT.to_vec(),
            ],
            &[connack(v), puback(7), PINGRESP.to_vec()],
        )
    }

    pub(super) fn stream(&self, from: From) -> Vec<u8> {
        self.packets[from].concat()
    }

    pub(super) fn ends(&self, from: From) -> (SocketAddr, SocketAddr) {
        (self.addrs[from], self.addrs[1 - from])
    }

    pub(super) fn handshake(&self, capture: &mut Capture) {
        let [c, s] = self.isn;
        capture.segment(self.ends(0), c, 0, SYN, b"");
        capture.segment(self.ends(1), s, c.wrapping_add(1), SYN | ACK, b"");
        capture.segment(self.ends(0), c.wrapping_add(1), s.wrapping_add(1), ACK, b"");
    }

    /// Writes bytes `start..end` of a stream; returns the frame number.
    pub(super) fn send(&self, capture: &mut Capture, from: From, start: usize, end: usize) -> u64 {
        let seq = self.isn[from].wrapping_add(1).wrapping_add(start as u32);
        let ack = self.isn[1 - from].wrapping_add(1);
        capture.segment(
            self.ends(from),
            seq,
            ack,
            ACK,
            &self.stream(from)[start..end],
        )
    }

    pub(super) fn fin(&self, capture: &mut Capture) {
        for from in [0, 1] {
            let seq = self.isn[from].wrapping_add(1 + self.stream(from).len() as u32);
            let ack = self.isn[1 - from].wrapping_add(1 + self.stream(1 - from).len() as u32);
            capture.segment(self.ends(from), seq, ack, FIN | ACK, b"");
        }
    }
}

/// What must be found: sender, completing frame, bytes.
pub(super) type Truth = (SocketAddr, u64, Vec<u8>);

/// One segment of a schedule: sender, start, end.
pub(super) type Step = (From, usize, usize);

/// Writes a connection whose segments go over the wire as `steps` say. The truth: a packet belongs
/// to the first frame that holds its last byte.
pub(super) fn play(talk: &Talk, steps: &[Step], capture: &mut Capture) -> Vec<Truth> {
    talk.handshake(capture);
    let mut first = [0, 1].map(|from| vec![None; talk.stream(from).len()]);
    for &(from, start, end) in steps {
        let frame = talk.send(capture, from, start, end);
        for first in &mut first[from][start..end] {
            first.get_or_insert(frame);
        }
    }
    assert!(
        first.iter().flatten().all(Option::is_some),
        "the schedule is not whole"
    );
    let mut truth = Vec::new();
    for from in [0, 1] {
        let mut end = 0;
        for packet in &talk.packets[from] {
            end += packet.len();
            truth.push((
                talk.addrs[from],
                first[from][end - 1].unwrap(),
                packet.clone(),
            ));
        }
    }
    talk.fin(capture);
    truth
}

/// Segments of one packet each, the client's and the server's taking turns.
pub(super) fn packet_by_packet(talk: &Talk) -> Vec<Step> {
    let mut sent = [0, 0];
    let mut steps = Vec::new();
    for i in 0..talk.packets[0].len().max(talk.packets[1].len()) {
        for from in [0, 1] {
            if let Some(packet) = talk.packets[from].get(i) {
                steps.push((from, sent[from], sent[from] + packet.len()));
                sent[from] += packet.len();
            }
        }
    }
    steps
}

/// Segments of `size` bytes, first all of the client, then all of the server.
pub(super) fn chunks(talk: &Talk, size: usize) -> Vec<Step> {
    let chunks_of = |from: From| {
        let len = talk.stream(from).len();
        (0..len)
            .step_by(size)
            .map(move |start| (from, start, (start + size).min(len)))
    };
    chunks_of(0).chain(chunks_of(1)).collect()
}

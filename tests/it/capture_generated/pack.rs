//! Puts frames into files of every format, and IP packets into pieces and frames.

use std::io::Write;

/// Frame n (from 1) is captured n milliseconds after the epoch.
fn millis(index: usize) -> u32 {
    index as u32 + 1
}

// ---- pcap ----

/// The variants of pcap: a name, the magic number, big endian or not.
pub(super) const PCAPS: [(&str, u32, bool); 6] = [
    ("micro", 0xa1b2_c3d4, false),
    ("micro, big endian", 0xa1b2_c3d4, true),
    ("nano", 0xa1b2_3c4d, false),
    ("nano, big endian", 0xa1b2_3c4d, true),
    ("modified", 0xa1b2_cd34, false),
    ("modified, big endian", 0xa1b2_cd34, true),
];

pub(super) fn pcap(
    (_, magic, big_endian): (&str, u32, bool),
    link: u32,
    frames: &[Vec<u8>],
) -> Vec<u8> {
    let word = |v: u32| match big_endian {
        true => v.to_be_bytes(),
        false => v.to_le_bytes(),
    };
    let mut file = word(magic).to_vec();
    file.extend(if big_endian {
        [0, 2, 0, 4]
    } else {
        [2, 0, 4, 0]
    });
    for v in [0, 0, 262_144, link] {
        file.extend(word(v));
    }
    for (i, frame) in frames.iter().enumerate() {
        let fraction = match magic {
            0xa1b2_3c4d => 1_000_000,
            _ => 1000,
        };
        let ms = millis(i);
        let len = frame.len() as u32;
        for v in [ms / 1000, ms % 1000 * fraction, len, len] {
            file.extend(word(v));
        }
        if magic == 0xa1b2_cd34 {
            // Interface, protocol, packet type.
            file.extend([0, 0, 0, 2, 8, 0, 0, 0]);
        }
        file.extend(frame);
    }
    file
}

// ---- pcapng ----

/// A pcapng file being written.
pub(super) struct Ng {
    big_endian: bool,
    pub(super) file: Vec<u8>,
}

impl Ng {
    pub(super) fn new() -> Ng {
        Ng {
            big_endian: false,
            file: Vec::new(),
        }
    }

    pub(super) fn word(&self, v: u32) -> [u8; 4] {
        match self.big_endian {
            true => v.to_be_bytes(),
            false => v.to_le_bytes(),
        }
    }

    fn half(&self, v: u16) -> [u8; 2] {
        match self.big_endian {
            true => v.to_be_bytes(),
            false => v.to_le_bytes(),
        }
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let len = self.word(12 + body.len() as u32);
        let block = [&self.word(kind)[..], &len, &body, &len].concat();
        self.file.extend(block);
    }

    pub(super) fn section(&mut self, big_endian: bool) {
        self.big_endian = big_endian;
        let body = [
            &self.word(0x1a2b_3c4d)[..],
            &self.half(1),
            &self.half(0),
            &[0xff; 8],
        ]
        .concat();
        self.block(0x0a0d_0d0a, &body);
    }

    /// `resolution` is the value of if_tsresol, `offset` of if_tsoffset.
    pub(super) fn interface(&mut self, link: u16, resolution: u8, offset: i64) {
        let offset = match self.big_endian {
            true => offset.to_be_bytes(),
            false => offset.to_le_bytes(),
        };
        let mut body = [&self.half(link)[..], &[0, 0], &self.word(0)].concat();
        body.extend([self.half(2), self.half(3)].concat()); // if_name
        body.extend(b"en0\0");
        body.extend([self.half(9), self.half(1)].concat());
        body.extend([resolution, 0, 0, 0]);
        body.extend([self.half(14), self.half(8)].concat());
        body.extend(offset);
        body.extend([0; 4]);
        self.block(1, &body);
    }

    pub(super) fn enhanced(&mut self, interface: u32, units: u64, frame: &[u8]) {
        let len = frame.len() as u32;
        let head = [interface, (units >> 32) as u32, units as u32, len, len];
        let mut body: Vec<u8> = head.iter().flat_map(|v| self.word(*v)).collect();
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([self.half(1), self.half(5)].concat()); // opt_comment
        body.extend(b"hello\0\0\0");
        body.extend([0; 4]);
        self.block(6, &body);
    }

    pub(super) fn obsolete(&mut self, interface: u16, units: u64, frame: &[u8]) {
        let len = frame.len() as u32;
        let mut body = [self.half(interface), [0xff, 0xff]].concat();
        for v in [(units >> 32) as u32, units as u32, len, len] {
            body.extend(self.word(v));
        }
        body.extend(frame);
        self.block(2, &body);
    }

    pub(super) fn simple(&mut self, frame: &[u8]) {
        let body = [&self.word(frame.len() as u32)[..], frame].concat();
        self.block(3, &body);
    }
}

/// One section, one interface, microseconds.
pub(super) fn pcapng(big_endian: bool, link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut ng = Ng::new();
    ng.section(big_endian);
    ng.interface(link as u16, 6, 0);
    for (i, frame) in frames.iter().enumerate() {
        ng.enhanced(0, u64::from(millis(i)) * 1000, frame);
    }
    ng.file
}

// ---- compression ----

/// A gzip file with one member.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zstd file with one frame.
pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

// ---- IP ----

/// Cuts an IP packet without options into pieces of `size` bytes, a multiple of 8.
pub(super) fn pieces(ip: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let v6 = ip[0] >> 4 == 6;
    let (head, payload) = ip.split_at(if v6 { 40 } else { 20 });
    let count = payload.len().div_ceil(size);
    if count == 1 {
        return vec![ip.to_vec()];
    }
    let piece = |(i, part): (usize, &[u8])| {
        let units = (i * size / 8) as u16;
        let more = u16::from(i + 1 < count);
        let mut piece = head.to_vec();
        if v6 {
            piece[4..6].copy_from_slice(&(part.len() as u16 + 8).to_be_bytes());
            let next = std::mem::replace(&mut piece[6], 44);
            piece.extend([next, 0]);
            piece.extend((units << 3 | more).to_be_bytes());
            piece.extend(u32::from(id).to_be_bytes());
        } else {
            piece[2..4].copy_from_slice(&(part.len() as u16 + 20).to_be_bytes());
            piece[4..6].copy_from_slice(&id.to_be_bytes());
            piece[6..8].copy_from_slice(&(units | more << 13).to_be_bytes());
        }
        piece.extend(part);
        piece
    };
    payload.chunks(size).enumerate().map(piece).collect()
}

fn ether_type(ip: &[u8]) -> [u8; 2] {
    match ip[0] >> 4 {
        6 => [0x86, 0xdd],
        _ => [8, 0],
    }
}

fn ethernet(tags: &[u8], ip: &[u8]) -> Vec<u8> {
    [&[2; 12][..], tags, &ether_type(ip), ip].concat()
}

/// An IPv4 packet around a payload.
fn around(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [h, l] = (20 + payload.len() as u16).to_be_bytes();
    let head = [0x45, 0, h, l, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    [&head[..], &[192, 0, 2, 1, 192, 0, 2, 2], payload].concat()
}

/// How an IP packet stands in a frame: a name, the link type, and the frame around the packet.
pub(super) type Layer = (&'static str, u32, fn(&[u8]) -> Vec<u8>);

/// Every link layer that is read, beyond those that `wire` has, and tunnels.
pub(super) const LAYERS: &[Layer] = &[
    ("Ethernet", 1, |ip| ethernet(&[], ip)),
    ("802.1ad and 802.1Q", 1, |ip| {
        ethernet(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9], ip)
    }),
    ("three tags", 1, |ip| {
        ethernet(&[0x81, 0, 0, 7, 0x81, 0, 0, 9, 0x91, 0, 0, 1], ip)
    }),
    ("PPPoE", 1, |ip| {
        let protocol = if ip[0] >> 4 == 6 { 0x57 } else { 0x21 };
        let [h, l] = (ip.len() as u16 + 2).to_be_bytes();
        let head = [0x88, 0x64, 0x11, 0, 0, 1, h, l, 0, protocol];
        [&[2; 12][..], &head, ip].concat()
    }),
    ("MPLS", 1, |ip| {
        let head = [0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64];
        [&[2; 12][..], &head, ip].concat()
    }),
    ("LLC and SNAP", 1, |ip| {
        let [h, l] = (ip.len() as u16 + 8).to_be_bytes();
        let head = [h, l, 0xaa, 0xaa, 3, 0, 0, 0];
        [&[2; 12][..], &head, &ether_type(ip), ip].concat()
    }),
    ("NULL", 0, |ip| [&[2, 0, 0, 0][..], ip].concat()),
    ("NULL, big endian", 0, |ip| {
        [&[0, 0, 0, 30][..], ip].concat()
    }),
    ("LOOP", 108, |ip| [&[0, 0, 0, 2][..], ip].concat()),
    ("raw 101", 101, <[u8]>::to_vec),
    ("raw 12", 12, <[u8]>::to_vec),
    ("raw 14", 14, <[u8]>::to_vec),
    ("IPv4", 228, <[u8]>::to_vec),
    ("IPv6", 229, <[u8]>::to_vec),
    ("SLL", 113, |ip| {
        let head = [0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        [&head[..], &ether_type(ip), ip].concat()
    }),
    ("SLL with a tag", 113, |ip| {
        let head = [0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x81, 0, 0, 5];
        [&head[..], &ether_type(ip), ip].concat()
    }),
    ("SLL2", 276, |ip| {
        let head = [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        [&ether_type(ip)[..], &head, ip].concat()
    }),
    ("PPP", 9, |ip| {
        let protocol = if ip[0] >> 4 == 6 { 0x57 } else { 0x21 };
        [&[0xff, 3, 0, protocol][..], ip].concat()
    }),
    ("pktap", 258, |ip| {
        let mut head = [108_u32, 1, 1].map(u32::to_le_bytes).concat();
        head.resize(108, 0);
        [&head[..], &ethernet(&[], ip)].concat()
    }),
    ("IP in IP", 101, |ip| {
        around(if ip[0] >> 4 == 6 { 41 } else { 4 }, ip)
    }),
    ("GRE", 1, |ip| {
        let gre = [&[0x20, 0][..], &ether_type(ip), &[0, 0, 0, 9], ip].concat();
        ethernet(&[], &around(47, &gre))
    }),
    ("VXLAN", 1, |ip| {
        let frame = ethernet(&[], ip);
        let [h, l] = (16 + frame.len() as u16).to_be_bytes();
        let head = [0xc0, 1, 0x12, 0xb5, h, l, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0];
        ethernet(&[], &around(17, &[&head[..], &frame].concat()))
    }),
];

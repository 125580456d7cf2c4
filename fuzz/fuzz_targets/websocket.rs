//! Any bytes as both directions of a connection that was upgraded to WebSocket, or of one in the
//! middle: no panic, an end, and the same packets however the bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::capture::{Options, Packets, Record};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const RESPONSE: [&[u8]; 3] = [
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n",
];

/// A capture (raw IP) of a TCP connection.
struct Capture {
    file: Vec<u8>,
    seq: [u32; 2],
}

impl Capture {
    fn new() -> Capture {
        let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0".to_vec();
        file.extend(101u32.to_le_bytes());
        Capture {
            file,
            seq: [1000, 5000],
        }
    }

    fn segment(&mut self, from: usize, flags: u8, payload: &[u8]) {
        let ports = [40_000u16, 8083];
        let len = (40 + payload.len()) as u16;
        let [h, l] = len.to_be_bytes();
        self.file.extend([0; 8]);
        self.file.extend(u32::from(len).to_le_bytes());
        self.file.extend(u32::from(len).to_le_bytes());
        self.file
            .extend([0x45, 0, h, l, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        self.file.extend([10, 0, 0, from as u8, 10, 0, 0, 1 - from as u8]);
        self.file.extend(ports[from].to_be_bytes());
        self.file.extend(ports[1 - from].to_be_bytes());
        self.file.extend(self.seq[from].to_be_bytes());
        self.file.extend([0; 4]);
        self.file.extend([0x50, flags, 1, 0, 0, 0, 0, 0]);
        self.file.extend(payload);
        let syn = u32::from(flags & 2 != 0);
        self.seq[from] = self.seq[from].wrapping_add(payload.len() as u32 + syn);
    }

    /// Bytes in segments; every `lost`th is not captured, if that is not 0.
    fn send(&mut self, from: usize, bytes: &[u8], size: usize, lost: usize) {
        for (i, part) in bytes.chunks(size).enumerate() {
            if lost != 0 && i % lost == lost - 1 {
                self.seq[from] = self.seq[from].wrapping_add(part.len() as u32);
            } else {
                self.segment(from, 16, part);
            }
        }
    }

    fn packets(&self) -> Vec<(u16, Vec<u8>)> {
        let mut packets = Packets::new(&self.file[..], Options::default());
        let mut found = Vec::new();
        while let Ok(Some(record)) = packets.next() {
            if let Record::Packet(packet) = record {
                found.push((packet.at.src.port(), packet.bytes.to_vec()));
            }
        }
        // The two directions may be told in another order.
        found.sort_by_key(|(port, _)| *port);
        found
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, size, lost, cut, rest @ ..] = bytes else {
        return;
    };
    let (client, server) = rest.split_at(rest.len() * usize::from(*cut) / 255);
    let capture = |size: usize, lost: usize| {
        let mut capture = Capture::new();
        if let Some(response) = RESPONSE.get(usize::from(choice % 4)) {
            capture.segment(0, 2, b"");
            capture.segment(1, 18, b"");
            capture.segment(0, 16, REQUEST);
            capture.segment(1, 16, response);
        }
        capture.send(0, client, size, lost);
        capture.send(1, server, size, lost);
        capture
    };
    let size = usize::from(*size) + 1;
    capture(size, usize::from(*lost)).packets();
    if choice % 4 == 0 && !has_illegal_frame(client) && !has_illegal_frame(server) {
        assert_eq!(capture(size, 0).packets(), capture(60_000, 0).packets());
    }
});

/// Behind one, segment borders help to find the next frame: so the cut matters.
fn has_illegal_frame(mut bytes: &[u8]) -> bool {
    while let [byte1, byte2, rest @ ..] = bytes {
        if !matches!(byte1, 0x00..=0x02 | 0x80..=0x82 | 0x89 | 0x8a) {
            return true;
        }
        let mask = usize::from(byte2 >> 7) * 4;
        let (len, header) = match (byte2 & 0x7f, rest) {
            (126, [h, l, ..]) if byte1 & 8 == 0 => (u16::from_be_bytes([*h, *l]).into(), 2),
            (126 | 127, _) => return true,
            (len, _) => (usize::from(len), 0),
        };
        bytes = rest.get(header + mask + len..).unwrap_or_default();
    }
    false
}

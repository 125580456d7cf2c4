//! A server that takes everything: CONNACK, PINGRESP, and the rest is counted and dropped. A thread
//! for each connection; takes one port. For benches/replay.sh only.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        thread::spawn(move || serve(stream.unwrap()));
    }
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += len;
        let mut at = 0;
        while let Some((packet, len)) = packet(&buffer[at..filled]) {
            match packet[0] >> 4 {
                1 if packet.get(8) == Some(&5) => stream.write_all(b"\x20\x03\x00\x00\x00").unwrap(),
                1 => stream.write_all(b"\x20\x02\x00\x00").unwrap(),
                12 => stream.write_all(b"\xd0\x00").unwrap(),
                14 => return,
                _ => {}
            }
            at += len;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

/// The first whole packet, and its length.
fn packet(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut length = 0;
    for at in 0..4 {
        let byte = usize::from(*bytes.get(1 + at)?);
        length |= (byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            let len = 2 + at + length;
            return Some((bytes.get(..len)?, len));
        }
    }
    None
}

//! Peers of `benches/bench_load.sh`, std only. Servers: `sink PORT` acknowledges and reads,
//! `source PORT COUNT RUN` sends so many stamped messages to whoever subscribes, `accept PORT` answers
//! CONNECT, one after the other, and keeps the connections. Bare loops, which do the least that any
//! client can: `publish PORT COUNT QOS` writes ready-made frames, and with QoS 1 reads as many
//! answers; `receive PORT COUNT` counts frames; `open PORT COUNT` opens connections, one after the
//! other, and says how many per second. 3.1.1, 64 bytes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const CHUNK: usize = 64 * 1024;
const PAYLOAD: usize = 64;
/// Unacknowledged messages of QoS 1.
const WINDOW: u64 = 100;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or("0");
    let number = |at: usize| word(at).parse::<u64>().unwrap_or(0);
    let port = number(1) as u16;
    match word(0) {
        "sink" => serve(port, 0, 0),
        "source" => serve(port, number(2), u32::from_str_radix(word(3), 16).unwrap()),
        "accept" => accept(port),
        "open" => open(port, number(2)),
        "publish" => publish(port, number(2), number(3) == 1),
        "receive" => receive(port, number(2)),
        other => panic!("{other}?"),
    }
}

fn serve(port: u16, count: u64, run: u32) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        thread::spawn(move || answer(stream, count, run));
    }
}

fn accept(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut kept = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        // Whoever only looks whether somebody listens says nothing.
        if matches!(stream.read(&mut [0; 1024]), Ok(1..)) {
            stream.write_all(b"\x20\x02\x00\x00").unwrap();
            kept.push(stream);
        }
    }
}

fn open(port: u16, count: u64) {
    let start = Instant::now();
    let all: Vec<TcpStream> = (0..count).map(|_| connect(port)).collect();
    println!("{:.0}", all.len() as f64 / start.elapsed().as_secs_f64());
}

/// Answers one client until it leaves.
fn answer(mut stream: TcpStream, count: u64, run: u32) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = vec![0; 1 << 20];
    let mut len = 0;
    let mut out = Vec::new();
    loop {
        let read = stream.read(buffer.get_mut(len..)?).ok().filter(|n| *n > 0)?;
        len += read;
        let mut at = 0;
        while let Some((header, body)) = frame(&buffer[at..len]) {
            let packet = &buffer[at..at + header + body];
            match packet[0] >> 4 {
                1 => out.extend_from_slice(b"\x20\x02\x00\x00"),
                3 if packet[0] & 6 == 2 => {
                    let topic = usize::from(packet[header]) << 8 | usize::from(packet[header + 1]);
                    let id = header + 2 + topic;
                    out.extend_from_slice(&[0x40, 2, packet[id], packet[id + 1]]);
                }
                8 => {
                    out.extend_from_slice(&[0x90, 3, packet[2], packet[3], 0]);
                    stream.write_all(&out).ok()?;
                    out.clear();
                    flood(&mut stream, count, run)?;
                }
                12 => out.extend_from_slice(b"\xd0\x00"),
                _ => {}
            }
            at += header + body;
        }
        buffer.copy_within(at..len, 0);
        len -= at;
        if !out.is_empty() {
            stream.write_all(&out).ok()?;
            out.clear();
        }
    }
}

/// Bytes of the header and of what follows.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut body = 0;
    for (i, byte) in bytes.iter().enumerate().skip(1).take(4) {
        body |= usize::from(byte & 0x7f) << (7 * (i - 1));
        if byte & 0x80 == 0 {
            return (i + 1 + body <= bytes.len()).then_some((i + 1, body));
        }
    }
    None
}

/// Messages with the stamps of publisher 0 of this run.
fn flood(stream: &mut TcpStream, count: u64, run: u32) -> Option<()> {
    if count == 0 {
        return Some(());
    }
    // Until the run has begun.
    thread::sleep(Duration::from_secs(1));
    let mut out = Vec::with_capacity(2 * CHUNK);
    for number in 0..count {
        let start = out.len();
        out.extend_from_slice(&publish_frame(0));
        let payload = start + 5;
        let mixed = run ^ stamp_sum(number);
        out[payload..payload + 4].copy_from_slice(&mixed.to_be_bytes());
        out[payload + 7..payload + 12].copy_from_slice(&number.to_be_bytes()[3..]);
        if out.len() >= CHUNK {
            stream.write_all(&out).ok()?;
            out.clear();
        }
    }
    stream.write_all(&out).ok()
}

/// What midge mixes the run with: a sum over publisher 0, this number, time 0 and lateness 0.
fn stamp_sum(number: u64) -> u32 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let sum = fold(number ^ 0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345);
    let sum = fold(sum, 0xa409_3822_299f_31d1);
    (sum ^ sum >> 32) as u32
}

/// A PUBLISH to the topic t; with an id, of QoS 1.
fn publish_frame(id: u16) -> Vec<u8> {
    let mut frame = vec![0x30, 3 + PAYLOAD as u8, 0, 1, b't'];
    if id > 0 {
        frame[0] = 0x32;
        frame[1] += 2;
        frame.extend_from_slice(&id.to_be_bytes());
    }
    frame.resize(frame.len() + PAYLOAD, 0);
    frame
}

fn connect(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04bare").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream
}

fn publish(port: u16, count: u64, acknowledged: bool) {
    let mut stream = connect(port);
    if !acknowledged {
        let one = publish_frame(0);
        let many = one.repeat(CHUNK / one.len());
        let mut left = count;
        while left > 0 {
            let now = left.min((CHUNK / one.len()) as u64);
            stream.write_all(&many[..now as usize * one.len()]).unwrap();
            left -= now;
        }
        // Until the server has read it all.
        stream.write_all(b"\xc0\x00").unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
        return;
    }
    // Whole windows; the ids are those of one window, again and again.
    let window = std::env::var("WINDOW").ok().and_then(|window| window.parse().ok());
    let window: u64 = window.unwrap_or(WINDOW);
    let frames: Vec<u8> = (1..=window).flat_map(|id| publish_frame(id as u16)).collect();
    let mut answers = vec![0; 4 * window as usize];
    for _ in 0..count / window {
        stream.write_all(&frames).unwrap();
        stream.read_exact(&mut answers).unwrap();
    }
}

fn receive(port: u16, count: u64) {
    let mut stream = connect(port);
    stream.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    let mut buffer = vec![0; CHUNK];
    let (mut len, mut seen) = (0, 0);
    while seen < count {
        len += stream.read(&mut buffer[len..]).unwrap();
        let mut at = 0;
        while let Some((header, body)) = frame(&buffer[at..len]) {
            at += header + body;
            seen += 1;
        }
        buffer.copy_within(at..len, 0);
        len -= at;
    }
}

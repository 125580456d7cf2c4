//! A broker by script: it answers every packet as a broker would, or as the row says, and keeps
//! what it got.
//!
//! An answer in a row is a list of words: `ok` (as a broker would), bytes in hex with `{mid}` for
//! the packet id of what is answered, `m:FLAGS:TOPIC:PAYLOAD[:PROPERTIES]` (a PUBLISH; FLAGS is a QoS
//! and `r` for retain, PROPERTIES hex without their length), `close`, `wait` (a tenth of a second),
//! or `none`. `CONNECT2: ...` is for the second connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::row::unescape;

/// What one connection got: packets.
pub(super) type Received = Vec<Vec<u8>>;

pub(super) struct Peer {
    pub(super) port: u16,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Received>>,
}

impl Peer {
    pub(super) fn start(script: Vec<(String, String)>) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let is_over = Arc::new(AtomicBool::new(false));
        let for_thread = is_over.clone();
        let thread = thread::spawn(move || {
            let mut connections = Vec::new();
            loop {
                let (stream, _) = listener.accept().expect("a connection");
                if for_thread.load(Ordering::SeqCst) {
                    break;
                }
                let number = connections.len() + 1;
                connections.push(Session::new(stream, &script, number).run());
            }
            connections
        });
        Peer {
            port,
            is_over,
            thread,
        }
    }

    /// The program has ended: what came.
    pub(super) fn finish(self) -> Vec<Received> {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener behind the connections that still wait there.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.join().expect("the peer does not panic")
    }
}

struct Session<'s> {
    stream: TcpStream,
    script: &'s [(String, String)],
    number: usize,
    version: u8,
    next_id: u16,
}

impl<'s> Session<'s> {
    fn new(stream: TcpStream, script: &'s [(String, String)], number: usize) -> Session<'s> {
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("a time-out");
        Session {
            stream,
            script,
            number,
            version: 4,
            next_id: 1,
        }
    }

    fn run(mut self) -> Received {
        let mut received = Vec::new();
        while let Some(packet) = read_packet(&mut self.stream) {
            received.push(packet);
            let packet = received.last().expect("just pushed");
            if packet[0] >> 4 == 1 {
                self.version = packet
                    .iter()
                    .skip(2)
                    .copied()
                    .find(|b| (3..=5).contains(b))
                    .unwrap_or(4);
                // Behind the protocol's name, whose length is in front of it.
                let name_len = usize::from(packet[3]);
                self.version = packet[4 + name_len];
            }
            if !self.answer(packet) {
                // What comes still counts: the program may be in the middle of a packet.
                let _ = self.stream.shutdown(std::net::Shutdown::Write);
                while let Some(packet) = read_packet(&mut self.stream) {
                    received.push(packet);
                }
                break;
            }
        }
        received
    }

    /// Whether the connection goes on.
    fn answer(&mut self, packet: &[u8]) -> bool {
        let name = name(packet[0]);
        let numbered = format!("{name}{}", self.number);
        let find = |name: &str| self.script.iter().find(|(key, _)| key == name);
        let found = find(&numbered)
            .or_else(|| find(name).filter(|_| self.number == 1 || name != "CONNECT"));
        let answer = found.map_or("ok", |(_, answer)| answer.as_str());
        let mut bytes = Vec::new();
        let mut goes_on = true;
        for word in answer.split(' ') {
            match word {
                "ok" => bytes.extend(self.usual_answer(packet)),
                "none" => {}
                "close" => goes_on = false,
                "wait" => {
                    let _ = self.stream.write_all(&bytes);
                    bytes.clear();
                    thread::sleep(Duration::from_millis(100));
                }
                word if word.starts_with("m:") => bytes.extend(self.message(word)),
                hex => {
                    let id = format!("{:04x}", packet_id(packet, self.version));
                    bytes.extend(from_hex(&hex.replace("{mid}", &id)));
                }
            }
        }
        let _ = self.stream.write_all(&bytes);
        goes_on
    }

    fn usual_answer(&self, packet: &[u8]) -> Vec<u8> {
        let [high, low] = packet_id(packet, self.version).to_be_bytes();
        let v5 = self.version == 5;
        match (packet[0] >> 4, packet[0] >> 1 & 3) {
            (1, _) if v5 => vec![0x20, 3, 0, 0, 0],
            (1, _) => vec![0x20, 2, 0, 0],
            (3, 1) => vec![0x40, 2, high, low],
            (3, 2) => vec![0x50, 2, high, low],
            (5, _) => vec![0x62, 2, high, low],
            (6, _) => vec![0x70, 2, high, low],
            (8 | 10, _) => {
                let mut codes = codes(packet, v5);
                let mut answer = vec![if packet[0] >> 4 == 8 { 0x90 } else { 0xb0 }, 2, high, low];
                if v5 {
                    answer.push(0);
                } else if packet[0] >> 4 == 10 {
                    codes.clear();
                }
                answer.extend(codes);
                answer[1] = (answer.len() - 2) as u8;
                answer
            }
            (12, _) => vec![0xd0, 0],
            _ => Vec::new(),
        }
    }

    fn message(&mut self, word: &str) -> Vec<u8> {
        let parts: Vec<&str> = word.splitn(5, ':').collect();
        let [_, flags, topic, payload, properties @ ..] = parts.as_slice() else {
            panic!("not a message: {word}");
        };
        let qos: u8 = flags.trim_end_matches('r').parse().unwrap_or(0);
        let mut body = Vec::new();
        let topic = unescape(topic);
        body.extend((topic.len() as u16).to_be_bytes());
        body.extend(topic);
        if qos > 0 {
            body.extend(self.next_id.to_be_bytes());
            self.next_id += 1;
        }
        if self.version == 5 {
            let properties = from_hex(properties.first().unwrap_or(&""));
            body.push(properties.len() as u8);
            body.extend(properties);
        }
        body.extend(unescape(payload));
        let mut packet = vec![0x30 | qos << 1 | u8::from(flags.ends_with('r'))];
        let mut len = body.len();
        while len >= 128 {
            packet.push(len as u8 & 127 | 128);
            len /= 128;
        }
        packet.push(len as u8);
        packet.extend(body);
        packet
    }
}

/// A whole packet; `None` at the end of the stream.
fn read_packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut packet = vec![0; 1];
    stream.read_exact(&mut packet).ok()?;
    let mut len = 0;
    for shift in [0, 7, 14, 21] {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        packet.extend(byte);
        len |= usize::from(byte[0] & 127) << shift;
        if byte[0] < 128 {
            break;
        }
    }
    let head = packet.len();
    packet.resize(head + len, 0);
    stream.read_exact(&mut packet[head..]).ok()?;
    Some(packet)
}

fn head_len(packet: &[u8]) -> usize {
    1 + packet[1..].iter().take_while(|byte| **byte >= 128).count() + 1
}

fn packet_id(packet: &[u8], _version: u8) -> u16 {
    let body = &packet[head_len(packet)..];
    let at = match packet[0] >> 4 {
        3 if packet[0] & 6 == 0 => return 0,
        3 => 2 + usize::from(u16::from_be_bytes([body[0], body[1]])),
        4..=10 => 0,
        _ => return 0,
    };
    u16::from_be_bytes([body[at], body[at + 1]])
}

/// What is granted: the QoS of every filter, or success for every one of UNSUBSCRIBE.
fn codes(packet: &[u8], v5: bool) -> Vec<u8> {
    let mut body = &packet[head_len(packet) + 2..];
    if v5 {
        body = &body[1 + usize::from(body[0])..];
    }
    let subscribes = packet[0] >> 4 == 8;
    let mut codes = Vec::new();
    while body.len() > 2 {
        let len = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        codes.push(if subscribes { body[len] & 3 } else { 0 });
        body = &body[len + usize::from(subscribes)..];
    }
    codes
}

pub(super) fn name(byte1: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "0",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    NAMES[usize::from(byte1 >> 4)]
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex"))
        .collect()
}

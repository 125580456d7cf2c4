//! The limit for a broker: frames from publishers are copied to subscribers as they are. No topic
//! is read, nothing is queued, and every connection has a thread. Takes one port; for
//! benches/broker_throughput.sh only.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

type Subscribers = Arc<Mutex<Vec<TcpStream>>>;

fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let subscribers = Subscribers::default();
    for stream in listener.incoming() {
        let subscribers = subscribers.clone();
        let stream = stream.unwrap();
        stream.set_nodelay(true).unwrap();
        thread::spawn(move || serve(stream, &subscribers));
    }
}

fn serve(mut stream: TcpStream, subscribers: &Subscribers) {
    let mut buffer = vec![0; 64 << 10];
    let mut filled = 0;
    let (mut copied, mut answers) = (Vec::new(), Vec::new());
    while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += len;
        let mut at = 0;
        // All frames that come are shorter than 130 bytes.
        while at + 2 <= filled && at + 2 + usize::from(buffer[at + 1]) <= filled {
            let frame = &buffer[at..at + 2 + usize::from(buffer[at + 1])];
            at += frame.len();
            match frame[0] {
                0x10 => answers.extend_from_slice(&[0x20, 2, 0, 0]),
                0x82 => {
                    answers.extend_from_slice(&[0x90, 3, frame[2], frame[3], frame[frame.len() - 1]]);
                    subscribers.lock().unwrap().push(stream.try_clone().unwrap());
                }
                0x30..=0x3f => {
                    copied.extend_from_slice(frame);
                    if frame[0] & 0b110 != 0 {
                        let id = 4 + usize::from(frame[3]);
                        answers.extend_from_slice(&[0x40, 2, frame[id], frame[id + 1]]);
                    }
                }
                _ => {}
            }
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if !copied.is_empty() {
            let mut subscribers = subscribers.lock().unwrap();
            subscribers.retain_mut(|subscriber| subscriber.write_all(&copied).is_ok());
            copied.clear();
        }
        if !answers.is_empty() {
            if stream.write_all(&answers).is_err() {
                return;
            }
            answers.clear();
        }
    }
}

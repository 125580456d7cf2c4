//! Load for a broker that costs little itself: prepared packets out, frames counted in. Only for
//! measuring; std alone, MQTT 3.1.1, one thread per connection.
//!
//!   load flow ADDRESS PUBLISHERS SUBSCRIBERS QOS SECONDS PID
//!       prints: delivered per second, published per second, CPU microseconds of the process PID
//!       per delivered message; with KEEP=1 in the environment the sessions are to outlive it, with
//!       OTHERS=N another client has N subscriptions with wildcards that nothing matches
//!   load idle ADDRESS CONNECTIONS PID
//!       prints: bytes that PID grew by per connection
//!   load start RUNS ADDRESS COMMAND...
//!       prints: median milliseconds until the command accepts, and its resident KiB then

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// 64 bytes, and room for what stands before them.
const PAYLOAD: usize = 64;
const TOPIC: &str = "bench/load";
/// Unacknowledged messages of a QoS 1 publisher.
const WINDOW: usize = 100;
/// Before counting begins.
const WARM_UP: Duration = Duration::from_millis(500);

/// Messages of a QoS 0 publisher that go in one write.
const BATCH: u64 = 100;
/// QoS 0 messages on their way to each subscriber.
const ON_THE_WAY: u64 = 5_000;
/// A message that takes longer is not coming.
const DROPPED: Duration = Duration::from_millis(100);

struct Flow {
    subscribers: u64,
    delivered: AtomicU64,
    published: AtomicU64,
    lost: AtomicU64,
    over: AtomicBool,
}

impl Flow {
    fn open(&self) -> u64 {
        let done = self.delivered.load(Relaxed) / self.subscribers + self.lost.load(Relaxed);
        self.published.load(Relaxed).saturating_sub(done)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["flow", address, publishers, subscribers, qos, seconds, pid] => flow(
            address,
            publishers.parse().unwrap(),
            subscribers.parse().unwrap(),
            qos.parse().unwrap(),
            Duration::from_secs_f64(seconds.parse().unwrap()),
            pid,
        ),
        ["idle", address, connections, pid] => idle(address, connections.parse().unwrap(), pid),
        ["start", runs, address, ref command @ ..] => {
            start(runs.parse().unwrap(), address, command);
        }
        _ => panic!("see the head of benches/broker/load.rs"),
    }
}

fn flow(
    address: &str,
    publishers: usize,
    subscribers: usize,
    qos: u8,
    length: Duration,
    pid: &str,
) {
    let flow = Arc::new(Flow {
        subscribers: subscribers as u64,
        delivered: AtomicU64::new(0),
        published: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    for number in 0..subscribers {
        let mut stream = connect(address, &format!("sub-{number}"));
        let topic = TOPIC.as_bytes();
        let mut packet = vec![0x82, topic.len() as u8 + 5, 0, 1, 0, topic.len() as u8];
        packet.extend_from_slice(topic);
        packet.push(qos);
        stream.write_all(&packet).unwrap();
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).unwrap();
        assert_eq!(suback, [0x90, 3, 0, 1, qos]);
        let flow = flow.clone();
        thread::spawn(move || receive(stream, &flow.delivered));
    }
    let others = std::env::var("OTHERS").map_or(0, |count| count.parse().unwrap());
    let _others = subscribe_elsewhere(address, others);
    for number in 0..publishers {
        let stream = connect(address, &format!("pub-{number}"));
        let flow = flow.clone();
        thread::spawn(move || match qos {
            0 => send_all(stream, &flow),
            _ => send_window(stream, &flow.published, &flow.over),
        });
    }
    thread::sleep(WARM_UP);
    let counts = || (flow.delivered.load(Relaxed), flow.published.load(Relaxed));
    let (before, cpu_before) = (counts(), cpu(pid));
    let begun = Instant::now();
    thread::sleep(length);
    let (delivered, published) = counts();
    let seconds = begun.elapsed().as_secs_f64();
    let used = cpu(pid) - cpu_before;
    flow.over.store(true, Relaxed);
    let count = (delivered - before.0) as f64;
    println!(
        "{:.0} {:.0} {:.3}",
        count / seconds,
        (published - before.1) as f64 / seconds,
        used * 1e6 / count.max(1.0)
    );
    std::process::exit(0);
}

fn connect(address: &str, client_id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let id = client_id.as_bytes();
    // Keep Alive 600 s: rumqttd does not take 0.
    let mut packet = vec![0x10, 12 + id.len() as u8, 0, 4];
    packet.extend_from_slice(b"MQTT\x04");
    // Clean Session, unless sessions are to be kept.
    packet.push(if std::env::var_os("KEEP").is_some() { 0 } else { 2 });
    packet.extend_from_slice(b"\x02\x58\x00");
    packet.push(id.len() as u8);
    packet.extend_from_slice(id);
    stream.write_all(&packet).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    stream
}

/// Makes subscriptions beside the topic of the messages, in the same branches of a tree.
fn subscribe_elsewhere(address: &str, count: usize) -> TcpStream {
    let mut stream = connect(address, "others");
    for number in 0..count {
        let filter = match number % 3 {
            0 => format!("+/{number}/#"),
            1 => format!("bench/load/{number}/+"),
            _ => format!("bench/+/{number}"),
        };
        let mut packet = vec![0x82, filter.len() as u8 + 5, 0, 1, 0, filter.len() as u8];
        packet.extend_from_slice(filter.as_bytes());
        packet.push(0);
        stream.write_all(&packet).unwrap();
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).unwrap();
        assert_eq!(suback, [0x90, 3, 0, 1, 0]);
    }
    stream
}

/// Counts frames; their lengths are below 128, so that each has a header of two bytes.
fn receive(mut stream: TcpStream, delivered: &AtomicU64) {
    let mut buffer = vec![0; 256 << 10];
    let mut filled = 0;
    let mut answers = Vec::new();
    while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += len;
        let (mut at, mut count) = (0, 0);
        while at + 2 <= filled && at + 2 + usize::from(buffer[at + 1]) <= filled {
            if buffer[at] >> 4 == 3 {
                count += 1;
                if buffer[at] & 0b110 != 0 {
                    let id = at + 4 + TOPIC.len();
                    answers.extend_from_slice(&[0x40, 2, buffer[id], buffer[id + 1]]);
                }
            }
            at += 2 + usize::from(buffer[at + 1]);
        }
        delivered.fetch_add(count, Relaxed);
        if !answers.is_empty() {
            if stream.write_all(&answers).is_err() {
                return;
            }
            answers.clear();
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

fn publish(qos: u8, packet_id: u16) -> Vec<u8> {
    let topic = TOPIC.as_bytes();
    let id_len = if qos > 0 { 2 } else { 0 };
    let len = 2 + topic.len() + id_len + PAYLOAD;
    let mut packet = vec![0x30 | qos << 1, len as u8, 0, topic.len() as u8];
    packet.extend_from_slice(topic);
    packet.extend_from_slice(&packet_id.to_be_bytes()[..id_len]);
    packet.extend_from_slice(&[b'x'; PAYLOAD]);
    packet
}

/// Sends as long as not too much is on its way: a flood that a broker cannot deliver would measure
/// how it drops.
fn send_all(mut stream: TcpStream, flow: &Flow) {
    let one = publish(0, 0);
    let many = one.repeat(BATCH as usize);
    while !flow.over.load(Relaxed) {
        let begun = Instant::now();
        // What was dropped is not waited for.
        while flow.open() > ON_THE_WAY && begun.elapsed() < DROPPED {
            thread::sleep(Duration::from_micros(50));
        }
        if flow.open() > ON_THE_WAY {
            flow.lost.fetch_add(flow.open(), Relaxed);
        }
        if stream.write_all(&many).is_err() {
            return;
        }
        flow.published.fetch_add(BATCH, Relaxed);
    }
}

fn send_window(mut stream: TcpStream, published: &AtomicU64, over: &AtomicBool) {
    let packets: Vec<Vec<u8>> = (1..=u16::MAX).map(|id| publish(1, id)).collect();
    let mut next = packets.iter().cycle();
    let mut out = Vec::new();
    let mut acks = vec![0; 4 * WINDOW];
    let (mut room, mut filled) = (WINDOW, 0);
    while !over.load(Relaxed) {
        for packet in next.by_ref().take(room) {
            out.extend_from_slice(packet);
        }
        if stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
        let Ok(len @ 1..) = stream.read(&mut acks[filled..]) else {
            return;
        };
        filled += len;
        room = filled / 4;
        filled %= 4;
        published.fetch_add(room as u64, Relaxed);
    }
}

fn idle(address: &str, connections: usize, pid: &str) {
    // What the first connections take once.
    let mut open: Vec<TcpStream> = (0..10).map(|i| connect(address, &format!("i{i}"))).collect();
    thread::sleep(Duration::from_millis(300));
    let before = resident(pid);
    open.extend((0..connections).map(|i| connect(address, &format!("idle-{i}"))));
    thread::sleep(Duration::from_millis(500));
    let grown = resident(pid).saturating_sub(before) * 1024;
    println!("{}", grown / connections as u64);
    drop(open);
}

fn start(runs: usize, address: &str, command: &[&str]) {
    let mut results: Vec<(Duration, u64)> = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            let mut child = Command::new(command[0])
                .args(&command[1..])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while TcpStream::connect(address).is_err() {
                thread::sleep(Duration::from_micros(200));
            }
            let time = begun.elapsed();
            let memory = resident(&child.id().to_string());
            child.kill().unwrap();
            child.wait().unwrap();
            (time, memory)
        })
        .collect();
    results.sort();
    let (time, memory) = results[runs / 2];
    println!("{:.1} {memory}", time.as_secs_f64() * 1e3);
}

/// CPU seconds, of the process and the system for it.
fn cpu(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 wherever Linux runs.
    ticks as f64 / 100.0
}

/// KiB.
fn resident(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

//! `broker --persist` killed (SIGKILL) again and again at random moments, on real sockets, under
//! clients that go on with their sessions: what was acknowledged is there, QoS 2 comes once.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use midge::client::native::Client;
use midge::client::{
    Address, ConnectOptions, Event, Message, Options, Publication, PublishError, Target, TopicName,
};
use midge::mqtt::packet::SubscriptionOptions;
use midge::mqtt::property::Value;
use midge::mqtt::{Properties, PropertyId, QoS, Version};
use tokio::time::sleep;

use crate::program::{self, midge};

/// Before another try to connect.
const PAUSE: Duration = Duration::from_millis(3);
/// For a run of so many kills as `cargo test` has; more of them take longer.
const PATIENCE: Duration = Duration::from_secs(50);
/// Messages that a publisher has on its way.
const WINDOW: usize = 15;

/// The broker, on one port and with one file in all its lives.
struct Victim {
    port: u16,
    file: PathBuf,
    flags: &'static [&'static str],
    child: Option<Child>,
}

impl Victim {
    /// Begins a life: returns once it listens.
    fn start(&mut self) {
        let port = self.port.to_string();
        let file = self.file.to_str().unwrap();
        let mut command = midge(&["broker", "--port", &port, "--persist", file]);
        let mut child = command
            .args(self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        self.port = program::port(&program::ready(&mut child));
        self.child = Some(child);
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client whose session goes on over every loss of its connection.
struct Survivor(Client);

impl Survivor {
    fn options(port: u16, id: &str, version: Version) -> Options {
        let target = Target::new(Address::Tcp {
            host: "127.0.0.1".into(),
            port,
        });
        let mut connect = ConnectOptions::new(version, id);
        connect.clean_start = false;
        if version == Version::V5 {
            let expiry = (PropertyId::SESSION_EXPIRY_INTERVAL, Value::U32(u32::MAX));
            connect.properties.push(expiry.0, expiry.1).unwrap();
        }
        let mut options = Options::new(target, connect, Duration::from_secs(5));
        options.plain = true;
        options
    }

    async fn connect(port: u16, id: &str, version: Version) -> Survivor {
        loop {
            match Client::connect(Survivor::options(port, id, version)).await {
                Ok(client) => return Survivor(client),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        loop {
            if let Ok(event) = self.0.next_event().await {
                return event;
            }
            while self.0.reconnect().await.is_err() {
                sleep(PAUSE).await;
            }
            let id = &self.0.connected().client_id;
            assert!(
                self.0.connected().session_present,
                "{id} has lost its session"
            );
        }
    }

    async fn subscribe(&mut self, filter: &str, qos: QoS) {
        loop {
            let filters = [(filter, SubscriptionOptions::at(qos))];
            let asked = self.0.subscribe(filters, Properties::EMPTY);
            let Ok(asked) = asked else {
                sleep(PAUSE).await;
                continue;
            };
            loop {
                match self.0.next_event().await {
                    Ok(Event::Subscribed { token, .. }) if token == asked => return,
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
            while self.0.reconnect().await.is_err() {
                sleep(PAUSE).await;
            }
        }
    }

    /// Publishes numbers until the time is over, then `end`, then waits for all acknowledgements.
    /// How many numbers.
    async fn publish(&mut self, topic: &str, qos: QoS, is_over: &Cell<bool>) -> u32 {
        let topic = TopicName::new(topic).unwrap();
        let mut number = 0;
        let mut ended = false;
        loop {
            while !ended && self.0.in_flight() < WINDOW {
                let text = match is_over.get() {
                    true => "end".to_owned(),
                    false => number.to_string(),
                };
                let mut publication = Publication::new(topic.clone(), text, qos);
                // The last one is there for whoever comes later.
                publication.retain = number % 4 == 0 || is_over.get();
                match self.0.publish(publication) {
                    Ok(_) if is_over.get() => ended = true,
                    Ok(_) => number += 1,
                    Err(PublishError::QuotaFull(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            if ended && self.0.in_flight() == 0 {
                return number;
            }
            self.next_event().await;
            // Other clients want their turn, and the broker something else than messages.
            tokio::task::yield_now().await;
        }
    }

    /// Takes messages until both publishers have said `end`.
    async fn receive(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut ends = 0;
        while ends < 2 {
            if let Event::Message(message) = self.next_event().await {
                match &*message.payload {
                    b"end" => ends += 1,
                    _ => messages.push(message),
                }
            }
        }
        messages
    }
}

/// A sequence of pseudo-random numbers (xorshift), so that a run can be told by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn numbers(messages: &[Message], topic: &str) -> Vec<u32> {
    messages
        .iter()
        .filter(|message| message.topic.as_str() == topic)
        .map(|message| {
            std::str::from_utf8(&message.payload)
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect()
}

/// Whether QoS 2 came exactly once and in order, and QoS 1 at least once.
fn check(who: &str, messages: &[Message], sent: (u32, u32)) {
    let exactly_once = numbers(messages, "t/2");
    let expected: Vec<u32> = (0..sent.1).collect();
    assert!(
        exactly_once == expected,
        "{who}: QoS 2: {} came of {}, first difference {:?}",
        exactly_once.len(),
        expected.len(),
        exactly_once.iter().zip(&expected).find(|(a, b)| a != b)
    );
    let mut at_least_once = numbers(messages, "t/1");
    at_least_once.sort_unstable();
    at_least_once.dedup();
    assert_eq!(at_least_once.len(), sent.0 as usize, "{who}: QoS 1");
}

fn survive(kills: u32, version: Version, flags: &'static [&'static str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = Victim {
        port: 0,
        file: folder.path().join("store"),
        flags,
        child: None,
    };
    victim.start();
    let port = victim.port;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let seed = std::process::id().into();
    println!("seed {seed}");
    let patience = PATIENCE + Duration::from_millis(500) * kills;
    let work = all_of_them(&mut victim, port, kills, version, seed);
    let done = runtime.block_on(async { tokio::time::timeout(patience, work).await });
    done.expect("it takes too long");
}

async fn all_of_them(victim: &mut Victim, port: u16, kills: u32, version: Version, seed: u64) {
    let mut awake = Survivor::connect(port, "awake", version).await;
    awake.subscribe("t/#", QoS::ExactlyOnce).await;
    let mut asleep = Survivor::connect(port, "asleep", version).await;
    asleep.subscribe("t/+", QoS::ExactlyOnce).await;
    drop(asleep);
    let is_over = Cell::new(false);
    let mut first = Survivor::connect(port, "first", version).await;
    let mut second = Survivor::connect(port, "second", version).await;
    // Sessions whose subscription was acknowledged shortly before a kill.
    let promised = Rc::new(RefCell::new(Vec::new()));
    let conductor = async {
        let mut random = Random(seed | 1);
        for life in 0..kills {
            let newcomer = tokio::task::spawn_local(newcomer(port, life, promised.clone()));
            let begun = Instant::now();
            sleep(Duration::from_micros(1_000 + random.below(120_000))).await;
            newcomer.abort();
            victim.kill();
            println!("life {life}: {:?}", begun.elapsed());
            victim.start();
        }
        is_over.set(true);
    };
    let publishing = async {
        tokio::join!(
            first.publish("t/1", QoS::AtLeastOnce, &is_over),
            second.publish("t/2", QoS::ExactlyOnce, &is_over),
        )
    };
    let everybody = async { tokio::join!(conductor, publishing, awake.receive()) };
    let ((), sent, received) = tokio::task::LocalSet::new().run_until(everybody).await;
    println!("sent {sent:?}, received {}", received.len());
    // A slow machine has little done in the life of a broker; clients that stand still are a fault.
    assert!(sent.0 + sent.1 > kills, "{sent:?}");
    check("awake", &received, sent);

    // Who slept through it all finds the same.
    let mut asleep = Survivor::connect(port, "asleep", version).await;
    assert!(asleep.0.connected().session_present);
    check("asleep", &asleep.receive().await, sent);

    for id in promised.take() {
        let newcomer = Survivor::connect(port, &id, Version::V311).await;
        assert!(newcomer.0.connected().session_present, "{id}");
    }
    let mut late = Survivor::connect(port, "late", version).await;
    late.subscribe("t/#", QoS::AtLeastOnce).await;
    let retained = late.receive().await;
    assert!(
        retained.is_empty(),
        "only the last of each topic: {retained:?}"
    );
}

/// Subscribes once, and notes that it is done.
async fn newcomer(port: u16, life: u32, promised: Rc<RefCell<Vec<String>>>) {
    let id = format!("newcomer-{life}");
    let mut survivor = Survivor::connect(port, &id, Version::V311).await;
    survivor.subscribe("nothing/comes", QoS::AtLeastOnce).await;
    promised.borrow_mut().push(id);
}

#[test]
fn what_is_acknowledged_survives_some_kills() {
    survive(10, Version::V5, &[]);
}

#[test]
fn with_fsync_too() {
    survive(3, Version::V311, &["--persist-sync"]);
}

#[test]
#[ignore = "takes a minute"]
fn what_is_acknowledged_survives_200_kills() {
    survive(100, Version::V5, &[]);
    survive(100, Version::V311, &[]);
}

//! A broker with a recording, and clients that play a scene to it.

use std::fs;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use midge::client::native::Client;
use midge::client::{
    Address, ConnectOptions, Event, Options, Publication, Target, TopicName, Will,
};
use midge::mqtt::packet::SubscriptionOptions;
use midge::mqtt::property::Value as Property;
use midge::mqtt::{Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Version};
use serde_json::Value;

use crate::program::{self, Ended, midge, run};

const PATIENCE: Duration = Duration::from_secs(10);

/// `midge broker` in a process of its own.
pub(crate) struct Broker {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) urls: Vec<String>,
    pub(crate) port: u16,
}

impl Broker {
    pub(crate) fn start(flags: &[&str]) -> Broker {
        let mut command = midge(&["broker", "--exit-after", "end of stdin"]);
        if !flags.contains(&"--listen") {
            command.args(["--port", "0"]);
        }
        let mut child = command
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = program::ready(&mut child);
        let listeners = ready["listeners"].as_array().unwrap().iter();
        let urls = listeners.map(|listener| listener["url"].as_str().unwrap().to_owned());
        Broker {
            urls: urls.collect(),
            port: program::port(&ready),
            stdin: child.stdin.take(),
            child,
        }
    }

    /// Ends it: what it has recorded is written.
    pub(crate) fn end(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A client of the scene.
pub(crate) struct Actor(Client);

/// Who it is.
pub(crate) struct Role<'r> {
    pub(crate) id: &'r str,
    pub(crate) version: Version,
    pub(crate) keeps: bool,
    pub(crate) will: Option<&'r str>,
}

impl<'r> Role<'r> {
    pub(crate) fn new(id: &'r str, version: Version) -> Role<'r> {
        Role {
            id,
            version,
            keeps: false,
            will: None,
        }
    }
}

impl Actor {
    pub(crate) async fn enter(port: u16, role: Role<'_>) -> Actor {
        let target = Target::new(Address::Tcp {
            host: "127.0.0.1".to_owned(),
            port,
        });
        let mut connect = ConnectOptions::new(role.version, role.id);
        connect.keep_alive = 0;
        connect.clean_start = !role.keeps;
        connect.topic_aliases = true;
        if role.keeps && role.version == Version::V5 {
            let expiry = PropertyId::SESSION_EXPIRY_INTERVAL;
            connect.properties.push(expiry, Property::U32(600)).unwrap();
        }
        connect.will = role.will.map(|topic| Will {
            topic: TopicName::new(topic).unwrap(),
            payload: "gone".into(),
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: PropertiesBuf::new(),
        });
        let options = Options::new(target, connect, PATIENCE);
        Actor(Client::connect(options).await.unwrap())
    }

    pub(crate) fn has_session(&self) -> bool {
        self.0.connected().session_present
    }

    async fn event(&mut self) -> Event {
        let event = tokio::time::timeout(PATIENCE, self.0.next_event());
        event.await.expect("something happens").expect("it goes on")
    }

    /// Subscribes, and waits for the answer.
    pub(crate) async fn subscribe(&mut self, filters: &[(&str, QoS)]) {
        let filters = filters
            .iter()
            .map(|&(filter, qos)| (filter, SubscriptionOptions::at(qos)));
        self.0.subscribe(filters, Properties::EMPTY).unwrap();
        while !matches!(self.event().await, Event::Subscribed { .. }) {}
    }

    pub(crate) async fn unsubscribe(&mut self, filter: &str) {
        self.0.unsubscribe([filter], Properties::EMPTY).unwrap();
        while !matches!(self.event().await, Event::Unsubscribed { .. }) {}
    }

    /// Publishes, and waits for the end of the exchange.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        let topic = TopicName::new(topic).unwrap();
        let mut publication = Publication::new(topic, payload.to_owned(), qos);
        publication.retain = retain;
        if self.0.connected().version == Version::V5 {
            let kind = Property::Str(b"text/plain");
            let properties = &mut publication.properties;
            properties.push(PropertyId::CONTENT_TYPE, kind).unwrap();
        }
        self.0.publish(publication).unwrap();
        self.0.flush().await.unwrap();
        while self.0.in_flight() > 0 {
            self.event().await;
        }
    }

    /// Waits for so many messages.
    pub(crate) async fn receive(&mut self, count: usize) {
        for _ in 0..count {
            while !matches!(self.event().await, Event::Message(_)) {}
        }
        tokio::time::timeout(PATIENCE, self.0.wait_for_releases())
            .await
            .expect("they are released");
    }

    /// Leaves with DISCONNECT.
    pub(crate) async fn leave(mut self) {
        let reason = ReasonCode::SUCCESS;
        self.0
            .disconnect_and_wait(reason, Properties::EMPTY)
            .await
            .unwrap();
    }

    /// Is gone without a word.
    pub(crate) async fn vanish(mut self) {
        self.0.hang_up().await.unwrap();
    }
}

/// What crossed the wire in a recording, by client, in the order of its connections, without what
/// belongs to one run only: per direction, and of messages per topic.
pub(crate) fn transcript(recording: &Path) -> Vec<(String, Vec<String>)> {
    let ended = run(&["decode", "--json", recording.to_str().unwrap()]);
    ended.expect(0, "");
    transcript_of(ended.text())
}

/// Number and client of a connection, and its packets, each behind the lane that orders it.
type Stream = (u64, String, Vec<(String, String)>);

pub(crate) fn transcript_of(lines: &str) -> Vec<(String, Vec<String>)> {
    let mut streams: Vec<Stream> = Vec::new();
    for line in lines.lines() {
        let mut packet: Value = serde_json::from_str(line).unwrap();
        let (stream, from) = (packet["stream"].as_u64().unwrap(), packet["from"].clone());
        let from = from.as_str().unwrap().to_owned();
        let kind = packet["type"].as_str().unwrap().to_owned();
        if kind.starts_with("PING") {
            continue;
        }
        if kind == "CONNECT" {
            let id = packet["client_id"].as_str().unwrap().to_owned();
            streams.push((stream, id, Vec::new()));
        }
        if packet["properties"]["topic_alias"].is_u64() {
            if packet["topic_resolved"].is_string() {
                packet["topic"] = packet["topic_resolved"].clone();
            }
            let properties = packet["properties"].as_object_mut().unwrap();
            properties.remove("topic_alias");
            if properties.is_empty() {
                packet.as_object_mut().unwrap().remove("properties");
            }
        }
        let topic = packet["topic"].as_str().unwrap_or_default().to_owned();
        let object = packet.as_object_mut().unwrap();
        for key in [
            "frame",
            "time",
            "stream",
            "src",
            "dst",
            "packet_id",
            "remaining_length",
            "remaining_length_hex",
            "topic_resolved",
            "version_from",
            "transport",
        ] {
            object.remove(key);
        }
        let lane = match kind.as_str() {
            "PUBLISH" => format!("{from} PUBLISH {topic}"),
            kind => format!("{from} {kind}"),
        };
        let known = streams
            .iter_mut()
            .rev()
            .find(|(number, ..)| *number == stream);
        known.unwrap().2.push((lane, packet.to_string()));
    }
    let mut found: Vec<_> = streams
        .into_iter()
        .map(|(_, id, mut packets)| {
            // Stable: the order within a lane stays.
            packets.sort_by(|(a, _), (b, _)| a.cmp(b));
            (id, packets.into_iter().map(|(_, packet)| packet).collect())
        })
        .collect();
    // Connections of several clients may open in any order, those of one in theirs.
    found.sort_by(|(a, _): &(String, Vec<String>), (b, _)| a.cmp(b));
    found
}

/// Writes what a broker has recorded of a scene, which `play` plays to its port.
pub(crate) fn record<F: Future<Output = ()>>(file: &Path, play: impl FnOnce(u16) -> F) {
    let broker = Broker::start(&["--record", file.to_str().unwrap()]);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(play(broker.port));
    broker.end();
    assert!(fs::metadata(file).unwrap().len() > 500);
}

/// Replays a file to a broker of its own with these flags, and gives how that ended and what the
/// broker has recorded.
pub(crate) fn replay(file: &Path, again: &Path, broker: &[&str], flags: &[&str]) -> Ended {
    let record = ["--record", again.to_str().unwrap()];
    let broker = Broker::start(&[&record, broker].concat());
    let url = broker.urls[0].clone();
    let capture = file.to_str().unwrap();
    let common = ["capture-replay", capture, "-L", &url];
    let ended = run(&[&common, flags].concat());
    broker.end();
    ended
}

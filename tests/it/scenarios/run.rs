//! Runs a scenario, wherever its broker is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use midge::broker::Config;
use midge::mqtt::decode::{Context, Strict, decode};
use midge::mqtt::frame::Framer;
use midge::mqtt::{Side, Version};

use super::script::Scenario;
use super::{access, packet_text};
use crate::broker_model::challenge::Challenge;

/// A broker, and the clock that it goes by.
pub(crate) trait Place {
    /// A new connection.
    fn open(&mut self) -> u64;

    fn send(&mut self, connection: u64, bytes: &[u8]);

    /// The client closes without a word.
    fn close(&mut self, connection: u64);

    /// From here on the client reads nothing.
    fn stall(&mut self, connection: u64) -> Result<(), String>;

    /// The client reads again.
    fn unstall(&mut self, connection: u64);

    fn pass_time(&mut self, by: Duration);

    /// The access rules of this configuration take the place of those before.
    fn set_access(&mut self, config: &Config);

    /// Everything that has come since the last call, when nothing more is on its way.
    fn come(&mut self) -> Vec<(u64, Came)>;
}

/// What the broker does to a connection.
pub(crate) enum Came {
    Bytes(Bytes),
    Closed,
}

/// Runs the lines on a broker that `start` makes.
///
/// # Errors
/// The first line that is not as it should be, and why.
pub(crate) fn run<P: Place>(
    scenario: &Scenario,
    start: impl Fn(Config) -> P,
) -> Result<(), String> {
    let mut lines = scenario.lines.iter().peekable();
    let mut config = Config::default();
    let fail = |(number, line): &(usize, String), problem: String| {
        format!("{}:{number}: {line}\n    {problem}", scenario.file)
    };
    while let Some(line) = lines.next_if(|(_, line)| is_setting(line)) {
        set(&mut config, &line.1).map_err(|problem| fail(line, problem))?;
    }
    let mut run = Run::new(start(config.clone()));
    for line in lines {
        let result = if !is_setting(&line.1) {
            run.line(&line.1)
        } else if line.1.starts_with("config ") {
            // Another broker.
            run.nothing_is_left().and_then(|()| {
                set(&mut config, &line.1)?;
                run = Run::new(start(config.clone()));
                Ok(())
            })
        } else {
            set(&mut config, &line.1).map(|()| run.place.set_access(&config))
        };
        result.map_err(|problem| fail(line, problem))?;
    }
    let end = (0, format!("the end of \"{}\"", scenario.heading));
    run.nothing_is_left().map_err(|problem| fail(&end, problem))
}

pub(super) struct Run<P> {
    place: P,
    peers: BTreeMap<String, Peer>,
}

/// A client of the script. Its name stays when its connection ends and it opens another.
struct Peer {
    connection: u64,
    is_open: bool,
    /// That of its first CONNECT; a second one changes nothing.
    version: Version,
    has_sent: bool,
    framer: Framer,
    /// What came and is not yet expected by a line.
    inbox: VecDeque<String>,
    stalls: bool,
}

impl<P: Place> Run<P> {
    pub(super) fn new(place: P) -> Run<P> {
        Run {
            place,
            peers: BTreeMap::new(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some((name, expected)) = line.split_once("< ") {
            return self.expect(name, expected);
        }
        self.nothing_is_left()?;
        if let Some(time) = line.strip_prefix('+') {
            return self.pass_time(parse_duration(time)?);
        }
        match line.split_once("> ") {
            Some((name, text)) => self.input(name, text),
            None => Err("not a line of a scenario".into()),
        }
    }

    fn expect(&mut self, name: &str, expected: &str) -> Result<(), String> {
        let peer = self.peers.get_mut(name).ok_or("no such client")?;
        let came = peer.inbox.pop_front().ok_or("nothing came")?;
        let matches = match expected.strip_suffix("...") {
            Some(beginning) => format!("{came} ").starts_with(beginning),
            None => came == expected,
        };
        matches.then_some(()).ok_or(format!("came: {came}"))
    }

    fn nothing_is_left(&self) -> Result<(), String> {
        for (name, peer) in &self.peers {
            if let Some(came) = peer.inbox.front() {
                return Err(format!("before this, to {name} came: {came}"));
            }
        }
        Ok(())
    }

    pub(super) fn pass_time(&mut self, by: Duration) -> Result<(), String> {
        self.place.pass_time(by);
        self.collect()
    }

    pub(super) fn stalls(&self, name: &str) -> bool {
        self.peers
            .get(name)
            .is_some_and(|peer| peer.is_open && peer.stalls)
    }

    pub(super) fn input(&mut self, name: &str, text: &str) -> Result<(), String> {
        if !self.peers.get(name).is_some_and(|peer| peer.is_open) {
            let peer = Peer::new(self.place.open());
            self.peers.insert(name.into(), peer);
        }
        let peer = self.peers.get_mut(name).ok_or("no such client")?;
        let id = peer.connection;
        match text {
            "opens" => {}
            // What the broker sends before it has seen a CONNECT of the script is read as 5.0.
            "opens v5" => peer.version = Version::V5,
            "closes" => {
                peer.is_open = false;
                self.place.close(id);
            }
            "stalls" => {
                peer.stalls = true;
                self.place.stall(id)?;
            }
            "reads" => {
                peer.stalls = false;
                self.place.unstall(id);
            }
            _ => {
                let bytes = match text.strip_prefix("hex ") {
                    Some(digits) => {
                        hex::decode(digits.replace(' ', "")).map_err(|e| e.to_string())?
                    }
                    None => {
                        let mut version = peer.version;
                        let bytes = packet_text::parse(text, name, &mut version)?;
                        if !peer.has_sent {
                            peer.version = version;
                        }
                        bytes
                    }
                };
                peer.has_sent = true;
                self.place.send(id, &bytes);
            }
        }
        self.collect()
    }

    fn collect(&mut self) -> Result<(), String> {
        for (connection, came) in self.place.come() {
            let peer = self
                .peers
                .values_mut()
                .find(|peer| peer.connection == connection && peer.is_open)
                .ok_or_else(|| format!("the broker acts on {connection}, which is not open"))?;
            match came {
                Came::Bytes(bytes) => peer.receive(&bytes)?,
                Came::Closed => {
                    peer.is_open = false;
                    peer.inbox.push_back("closed".into());
                }
            }
        }
        Ok(())
    }
}

impl Peer {
    fn new(connection: u64) -> Peer {
        Peer {
            connection,
            is_open: true,
            version: Version::V311,
            has_sent: false,
            framer: Framer::new(usize::MAX),
            inbox: VecDeque::new(),
            stalls: false,
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.framer.feed(bytes);
        while let Some(packet) = self.framer.next_packet().map_err(|e| e.to_string())? {
            let context = Context {
                version: self.version,
                from: Some(Side::Server),
            };
            let packet = decode(&packet, context, &mut Strict)
                .map_err(|violation| format!("the broker sent {packet:x}: {violation}"))?;
            self.inbox.push_back(packet_text::show(&packet));
        }
        Ok(())
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or("no unit")?, 1000),
    };
    let number: u64 = number.parse().map_err(|_| "not a number")?;
    Ok(Duration::from_millis(number * unit))
}

fn is_setting(line: &str) -> bool {
    let word = line.split(' ').next();
    word.is_some_and(|word| ["config", "acl", "table"].contains(&word))
}

fn set(config: &mut Config, line: &str) -> Result<(), String> {
    let Some(settings) = line.strip_prefix("config ") else {
        return access::set_rules(config, line);
    };
    *config = Config::default();
    for setting in settings.split_whitespace() {
        let (name, value) = setting.split_once('=').ok_or("no value")?;
        if access::set(config, name, value)? {
            continue;
        }
        let value: usize = value.parse().map_err(|_| "not a number")?;
        match name {
            "max_packet_size" => config.max_packet_size = value,
            "receive_maximum" => config.receive_maximum = value as u16,
            "topic_alias_maximum" => config.topic_alias_maximum = value as u16,
            "max_inflight" => config.max_inflight = value as u16,
            "max_queued_messages" => config.max_queued_messages = value,
            "max_queued_bytes" => config.max_queued_bytes = value,
            "max_output" => config.max_output = value,
            "max_filter_levels" => config.max_filter_levels = value,
            "max_outgoing_topic_aliases" => config.max_outgoing_topic_aliases = value as u16,
            "sys_interval" => {
                config.sys_interval = (value > 0).then(|| Duration::from_secs(value as u64));
            }
            "challenge" => config.authenticator = Some(Arc::new(Challenge)),
            "connect_timeout" => config.connect_timeout = Duration::from_secs(value as u64),
            _ => return Err(format!("no setting {name}")),
        }
    }
    Ok(())
}

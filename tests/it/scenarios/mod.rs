//! Runs `tests/scenarios/*.txt` on the broker's core, with virtual time. What the lines mean is
//! in `tests/scenarios/README.md`.

mod access;
pub(crate) mod packet_text;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use midge::broker::core::{Action, ConnectionId, Core, Input};
use midge::broker::{self, Config};
use midge::mqtt::decode::{Context, Strict, decode};
use midge::mqtt::frame::Framer;
use midge::mqtt::{Side, Version};

#[test]
fn every_scenario_runs_as_written() {
    run_all(usize::MAX);
}

/// TCP may cut anywhere: the same must happen when every byte comes alone.
#[test]
fn every_scenario_runs_the_same_byte_by_byte() {
    run_all(1);
}

fn run_all(chunk: usize) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
        .collect();
    files.sort();
    let mut failures = String::new();
    let mut scenarios = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Each scenario starts with a heading and a broker of its own; one that has failed is
        // left there.
        let mut run = Run::new(Config::default(), chunk);
        let mut has_failed = false;
        for (number, line) in (1..).zip(text.lines().chain(["== end"])) {
            let is_heading = line.starts_with("== ");
            scenarios += usize::from(is_heading);
            if has_failed && !is_heading {
                continue;
            }
            let result = if has_failed {
                Ok(())
            } else {
                run.line(line.trim())
            };
            has_failed = result.is_err() && !is_heading;
            if is_heading {
                run = Run::new(Config::default(), chunk);
            }
            if let Err(problem) = result {
                let name = file.file_name().unwrap().to_string_lossy();
                writeln!(failures, "{name}:{number}: {line}\n    {problem}").unwrap();
            }
        }
    }
    assert!(scenarios > 50, "only {scenarios} scenarios");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Lines that clients may send in any order, wrong ones among them.
const LINES: &[&str] = &[
    "CONNECT v5 session_expiry_interval=5 receive_maximum=2",
    "CONNECT v5 clean=0 session_expiry_interval=9 will=a:gone will.qos=1 will.will_delay_interval=3",
    "CONNECT v311 clean=0 keep_alive=2 will=a/b:gone will.retain",
    "CONNECT v311",
    "CONNECT v31 clean=0 id=z",
    "CONNECT v5 id=z clean=0 session_expiry_interval=4294967295 maximum_packet_size=40",
    "SUBSCRIBE 1 a@2 a/b@1 #@0 $share/g/a/+@2",
    "SUBSCRIBE 2 +/b@1 a/#@2",
    "SUBSCRIBE 3 a@2,nl,rap,rh=1 subscription_identifier=7",
    "UNSUBSCRIBE 4 a a/b $share/g/a/+",
    "PUBLISH a 0",
    "PUBLISH a/b 1 q1 id=1 retain",
    "PUBLISH a 2 q2 id=2",
    "PUBLISH a 2 q2 id=2 dup",
    "PUBLISH a/b '' q2 id=3 retain",
    "PUBLISH a/b 1 q1 id=4 message_expiry_interval=1 topic_alias=3 user_property=x:y",
    "PUBLISH '' 1 topic_alias=3",
    "PUBACK 1",
    "PUBACK 2",
    "PUBREC 1",
    "PUBREC 2",
    "PUBREC 1 0x80",
    "PUBREL 2",
    "PUBREL 3",
    "PUBCOMP 1",
    "PUBCOMP 2",
    "PINGREQ",
    "DISCONNECT",
    "DISCONNECT 0x04 session_expiry_interval=2",
    "AUTH 0x19 authentication_method=x",
    "closes",
    "stalls",
    "hex 36 02 00 00",
    "hex ff ff ff ff ff",
    "hex 30",
];

proptest! {
    /// Whatever clients do, the core neither panics nor acts on a connection that has ended, and
    /// every byte it sends is a packet that a client would take.
    #[test]
    fn any_script_gets_well_formed_answers(
        script in prop::collection::vec((0..4usize, 0..LINES.len() + 10, 0..4000u64), 1..200),
    ) {
        let config = Config { max_output: 200, max_queued_messages: 3, ..Config::default() };
        let mut run = Run::new(config, usize::MAX);
        for name in ["a", "b", "c", "d"] {
            run.input(name, LINES[0]).unwrap();
        }
        for (client, line, time) in script {
            let name = ["a", "b", "c", "d"][client];
            let result = match LINES.get(line) {
                Some(&"stalls") if run.peers[name].reads_again() => run.input(name, "reads"),
                Some(line) => run.input(name, line),
                None => run.advance(Duration::from_millis(time)),
            };
            prop_assert_eq!(result, Ok(()));
        }
    }
}

struct Run {
    config: Config,
    core: Core,
    chunk: usize,
    now: Duration,
    next_connection: u64,
    peers: BTreeMap<String, Peer>,
}

/// A client of the script. Its name stays when its connection ends and it opens another.
struct Peer {
    connection: ConnectionId,
    is_open: bool,
    /// That of its first CONNECT; a second one changes nothing.
    version: Version,
    has_sent: bool,
    framer: Framer,
    /// What came and is not yet expected by a line.
    inbox: VecDeque<String>,
    /// Whether it reads; if not, how many bytes wait.
    stalled: Option<usize>,
}

impl Peer {
    fn reads_again(&self) -> bool {
        self.is_open && self.stalled.is_some()
    }
}

impl Run {
    fn new(config: Config, chunk: usize) -> Run {
        Run {
            core: Core::new(config.clone()),
            config,
            chunk,
            now: Duration::from_secs(1_000),
            next_connection: 0,
            peers: BTreeMap::new(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with("# ") || line == "#" {
            return Ok(());
        }
        if let Some((name, expected)) = line.split_once("< ") {
            return self.expect(name, expected);
        }
        self.nothing_is_left()?;
        if line.starts_with("== ") {
            return Ok(());
        }
        if let Some(settings) = line.strip_prefix("config ") {
            *self = Run::new(parse_config(settings)?, self.chunk);
            return Ok(());
        }
        if line.starts_with("acl ") || line.starts_with("table ") {
            let mut config = self.config.clone();
            access::set_rules(&mut config, line)?;
            if self.peers.is_empty() {
                *self = Run::new(config, self.chunk);
            } else {
                let access = config.listeners.iter().map(|l| l.access.clone());
                self.core.set_access(access.collect());
                self.config = config;
            }
            return Ok(());
        }
        if let Some(time) = line.strip_prefix('+') {
            return self.advance(parse_duration(time)?);
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

    fn advance(&mut self, by: Duration) -> Result<(), String> {
        let target = self.now + by;
        while let Some(at) = self.core.poll_timeout().filter(|&at| at <= target) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
            self.drain()?;
        }
        self.now = target;
        Ok(())
    }

    fn input(&mut self, name: &str, text: &str) -> Result<(), String> {
        if !self.peers.get(name).is_some_and(|peer| peer.is_open) {
            self.open(name);
        }
        let peer = self.peers.get_mut(name).ok_or("no such client")?;
        let id = peer.connection;
        match text {
            "opens" => {}
            // What the broker sends before it has seen a CONNECT of the script is read as 5.0.
            "opens v5" => peer.version = Version::V5,
            "closes" => {
                peer.is_open = false;
                self.core.handle(self.now, id, Input::Closed);
            }
            "stalls" => peer.stalled = Some(0),
            "reads" => {
                let waiting = peer.stalled.take().ok_or("it does not stall")?;
                self.core.handle(self.now, id, Input::Written(waiting));
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
                for chunk in bytes.chunks(self.chunk) {
                    self.core.handle(self.now, id, Input::Bytes(chunk));
                }
            }
        }
        self.drain()
    }

    fn open(&mut self, name: &str) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let peer = Peer {
            connection,
            is_open: true,
            version: Version::V311,
            has_sent: false,
            framer: Framer::new(usize::MAX),
            inbox: VecDeque::new(),
            stalled: None,
        };
        self.peers.insert(name.into(), peer);
        self.core.handle(
            self.now,
            connection,
            Input::Opened(&broker::Peer::default()),
        );
    }

    fn drain(&mut self) -> Result<(), String> {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Send { connection, bytes } => {
                    let peer = peer(&mut self.peers, connection)?;
                    peer.framer.feed(&bytes);
                    while let Some(packet) = peer.framer.next_packet().map_err(|e| e.to_string())? {
                        let context = Context {
                            version: peer.version,
                            from: Some(Side::Server),
                        };
                        let packet =
                            decode(&packet, context, &mut Strict).map_err(|violation| {
                                format!("the broker sent {packet:x}: {violation}")
                            })?;
                        peer.inbox.push_back(packet_text::show(&packet));
                    }
                    match &mut peer.stalled {
                        Some(waiting) => *waiting += bytes.len(),
                        None => {
                            let input = Input::Written(bytes.len());
                            self.core.handle(self.now, connection, input);
                        }
                    }
                }
                Action::Close { connection } => {
                    let peer = peer(&mut self.peers, connection)?;
                    peer.is_open = false;
                    peer.inbox.push_back("closed".into());
                }
                Action::Log(_) => {}
            }
        }
        Ok(())
    }
}

fn peer(peers: &mut BTreeMap<String, Peer>, connection: ConnectionId) -> Result<&mut Peer, String> {
    peers
        .values_mut()
        .find(|peer| peer.connection == connection && peer.is_open)
        .ok_or_else(|| format!("the broker acts on {connection:?}, which is not open"))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or("no unit")?, 1000),
    };
    let number: u64 = number.parse().map_err(|_| "not a number")?;
    Ok(Duration::from_millis(number * unit))
}

fn parse_config(settings: &str) -> Result<Config, String> {
    let mut config = Config::default();
    for setting in settings.split_whitespace() {
        let (name, value) = setting.split_once('=').ok_or("no value")?;
        if access::set(&mut config, name, value)? {
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
            "connect_timeout" => config.connect_timeout = Duration::from_secs(value as u64),
            _ => return Err(format!("no setting {name}")),
        }
    }
    Ok(config)
}

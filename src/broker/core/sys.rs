//! `$SYS/broker/...`: what the broker counts, under the names that mosquitto gives it.
//!
//! Counting is adding to numbers. Values are made, kept and sent only as long as somebody
//! subscribes to topics that begin with `$SYS`, so that a broker at rest is not woken.

use std::rc::Rc;
use std::time::Duration;

use super::connection::State;
use super::message::Message;
use super::retained::Retained;
use super::session::SessionId;
use super::timers::Timer;
use super::{Core, Time};
use crate::mqtt::packet::Publish;
use crate::mqtt::{Properties, QoS};

/// The session that publishes them: none.
const BROKER: SessionId = SessionId(0);

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    /// Packets of any type, and their bytes.
    pub(super) received: Count,
    pub(super) sent: Count,
    /// Application Messages, and their payload's bytes.
    pub(super) publish_received: Count,
    pub(super) publish_sent: Count,
    /// Messages that found a full queue or a slow network.
    pub(super) dropped: u64,
    /// Network connections.
    pub(super) sockets: u64,
    /// CONNECT packets.
    pub(super) connects: u64,
    /// Sessions that ended by their Session Expiry Interval.
    pub(super) expired: u64,
    /// The most sessions that there were at a time.
    pub(super) most_sessions: usize,
}

/// How many, and their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    number: u64,
    bytes: u64,
}

impl Count {
    pub(super) fn add(&mut self, len: usize) {
        self.number += 1;
        self.bytes += len as u64;
    }
}

impl Counters {
    /// What the averages are taken of.
    fn loads(&self) -> [(&'static str, u64); LOADS] {
        [
            ("messages/received", self.received.number),
            ("messages/sent", self.sent.number),
            ("publish/dropped", self.dropped),
            ("publish/received", self.publish_received.number),
            ("publish/sent", self.publish_sent.number),
            ("bytes/received", self.received.bytes),
            ("bytes/sent", self.sent.bytes),
            ("sockets", self.sockets),
            ("connections", self.connects),
        ]
    }
}

const LOADS: usize = 9;
/// Minutes of the averages.
const MINUTES: [u8; 3] = [1, 5, 15];

/// The values that subscribers have been sent.
#[derive(Debug, Default)]
pub(super) struct Sys {
    values: Retained,
    load: Load,
    started: Option<Time>,
    /// The deadline that is set.
    timer: Option<Time>,
}

/// Exponentially weighted averages per minute, as the load of Unix systems.
#[derive(Debug, Default)]
struct Load {
    at: Option<Time>,
    counts: [u64; LOADS],
    averages: [[f64; MINUTES.len()]; LOADS],
}

impl Load {
    /// Weighs in what has happened since the last call, as if it had been spread evenly.
    fn update(&mut self, now: Time, started: Time, counters: &Counters) {
        let seconds = now.saturating_sub(self.at.unwrap_or(started)).as_secs_f64();
        if seconds < 1.0 {
            return;
        }
        self.at = Some(now);
        let rows = self.counts.iter_mut().zip(&mut self.averages);
        for ((before, averages), (_, count)) in rows.zip(counters.loads()) {
            let per_minute = count.saturating_sub(*before) as f64 * 60.0 / seconds;
            *before = count;
            for (average, minutes) in averages.iter_mut().zip(MINUTES) {
                let fades = (-seconds / (60.0 * f64::from(minutes))).exp();
                *average = per_minute + fades * (*average - per_minute);
            }
        }
    }
}

impl Core {
    /// From now on values are sent, if anybody wants them.
    pub(super) fn watch_sys(&mut self, now: Time) {
        self.sys.started.get_or_insert(now);
        if self.sys.timer.is_none()
            && self.subscriptions.of_sys() > 0
            && self.config.sys_interval.is_some()
        {
            for message in self.sys_values(now) {
                self.sys.values.store(&message);
            }
            self.set_sys_timer(now);
        }
    }

    /// Publishes a line under `$SYS/broker/`, to those who listen now.
    pub fn tell(&mut self, now: Time, name: &str, line: &str) {
        if self.subscriptions.of_sys() > 0 {
            let message = message(now, name, line, false);
            self.route(now, &message, BROKER);
        }
    }

    /// The values that a new subscription gets.
    pub(super) fn matching_sys(&mut self, now: Time, filter: &str) -> Vec<Rc<Message>> {
        self.sys.values.matching(now, &mut self.journal, filter)
    }

    /// Sends what has changed.
    pub(super) fn handle_sys_timeout(&mut self, now: Time) {
        self.sys.timer = None;
        if self.subscriptions.of_sys() == 0 {
            self.sys.values = Retained::default();
            return;
        }
        for message in self.sys_values(now) {
            if self.sys.values.get(&message.topic) != Some(&*message.payload) {
                self.sys.values.store(&message);
                self.route(now, &message, BROKER);
            }
        }
        self.set_sys_timer(now);
    }

    fn set_sys_timer(&mut self, now: Time) {
        // A second is the unit of the averages.
        let interval = self.config.sys_interval;
        let next = interval.map(|interval| now + interval.max(Duration::from_secs(1)));
        self.timers.set(Timer::Sys, &mut self.sys.timer, next);
    }

    fn sys_values(&mut self, now: Time) -> Vec<Rc<Message>> {
        let started = *self.sys.started.get_or_insert(now);
        let counters = self.output.counters;
        self.sys.load.update(now, started, &counters);
        let total = self.sessions.len();
        let connected = self
            .connections
            .values()
            .filter(|connection| matches!(connection.state, State::Connected(_)))
            .count();
        let (mut waiting, mut waiting_bytes) = (self.retained.len(), self.retained.bytes());
        for session in self.sessions.values() {
            let (messages, bytes) = session.waiting();
            waiting += messages;
            waiting_bytes += bytes;
        }
        let shared = self.subscriptions.shared();
        let mut values = vec![
            message(
                now,
                "version",
                concat!("midge version ", env!("CARGO_PKG_VERSION")),
                true,
            ),
            message(
                now,
                "uptime",
                &format!("{} seconds", (now.saturating_sub(started)).as_secs()),
                true,
            ),
        ];
        let (connected, away) = (connected as u64, total.saturating_sub(connected) as u64);
        let numbers = [
            ("clients/total", total as u64),
            ("clients/connected", connected),
            ("clients/disconnected", away),
            // The same under the names of old.
            ("clients/active", connected),
            ("clients/inactive", away),
            ("clients/expired", counters.expired),
            ("clients/maximum", counters.most_sessions as u64),
            ("messages/received", counters.received.number),
            ("messages/sent", counters.sent.number),
            ("messages/stored", waiting as u64),
            ("store/messages/count", waiting as u64),
            ("store/messages/bytes", waiting_bytes as u64),
            ("subscriptions/count", self.subscriptions.count() as u64),
            ("shared_subscriptions/count", shared as u64),
            ("retained messages/count", self.retained.len() as u64),
            (
                "publish/messages/received",
                counters.publish_received.number,
            ),
            ("publish/messages/sent", counters.publish_sent.number),
            ("publish/messages/dropped", counters.dropped),
            ("publish/bytes/received", counters.publish_received.bytes),
            ("publish/bytes/sent", counters.publish_sent.bytes),
            ("bytes/received", counters.received.bytes),
            ("bytes/sent", counters.sent.bytes),
            // By the estimate that --max-memory holds to.
            ("heap/current", self.memory.used() as u64),
            ("heap/maximum", self.memory.most() as u64),
        ];
        values.extend(numbers.map(|(name, number)| message(now, name, &number.to_string(), true)));
        for ((name, _), averages) in counters.loads().iter().zip(&self.sys.load.averages) {
            for (average, minutes) in averages.iter().zip(MINUTES) {
                let name = format!("load/{name}/{minutes}min");
                values.push(message(now, &name, &format!("{average:.2}"), true));
            }
        }
        values
    }
}

fn message(now: Time, name: &str, value: &str, retain: bool) -> Rc<Message> {
    let topic = format!("$SYS/broker/{name}");
    let publish = Publish {
        dup: false,
        qos: QoS::ExactlyOnce,
        retain,
        topic: &topic,
        packet_id: 0,
        properties: Properties::EMPTY,
        payload: value.as_bytes(),
    };
    Rc::new(Message::new(now, topic.as_str().into(), &publish))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::core::{Config, ConnectionId, Input, Peer};

    /// SUBSCRIBE of 3.1.1, packet id 1, QoS 0.
    fn subscribe(filter: &str) -> Vec<u8> {
        let mut bytes = vec![0x82, 5 + filter.len() as u8, 0, 1, 0, filter.len() as u8];
        bytes.extend_from_slice(filter.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_broker_at_rest_is_not_woken() {
        let mut core = Core::new(Config::default());
        let id = ConnectionId(1);
        core.handle(Time::ZERO, id, Input::Opened(&Peer::default()));
        let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a";
        core.handle(Time::ZERO, id, Input::Bytes(connect));
        core.handle(Time::ZERO, id, Input::Bytes(&subscribe("#")));
        assert_eq!(core.poll_timeout(), None);
        core.handle(Time::ZERO, id, Input::Bytes(&subscribe("$SYS/#")));
        assert_eq!(core.poll_timeout(), Some(Duration::from_secs(10)));
        core.handle(Time::ZERO, id, Input::Closed);
        core.handle_timeout(Duration::from_secs(10));
        assert_eq!(core.poll_timeout(), None);
    }

    /// After one minute of a steady rate the average of one minute has come 1 - 1/e of the way,
    /// however often it was looked at.
    #[test]
    fn averages_come_near_as_loads_do() {
        for steps in [1, 6, 60] {
            let mut load = Load::default();
            let mut counters = Counters::default();
            for step in 1..=steps {
                counters.sockets += 600 / steps;
                let now = Duration::from_secs(step * 60 / steps);
                load.update(now, Time::ZERO, &counters);
            }
            let expected = MINUTES.map(|m| 600.0 * (1.0 - (-1.0 / f64::from(m)).exp()));
            for (average, expected) in load.averages[7].iter().zip(expected) {
                assert!((average - expected).abs() < 0.01, "{average} {expected}");
            }
        }
    }

    #[test]
    fn averages_fade_when_nothing_happens() {
        let mut load = Load::default();
        let counters = Counters {
            connects: 10,
            ..Counters::default()
        };
        load.update(Duration::from_secs(10), Time::ZERO, &counters);
        let before = load.averages[8][0];
        load.update(Duration::from_secs(70), Time::ZERO, &counters);
        assert!((load.averages[8][0] - before / std::f64::consts::E).abs() < 1e-9);
    }
}

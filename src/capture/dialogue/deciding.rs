//! Is it MQTT? While that is open, only as much is kept as it takes to find out.

use std::collections::VecDeque;

use super::{
    Dialogue, MQTT_PORT, Verdict,
    flow::Event,
    proxy::{self, Header},
};
use crate::capture::{
    detect::{self, Opening},
    follower::{End, Pair},
    packets::Out,
    record::{SkipReason, TurnKind},
};

/// What is kept of one direction while it is not known whether it is MQTT.
const WINDOW: usize = 64 * 1024;

/// The same in all streams together; beyond it only the expected ports are still looked at, and
/// [`SMALL_WINDOW`] is kept.
pub(in crate::capture) const MAX_UNDECIDED: usize = 8 << 20;
const SMALL_WINDOW: usize = 2 * 1024;

/// Bytes of one direction after which MQTT is only looked for at the beginning of segments, which
/// costs next to nothing.
const LOOK_LESS: u64 = 256 * 1024;

impl Dialogue {
    /// Looks for MQTT in what has come so far. `last`: nothing more will come.
    pub(super) fn decide(&mut self, last: bool, out: &mut Out) {
        if let Some(opener) = self.opener
            && !self.is_behind_proxy
        {
            let flow = self.flows.get_mut(opener);
            match proxy::header(flow.bytes()) {
                Header::Len(len) if flow.from_start => {
                    self.is_behind_proxy = true;
                    flow.skip(len, SkipReason::ProxyHeader);
                }
                Header::Unclear if flow.from_start && !flow.bytes().is_empty() && !last => return,
                _ => {}
            }
        }
        let expected = self.expected();
        for end in [End::First, End::Second] {
            let flow = self.flows.get(end);
            if detect::opening(flow.bytes(), expected && flow.from_start) == Opening::Connect {
                self.hold.connecting = true;
                self.accept(Some(end), out);
                return;
            }
        }
        if !last && self.awaits_connect() {
            return;
        }
        if self.forced() && self.opener.is_some() {
            // It is MQTT for sure; the first byte only has to be there.
            let first = self.opener.filter(|end| self.flows.get(*end).from_start);
            self.accept(first, out);
            return;
        }
        if !last && !self.flows.first.is_scan_due() && !self.flows.second.is_scan_due() {
            return;
        }
        let needed = if expected {
            detect::EXPECTED
        } else {
            detect::ANYWHERE
        };
        let mut evidence = 0;
        for end in End::BOTH {
            let flow = self.flows.get_mut(end);
            let found = flow.scan(needed, last);
            if flow.refuted && self.opener.is_none_or(|opener| opener == end) {
                self.reject();
                return;
            }
            evidence += found;
        }
        let flows = [&self.flows.first, &self.flows.second];
        let is_found = last && expected && flows.iter().any(|flow| flow.has_boundary());
        if evidence >= needed && !last && self.is_suspected(out) {
            // What it is wrapped in, if it is, will show.
            self.keep_last(WINDOW);
        } else if evidence >= needed || is_found || (self.forced() && last) {
            self.accept(None, out);
        } else if last {
            self.reject();
        } else {
            self.keep_last(WINDOW);
            for end in End::BOTH {
                let flow = self.flows.get_mut(end);
                if flow.seen > LOOK_LESS {
                    flow.look_less();
                }
            }
        }
    }

    fn keep_last(&mut self, window: usize) {
        for end in End::BOTH {
            self.flows.get_mut(end).keep_last(window);
        }
    }

    /// Whether what was found begins where it may be wrapped in something.
    fn is_suspected(&self, out: &Out) -> bool {
        End::BOTH.into_iter().any(|end| {
            let found = self.flows.get(end).found();
            found.is_some_and(|found| found <= *out.suspected.get(end))
        })
    }

    /// Whether the first bytes of the end that opened the connection are still to come, in order:
    /// an answer to a CONNECT may be captured before it.
    fn awaits_connect(&self) -> bool {
        let Some(opener) = self.opener else {
            return false;
        };
        let flow = self.flows.get(opener);
        flow.from_start
            && detect::opening(flow.bytes(), self.expected()) == Opening::Unclear
            && self.flows.get(opener.other()).bytes().len() < WINDOW
    }

    /// Whether `end` begins with what can only be a CONNECT here, of which the capture has but the
    /// first bytes.
    pub(super) fn is_cut_connect(&self, end: End) -> bool {
        let flow = self.flows.get(end);
        self.expected()
            && flow.from_start
            && self.opener.is_none_or(|opener| opener == end)
            && flow.bytes().len() > 1
            && detect::opening(flow.bytes(), true) == Opening::Unclear
    }

    /// Keeps the memory of all undecided streams within its bound.
    pub(super) fn bound(&mut self, out: &mut Out) {
        self.count_undecided(out);
        if out.undecided > MAX_UNDECIDED && self.verdict == Verdict::Undecided {
            if self.expected() {
                self.keep_last(SMALL_WINDOW);
            } else {
                self.reject();
            }
            self.count_undecided(out);
        }
    }

    pub(super) fn count_undecided(&mut self, out: &mut Out) {
        let now = match self.verdict {
            Verdict::Undecided => self.flows.first.kept() + self.flows.second.kept(),
            Verdict::Mqtt | Verdict::NotMqtt => 0,
        };
        out.undecided = out.undecided + now - self.undecided;
        self.undecided = now;
    }

    pub(super) fn accept(&mut self, connect_from: Option<End>, out: &mut Out) {
        self.verdict = Verdict::Mqtt;
        out.mqtt_streams += 1;
        self.client = connect_from.or(self.opener);
        let opened = Pair {
            first: self.flows.first.first_place(),
            second: self.flows.second.first_place(),
        };
        let limit = self.connection.options.max_packet;
        let mut found = Pair::<Vec<Event>>::default();
        for end in End::BOTH {
            let connect = connect_from == Some(end);
            let events = found.get_mut(end);
            self.flows.get_mut(end).accept(connect, limit, events);
        }
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            let flow = self.flows.get(end);
            if flow.from_start {
                self.turn(end, TurnKind::Opened, opened.get(end).to_owned(), out);
            }
        }
        for (end, kind, place) in std::mem::take(&mut self.turns) {
            self.turn(end, kind, place, out);
        }
        self.merge(found, out);
    }

    pub(super) fn reject(&mut self) {
        self.verdict = Verdict::NotMqtt;
        self.flows = Pair::default();
        self.turns = VecDeque::new();
    }

    fn forced(&self) -> bool {
        self.connection.is_announced || self.connection.has_port_of(&self.connection.options.ports)
    }

    fn expected(&self) -> bool {
        self.forced() || self.connection.has_port_of(&[MQTT_PORT])
    }
}

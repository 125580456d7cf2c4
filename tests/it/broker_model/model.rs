//! The model: what a broker owes to whom, in the plainest form. It shares no code with the core,
//! not even the matching of topics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use midge::mqtt::{QoS, ReasonCode, Version};

use super::op::{CLIENTS, FILTERS};

/// Seconds of a session that never ends.
const NEVER: u32 = u32::MAX;

/// A copy of a message for one client.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    /// Number of the copy: what must not be delivered twice.
    pub(crate) instance: usize,
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: BTreeSet<u32>,
    pub(crate) expires_at: Option<Duration>,
}

/// A PUBLISH as it came to a client, its alias resolved.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) packet_id: u16,
    pub(crate) identifiers: BTreeSet<u32>,
    pub(crate) expiry: Option<u32>,
}

/// What must come before the next step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    ConnAck(bool),
    PubAck(u16, ReasonCode),
    PubRec(u16, ReasonCode),
    PubRel(u16),
    PubComp(u16),
    /// A repeat: whatever its code.
    PubRecAgain(u16),
    SubAck(u16, u8),
    UnsubAck(u16),
    TakenOver,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retain_handling: u8,
    pub(crate) identifier: Option<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Will {
    pub(crate) topic: &'static str,
    pub(crate) payload: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) delay: u32,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) version: Version,
    /// How many QoS 1 and 2 messages may be open.
    pub(crate) window: usize,
    pub(crate) will: Option<Will>,
    serial: usize,
    pub(crate) expiry_was_zero: bool,
}

#[derive(Debug)]
struct Sent {
    packet_id: u16,
    copy: Copy,
    released: bool,
    /// The connection on which it was sent last.
    on: usize,
}

#[derive(Debug)]
pub(crate) struct Session {
    generation: usize,
    pub(crate) link: Option<Link>,
    expiry: u32,
    ends_at: Option<Duration>,
    delayed_will: Option<(Duration, Will)>,
    pub(crate) subscriptions: BTreeMap<usize, Subscription>,
    /// QoS 1 and 2, not sent yet.
    owed: Vec<Copy>,
    sent: Vec<Sent>,
    /// QoS 2 ids of the client between PUBREC and PUBREL.
    pub(crate) unreleased: BTreeSet<u16>,
    /// It never was in a version that does not show of two copies which is which.
    shows_identifiers: bool,
}

/// A message for one member of a group; nobody but the broker knows for whom.
#[derive(Debug)]
struct SharedCopy {
    /// Client, generation of its session, and what it would get.
    candidates: Vec<(usize, usize, Copy)>,
    /// Whether everybody was there, so that somebody must get it at once.
    all_online: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Duration,
    pub(crate) sessions: [Option<Session>; CLIENTS],
    retained: BTreeMap<&'static str, (String, QoS, Option<Duration>)>,
    qos0: Vec<(usize, Copy)>,
    shared: Vec<SharedCopy>,
    pub(crate) expected: Vec<(usize, Expected)>,
    next: usize,
    max_inflight: usize,
}

impl Model {
    pub(crate) fn new(now: Duration, max_inflight: usize) -> Model {
        Model {
            now,
            max_inflight,
            ..Model::default()
        }
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    pub(crate) fn expect(&mut self, client: usize, what: Expected) {
        self.expected.push((client, what));
    }

    pub(crate) fn came(&mut self, client: usize, what: &Expected) -> Result<(), String> {
        let again = match what {
            Expected::PubRec(id, _) => Expected::PubRecAgain(*id),
            _ => Expected::TakenOver,
        };
        let at = self
            .expected
            .iter()
            .position(|(c, e)| *c == client && (e == what || *e == again))
            .ok_or_else(|| format!("{what:?} came to {client}, expected: {:?}", self.expected))?;
        self.expected.remove(at);
        Ok(())
    }

    /// A message is accepted; how many copies there are.
    pub(crate) fn publish(
        &mut self,
        from: usize,
        topic: &'static str,
        payload: &str,
        qos: QoS,
        retain: bool,
        expiry: Option<u32>,
    ) -> usize {
        let expires_at = expiry.map(|s| self.now + Duration::from_secs(s.into()));
        if retain && payload.is_empty() {
            self.retained.remove(topic);
        } else if retain {
            self.retained
                .insert(topic, (payload.to_owned(), qos, expires_at));
        }
        let mut count = 0;
        let copy = |granted: QoS, retain: bool, identifiers| Copy {
            instance: 0,
            topic: topic.to_owned(),
            payload: payload.to_owned(),
            qos: qos.min(granted),
            retain,
            identifiers,
            expires_at,
        };
        let mut groups: BTreeMap<usize, Vec<(usize, usize, Copy)>> = BTreeMap::new();
        for client in 0..CLIENTS {
            let Some(session) = &self.sessions[client] else {
                continue;
            };
            let mut best: Option<Copy> = None;
            for (&filter, subscription) in &session.subscriptions {
                let (group, text) = split_share(FILTERS[filter]);
                if !matches(text, topic) {
                    continue;
                }
                let retain = retain && subscription.retain_as_published;
                let identifiers = subscription.identifier.into_iter().collect();
                let this = copy(subscription.qos, retain, identifiers);
                if group {
                    let member = (client, session.generation, this);
                    groups.entry(filter).or_default().push(member);
                } else if !(subscription.no_local && client == from) {
                    best = Some(match best {
                        None => this,
                        Some(mut best) => {
                            best.qos = best.qos.max(this.qos);
                            best.retain |= this.retain;
                            best.identifiers.extend(this.identifiers);
                            best
                        }
                    });
                }
            }
            if let Some(best) = best {
                count += 1;
                self.owe(client, best);
            }
        }
        for (_, mut candidates) in groups {
            count += 1;
            let instance = self.number();
            for (_, _, copy) in &mut candidates {
                copy.instance = instance;
            }
            let all_online = candidates.iter().all(|(client, _, _)| {
                let session = self.sessions[*client].as_ref();
                session.is_some_and(|session| session.link.is_some())
            });
            self.shared.push(SharedCopy {
                candidates,
                all_online,
            });
        }
        count
    }

    fn owe(&mut self, client: usize, mut copy: Copy) {
        copy.instance = self.number();
        let Some(session) = &mut self.sessions[client] else {
            return;
        };
        match copy.qos {
            QoS::AtMostOnce if session.link.is_some() => self.qos0.push((client, copy)),
            QoS::AtMostOnce => {}
            _ => session.owed.push(copy),
        }
    }

    /// A connection begins; whether a session is resumed.
    pub(crate) fn connect(
        &mut self,
        client: usize,
        version: Version,
        clean_start: bool,
        expiry: u32,
        receive_maximum: Option<u16>,
        will: Option<Will>,
    ) -> bool {
        if let Some(session) = &mut self.sessions[client] {
            if clean_start {
                session.expiry = 0;
            }
            if session.link.is_some() {
                if session
                    .link
                    .as_ref()
                    .is_some_and(|l| l.version == Version::V5)
                {
                    self.expect(client, Expected::TakenOver);
                }
                self.end_link(client, true);
            } else if clean_start {
                self.end_session(client);
            }
        }
        let resumed = self.sessions[client].is_some();
        let serial = self.number();
        let window = match version {
            Version::V5 => usize::from(receive_maximum.unwrap_or(u16::MAX)).min(self.max_inflight),
            _ => self.max_inflight,
        };
        let session = self.sessions[client].get_or_insert_with(|| Session {
            generation: serial,
            link: None,
            expiry: 0,
            ends_at: None,
            delayed_will: None,
            subscriptions: BTreeMap::new(),
            owed: Vec::new(),
            sent: Vec::new(),
            unreleased: BTreeSet::new(),
            shows_identifiers: true,
        });
        session.shows_identifiers &= version == Version::V5;
        session.delayed_will = None;
        session.ends_at = None;
        session.expiry = match version {
            Version::V5 => expiry,
            _ if clean_start => 0,
            _ => NEVER,
        };
        session.link = Some(Link {
            version,
            window,
            will,
            serial,
            expiry_was_zero: expiry == 0,
        });
        self.expect(client, Expected::ConnAck(resumed));
        resumed
    }

    pub(crate) fn set_expiry(&mut self, client: usize, expiry: u32) {
        if let Some(session) = &mut self.sessions[client] {
            session.expiry = expiry;
        }
    }

    /// The connection is over.
    pub(crate) fn end_link(&mut self, client: usize, with_will: bool) {
        let Some(session) = &mut self.sessions[client] else {
            return;
        };
        let Some(link) = session.link.take() else {
            return;
        };
        let ends_now = session.expiry == 0;
        if session.expiry != NEVER {
            session.ends_at = Some(self.now + Duration::from_secs(session.expiry.into()));
        }
        match link.will.filter(|_| with_will) {
            Some(will) if ends_now || will.delay == 0 => self.publish_will(client, &will),
            Some(will) => {
                let at = self.now + Duration::from_secs(will.delay.into());
                session.delayed_will = Some((at, will));
            }
            None => {}
        }
        if ends_now {
            self.end_session(client);
        }
    }

    fn end_session(&mut self, client: usize) {
        let will = self.sessions[client]
            .as_mut()
            .and_then(|session| session.delayed_will.take());
        if let Some((_, will)) = will {
            self.publish_will(client, &will);
        }
        self.sessions[client] = None;
    }

    fn publish_will(&mut self, client: usize, will: &Will) {
        self.publish(
            client,
            will.topic,
            &will.payload,
            will.qos,
            will.retain,
            None,
        );
    }

    /// When something happens by itself.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        let sessions = self.sessions.iter().flatten();
        sessions
            .flat_map(|s| {
                s.ends_at
                    .into_iter()
                    .chain(s.delayed_will.as_ref().map(|w| w.0))
            })
            .min()
    }

    /// Does what is due.
    pub(crate) fn pass_time(&mut self, now: Duration) {
        self.now = now;
        for client in 0..CLIENTS {
            let Some(session) = &mut self.sessions[client] else {
                continue;
            };
            if session.ends_at.is_some_and(|at| at <= now) {
                self.end_session(client);
            } else if let Some((_, will)) = session.delayed_will.take_if(|(at, _)| *at <= now) {
                self.publish_will(client, &will);
            }
        }
    }

    pub(crate) fn subscribe(&mut self, client: usize, filter: usize, new: Subscription) {
        let Some(session) = &mut self.sessions[client] else {
            return;
        };
        let is_new = session.subscriptions.insert(filter, new.clone()).is_none();
        let (is_shared, text) = split_share(FILTERS[filter]);
        if is_shared || new.retain_handling == 2 || (new.retain_handling == 1 && !is_new) {
            return;
        }
        let now = self.now;
        let matching: Vec<Copy> = self
            .retained
            .iter()
            .filter(|(topic, (_, _, at))| matches(text, topic) && at.is_none_or(|at| at > now))
            .map(|(topic, (payload, qos, expires_at))| Copy {
                instance: 0,
                topic: (*topic).to_owned(),
                payload: payload.clone(),
                qos: new.qos.min(*qos),
                retain: true,
                identifiers: new.identifier.into_iter().collect(),
                expires_at: *expires_at,
            })
            .collect();
        for copy in matching {
            self.owe(client, copy);
        }
    }

    /// A PUBLISH has come to a client: the copy that it is.
    pub(crate) fn publish_came(&mut self, client: usize, got: &Arrived) -> Result<usize, String> {
        self.forget_expired();
        let now = self.now;
        let session = self.sessions[client].as_mut().ok_or("no session")?;
        let generation = session.generation;
        let link = session.link.as_ref().ok_or("no connection")?;
        let (version, serial, window) = (link.version, link.serial, link.window);
        let ids = session.shows_identifiers;
        let fits = |copy: &Copy| got.is(copy, version, ids, now);
        if got.dup {
            let sent = session
                .sent
                .iter_mut()
                .find(|s| s.packet_id == got.packet_id && !s.released && s.on != serial)
                .ok_or("DUP on what was not sent before")?;
            if !got.is_but_for_expiry(&sent.copy, version, ids) {
                return Err(format!("the repeat differs from {:?}", sent.copy));
            }
            sent.on = serial;
            let instance = sent.copy.instance;
            return session.check_window(serial, window).map(|()| instance);
        }
        let found = if got.qos == QoS::AtMostOnce {
            let at = self
                .qos0
                .iter()
                .position(|(c, copy)| *c == client && fits(copy));
            at.map(|at| self.qos0.remove(at).1)
        } else {
            // In their order per topic and QoS.
            let at = session
                .owed
                .iter()
                .position(|c| c.topic == got.topic && c.qos == got.qos);
            at.filter(|&at| fits(&session.owed[at]))
                .map(|at| session.owed.remove(at))
        };
        let copy = match found {
            Some(copy) => copy,
            None => {
                let of = |s: &SharedCopy| {
                    s.candidates
                        .iter()
                        .find(|(c, g, copy)| *c == client && *g == generation && fits(copy))
                        .map(|(_, _, copy)| copy.clone())
                };
                let at = self.shared.iter().position(|s| of(s).is_some());
                let at = at.ok_or_else(|| format!("not owed, or not now: {:?}", session.owed))?;
                of(&self.shared.remove(at)).ok_or("gone")?
            }
        };
        let instance = copy.instance;
        if got.qos != QoS::AtMostOnce {
            if session.sent.iter().any(|s| s.packet_id == got.packet_id) {
                return Err("the packet id is in use".into());
            }
            if session.sent.iter().any(|s| s.on != serial) {
                return Err("a new message before all repeats".into());
            }
            session.sent.push(Sent {
                packet_id: got.packet_id,
                copy,
                released: false,
                on: serial,
            });
            session.check_window(serial, window)?;
        }
        Ok(instance)
    }

    /// A PUBREL has come to a client.
    pub(crate) fn pubrel_came(&mut self, client: usize, packet_id: u16) -> Result<(), String> {
        let session = self.sessions[client].as_mut().ok_or("no session")?;
        let serial = session.link.as_ref().map(|link| link.serial);
        let repeat = session
            .sent
            .iter_mut()
            .find(|s| s.packet_id == packet_id && s.released && Some(s.on) != serial);
        match (repeat, serial) {
            (Some(sent), Some(serial)) => {
                sent.on = serial;
                Ok(())
            }
            _ => self.came(client, &Expected::PubRel(packet_id)),
        }
    }

    /// The client sends PUBACK, PUBREC or PUBCOMP: the copy that is finished by it.
    pub(crate) fn answered(
        &mut self,
        client: usize,
        packet_id: u16,
        answer: Answer,
    ) -> Option<usize> {
        let session = self.sessions[client].as_mut()?;
        let at = session.sent.iter().position(|s| s.packet_id == packet_id)?;
        let sent = &mut session.sent[at];
        let is_over = match answer {
            Answer::PubAck => sent.copy.qos == QoS::AtLeastOnce,
            Answer::Refused => sent.copy.qos == QoS::ExactlyOnce && !sent.released,
            Answer::PubComp => sent.released,
            Answer::PubRec => {
                if sent.copy.qos == QoS::ExactlyOnce {
                    sent.released = true;
                    self.expect(client, Expected::PubRel(packet_id));
                }
                false
            }
        };
        if !is_over {
            return None;
        }
        let session = self.sessions[client].as_mut()?;
        Some(session.sent.remove(at).copy.instance)
    }

    fn forget_expired(&mut self) {
        let now = self.now;
        let is_over = |copy: &Copy| copy.expires_at.is_some_and(|at| at <= now);
        for session in self.sessions.iter_mut().flatten() {
            session.owed.retain(|copy| !is_over(copy));
        }
        self.shared.retain(|s| {
            !s.candidates
                .first()
                .is_some_and(|(_, _, copy)| is_over(copy))
        });
    }

    /// Between two steps: everything that must have come has.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        self.forget_expired();
        if let Some(missing) = self.expected.first() {
            return Err(format!("missing: {missing:?}"));
        }
        if let Some(missing) = self.qos0.first() {
            return Err(format!("missing: {missing:?}"));
        }
        for (client, session) in self.sessions.iter().enumerate() {
            let Some((session, link)) = session
                .as_ref()
                .and_then(|s| s.link.as_ref().map(|link| (s, link)))
            else {
                continue;
            };
            let here = session.sent.iter().filter(|s| s.on == link.serial).count();
            let has_room = here < link.window;
            if let Some(late) = session.sent.iter().find(|s| s.on != link.serial)
                && (late.released || has_room)
            {
                return Err(format!("not sent again to {client}: {late:?}"));
            }
            if let Some(late) = session.owed.first()
                && session.sent.len() < link.window
            {
                return Err(format!("not sent to {client}: {late:?}"));
            }
        }
        let sessions = &self.sessions;
        for copy in &self.shared {
            let must_have_come = copy.all_online
                && copy.candidates.iter().all(|(client, generation, copy)| {
                    sessions[*client].as_ref().is_some_and(|s| {
                        s.generation == *generation
                            && s.link.as_ref().is_some_and(|l| {
                                copy.qos == QoS::AtMostOnce || s.sent.len() < l.window
                            })
                    })
                });
            if must_have_come {
                return Err(format!("to no member: {copy:?}"));
            }
        }
        Ok(())
    }

    /// Nothing is left to do.
    pub(crate) fn check_end(&self) -> Result<(), String> {
        for (client, session) in self.sessions.iter().enumerate() {
            let Some(session) = session else { continue };
            if !session.owed.is_empty() || !session.sent.is_empty() {
                return Err(format!("{client} never got all: {session:?}"));
            }
        }
        for copy in &self.shared {
            let one_has_ended = copy.candidates.iter().any(|(client, generation, _)| {
                self.sessions[*client]
                    .as_ref()
                    .is_none_or(|s| s.generation != *generation)
            });
            // Or it was for one who was away, at QoS 0.
            let may_be_lost = copy
                .candidates
                .iter()
                .any(|(_, _, c)| c.qos == QoS::AtMostOnce);
            if !one_has_ended && !may_be_lost {
                return Err(format!("to no member: {copy:?}"));
            }
        }
        Ok(())
    }
}

/// What a client says to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    PubAck,
    PubRec,
    /// PUBREC with an error.
    Refused,
    PubComp,
}

impl Session {
    fn check_window(&self, serial: usize, window: usize) -> Result<(), String> {
        let open = self.sent.iter().filter(|s| s.on == serial && !s.released);
        match open.count() <= window {
            true => Ok(()),
            false => Err(format!("more than {window} are open")),
        }
    }
}

impl Arrived {
    fn is_but_for_expiry(&self, copy: &Copy, version: Version, ids: bool) -> bool {
        self.topic == copy.topic
            && self.payload == copy.payload
            && self.qos == copy.qos
            && self.retain == copy.retain
            && match version {
                Version::V5 => !ids || self.identifiers == copy.identifiers,
                _ => self.identifiers.is_empty(),
            }
    }

    fn is(&self, copy: &Copy, version: Version, ids: bool, now: Duration) -> bool {
        let left = copy.expires_at.map(|at| at.saturating_sub(now));
        self.is_but_for_expiry(copy, version, ids)
            && match (version, left, self.expiry) {
                (Version::V5, Some(left), Some(got)) => {
                    Duration::from_secs(got.into()).abs_diff(left) < Duration::from_secs(1)
                }
                (Version::V5, None, None) => true,
                (Version::V5, _, _) => false,
                (_, _, got) => got.is_none(),
            }
    }
}

fn split_share(filter: &str) -> (bool, &str) {
    match filter.strip_prefix("$share/") {
        Some(rest) => (true, rest.split_once('/').map_or("", |(_, filter)| filter)),
        None => (false, filter),
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some(level), Some(name)) if level == "+" || level == name => {}
            _ => return false,
        }
    }
}

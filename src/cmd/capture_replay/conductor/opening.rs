//! Connections that are opened: as captured, but for what the user wants otherwise.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::gate::will_delay;
use super::{Actor, Conductor};
use crate::cmd::capture_replay::delivery::content;
use crate::cmd::capture_replay::player::Player;
use crate::cmd::capture_replay::report::MADE_UP_SHOWN;
use crate::cmd::capture_replay::step::Opening;
use crate::cmd::connect::ConnectPlan;
use crate::mqtt::property::Value;
use crate::mqtt::{PropertiesBuf, PropertyId, Version};
use crate::output::replay::Of;

impl Conductor<'_> {
    pub(super) fn open(&mut self, session: u64, opening: Opening) {
        self.openings = self.openings.saturating_sub(1);
        let (sender, jobs) = mpsc::unbounded_channel();
        let received = Rc::new(Cell::new(0));
        let (number, address) = (opening.number, opening.client);
        let made_up = &mut self.outcome.made_up;
        let is_told = opening.is_made_up && self.plan.is_sessions;
        if is_told && made_up.len() < MADE_UP_SHOWN && !made_up.contains(&address) {
            made_up.push(address);
        }
        let version = opening.connect.version;
        let connect = self.connect_plan(session, opening);
        let options = &connect.options.connect;
        let name = options.client_id.clone();
        if let Some(verify) = &self.shared.verify {
            let mut verify = verify.borrow_mut();
            verify.open(session, &name, version, options.version);
        }
        if let (Some(part), Some(will)) = (&self.shared.part, &options.will) {
            let content = content(will.topic.as_str(), &will.payload);
            part.borrow_mut().published(content);
        }
        let will_delay = will_delay(options);
        self.sent(session, number, true, "CONNACK", || Of::Connection);
        let client = name.clone();
        // A client without a name gets one of its own from the server.
        if !name.is_empty()
            && let Some(before) = self.names.insert(name, session)
            && self.actors.contains_key(&before)
        {
            self.taken_over.insert(before);
        }
        let player = Player {
            session,
            number,
            connect,
            client: address,
            jobs,
            stop: self.stopped.clone(),
            news: self.news.clone(),
            shared: Rc::clone(self.shared),
            received: Rc::clone(&received),
            waiting: FxHashMap::default(),
            is_settling: false,
            is_unsettled: false,
            unreleased: FxHashMap::default(),
        };
        tokio::task::spawn_local(player.play());
        self.actors.insert(
            session,
            Actor {
                client,
                jobs: sender,
                expected: 0,
                received,
                is_unsettled: false,
                will_delay,
            },
        );
        self.connecting += 1;
    }

    /// How a session connects: as captured, but for what the user wants otherwise.
    pub(super) fn connect_plan(&mut self, session: u64, opening: Opening) -> ConnectPlan {
        let mut plan = self.plan.connect.clone();
        let given = Arc::clone(&plan.options.connect);
        let mut connect = opening.connect;
        let captured_version = connect.version;
        connect.version = self.plan.version.unwrap_or(connect.version);
        connect.answer_timeout = given.answer_timeout;
        if given.username.is_some() {
            connect.username.clone_from(&given.username);
        }
        // For the captured user names, too; a client that had none gets no password.
        let takes_password = connect.username.is_some()
            || connect.password.is_some()
            || self.plan.version == Some(Version::V5);
        if given.password.is_some() && takes_password {
            connect.password.clone_from(&given.password);
            self.outcome.passwords += 1;
        }
        // What only 5.0 can say.
        if connect.version < Version::V5 {
            if connect.username.is_none() {
                connect.password = None;
            }
            let will = connect.will.iter_mut().map(|will| &mut will.properties);
            for properties in will.chain([&mut connect.properties]) {
                let dropped = properties.as_properties().iter().count() as u64;
                self.shared.tally.borrow_mut().properties_dropped += dropped;
                *properties = PropertiesBuf::new();
            }
            // The name is the server's to give in a clean session only (`[MQTT-3.1.3-7]`).
            let needs_name = connect.version == Version::V31 || !connect.clean_start;
            if connect.client_id.is_empty() && needs_name {
                connect.client_id = format!("{}{session:04x}", self.plan.made_up);
            }
        } else if captured_version < Version::V5
            && !connect.clean_start
            && connect.properties.as_properties().is_empty()
        {
            // Before 5.0 it meant a session that is kept.
            let forever = Value::U32(u32::MAX);
            let expiry = PropertyId::SESSION_EXPIRY_INTERVAL;
            let _ = connect.properties.push(expiry, forever);
        }
        if let Some(taps) = self.taps {
            plan.options.trace = Some(taps.open(session, connect.version));
        }
        plan.options.connect = Arc::new(connect);
        // A connection that is made anew begins as this one did.
        plan.options.plain = true;
        plan
    }
}

//! Clients by name. Where only a part of the capture is played: what the rest of it does, by which it
//! is known what cannot come of the part alone. In lines: connections that are over when their client
//! comes back.

use rustc_hash::{FxHashMap, FxHashSet};

use super::stream::Stream;
use super::{MAX_KEPT, Mode, Source};
use crate::cmd::capture_replay::delivery::{Delivery, content};
use crate::cmd::capture_replay::part::Rest;
use crate::cmd::capture_replay::step::{Action, Leave};
use crate::mqtt::packet::Connect;

/// Of what is not played no session is.
const NOBODY: u64 = u64::MAX;

/// Messages that are remembered of a client before something is played on its connection.
const MAX_EARLY: usize = 1000;

/// Filters that are remembered of a client and not played.
const MAX_FILTERS: usize = 10_000;

/// What is known of clients by name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Those with a connection that is not played, or only from somewhere on.
    in_part: FxHashSet<String>,
    /// Their connections: the last one of each.
    streams: FxHashMap<String, u64>,
    /// Filters of sessions that are kept: those that are played, and the others.
    filters: FxHashMap<String, (Vec<String>, Vec<String>)>,
}

impl Known {
    /// Whether a connection of this client is not played.
    pub(super) fn is_played_in_part(&self, id: &str) -> bool {
        self.in_part.contains(id)
    }
}

impl Source {
    /// Whether what is not played is of interest.
    fn is_part(&self) -> bool {
        self.selector.is_some() && self.settings.mode == Mode::Sessions
    }

    /// A client connects on this stream, and that is played or not.
    pub(super) fn connects(&mut self, number: u64, connect: &Connect<'_>, is_played: bool) {
        let id = connect.client_id;
        let is_lines = self.records.is_lines() && self.settings.mode == Mode::Sessions;
        if id.is_empty()
            || !is_lines && !self.is_part()
            || self.known.streams.len() >= MAX_KEPT && !self.known.streams.contains_key(id)
        {
            return;
        }
        let before = self.known.streams.insert(id.to_owned(), number);
        let before = before.filter(|before| {
            let stream = self.streams.get(before).filter(|_| *before != number);
            stream.is_some_and(|stream| stream.captured_id.as_deref() == Some(id))
        });
        if is_lines && let Some(before) = before {
            // Whether it was gone already or is taken over: the server sends its will.
            self.leave(before, Leave::Cut);
        }
        if !self.is_part() {
            return;
        }
        if !is_played {
            self.known.in_part.insert(id.to_owned());
            if let Some(before) = before.and_then(|before| self.streams.get_mut(&before)) {
                before.is_taken_over = true;
            }
        }
        let kept = match connect.clean_start {
            true => {
                self.known.filters.remove(id);
                None
            }
            false => self.known.filters.get(id).cloned(),
        };
        if let Some((played, not_played)) = kept
            && let Some(stream) = self.streams.get_mut(&number)
        {
            (stream.filters_before, stream.not_played) = (played, not_played);
        }
    }

    /// A connection is over whose session is kept.
    pub(super) fn keep_filters(&mut self, id: &str, stream: &mut Stream) {
        if !self.is_part() || self.known.filters.len() >= MAX_KEPT {
            return;
        }
        let mut played = std::mem::take(&mut stream.filters_before);
        played.extend(stream.filters.iter().cloned());
        let not_played = std::mem::take(&mut stream.not_played);
        self.known
            .filters
            .insert(id.to_owned(), (played, not_played));
    }

    /// A connection is over on which nothing was played: its will is not, either.
    pub(super) fn forget_held(&mut self, stream: &mut Stream) {
        if let Some(held) = stream.held.take()
            && self.is_part()
            && let Some(will) = &held.connect.will
        {
            let content = content(will.topic.as_str(), &will.payload);
            self.rest(NOBODY, Rest::Message(content));
        }
    }

    /// A message is not played.
    pub(super) fn not_published(&mut self, topic: &str, payload: &[u8]) {
        if self.is_part() {
            let content = content(&self.settings.rewrite.topic(topic), payload);
            self.rest(NOBODY, Rest::Message(content));
        }
    }

    /// A request with these filters is not played.
    pub(super) fn not_requested(&mut self, number: u64, filters: Vec<String>) {
        if !self.is_part() {
            return;
        }
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        match stream.not_played.len() < MAX_FILTERS {
            true => stream.not_played.extend(filters.iter().cloned()),
            // Nothing it is sent can be compared then.
            false => stream.not_played = vec!["#".to_owned()],
        }
        let live = stream.live.as_ref().map(|live| live.session);
        if let Some(session) = live {
            let rest = Rest::Filters {
                played: Vec::new(),
                not_played: filters.clone(),
            };
            self.rest(session, rest);
        }
        self.rest(NOBODY, Rest::Others(filters));
    }

    /// A session begins on this stream: what its client has subscribed to before.
    pub(super) fn tell_filters(&mut self, session: u64, number: u64) {
        if !self.is_part() {
            return;
        }
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        let early = std::mem::take(&mut stream.early);
        if !stream.filters_before.is_empty() || !stream.not_played.is_empty() {
            let rest = Rest::Filters {
                played: stream.filters_before.clone(),
                not_played: stream.not_played.clone(),
            };
            self.rest(session, rest);
        }
        for delivery in early {
            self.delivered(number, Some(Box::new(delivery)));
        }
    }

    /// What a client is sent on a connection of which nothing is played yet: it comes as soon as
    /// something is.
    pub(super) fn early(&mut self, number: u64, delivery: Delivery) {
        if !self.is_part() {
            return;
        }
        if let Some(stream) = self.streams.get_mut(&number) {
            match stream.early.len() < MAX_EARLY {
                true => stream.early.push(delivery),
                // None of it can be compared then.
                false => stream.not_played = vec!["#".to_owned()],
            }
        }
    }

    fn rest(&mut self, session: u64, rest: Rest) {
        self.push(session, self.last_time, Action::Rest(rest));
    }
}

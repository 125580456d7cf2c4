//! What outlives a connection: the sessions of a server, by client identifier.

use rustc_hash::FxHashMap;

use super::connection::LeftOpen;
use super::outbox::Outbox;
use super::subscriptions::Subscriptions;

/// Clients per server that are remembered; beyond it all are forgotten.
const MAX_CLIENTS: usize = 4096;

/// What a client costs beside its identifier and its session, about.
const COST: usize = 256;

const SECOND: i64 = 1_000_000_000;

/// The sessions of one server.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    clients: FxHashMap<String, Client>,
    /// Somebody may have connected, as anybody, without being seen.
    in_part: bool,
    /// Bytes of all that is kept, about.
    weight: usize,
}

#[derive(Debug, Default)]
struct Client {
    /// The connection that has it now.
    live: Option<u64>,
    /// The connection that had it last, if nothing ended that one.
    open: Option<LeftOpen>,
    past: Past,
}

/// What a connection leaves behind.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Outbox,
    pub(super) server: Outbox,
    pub(super) subscriptions: Subscriptions,
    /// The frame with the last packet of the connection.
    pub(super) frame: u64,
    /// Seconds that the session is kept; `None`: without end.
    pub(super) expiry: Option<u32>,
    /// When the connection ended.
    pub(super) ended: Option<i64>,
}

/// What is known of a client's session when it connects.
#[derive(Debug, Default)]
pub(super) enum Past {
    /// Nothing is known.
    #[default]
    Unknown,
    /// There is none: the connection before, whose last packet is in this frame, took it along.
    Gone(u64),
    /// There is one.
    Kept(Box<Session>),
}

impl Sessions {
    /// Part of what happens at this server is not seen.
    pub(super) fn seen_in_part(&mut self) {
        self.in_part = true;
    }

    /// The connection that has this client identifier.
    pub(super) fn live(&self, client_id: &str) -> Option<u64> {
        self.clients.get(client_id)?.live
    }

    /// A client is accepted: what is left of its session?
    pub(super) fn enter(&mut self, client_id: &str, stream: u64, now: Option<i64>) -> Past {
        if !self.clients.contains_key(client_id) {
            if self.clients.len() >= MAX_CLIENTS {
                self.drop_memory();
            }
            self.weight += client_id.len() + COST;
        }
        let client = self.clients.entry(client_id.to_owned()).or_default();
        client.live = Some(stream);
        let past = std::mem::take(&mut client.past);
        self.weight = self.weight.saturating_sub(past.weight());
        match past {
            Past::Kept(session) => match session.age_is_over(now) {
                Some(true) | None => Past::Unknown,
                Some(false) => Past::Kept(session),
            },
            Past::Gone(_) if self.in_part => Past::Unknown,
            past => past,
        }
    }

    /// The connection `stream` comes to no more, and nothing ended it.
    pub(super) fn leave_open(&mut self, client_id: &str, stream: u64, open: LeftOpen) {
        if let Some(client) = self.clients.get_mut(client_id)
            && client.live == Some(stream)
        {
            client.open = Some(open);
        }
    }

    /// The connection that had this client identifier last, if nothing ended it.
    pub(super) fn was_left_open(&mut self, client_id: &str) -> Option<LeftOpen> {
        self.clients.get_mut(client_id)?.open.take()
    }

    /// The connection `stream` is over. `session` is `None` if its session ends with it.
    pub(super) fn leave(&mut self, client_id: &str, stream: u64, session: Left) {
        let Some(client) = self.clients.get_mut(client_id) else {
            return;
        };
        if client.live != Some(stream) {
            return;
        }
        client.live = None;
        client.past = match session {
            Left::Unknown => Past::Unknown,
            Left::Nothing(frame) => Past::Gone(frame),
            Left::Session(session) => Past::Kept(session),
        };
        self.weight += client.past.weight();
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Forgets everything.
    pub(super) fn drop_memory(&mut self) {
        *self = Sessions {
            in_part: true,
            ..Sessions::default()
        };
    }
}

impl Past {
    fn weight(&self) -> usize {
        match self {
            Past::Kept(session) => {
                session.client.weight() + session.server.weight() + session.subscriptions.weight()
            }
            Past::Unknown | Past::Gone(_) => 0,
        }
    }
}

/// What a connection left.
#[derive(Debug)]
pub(super) enum Left {
    /// It is not known whether there is a session.
    Unknown,
    /// The session ended with the connection, whose last packet is in this frame.
    Nothing(u64),
    /// A session.
    Session(Box<Session>),
}

impl Session {
    /// Whether the session has expired; `None` if that cannot be said for sure.
    fn age_is_over(&self, now: Option<i64>) -> Option<bool> {
        let Some(expiry) = self.expiry else {
            return Some(false);
        };
        let age = now?.saturating_sub(self.ended?);
        let limit = i64::from(expiry).saturating_mul(SECOND);
        // The server's clock began when it saw the connection end.
        match (age - SECOND < limit, age + SECOND < limit) {
            (_, true) => Some(false),
            (false, _) => Some(true),
            _ => None,
        }
    }
}

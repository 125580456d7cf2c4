//! WebSocket (RFC 6455): takes MQTT out of the frames around it, MQTT 5.0 and 3.1.1, chapter 6.
//!
//! What belongs here: the upgrade, frames and their masks, compression, and where to go on after a
//! loss. What does not: what carries the bytes (TCP, or TLS after decryption), and what is in them:
//! a [`Dialogue`] takes that.
//!
//! A connection whose first byte is there must begin with HTTP. In the middle of one, frames are
//! searched for; whether they hold MQTT, the dialogue says by its own evidence. A subprotocol that
//! means MQTT needs none.

use super::{
    dialogue::{Connection, Dialogue, MAX_UNDECIDED},
    follower::{Claim, End, Follower, Lost, Pair},
    packets::Out,
    record::Place,
};

mod deflate;
mod frames;
mod header;
mod lane;
mod search;
mod upgrade;

use frames::Inside;
use lane::{Agreed, Lane};

/// A connection read as WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    agreed: Agreed,
    lanes: Pair<Lane>,
    inner: Dialogue,
    /// The caller says that the connection is MQTT in some way.
    is_forced: bool,
    is_out: bool,
    /// What this adds to [`Out::undecided`].
    undecided: usize,
}

impl WebSocket {
    pub(super) fn new(connection: Connection) -> WebSocket {
        WebSocket {
            agreed: Agreed::default(),
            lanes: Pair::default(),
            is_forced: connection.is_announced || connection.has_port_of(&connection.options.ports),
            is_out: false,
            undecided: 0,
            inner: Dialogue::new(Connection {
                transport: match connection.transport {
                    "tls" => "wss",
                    _ => "ws",
                },
                // What was announced may as well be plain MQTT.
                is_announced: false,
                ..connection
            }),
        }
    }

    /// Lets the lane of `end` have something.
    fn lane(
        &mut self,
        end: End,
        out: &mut Out,
        give: impl FnOnce(&mut Lane, &mut Agreed, &mut Inside<'_>),
    ) {
        if self.is_out {
            return;
        }
        self.agreed.awaited = self.agreed.opener.filter(|client| {
            let lane = self.lanes.get(*client);
            *client != end && lane.will_be_whole()
        });
        let mut inside = Inside {
            end,
            dialogue: &mut self.inner,
            out,
        };
        give(self.lanes.get_mut(end), &mut self.agreed, &mut inside);
    }

    /// Gives up what cannot be WebSocket any longer, and keeps the memory of all streams that may
    /// be within its bound.
    fn settle(&mut self, out: &mut Out) {
        if self.claim() == Claim::Open {
            let lanes = [&self.lanes.first, &self.lanes.second];
            let is_over = lanes.iter().any(|lane| lane.has_failed())
                && lanes
                    .iter()
                    .all(|lane| lane.has_failed() || lane.is_fresh());
            if is_over || lanes.iter().any(|lane| lane.is_refuted()) {
                self.abandon(out);
            }
        }
        out.suspected = match self.claim() {
            Claim::Open => Pair {
                first: self.lanes.first.suspected(),
                second: self.lanes.second.suspected(),
            },
            Claim::Mine | Claim::Not => Pair::default(),
        };
        self.count_undecided(out);
        if self.claim() == Claim::Open && out.undecided > MAX_UNDECIDED && !self.agreed.is_upgraded
        {
            self.abandon(out);
        }
    }

    fn count_undecided(&mut self, out: &mut Out) {
        let now = match self.claim() {
            Claim::Open => self.lanes.first.kept() + self.lanes.second.kept(),
            Claim::Mine | Claim::Not => 0,
        };
        out.undecided = out.undecided + now - self.undecided;
        self.undecided = now;
    }
}

impl Follower for WebSocket {
    type Out = Out;

    fn syn(&mut self, end: End, opens: bool, _out: &mut Out) {
        self.agreed.opener = Some(if opens { end } else { end.other() });
        self.lanes.get_mut(end).syn();
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        self.lane(end, out, |lane, agreed, inside| {
            lane.data(bytes, place, agreed, inside);
        });
        self.settle(out);
    }

    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut Out) {
        self.lane(end, out, |lane, agreed, inside| {
            lane.gap(lost, place, agreed, inside);
        });
        self.settle(out);
    }

    fn ended(&mut self, end: End, is_reset: bool, place: Place, out: &mut Out) {
        if !self.is_out {
            self.inner.ended(end, is_reset, place, out);
        }
    }

    fn acknowledged(&mut self, end: End, place: Place, out: &mut Out) {
        if !self.is_out {
            self.inner.acknowledged(end, place, out);
        }
    }

    fn late(&mut self, end: End, place: Place, out: &mut Out) {
        if !self.is_out {
            self.inner.late(end, place, out);
        }
    }

    fn finish(&mut self, out: &mut Out) {
        for end in End::BOTH {
            self.lane(end, out, |lane, agreed, inside| lane.finish(agreed, inside));
        }
        if !self.is_out && self.inner.has_begun() {
            self.inner.finish(out);
        } else {
            self.abandon(out);
        }
        self.count_undecided(out);
    }

    fn abandon(&mut self, out: &mut Out) {
        self.is_out = true;
        self.lanes = Pair::default();
        self.inner.abandon(out);
        self.count_undecided(out);
    }

    fn claim(&self) -> Claim {
        let lanes = [&self.lanes.first, &self.lanes.second];
        match self.inner.claim() {
            _ if self.is_out => Claim::Not,
            // Plain MQTT never begins with HTTP, whoever says that it is MQTT.
            Claim::Open if self.inner.is_announced() => Claim::Mine,
            Claim::Open if self.is_forced && lanes.iter().any(|lane| lane.is_http()) => Claim::Mine,
            claim => claim,
        }
    }
}

//! Which of several readings of a connection's bytes is the right one.
//!
//! There is no port to go by, and a capture may begin anywhere. So the bytes go to all readings,
//! until one claims them or all have given up.

use super::{
    dialogue::{Connection, Dialogue},
    follower::{Claim, End, Follower, Lost, Pair},
    packets::Out,
    record::Place,
    tls::Tls,
    websocket::WebSocket,
};

/// One possible meaning of the bytes.
type Reading = Box<dyn Follower<Out = Out>>;

/// All readings that are still possible; the one that came first wins a tie.
#[derive(Debug)]
pub(super) struct Contest {
    /// Until the first bytes.
    fresh: Option<Fresh>,
    readings: Vec<Reading>,
    is_decided: bool,
}

/// What the readings are made from. They take memory, and many connections of a capture have
/// nothing to be read: those that are idle, and those that nobody answers.
#[derive(Debug)]
struct Fresh {
    connection: Connection,
    readings: fn(Connection) -> Vec<Reading>,
    /// The SYN of each end: whether it opens the connection.
    syns: Pair<Option<bool>>,
}

/// The readings of a TCP stream.
pub(super) fn of_stream(connection: Connection) -> Contest {
    Contest::between(connection, |connection| {
        vec![
            Box::new(Tls::new(connection.clone())),
            Box::new(WebSocket::new(connection.clone())),
            Box::new(Dialogue::new(connection)),
        ]
    })
}

/// The readings of what is in TLS. Not TLS again: what is wrapped in it without end must not take
/// the stack without end.
pub(super) fn of_tls(connection: Connection) -> Contest {
    Contest::between(connection, |connection| {
        vec![
            Box::new(WebSocket::new(connection.clone())),
            Box::new(Dialogue::new(connection)),
        ]
    })
}

impl Contest {
    fn between(connection: Connection, readings: fn(Connection) -> Vec<Reading>) -> Contest {
        Contest {
            fresh: Some(Fresh {
                connection,
                readings,
                syns: Pair::default(),
            }),
            readings: Vec::new(),
            is_decided: false,
        }
    }

    /// Makes the readings, if that is not done.
    fn begin(&mut self, out: &mut Out) {
        let Some(fresh) = self.fresh.take() else {
            return;
        };
        self.readings = (fresh.readings)(fresh.connection);
        for end in End::BOTH {
            if let Some(opens) = *fresh.syns.get(end) {
                self.each(out, |reading, out| reading.syn(end, opens, out));
            }
        }
    }

    /// The same where something happens before the first bytes, if anybody asks what.
    fn begin_for_turns(&mut self, out: &mut Out) {
        let turns = |fresh: &Fresh| fresh.connection.options.turns;
        if self.fresh.as_ref().is_some_and(turns) {
            self.begin(out);
        }
    }

    /// Lets every reading have what came, and drops those that are out.
    fn each(&mut self, out: &mut Out, mut give: impl FnMut(&mut Reading, &mut Out)) {
        out.suspected = Pair::default();
        for (i, reading) in self.readings.iter_mut().enumerate() {
            give(reading, out);
            if !self.is_decided && reading.claim() == Claim::Mine {
                self.is_decided = true;
                self.readings.swap(0, i);
                for mut other in self.readings.drain(1..) {
                    other.abandon(out);
                }
                return;
            }
        }
        if !self.is_decided {
            self.readings
                .retain(|reading| reading.claim() != Claim::Not);
        }
    }
}

impl Follower for Contest {
    type Out = Out;

    fn syn(&mut self, end: End, opens: bool, out: &mut Out) {
        if let Some(fresh) = &mut self.fresh {
            *fresh.syns.get_mut(end) = Some(opens);
            return;
        }
        self.each(out, |reading, out| reading.syn(end, opens, out));
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        self.begin(out);
        self.each(out, |reading, out| reading.data(end, bytes, place, out));
    }

    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut Out) {
        self.begin(out);
        self.each(out, |reading, out| reading.gap(end, lost, place, out));
    }

    fn ended(&mut self, end: End, is_reset: bool, place: Place, out: &mut Out) {
        self.begin_for_turns(out);
        self.each(out, |reading, out| reading.ended(end, is_reset, place, out));
    }

    fn acknowledged(&mut self, end: End, place: Place, out: &mut Out) {
        self.begin_for_turns(out);
        self.each(out, |reading, out| reading.acknowledged(end, place, out));
    }

    fn late(&mut self, end: End, place: Place, out: &mut Out) {
        self.begin_for_turns(out);
        self.each(out, |reading, out| reading.late(end, place, out));
    }

    fn finish(&mut self, out: &mut Out) {
        self.fresh = None;
        self.each(out, |reading, out| reading.finish(out));
        self.readings.clear();
    }

    fn abandon(&mut self, out: &mut Out) {
        self.fresh = None;
        for mut reading in self.readings.drain(..) {
            reading.abandon(out);
        }
    }

    fn claim(&self) -> Claim {
        match (self.is_decided, self.readings.is_empty()) {
            (true, _) => Claim::Mine,
            (false, true) if self.fresh.is_none() => Claim::Not,
            (false, _) => Claim::Open,
        }
    }
}

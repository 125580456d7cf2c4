//! Requests and what answers them, as they are drawn beside the arrows: a bracket in a lane of its
//! own from the first packet to the last.

use crate::output::exchange::{Exchange, Part, Step};

/// Brackets that are drawn side by side at most; those of more exchanges at once are left out.
pub(super) const LANES: usize = 6;
/// Exchanges of a connection that are open at once; of more, the answers are not timed.
const MAX_OPEN: usize = 4096;

/// A request that waits for the end of its exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    exchange: Exchange,
    qos: u8,
    /// When it was sent, in nanoseconds; `None` if the capture does not say.
    began: Option<i128>,
    /// The row that it stands in.
    pub(super) row: u64,
    /// The packet that would come next.
    pub(super) lacks: &'static str,
    lane: Option<usize>,
}

impl Open {
    /// Name and packet identifier.
    pub(super) fn name(&self) -> String {
        let Exchange { request, id, .. } = self.exchange;
        match id {
            0 => request.to_owned(),
            id => format!("{request} #{id}"),
        }
    }
}

/// The exchanges of one connection that are not finished.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    open: Vec<Open>,
    lanes: [bool; LANES],
}

/// What to draw beside a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The lanes.
    pub(super) lanes: String,
    /// Nanoseconds from the first packet of the exchange to this one.
    pub(super) after: Option<i128>,
    /// The packet would begin an exchange that is open already.
    pub(super) is_again: bool,
}

impl Brackets {
    /// Whether a packet belongs to an exchange that is open.
    pub(super) fn concerns(&self, step: Step) -> bool {
        self.find(step).is_some()
    }

    /// Whether a packet has the identifier of an exchange that is open, be it the right answer or
    /// not.
    pub(super) fn answers(&self, step: Step) -> bool {
        let exchange = step.role().map(|role| role.exchange);
        self.open.iter().any(|open| Some(open.exchange) == exchange)
    }

    fn find(&self, step: Step) -> Option<usize> {
        let role = step.role()?;
        let is_it = |open: &Open| open.exchange == role.exchange && role.fits(open.qos);
        self.open.iter().position(is_it)
    }

    /// Takes a packet in; `lanes` are drawn.
    pub(super) fn step(&mut self, step: Step, now: Option<i128>, row: u64, lanes: usize) -> Drawn {
        let mut mark = None;
        let mut after = None;
        let role = step.role();
        let found = self.find(step);
        match (role, found) {
            (Some(role), Some(at)) => {
                if let Some(open) = self.open.get_mut(at) {
                    after = now.zip(open.began).map(|(now, began)| now - began);
                    open.lacks = role.next;
                    let sign = if role.part == Part::Ends {
                        '┘'
                    } else {
                        '┤'
                    };
                    mark = open.lane.map(|lane| (lane, sign));
                }
                if role.part == Part::Ends {
                    self.open.remove(at);
                }
            }
            (Some(role), None) if role.part == Part::Begins && self.open.len() < MAX_OPEN => {
                let lane = self.lanes.iter().take(lanes).position(|taken| !taken);
                mark = lane.map(|lane| (lane, '┐'));
                self.open.push(Open {
                    exchange: role.exchange,
                    qos: step.qos,
                    began: now,
                    row,
                    lacks: role.next,
                    lane,
                });
            }
            _ => {}
        }
        let lanes = self.draw(mark, lanes);
        match mark {
            Some((lane, '┐')) => self.set(lane, true),
            Some((lane, '┘')) => self.set(lane, false),
            _ => {}
        }
        Drawn {
            lanes,
            after,
            is_again: found.is_some() && role.is_some_and(|role| role.part == Part::Begins),
        }
    }

    fn set(&mut self, lane: usize, taken: bool) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            *lane = taken;
        }
    }

    /// The lanes, so many of them, beside something that is no packet of an exchange.
    pub(super) fn draw(&self, mark: Option<(usize, char)>, lanes: usize) -> String {
        let lanes = self.lanes.iter().take(lanes).enumerate();
        lanes
            .map(|(at, taken)| match mark {
                Some((lane, sign)) if lane == at => sign,
                _ if *taken => '│',
                _ => ' ',
            })
            .collect()
    }

    /// What is not finished, in the order in which it began.
    pub(super) fn unfinished(&self) -> &[Open] {
        &self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Side;

    const fn step(from: Side, name: &'static str, id: u16, qos: u8) -> Step {
        Step {
            from,
            name,
            id,
            qos,
            is_refused: false,
        }
    }

    /// Two handshakes that overlap, of which the first is left open.
    #[test]
    fn brackets_and_delays() {
        use Side::{Client, Server};
        let mut brackets = Brackets::default();
        let mut row = 0;
        let mut drawn = |step, now| {
            row += 1;
            let drawn = brackets.step(step, Some(now), row, LANES);
            (drawn.lanes.trim_end().to_owned(), drawn.after)
        };
        let (none, some) = (None, Some);
        for (what, now, lanes, after) in [
            (step(Client, "PUBLISH", 1, 2), 10, "┐", none),
            (step(Client, "PUBLISH", 2, 1), 20, "│┐", none),
            (step(Server, "PUBREC", 1, 0), 30, "┤│", some(20)),
            // The same number in the other direction is another exchange.
            (step(Server, "PUBLISH", 2, 1), 40, "││┐", none),
            (step(Server, "PUBACK", 2, 0), 50, "│┘│", some(30)),
            (step(Client, "PUBREL", 1, 0), 60, "┤ │", some(50)),
            (step(Client, "PUBACK", 2, 0), 70, "│ ┘", some(30)),
            // Nothing asked for it.
            (step(Client, "PUBACK", 9, 0), 80, "│", none),
            // It is no answer to QoS 2.
            (step(Server, "PUBACK", 1, 0), 85, "│", none),
            (step(Client, "DISCONNECT", 0, 0), 90, "│", none),
        ] {
            assert_eq!(drawn(what, now), (lanes.to_owned(), after), "{what:?}");
        }
        let unfinished = brackets.unfinished();
        assert_eq!(unfinished.len(), 1);
        assert_eq!(unfinished[0].name(), "PUBLISH #1");
        assert_eq!(unfinished[0].lacks, "PUBCOMP");
    }

    #[test]
    fn a_refusal_ends_an_exchange() {
        let mut brackets = Brackets::default();
        brackets.step(step(Side::Client, "PUBLISH", 1, 2), None, 0, LANES);
        let refused = Step {
            is_refused: true,
            ..step(Side::Server, "PUBREC", 1, 0)
        };
        assert_eq!(brackets.step(refused, None, 1, LANES).lanes.trim_end(), "┘");
        assert!(brackets.unfinished().is_empty());
    }

    /// On a narrow terminal fewer are drawn, and all are timed.
    #[test]
    fn lanes_that_have_no_room_are_left_out() {
        let mut brackets = Brackets::default();
        for id in 1..=3 {
            let drawn = brackets.step(step(Side::Client, "PUBLISH", id, 1), Some(0), 0, 2);
            assert_eq!(drawn.lanes.chars().count(), 2);
        }
        let drawn = brackets.step(step(Side::Server, "PUBACK", 3, 0), Some(5), 0, 2);
        assert_eq!((drawn.lanes.as_str(), drawn.after), ("││", Some(5)));
    }
}

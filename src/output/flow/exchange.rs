//! Requests and what answers them, as they are drawn beside the arrows: a bracket in a lane of its
//! own from the first packet to the last.

use crate::mqtt::{PacketType, Side};

/// Brackets that are drawn side by side; those of more exchanges at once are left out.
const LANES: usize = 6;
/// Exchanges of a connection that are open at once; of more, the answers are not timed.
const MAX_OPEN: usize = 4096;

/// What a packet has to do with an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Who sent the packet.
    pub(super) from: Side,
    pub(super) packet_type: PacketType,
    /// 0 for packets that have none.
    pub(super) packet_id: u16,
    /// PUBLISH only.
    pub(super) qos: u8,
    /// The reason code says no, so that no further packet of the exchange follows.
    pub(super) is_refused: bool,
}

/// What kinds of exchange there are, by the packet that begins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Begins,
    Goes,
    Ends,
}

impl Step {
    /// The type of the packet that began the exchange of this packet, who sent that one, and what
    /// this one does to it. `None` if nothing answers it.
    fn role(self) -> Option<(PacketType, Side, Part)> {
        use PacketType as P;
        let (own, other) = (self.from, self.from.other());
        Some(match self.packet_type {
            P::CONNECT => (P::CONNECT, own, Part::Begins),
            P::CONNACK => (P::CONNECT, other, Part::Ends),
            P::PUBLISH if self.qos > 0 => (P::PUBLISH, own, Part::Begins),
            P::PUBACK | P::PUBCOMP => (P::PUBLISH, other, Part::Ends),
            P::PUBREC if self.is_refused => (P::PUBLISH, other, Part::Ends),
            P::PUBREC => (P::PUBLISH, other, Part::Goes),
            P::PUBREL => (P::PUBLISH, own, Part::Goes),
            P::SUBSCRIBE => (P::SUBSCRIBE, own, Part::Begins),
            P::SUBACK => (P::SUBSCRIBE, other, Part::Ends),
            P::UNSUBSCRIBE => (P::UNSUBSCRIBE, own, Part::Begins),
            P::UNSUBACK => (P::UNSUBSCRIBE, other, Part::Ends),
            P::PINGREQ => (P::PINGREQ, own, Part::Begins),
            P::PINGRESP => (P::PINGREQ, other, Part::Ends),
            _ => return None,
        })
    }
}

/// A request that waits for the end of its exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    packet_type: PacketType,
    packet_id: u16,
    from: Side,
    qos: u8,
    /// When it was sent, in nanoseconds; `None` if the capture does not say.
    pub(super) began: Option<i128>,
    /// The row that it stands in.
    pub(super) row: u64,
    /// The last packet of it.
    last: PacketType,
    lane: Option<usize>,
}

impl Open {
    /// The packet that would come next.
    pub(super) const fn lacks(&self) -> &'static str {
        match (self.packet_type, self.last) {
            (PacketType::CONNECT, _) => "CONNACK",
            (PacketType::SUBSCRIBE, _) => "SUBACK",
            (PacketType::UNSUBSCRIBE, _) => "UNSUBACK",
            (PacketType::PINGREQ, _) => "PINGRESP",
            (_, PacketType::PUBREC) => "PUBREL",
            (_, PacketType::PUBREL) => "PUBCOMP",
            _ if self.qos == 1 => "PUBACK",
            _ => "PUBREC",
        }
    }

    /// Name and packet identifier.
    pub(super) fn name(&self) -> String {
        match self.packet_id {
            0 => format!("{}", self.packet_type),
            id => format!("{} #{id}", self.packet_type),
        }
    }
}

/// The exchanges of one connection that are not finished.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
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

impl Exchanges {
    /// Whether a packet belongs to an exchange that is open.
    pub(super) fn concerns(&self, step: Step) -> bool {
        self.find(step).is_some()
    }

    fn find(&self, step: Step) -> Option<usize> {
        let (packet_type, from, _) = step.role()?;
        let is_it = |open: &Open| {
            (open.packet_type, open.from, open.packet_id) == (packet_type, from, step.packet_id)
        };
        self.open.iter().position(is_it)
    }

    /// Takes a packet in.
    pub(super) fn step(&mut self, step: Step, now: Option<i128>, row: u64) -> Drawn {
        let mut mark = None;
        let mut after = None;
        let found = self.find(step);
        match (step.role(), found) {
            (Some((.., part)), Some(at)) => {
                if let Some(open) = self.open.get_mut(at) {
                    after = now.zip(open.began).map(|(now, began)| now - began);
                    open.last = step.packet_type;
                    let sign = if part == Part::Ends { '┘' } else { '┤' };
                    mark = open.lane.map(|lane| (lane, sign));
                }
                if part == Part::Ends {
                    self.open.remove(at);
                }
            }
            (Some((packet_type, from, Part::Begins)), None) if self.open.len() < MAX_OPEN => {
                let lane = self.lanes.iter().position(|taken| !taken);
                mark = lane.map(|lane| (lane, '┐'));
                self.open.push(Open {
                    packet_type,
                    packet_id: step.packet_id,
                    from,
                    qos: step.qos,
                    began: now,
                    row,
                    last: packet_type,
                    lane,
                });
            }
            _ => {}
        }
        let lanes = self.draw(mark);
        match mark {
            Some((lane, '┐')) => self.set(lane, true),
            Some((lane, '┘')) => self.set(lane, false),
            _ => {}
        }
        Drawn {
            lanes,
            after,
            is_again: found.is_some() && matches!(step.role(), Some((.., Part::Begins))),
        }
    }

    fn set(&mut self, lane: usize, taken: bool) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            *lane = taken;
        }
    }

    /// The lanes beside something that is no packet of an exchange.
    pub(super) fn draw(&self, mark: Option<(usize, char)>) -> String {
        let lanes = self.lanes.iter().enumerate();
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

    const fn step(from: Side, packet_type: PacketType, packet_id: u16, qos: u8) -> Step {
        Step {
            from,
            packet_type,
            packet_id,
            qos,
            is_refused: false,
        }
    }

    /// Two handshakes that overlap, of which the first is left open.
    #[test]
    fn brackets_and_delays() {
        use PacketType as P;
        use Side::{Client, Server};
        let mut exchanges = Exchanges::default();
        let mut row = 0;
        let mut drawn = |step, now| {
            row += 1;
            let drawn = exchanges.step(step, Some(now), row);
            (drawn.lanes.trim_end().to_owned(), drawn.after)
        };
        let (none, some) = (None, Some);
        for (what, now, lanes, after) in [
            (step(Client, P::PUBLISH, 1, 2), 10, "┐", none),
            (step(Client, P::PUBLISH, 2, 1), 20, "│┐", none),
            (step(Server, P::PUBREC, 1, 0), 30, "┤│", some(20)),
            // The same number in the other direction is another exchange.
            (step(Server, P::PUBLISH, 2, 1), 40, "││┐", none),
            (step(Server, P::PUBACK, 2, 0), 50, "│┘│", some(30)),
            (step(Client, P::PUBREL, 1, 0), 60, "┤ │", some(50)),
            (step(Client, P::PUBACK, 2, 0), 70, "│ ┘", some(30)),
            // Nothing asked for it.
            (step(Client, P::PUBACK, 9, 0), 80, "│", none),
            (step(Client, P::DISCONNECT, 0, 0), 90, "│", none),
        ] {
            assert_eq!(drawn(what, now), (lanes.to_owned(), after), "{what:?}");
        }
        let unfinished = exchanges.unfinished();
        assert_eq!(unfinished.len(), 1);
        assert_eq!(unfinished[0].name(), "PUBLISH #1");
        assert_eq!(unfinished[0].lacks(), "PUBCOMP");
    }

    #[test]
    fn a_refusal_ends_an_exchange() {
        let mut exchanges = Exchanges::default();
        exchanges.step(step(Side::Client, PacketType::PUBLISH, 1, 2), None, 0);
        let refused = Step {
            is_refused: true,
            ..step(Side::Server, PacketType::PUBREC, 1, 0)
        };
        assert_eq!(exchanges.step(refused, None, 1).lanes.trim_end(), "┘");
        assert!(exchanges.unfinished().is_empty());
    }
}

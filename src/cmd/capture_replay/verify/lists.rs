//! Messages on one topic: as captured, and as they come now.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::super::delivery::Delivery;
use crate::mqtt::QoS;

/// So many wait on both sides for their like before what is between is found out.
const WINDOW: usize = 64;

/// So many wait on one side for a first one on the other.
const MAX_WAITING: usize = 100_000;

/// One topic of one client. The order of what one publisher has sent at one QoS counts
/// (`[MQTT-4.6.0-5]`, `[MQTT-4.6.0-6]`); how several of these mix is the broker's choice, and so is
/// when the retained message comes among them, which is sent since somebody subscribes.
#[derive(Debug, Default)]
pub(super) struct Topic {
    lanes: Vec<(Lane, Lists)>,
}

/// Publisher, QoS, and whether as a retained message.
type Lane = (Option<u64>, QoS, bool);

impl Topic {
    /// Takes a message in that `publisher` has sent, of the replay if `is_now`.
    pub(super) fn push(
        &mut self,
        publisher: Option<u64>,
        delivery: Delivery,
        is_now: bool,
    ) -> Compared {
        let message = &delivery.message;
        let key = (publisher, message.qos(), message.is_retained());
        let at = match self.lanes.iter().position(|(lane, _)| *lane == key) {
            Some(at) => at,
            None => {
                self.lanes.push((key, Lists::default()));
                self.lanes.len() - 1
            }
        };
        match self.lanes.get_mut(at) {
            Some((_, lists)) => lists.push(delivery, is_now),
            None => Compared::default(),
        }
    }

    /// Nothing comes any more. Those that are not played do not count.
    pub(super) fn finish(self, is_played: impl Fn(&Delivery) -> bool) -> Compared {
        let mut compared = Compared::default();
        let (mut missing, mut extra): (Vec<Delivery>, Vec<Delivery>) = Default::default();
        for (_, mut lists) in self.lanes {
            compared.same += lists.settle();
            lists.missing.retain(&is_played);
            lists.extra.retain(&is_played);
            compared.differences.extend(lists.take_moved());
            missing.append(&mut lists.missing);
            extra.append(&mut lists.extra);
        }
        // The same content may be of one publisher or of another: that is no order.
        compared.same += take_alike(&mut missing, &mut extra).len() as u64;
        compared.differences.extend(pair(missing, extra));
        compared
    }
}

/// One publisher's messages.
#[derive(Debug, Default)]
struct Lists {
    captured: VecDeque<Delivery>,
    replayed: VecDeque<Delivery>,
    /// Of those without their like, on either side: they may come later, in another order.
    missing: Vec<Delivery>,
    extra: Vec<Delivery>,
}

/// What comes of a message.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Messages that have found their like.
    pub(super) same: u64,
    pub(super) differences: Vec<Unequal>,
}

/// A difference.
#[derive(Debug)]
pub(super) enum Unequal {
    /// Captured, and not sent now.
    Missing(Delivery),
    /// Sent now, and not captured.
    Extra(Delivery),
    /// Both, at different places: as captured, and now.
    Moved(Delivery, Delivery),
    /// Something else came in its place: the same payload or QoS is not.
    Changed(Delivery, Delivery),
}

impl Lists {
    /// Takes a message in, of the replay if `is_now`.
    fn push(&mut self, delivery: Delivery, is_now: bool) -> Compared {
        let mut compared = Compared::default();
        let (own, other) = match is_now {
            true => (&mut self.replayed, &mut self.captured),
            false => (&mut self.captured, &mut self.replayed),
        };
        // Nearly always.
        if own.is_empty() && other.front() == Some(&delivery) {
            other.pop_front();
            compared.same = 1;
            return compared;
        }
        own.push_back(delivery);
        compared.same += self.take_same();
        if self.captured.len().min(self.replayed.len()) >= WINDOW {
            compared.same += self.resync();
        }
        for (list, rest) in [
            (&mut self.captured, &mut self.missing),
            (&mut self.replayed, &mut self.extra),
        ] {
            if list.len() > MAX_WAITING {
                rest.extend(list.pop_front());
            }
        }
        if self.missing.len() + self.extra.len() > MAX_WAITING {
            compared.differences = self.take_unequal();
        }
        compared
    }

    /// Finds the nearest two that are the same, and sets aside what is in front of them.
    fn resync(&mut self) -> u64 {
        let (a, b) = (self.captured.len(), self.replayed.len());
        let nearest = (0..(a + b).min(4 * WINDOW)).find_map(|total| {
            (0..=total)
                .map(|i| (i, total - i))
                .find(|&(i, j)| i < a && j < b && self.captured.get(i) == self.replayed.get(j))
        });
        let (i, j) = nearest.unwrap_or((a.min(WINDOW), b.min(WINDOW)));
        self.missing.extend(self.captured.drain(..i));
        self.extra.extend(self.replayed.drain(..j));
        self.take_same()
    }

    /// Takes those out that are the same, one behind the other: how many.
    fn take_same(&mut self) -> u64 {
        let mut same = 0;
        while let (Some(a), Some(b)) = (self.captured.front(), self.replayed.front())
            && a == b
        {
            self.captured.pop_front();
            self.replayed.pop_front();
            same += 1;
        }
        same
    }

    /// What stays without its like.
    fn take_unequal(&mut self) -> Vec<Unequal> {
        let mut unequal = self.take_moved();
        let missing = std::mem::take(&mut self.missing);
        unequal.extend(pair(missing, std::mem::take(&mut self.extra)));
        unequal
    }

    /// What is on both sides at different places.
    fn take_moved(&mut self) -> Vec<Unequal> {
        let alike = take_alike(&mut self.missing, &mut self.extra).into_iter();
        alike.map(|(was, is)| Unequal::Moved(was, is)).collect()
    }

    /// Nothing comes any more: how many have found their like.
    fn settle(&mut self) -> u64 {
        let mut same = 0;
        while !self.captured.is_empty() && !self.replayed.is_empty() {
            same += self.resync();
        }
        self.missing.extend(self.captured.drain(..));
        self.extra.extend(self.replayed.drain(..));
        same
    }
}

/// Takes out those that have their like on the other side.
fn take_alike(missing: &mut Vec<Delivery>, extra: &mut Vec<Delivery>) -> Vec<(Delivery, Delivery)> {
    // There may be many on both sides.
    let mut places: FxHashMap<u64, VecDeque<usize>> = FxHashMap::default();
    for (place, is) in extra.iter().enumerate() {
        places.entry(is.message.key()).or_default().push_back(place);
    }
    let mut others: Vec<Option<Delivery>> = std::mem::take(extra).into_iter().map(Some).collect();
    let mut alike = Vec::new();
    for was in std::mem::take(missing) {
        let places = places.get_mut(&was.message.key());
        let place = places.and_then(|places| {
            let is_like = |&at: &usize| others.get(at).is_some_and(|is| is.as_ref() == Some(&was));
            let at = places.iter().position(is_like)?;
            places.remove(at)
        });
        match place.and_then(|at| others.get_mut(at)?.take()) {
            Some(is) => alike.push((was, is)),
            None => missing.push(was),
        }
    }
    *extra = others.into_iter().flatten().collect();
    alike
}

/// Those that are left stand in for each other, if there are as many on both sides.
fn pair(missing: Vec<Delivery>, extra: Vec<Delivery>) -> Vec<Unequal> {
    if missing.len() == extra.len() {
        let both = missing.into_iter().zip(extra);
        return both.map(|(was, is)| Unequal::Changed(was, is)).collect();
    }
    let missing = missing.into_iter().map(Unequal::Missing);
    missing
        .chain(extra.into_iter().map(Unequal::Extra))
        .collect()
}

/// What a group of clients gets together, in any order.
#[derive(Debug, Default)]
pub(super) struct Pool {
    captured: Vec<Delivery>,
    replayed: Vec<Delivery>,
}

impl Pool {
    /// Takes a message in, of the replay if `is_now`. Whether it has found its like.
    pub(super) fn push(&mut self, delivery: Delivery, is_now: bool) -> bool {
        let (own, other) = match is_now {
            true => (&mut self.replayed, &mut self.captured),
            false => (&mut self.captured, &mut self.replayed),
        };
        let is_like = |one: &Delivery| one.topic == delivery.topic && *one == delivery;
        match other.iter().position(is_like) {
            Some(at) => {
                other.swap_remove(at);
                true
            }
            None => {
                if own.len() < MAX_WAITING {
                    own.push(delivery);
                }
                false
            }
        }
    }

    /// What has none. Those that are not played do not count.
    pub(super) fn finish(mut self, is_played: impl Fn(&Delivery) -> bool) -> Vec<Unequal> {
        self.captured.retain(&is_played);
        self.replayed.retain(&is_played);
        let missing = self.captured.into_iter().map(Unequal::Missing);
        missing
            .chain(self.replayed.into_iter().map(Unequal::Extra))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::packet::Publish;
    use crate::mqtt::{Properties, Version};
    use crate::output::replay::At;

    fn delivery(payload: &str) -> Delivery {
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: 0,
            properties: Properties::EMPTY,
            payload: payload.as_bytes(),
        };
        Delivery::new("t", publish.qos, &publish, Version::V5, At::default())
    }

    /// Each letter a message: what differs, as `-a`, `+a`, `~a` (moved), `a>b`.
    fn compare(captured: &str, replayed: &str) -> (u64, Vec<String>) {
        let mut lists = Topic::default();
        let mut same = 0;
        for (list, is_now) in [(captured, false), (replayed, true)] {
            for letter in list.chars() {
                same += lists.push(None, delivery(&letter.to_string()), is_now).same;
            }
        }
        let found = lists.finish(|_| true);
        let letter = |d: &Delivery| d.message.to_string().chars().nth_back(1).unwrap();
        let differences = found.differences.iter().map(|unequal| match unequal {
            Unequal::Missing(d) => format!("-{}", letter(d)),
            Unequal::Extra(d) => format!("+{}", letter(d)),
            Unequal::Moved(_, d) => format!("~{}", letter(d)),
            Unequal::Changed(a, b) => format!("{}>{}", letter(a), letter(b)),
        });
        (same + found.same, differences.collect())
    }

    #[test]
    fn what_is_missing_moved_or_more() {
        for (captured, replayed, same, differences) in [
            ("", "", 0, &[][..]),
            ("abc", "abc", 3, &[]),
            ("abc", "ac", 2, &["-b"]),
            ("ac", "abc", 2, &["+b"]),
            ("abc", "axc", 2, &["b>x"]),
            ("abc", "", 0, &["-a", "-b", "-c"]),
            ("", "ab", 0, &["+a", "+b"]),
            ("aab", "ab", 2, &["-a"]),
            ("abcd", "bacd", 3, &["~b"]),
        ] {
            let differences: Vec<String> = differences.iter().map(|d| d.to_string()).collect();
            assert_eq!(
                compare(captured, replayed),
                (same, differences),
                "{captured} {replayed}"
            );
        }
    }

    #[test]
    fn publishers_mix_as_they_like() {
        let mut topic = Topic::default();
        let order = |names: &str| -> Vec<(Option<u64>, Delivery)> {
            let publisher = |c: char| Some(u64::from(c.is_ascii_uppercase()));
            let letters = names.chars();
            letters
                .map(|c| (publisher(c), delivery(&c.to_string())))
                .collect()
        };
        for (list, is_now) in [("abAB", false), ("AaBb", true)] {
            for (publisher, delivery) in order(list) {
                topic.push(publisher, delivery, is_now);
            }
        }
        assert_eq!(topic.finish(|_| true).differences.len(), 0);
    }

    #[test]
    fn one_that_is_lost_at_the_begin_does_not_keep_all_that_follows() {
        let mut lists = Lists::default();
        lists.push(delivery("lost"), false);
        for i in 0..10_000 {
            for is_now in [false, true] {
                lists.push(delivery(&i.to_string()), is_now);
            }
            assert!(lists.captured.len() <= WINDOW && lists.replayed.len() <= WINDOW);
        }
        lists.settle();
        assert_eq!(lists.take_unequal().len(), 1);
    }
}

//! Timers in a hierarchical wheel. Pure: times are ns since whenever the caller says, and the caller
//! says what time it is.
//!
//! Slots decide only where a timer is kept; each keeps its exact time, so nothing is rounded. Setting
//! a timer takes the same few steps however many there are, and allocates nothing.

/// ns of a slot of the lowest level, as a power of two: 16 µs.
const TICK: u32 = 14;

/// Slots of a level, as a power of two.
const DIGIT: u32 = 6;

const SLOTS: usize = 1 << DIGIT;

/// As many as every time needs that fits into 64 bits.
const LEVELS: usize = (u64::BITS - TICK).div_ceil(DIGIT) as usize;

/// No timer.
const NONE: u32 = u32::MAX;

/// Timers by their number, which counts from 0 in the order in which they were added.
#[derive(Debug)]
pub(super) struct Wheel {
    /// Everything up to then is out. Which slot a timer is in depends on it: level and slot are the
    /// highest digit in which its time is another one, so that all timers of a level come before
    /// those of the levels above.
    elapsed: u64,
    levels: [Level; LEVELS],
    timers: Vec<Timer>,
    /// Those that are taken out of their slots.
    taken: Vec<(u64, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    /// A bit for each slot in which there is a timer.
    occupied: u64,
    slots: [Slot; SLOTS],
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The first of its timers, which know each other.
    first: u32,
    /// No timer of the slot is earlier. One that was may have been moved away since.
    earliest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    /// When it is due, if it is set, and the slot.
    set: Option<(u64, Place)>,
    previous: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    level: u8,
    slot: u8,
}

impl Wheel {
    /// Without timers, at time 0.
    pub(super) fn new() -> Wheel {
        let slot = Slot {
            first: NONE,
            earliest: u64::MAX,
        };
        let level = Level {
            occupied: 0,
            slots: [slot; SLOTS],
        };
        Wheel {
            elapsed: 0,
            levels: [level; LEVELS],
            timers: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// One more timer, which is not set: its number.
    pub(super) fn add(&mut self) -> u32 {
        self.timers.push(Timer {
            set: None,
            previous: NONE,
            next: NONE,
        });
        // A thread has fewer connections than that.
        (self.timers.len() - 1) as u32
    }

    /// When a timer is due.
    pub(super) fn is_set_to(&self, number: u32) -> Option<u64> {
        self.timer(number)?.set.map(|(at, _)| at)
    }

    /// Sets a timer, whatever it was set to. A time that has passed is due at once.
    pub(super) fn set(&mut self, number: u32, at: u64) {
        self.unset(number);
        let place = self.place(at);
        let Some(slot) = self.slot_mut(place) else {
            return;
        };
        let next = std::mem::replace(&mut slot.first, number);
        slot.earliest = slot.earliest.min(at);
        self.levels[usize::from(place.level)].occupied |= 1 << place.slot;
        if let Some(next) = self.timer_mut(next) {
            next.previous = number;
        }
        if let Some(timer) = self.timer_mut(number) {
            *timer = Timer {
                set: Some((at, place)),
                previous: NONE,
                next,
            };
        }
    }

    /// Sets a timer to no time.
    pub(super) fn unset(&mut self, number: u32) {
        let Some(timer) = self.timer_mut(number) else {
            return;
        };
        let Some((_, place)) = timer.set.take() else {
            return;
        };
        let (previous, next) = (timer.previous, timer.next);
        if let Some(next) = self.timer_mut(next) {
            next.previous = previous;
        }
        if let Some(previous) = self.timer_mut(previous) {
            previous.next = next;
        } else if let Some(slot) = self.slot_mut(place) {
            slot.first = next;
            if next == NONE {
                slot.earliest = u64::MAX;
                self.levels[usize::from(place.level)].occupied &= !(1 << place.slot);
            }
        }
    }

    /// When to call [`expire`](Self::expire): no timer is due before. None may be due then, if one
    /// was moved away; the time after that is another one.
    pub(super) fn earliest(&self) -> Option<u64> {
        let place = self.first()?;
        Some(self.slot(place)?.earliest)
    }

    /// It is `now`: hands over those that are due, in the order of their times. They are not set any
    /// more.
    pub(super) fn expire(&mut self, now: u64, mut due: impl FnMut(u32)) {
        while let Some(place) = self.first()
            && self.slot(place).is_some_and(|slot| slot.earliest <= now)
        {
            self.take(place);
        }
        self.elapsed = self.elapsed.max(now);
        // Slots that time has entered: what is in them differs in a lower digit only now.
        for level in 1..LEVELS as u8 {
            let slot = digit(self.elapsed, level);
            self.take(Place { level, slot });
        }
        let mut taken = std::mem::take(&mut self.taken);
        taken.sort_unstable();
        for (at, number) in taken.drain(..) {
            match at <= now {
                true => due(number),
                false => self.set(number, at),
            }
        }
        self.taken = taken;
    }

    /// Takes every timer out of a slot.
    fn take(&mut self, place: Place) {
        while let Some(first) = self.slot(place).map(|slot| slot.first)
            && let Some((at, _)) = self.timer(first).and_then(|timer| timer.set)
        {
            self.unset(first);
            self.taken.push((at, first));
        }
    }

    /// The slot whose timers come first.
    fn first(&self) -> Option<Place> {
        let occupied = |level: &Level| level.occupied != 0;
        let level = self.levels.iter().position(occupied)?;
        Some(Place {
            level: level as u8,
            slot: self.levels.get(level)?.occupied.trailing_zeros() as u8,
        })
    }

    /// Where a timer with this time belongs now.
    fn place(&self, at: u64) -> Place {
        let at = at.max(self.elapsed);
        let differs = (at ^ self.elapsed) >> TICK;
        let level = (u64::BITS - differs.leading_zeros()).saturating_sub(1) / DIGIT;
        let level = level as u8;
        Place {
            level,
            slot: digit(at, level),
        }
    }

    fn slot(&self, place: Place) -> Option<&Slot> {
        let level = self.levels.get(usize::from(place.level))?;
        level.slots.get(usize::from(place.slot))
    }

    fn slot_mut(&mut self, place: Place) -> Option<&mut Slot> {
        let level = self.levels.get_mut(usize::from(place.level))?;
        level.slots.get_mut(usize::from(place.slot))
    }

    fn timer(&self, number: u32) -> Option<&Timer> {
        self.timers.get(number as usize)
    }

    fn timer_mut(&mut self, number: u32) -> Option<&mut Timer> {
        self.timers.get_mut(number as usize)
    }
}

/// The digit of a time that tells the slots of this level apart.
fn digit(at: u64, level: u8) -> u8 {
    (at >> (TICK + DIGIT * u32::from(level))) as u8 & (SLOTS as u8 - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn expired(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.expire(now, |number| due.push(number));
        due
    }

    #[test]
    fn times_are_exact_on_every_level() {
        for bit in 0..u64::BITS {
            let at = 1 << bit;
            let mut wheel = Wheel::new();
            let number = wheel.add();
            wheel.set(number, at);
            assert_eq!(wheel.earliest(), Some(at));
            assert!(expired(&mut wheel, at - 1).is_empty());
            assert_eq!(wheel.earliest(), Some(at));
            assert_eq!(wheel.is_set_to(number), Some(at));
            assert_eq!(expired(&mut wheel, at), [number]);
            assert_eq!((wheel.earliest(), wheel.is_set_to(number)), (None, None));
        }
    }

    #[test]
    fn a_time_that_has_passed_is_due_at_once() {
        let mut wheel = Wheel::new();
        let (early, late) = (wheel.add(), wheel.add());
        assert!(expired(&mut wheel, 1 << 40).is_empty());
        wheel.set(late, u64::MAX);
        wheel.set(early, 7);
        assert_eq!(wheel.earliest(), Some(7));
        assert_eq!(expired(&mut wheel, 1 << 40), [early]);
        assert_eq!(expired(&mut wheel, u64::MAX), [late]);
    }

    #[test]
    fn many_rounds_take_no_more_room() {
        let mut wheel = Wheel::new();
        for _ in 0..100 {
            let number = wheel.add();
            wheel.set(number, u64::from(number) * 1_000);
        }
        let mut now = 0;
        let mut rooms = Vec::new();
        for round in 0..100_000 {
            now = wheel.earliest().unwrap();
            for number in expired(&mut wheel, now) {
                wheel.set(number, now + 100_000);
            }
            if round % 50_000 == 49_999 {
                rooms.push((wheel.timers.capacity(), wheel.taken.capacity()));
            }
        }
        assert_eq!(now, 99_999 * 1_000);
        assert_eq!(rooms[0], rooms[1]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Set(u32, u64),
        Unset(u32),
        /// So much later.
        Expire(u64),
        /// When the wheel wants it.
        ExpireEarliest,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Of every size, so that every level has some.
        let span = || (any::<u64>(), 0..u64::BITS).prop_map(|(ns, bits)| ns >> bits);
        prop_oneof![
            4 => (0..12_u32, span()).prop_map(|(number, ns)| Step::Set(number, ns)),
            1 => (0..12_u32).prop_map(Step::Unset),
            2 => span().prop_map(Step::Expire),
            3 => Just(Step::ExpireEarliest),
        ]
    }

    proptest! {
        /// Against a list in order: each timer is due at its time, not before, and in its turn.
        #[test]
        fn a_wheel_is_a_list_in_order(steps in prop::collection::vec(step(), 0..200)) {
            let mut wheel = Wheel::new();
            let mut list = BTreeMap::new();
            let mut now = 0_u64;
            for _ in 0..12 {
                wheel.add();
            }
            for step in steps {
                match step {
                    Step::Set(number, after) => {
                        let at = now.saturating_add(after);
                        wheel.set(number, at);
                        list.insert(number, at);
                    }
                    Step::Unset(number) => {
                        wheel.unset(number);
                        list.remove(&number);
                    }
                    Step::Expire(_) | Step::ExpireEarliest => {
                        now = match step {
                            Step::Expire(later) => now.saturating_add(later),
                            _ => wheel.earliest().unwrap_or(now).max(now),
                        };
                        let mut due: Vec<_> = list.iter().map(|(number, at)| (*at, *number)).collect();
                        due.retain(|(at, _)| *at <= now);
                        due.sort_unstable();
                        let due: Vec<_> = due.into_iter().map(|(_, number)| number).collect();
                        list.retain(|_, at| *at > now);
                        prop_assert_eq!(expired(&mut wheel, now), due);
                        let first = list.values().min().copied();
                        prop_assert!(wheel.earliest() <= first || first.is_none());
                        prop_assert_eq!(wheel.earliest().is_none(), first.is_none());
                        if let Some(earliest) = wheel.earliest() {
                            prop_assert!(earliest > now || now == u64::MAX, "it would never end");
                        }
                    }
                }
                for number in 0..12 {
                    prop_assert_eq!(wheel.is_set_to(number), list.get(&number).copied());
                }
            }
        }
    }
}

//! Messages that wait for their acknowledgement: when each should have been sent, and was.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::client::Token;

/// Behind so many later ones, a message without an answer is moved out of the way.
const WINDOW: usize = 128 * 1024;

/// The times of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// When it should have been sent.
    pub(super) due: u64,
    /// When it was.
    pub(super) sent: u64,
    /// Its number among those of its publisher.
    pub(super) number: u64,
}

/// No message, or one that is answered.
const NOTHING: Times = Times {
    due: u64::MAX,
    sent: u64::MAX,
    number: u64::MAX,
};

/// See the [module](self). Tokens count up, and answers mostly come in their order.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// The token of the first of `times`.
    first: u64,
    times: VecDeque<Times>,
    stragglers: FxHashMap<u64, Times>,
}

impl Unanswered {
    /// A message was sent, behind all others.
    #[inline]
    pub(super) fn insert(&mut self, token: Token, times: Times) {
        if self.times.is_empty() {
            self.first = token.0;
        }
        let at = token.0.saturating_sub(self.first);
        // Numbers between are of messages that nobody asks for.
        while (self.times.len() as u64) < at && self.times.len() < WINDOW {
            self.times.push_back(NOTHING);
        }
        self.times.push_back(times);
        while self.times.len() > WINDOW
            && let Some(oldest) = self.times.pop_front()
        {
            if oldest != NOTHING {
                self.stragglers.insert(self.first, oldest);
            }
            self.first += 1;
        }
    }

    /// Its answer came.
    #[inline]
    pub(super) fn remove(&mut self, token: Token) -> Option<Times> {
        let Some(at) = token.0.checked_sub(self.first) else {
            return self.stragglers.remove(&token.0);
        };
        let place = self.times.get_mut(usize::try_from(at).ok()?)?;
        let times = std::mem::replace(place, NOTHING);
        while self.times.front() == Some(&NOTHING) {
            self.times.pop_front();
            self.first += 1;
        }
        (times != NOTHING).then_some(times)
    }

    /// Nothing is answered any more: what was left.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Times> {
        let all = std::mem::take(self);
        let stragglers = all.stragglers.into_values();
        let times = all.times.into_iter().filter(|times| *times != NOTHING);
        stragglers.chain(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(due: u64) -> Times {
        Times {
            due,
            sent: due + 1,
            number: due,
        }
    }

    #[test]
    fn answers_find_their_messages() {
        let mut unanswered = Unanswered::default();
        for token in [5, 6, 9, 10] {
            unanswered.insert(Token(token), times(token));
        }
        for (token, found) in [
            (6, true),
            (6, false),
            (7, false),
            (4, false),
            (9, true),
            (5, true),
            (10, true),
        ] {
            let expected = found.then(|| times(token));
            assert_eq!(unanswered.remove(Token(token)), expected, "{token}");
        }
        assert!(unanswered.times.is_empty());
        unanswered.insert(Token(11), times(11));
        unanswered.insert(Token(12), times(12));
        unanswered.remove(Token(11));
        let left: Vec<_> = unanswered.take_all().collect();
        assert_eq!(left, [times(12)]);
        unanswered.insert(Token(20), times(20));
        assert_eq!(unanswered.remove(Token(20)), Some(times(20)));
    }

    #[test]
    fn one_that_is_never_answered_keeps_no_place_for_the_others() {
        let mut unanswered = Unanswered::default();
        unanswered.insert(Token(1), times(1));
        for token in 2..400_000 {
            unanswered.insert(Token(token), times(token));
            assert_eq!(unanswered.remove(Token(token)), Some(times(token)));
        }
        assert!(unanswered.times.len() <= WINDOW);
        assert_eq!(unanswered.remove(Token(1)), Some(times(1)));
        assert!(unanswered.stragglers.is_empty());
    }
}

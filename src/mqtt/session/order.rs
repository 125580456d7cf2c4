//! Answers that must come in the order of what they answer (4.6).

use std::collections::VecDeque;

/// Identifiers that wait at most; an end that never answers is not waited for.
const MAX_WAITING: usize = 1 << 16;

/// What waits for its answer, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    id: u16,
    frame: u64,
    /// A number that this use of the identifier has for itself.
    ticket: u64,
}

impl Order {
    /// Something to answer was sent.
    pub(super) fn sent(&mut self, id: u16, frame: u64, ticket: u64) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.clear();
        }
        self.waiting.push_back(Waiting { id, frame, ticket });
    }

    /// The answer to the use `ticket` came. Returns the identifier and the frame of something
    /// older that still waits; it is taken out, to be told of once. `is_open` says whether a use of
    /// an identifier still waits.
    pub(super) fn answered(
        &mut self,
        ticket: u64,
        is_open: impl Fn(u16, u64) -> bool,
    ) -> Option<(u16, u64)> {
        while let Some(first) = self.waiting.front() {
            if first.ticket >= ticket {
                if first.ticket == ticket {
                    self.waiting.pop_front();
                }
                return None;
            }
            let first = *first;
            self.waiting.pop_front();
            if is_open(first.id, first.ticket) {
                return Some((first.id, first.frame));
            }
        }
        None
    }

    /// What was sent or answered is no longer known for sure.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.waiting.len() * size_of::<Waiting>()
    }
}

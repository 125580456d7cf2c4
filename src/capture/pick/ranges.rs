//! Sets of numbers that mostly come in order.

/// Ranges, `first..=last`.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Ascending, none next to another.
    sorted: Vec<(u64, u64)>,
    /// Those that were added out of order.
    late: Vec<(u64, u64)>,
}

impl Ranges {
    /// Adds a range; says whether it stands alone.
    pub(super) fn add(&mut self, first: u64, mut last: u64) -> bool {
        let mut joins = false;
        while let Some(range) = self.sorted.last()
            && range.0 >= first
        {
            if range.0 > last.saturating_add(1) {
                self.late.push((first, last));
                return true;
            }
            last = last.max(range.1);
            joins = true;
            self.sorted.pop();
        }
        match self.sorted.last_mut() {
            Some(range) if first <= range.1.saturating_add(1) => {
                range.1 = range.1.max(last);
                false
            }
            _ => {
                self.sorted.push((first, last));
                !joins
            }
        }
    }

    /// Puts what came out of order in its place.
    pub(super) fn sort(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.sorted);
        all.append(&mut self.late);
        all.sort_unstable();
        for (first, last) in all {
            self.add(first, last);
        }
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.touches(number, number)
    }

    pub(super) fn touches(&self, first: u64, last: u64) -> bool {
        let at = self.sorted.partition_point(|range| range.1 < first);
        self.sorted.get(at).is_some_and(|range| range.0 <= last)
    }

    /// Whether a number lies between the first and the last.
    pub(super) fn spans(&self, number: u64) -> bool {
        let first = self.sorted.first().is_some_and(|range| range.0 <= number);
        first && number <= self.last()
    }

    pub(super) fn last(&self) -> u64 {
        self.sorted.last().map_or(0, |range| range.1)
    }
}

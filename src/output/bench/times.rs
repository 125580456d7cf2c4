//! Distributions of times: HDR histograms in ns, from 1 ns to an hour.

use hdrhistogram::Histogram;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hdr;

/// Longer times count as this: an hour.
pub const MAX_TIME: u64 = 3_600_000_000_000;

/// A distribution of times in ns, of so many significant decimal digits. Empty ones take no memory,
/// one of 3 digits about 270 KB, one of 1 digit about 5 KB. Two add exactly.
#[derive(Debug, Clone)]
pub struct Times<const DIGITS: u8 = 3>(Option<Box<Histogram<u64>>>);

/// One digit: for the rows of a [`Series`](super::Series).
pub type Coarse = Times<1>;

/// A class of times that count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest time in it, ns.
    pub from: u64,
    /// The longest time in it, ns.
    pub to: u64,
    /// How many times are in it.
    pub count: u64,
}

impl<const DIGITS: u8> Times<DIGITS> {
    /// Nothing yet.
    pub const fn new() -> Times<DIGITS> {
        Times(None)
    }

    /// One more.
    pub fn record(&mut self, ns: u64) {
        self.histogram().saturating_record(ns);
    }

    /// `count` more of the same.
    pub fn record_n(&mut self, ns: u64, count: u64) {
        if count > 0 {
            self.histogram().saturating_record_n(ns, count);
        }
    }

    /// All of another's, too.
    pub fn add(&mut self, other: &Times<DIGITS>) {
        let Some(other) = &other.0 else { return };
        match &mut self.0 {
            // Both have the same bounds and digits, and then adding has nothing to refuse.
            Some(own) => _ = own.add(other.as_ref()),
            own => *own = Some(other.clone()),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |h| h.len())
    }

    /// The shortest, ns.
    pub fn min(&self) -> Option<u64> {
        self.0.as_ref().map(|h| h.min())
    }

    /// The longest, ns.
    pub fn max(&self) -> Option<u64> {
        self.0.as_ref().map(|h| h.max())
    }

    /// The average, ns.
    pub fn mean(&self) -> Option<f64> {
        self.0.as_ref().map(|h| h.mean())
    }

    /// The time, in ns, that this share of them (0 to 1) does not exceed.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        self.0.as_ref().map(|h| h.value_at_quantile(quantile))
    }

    /// The classes that are not empty, from the shortest times to the longest.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.0.iter().flat_map(|h| {
            h.iter_recorded().map(|step| Bucket {
                from: h.lowest_equivalent(step.value_iterated_to()),
                to: step.value_iterated_to(),
                count: step.count_at_value(),
            })
        })
    }

    fn histogram(&mut self) -> &mut Histogram<u64> {
        self.0.get_or_insert_with(|| {
            let histogram = Histogram::new_with_bounds(1, MAX_TIME, DIGITS);
            Box::new(histogram.expect("the bounds are valid"))
        })
    }
}

impl<const DIGITS: u8> Default for Times<DIGITS> {
    fn default() -> Times<DIGITS> {
        Times::new()
    }
}

impl<const DIGITS: u8> PartialEq for Times<DIGITS> {
    fn eq(&self, other: &Times<DIGITS>) -> bool {
        // Not the histograms themselves: those compare extremes that a file does not have.
        self.buckets().eq(other.buckets())
    }
}

/// HdrHistogram's compressed V2 form in base64; null if there is none.
impl<const DIGITS: u8> Serialize for Times<DIGITS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = (!self.is_empty()).then(|| hdr::encode(DIGITS, self.buckets()));
        text.serialize(serializer)
    }
}

impl<'de, const DIGITS: u8> Deserialize<'de> for Times<DIGITS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut times = Times::new();
        if let Some(text) = Option::<String>::deserialize(deserializer)? {
            for (ns, count) in hdr::decode(DIGITS, &text).map_err(D::Error::custom)? {
                times.record_n(ns, count);
            }
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_figures() {
        let times = Times::<3>::new();
        assert!(times.is_empty());
        assert_eq!(times.count(), 0);
        assert_eq!(
            (times.min(), times.max(), times.quantile(0.5)),
            (None, None, None)
        );
        assert_eq!(times.buckets().count(), 0);
    }

    #[test]
    fn times_add_exactly() {
        let (mut a, mut b, mut all) = (Times::<3>::new(), Times::new(), Times::new());
        for ns in [0, 1, 999, 1_000_000, 12_345_678, u64::MAX] {
            a.record(ns);
            all.record(ns);
        }
        for ns in [5, 12_345_678, MAX_TIME] {
            b.record_n(ns, 7);
            all.record_n(ns, 7);
        }
        a.add(&b);
        assert_eq!(a, all);
        let mut none = Times::new();
        none.add(&all);
        none.add(&Times::new());
        assert_eq!(none, all);
        assert_eq!(none.count(), 27);
    }

    #[test]
    fn three_digits_are_kept() {
        let mut times = Times::<3>::new();
        times.record(12_345_678);
        let read = times.quantile(0.99).unwrap();
        assert!(read.abs_diff(12_345_678) <= 12_345_678 / 1000, "{read}");
    }
}

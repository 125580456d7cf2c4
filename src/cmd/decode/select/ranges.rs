//! Numbers and ranges of them: `4`, `4-10`, `4-`, `-10`, and several with commas.

use super::super::super::Failure;

/// Numbers that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Reads the values of a flag; `None` if it was not given.
    pub(super) fn parse(flag: &str, words: &[String]) -> Result<Option<Ranges>, Failure> {
        let mut ranges = Vec::new();
        for part in words.iter().flat_map(|word| word.split(',')) {
            let range = one(part.trim()).ok_or_else(|| {
                Failure::usage(format!(
                    "{flag} takes numbers and ranges as in 4, 4-10, 4- or -10, not '{}'",
                    part.escape_debug()
                ))
            })?;
            ranges.push(range);
        }
        Ok((!ranges.is_empty()).then_some(Ranges(ranges)))
    }

    /// Whether there is nothing but 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|range| *range == (0, 0))
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let mut ranges = self.0.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&number))
    }
}

fn one(text: &str) -> Option<(u64, u64)> {
    let (first, last) = match text.split_once('-') {
        Some(("", "")) => return None,
        Some(("", last)) => (0, last.parse().ok()?),
        Some((first, "")) => (first.parse().ok()?, u64::MAX),
        Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
        None => {
            let number = text.parse().ok()?;
            (number, number)
        }
    };
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges() {
        let parse = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            Ranges::parse("--frame", &words)
        };
        let ranges = parse(&["4,7-9", "20-"]).unwrap().unwrap();
        let wanted: Vec<u64> = (0..22).filter(|number| ranges.contains(*number)).collect();
        assert_eq!(wanted, [4, 7, 8, 9, 20, 21]);
        assert!(parse(&["-3"]).unwrap().unwrap().contains(0));
        assert_eq!(parse(&[]), Ok(None));
        for bad in ["", "-", "x", "9-7", "1..3", "1-2-3", "99999999999999999999"] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
    }
}

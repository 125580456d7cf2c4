//! Numbers and ranges of them: `4`, `4-10`, `4-`, `-10`, and several with commas. Lines call the
//! connections of UDP `u4`.

use super::super::super::Failure;

/// Numbers that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
    /// Of UDP alone; otherwise of whatever has numbers.
    is_udp: bool,
}

impl Ranges {
    /// Reads the values of a flag; `None` if it was not given.
    pub(super) fn parse(flag: &str, words: &[String]) -> Result<Option<Ranges>, Failure> {
        let mut ranges = Vec::new();
        for part in words.iter().flat_map(|word| word.split(',')) {
            let has_udp = flag == "--stream";
            let range = one(part.trim(), has_udp).ok_or_else(|| {
                let udp = if has_udp { ", and u4 for UDP" } else { "" };
                Failure::usage(format!(
                    "{flag} takes numbers and ranges as in 4, 4-10, 4- or -10{udp}, not '{}'",
                    part.escape_debug()
                ))
            })?;
            ranges.push(range);
        }
        Ok((!ranges.is_empty()).then_some(Ranges(ranges)))
    }

    /// Whether there is nothing but 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|range| range.last == 0)
    }

    pub(super) fn contains(&self, number: u64, is_udp: bool) -> bool {
        let mut ranges = self.0.iter();
        ranges
            .any(|range| (range.first..=range.last).contains(&number) && (is_udp || !range.is_udp))
    }
}

/// `u4-u10` is `u4-10`, and `-u10` is `u0-u10`.
fn one(text: &str, has_udp: bool) -> Option<Range> {
    let is_udp = has_udp && text.trim_start_matches('-').starts_with('u');
    let number = |word: &str| -> Option<u64> {
        let digits = word.strip_prefix('u').filter(|_| is_udp).unwrap_or(word);
        // A sign would be taken, too.
        digits.parse().ok().filter(|_| !digits.starts_with('+'))
    };
    let (first, last) = match text.split_once('-') {
        Some(("", "")) => return None,
        Some(("", last)) => (0, number(last)?),
        Some((first, "")) => (number(first)?, u64::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
        None => {
            let number = number(text)?;
            (number, number)
        }
    };
    (first <= last).then_some(Range {
        first,
        last,
        is_udp,
    })
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
        let wanted: Vec<u64> = (0..22)
            .filter(|number| ranges.contains(*number, false))
            .collect();
        assert_eq!(wanted, [4, 7, 8, 9, 20, 21]);
        assert!(parse(&["-3"]).unwrap().unwrap().contains(0, false));
        assert_eq!(parse(&[]), Ok(None));
        for bad in ["", "-", "x", "9-7", "1..3", "1-2-3", "99999999999999999999"] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn connections_of_udp_as_lines_call_them() {
        let parse = |word: &str| Ranges::parse("--stream", &[word.to_owned()]);
        for (word, wanted) in [
            ("u2", &[2][..]),
            ("u2-3", &[2, 3]),
            ("u2-u3", &[2, 3]),
            ("u3-", &[3, 4]),
            ("-u1", &[0, 1]),
        ] {
            let ranges = parse(word).unwrap().unwrap();
            let udp: Vec<u64> = (0..5).filter(|n| ranges.contains(*n, true)).collect();
            assert_eq!(udp, wanted, "{word}");
            assert!((0..5).all(|n| !ranges.contains(n, false)), "{word}");
        }
        // A number alone is of either.
        let ranges = parse("4").unwrap().unwrap();
        assert!(ranges.contains(4, true) && ranges.contains(4, false));
        for bad in ["u", "uu4", "4u", "4-u5", "u-", "+4"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Ranges::parse("--frame", &["u4".to_owned()]).is_err());
    }
}

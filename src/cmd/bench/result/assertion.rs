//! What must hold of a result: `e2e.p99 < 10ms`, `lost == 0`, `rate > 50k/s`.

use crate::cmd::comparison::Comparison;
use crate::cmd::{Failure, duration, rate, size};
use crate::output::bench::{Asked, Check, Figure, Outcome, Unit};

/// One `--assert`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assertion {
    /// As it was typed.
    pub(super) text: String,
    figure: Figure,
    comparison: Comparison,
    /// In what the figure counts in: ns, bytes, per second, parts of 100.
    limit: f64,
}

impl Assertion {
    /// Reads one.
    ///
    /// # Errors
    /// Wrong usage; with the column.
    pub(super) fn parse(text: &str) -> Result<Assertion, Failure> {
        let wrong = |rest: &str, what: &str| {
            // What is left begins where it is wrong.
            let read = text.len().saturating_sub(rest.len());
            let column = text.get(..read).map_or(0, |read| read.chars().count()) + 1;
            Failure::usage(format!(
                "--assert '{}', column {column}: {what}",
                text.escape_debug()
            ))
        };
        let trimmed = text.trim_start();
        let end = trimmed.find(|c: char| c.is_whitespace() || "=!<>".contains(c));
        let (name, rest) = trimmed.split_at(end.unwrap_or(trimmed.len()));
        if name.is_empty() {
            let what = "the name of a figure is missing, as in 'e2e.p99 < 10ms'";
            return Err(wrong(trimmed, what));
        }
        let mut figure = Figure::parse(name).map_err(|what| wrong(trimmed, &what))?;
        let rest = rest.trim_start();
        let Some((comparison, behind)) = Comparison::begin(rest) else {
            let what = format!("here is to stand {}", Comparison::NAMES);
            return Err(wrong(rest, &what));
        };
        let value = behind.trim_start();
        let typed = value.trim_end();
        if !typed.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(wrong(value, "here is to stand a number"));
        }
        // A share of a count is typed as the count, with a %.
        if typed.ends_with('%')
            && let Some(share) = figure.share()
        {
            figure = share;
        }
        let limit = limit(&figure, typed).map_err(|what| wrong(value, &what))?;
        Ok(Assertion {
            text: text.trim().to_owned(),
            figure,
            comparison,
            limit,
        })
    }

    /// Refuses what no run that asks for this can have, or not one of its shards alone.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn check(&self, asked: &[&Asked], is_whole: bool) -> Result<(), Failure> {
        let of_all = (self.figure.wants_all_shards() && !is_whole)
            .then_some("it is known when all shards are merged");
        match self.figure.lacks(asked).or(of_all) {
            None => Ok(()),
            Some(why) => Err(Failure::usage(format!(
                "--assert '{}': this run has no {}: {why}",
                self.text.escape_debug(),
                self.figure.name()
            ))),
        }
    }

    /// The figure's value, and whether it is as it must be; `None`: the result has no such figure.
    pub(super) fn judge(&self, outcome: &Outcome) -> Option<(f64, bool)> {
        let value = self.figure.value(outcome)?;
        let holds = self.comparison.holds(value.partial_cmp(&self.limit));
        Some((value, holds))
    }

    /// What is said if it does not hold.
    pub(super) fn miss(&self, outcome: &Outcome) -> Option<String> {
        let check = self.check_of(outcome);
        (!check.holds).then(|| format!("missed: {}", check.sentence))
    }

    /// Whether it holds, and by what figure.
    pub(super) fn check_of(&self, outcome: &Outcome) -> Check {
        let judged = self.judge(outcome);
        let what = match judged {
            Some((value, _)) => format!("it is {}", self.figure.show(value)),
            None => "the result has no such figure".to_owned(),
        };
        Check {
            holds: judged.is_some_and(|(_, holds)| holds),
            sentence: format!("{}: {what}", self.text.escape_debug()),
        }
    }
}

/// A quantity in the unit of its figure.
fn limit(figure: &Figure, text: &str) -> Result<f64, String> {
    let name = figure.name();
    let said = |failure: Failure| failure.message;
    let number = |digits: &str| {
        let is_number = digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
        let number = digits.parse::<f64>().ok();
        number.filter(|number| is_number && number.is_finite())
    };
    if number(text) == Some(0.0) {
        return Ok(0.0);
    }
    match figure.unit() {
        Unit::Count if text.ends_with('%') => Err(format!("{name} has no share of anything")),
        Unit::Count => rate::scaled(text)
            .ok_or_else(|| format!("{name} takes a number as in 0, 500, 10k or 1.5M")),
        Unit::PerSecond => rate::per_second(text)
            .ok_or_else(|| format!("{name} takes a rate as in 100/s, 50k/s or 10/m")),
        Unit::Time if number(text).is_some() => Err(format!(
            "{name} is a time and wants a unit: ns, us, ms or s"
        )),
        Unit::Time => duration::parse(&name, text)
            .map(|time| time.as_nanos() as f64)
            .map_err(said),
        Unit::Bytes => size::parse(&name, text)
            .map(|bytes| bytes as f64)
            .map_err(said),
        Unit::BytesPerSecond => rate::parse_bytes(&name, text)
            .map(|bytes| bytes.get() as f64)
            .map_err(said),
        Unit::Percent => text
            .strip_suffix('%')
            .and_then(|digits| number(digits.trim_end()))
            .ok_or_else(|| format!("{name} takes parts of 100 as in 99.9%")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::bench::Group;

    fn parse(text: &str) -> Result<Assertion, String> {
        Assertion::parse(text).map_err(|failure| {
            assert_eq!(failure.exit, crate::cmd::Exit::Usage);
            failure.message
        })
    }

    #[test]
    fn what_is_typed_is_what_is_meant() {
        use Comparison::*;
        for (text, name, comparison, limit) in [
            ("e2e.p99 < 10ms", "e2e.p99", Less, 1e7),
            ("e2e.p99<10ms", "e2e.p99", Less, 1e7),
            ("  e2e.p99.9   <=  1.5s ", "e2e.p99.9", LessOrEqual, 1.5e9),
            ("ack.max < 250us", "ack.max", Less, 250e3),
            (
                "ack_uncorrected.mean < 250µs",
                "ack_uncorrected.mean",
                Less,
                250e3,
            ),
            ("connect.p50 < 900ns", "connect.p50", Less, 900.0),
            ("duration < 1m30s", "duration", Less, 90e9),
            ("lateness.max == 0", "lateness.max", Equal, 0.0),
            ("lost == 0", "lost", Equal, 0.0),
            ("lost != 7", "lost", NotEqual, 7.0),
            ("lost < 0.1%", "lost.share", Less, 0.1),
            ("lost.share < 0.1 %", "lost.share", Less, 0.1),
            ("offered >= 99.5%", "offered", GreaterOrEqual, 99.5),
            ("sent > 1.5M", "sent", Greater, 1.5e6),
            ("rate > 50k/s", "rate", Greater, 5e4),
            ("rate > 50k", "rate", Greater, 5e4),
            ("rate > 30/m", "rate", Greater, 0.5),
            ("memory < 64MiB", "memory", Less, 67_108_864.0),
            ("sent_bytes > 1GB", "sent_bytes", Greater, 1e9),
            (
                "sent_bytes_rate > 2.5MB/s",
                "sent_bytes_rate",
                Greater,
                2.5e6,
            ),
        ] {
            let assertion = parse(text).unwrap();
            assert_eq!(assertion.figure.name(), name, "{text}");
            assert_eq!(assertion.comparison, comparison, "{text}");
            assert!(
                (assertion.limit - limit).abs() <= limit * 1e-9,
                "{text}: {assertion:?}"
            );
            assert_eq!(assertion.text, text.trim());
        }
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        for (text, column, part) in [
            ("", 1, "the name of a figure is missing"),
            ("  ", 3, "the name of a figure is missing"),
            ("< 5", 1, "the name of a figure is missing"),
            ("e2e.p98x < 5ms", 1, "'p98x' is nothing that e2e has"),
            ("losst == 0", 1, "did you mean lost?"),
            (" temperature < 5", 2, "there are rate, "),
            ("lost", 5, "here is to stand ==, !=, <, <=, > or >="),
            ("lost = 0", 6, "here is to stand =="),
            ("lost =< 0", 6, "here is to stand =="),
            ("lost ==", 8, "here is to stand a number"),
            ("lost == -1", 9, "here is to stand a number"),
            ("lost == many", 9, "here is to stand a number"),
            ("lost == 5x", 9, "lost takes a number"),
            ("lost == 5 and sent > 3", 9, "lost takes a number"),
            ("lost == 1e3", 9, "lost takes a number"),
            ("sent < 5%", 8, "sent has no share of anything"),
            (
                "e2e.p99 < 10",
                11,
                "e2e.p99 is a time and wants a unit: ns, us, ms or s",
            ),
            ("e2e.p99 < 10 ms", 11, "e2e.p99 takes a time as in"),
            ("e2e.p99 < 10kB", 11, "e2e.p99 takes a time as in"),
            ("rate > 5ms", 8, "rate takes a rate as in"),
            ("offered > 99", 11, "offered takes parts of 100"),
            ("memory < 5ms", 10, "memory takes a size as in"),
            (
                "received_bytes_rate < 5ms",
                23,
                "received_bytes_rate takes bytes a second",
            ),
            ("µ < 1", 1, "'µ' is no figure"),
        ] {
            let message = parse(text).unwrap_err();
            let begin = format!("--assert '{}', column {column}: ", text.escape_debug());
            assert!(message.starts_with(&begin), "{text}: {message}");
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn holding_is_a_matter_of_the_value() {
        let mut outcome = Outcome::default();
        outcome.measured.connections = 10;
        for (text, miss) in [
            ("connections == 10", None),
            ("connections >= 10", None),
            ("connections < 11", None),
            (
                "connections > 10",
                Some("missed: connections > 10: it is 10"),
            ),
            (
                "connections != 10",
                Some("missed: connections != 10: it is 10"),
            ),
            (
                "memory<1MB",
                Some("missed: memory<1MB: the result has no such figure"),
            ),
            (
                "e2e.p99 < 1s",
                Some("missed: e2e.p99 < 1s: the result has no such figure"),
            ),
        ] {
            let found = parse(text).unwrap().miss(&outcome);
            assert_eq!(found.as_deref(), miss, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before() {
        let asked = Asked::default();
        let failure = parse("e2e.p99 < 1s")
            .unwrap()
            .check(&[&asked], true)
            .unwrap_err();
        assert_eq!(
            failure.message,
            "--assert 'e2e.p99 < 1s': this run has no e2e.p99: nobody subscribes"
        );
        let errors = parse("errors == 0").unwrap();
        assert_eq!(errors.check(&[&asked], false), Ok(()));
        let asked = Asked {
            groups: vec![Group {
                publishers: 1,
                subscribers: 1,
                ..Group::default()
            }],
            ..Asked::default()
        };
        let lost = parse("lost < 1%").unwrap();
        assert_eq!(lost.check(&[&asked], true), Ok(()));
        assert_eq!(
            lost.check(&[&asked], false).unwrap_err().message,
            "--assert 'lost < 1%': this run has no lost.share: it is known when all shards are \
             merged"
        );
    }

    proptest! {
        #[test]
        fn every_sentence_of_the_grammar_is_read(
            space in prop::collection::vec(0..3usize, 4),
            (name, unit, scale) in prop::sample::select(vec![
                ("lost", "", 1.0), ("sent", "k", 1e3), ("expected", "M", 1e6),
                ("rate", "/s", 1.0), ("received_rate", "k/s", 1e3), ("rate", "M", 1e6),
                ("e2e.p50", "ns", 1.0), ("ack.p99.99", "us", 1e3), ("connect.max", "ms", 1e6),
                ("lateness.mean", "s", 1e9), ("offered", "%", 1.0), ("lost.share", "%", 1.0),
                ("memory", "MiB", 1_048_576.0), ("sent_bytes_rate", "KB/s", 1e3),
            ]),
            (sign, comparison) in prop::sample::select(vec![
                ("==", Comparison::Equal), ("!=", Comparison::NotEqual), ("<", Comparison::Less),
                ("<=", Comparison::LessOrEqual), (">", Comparison::Greater),
                (">=", Comparison::GreaterOrEqual),
            ]),
            number in 1..100_000u32,
        ) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| " ".repeat(space[i]));
            let text = format!("{a}{name}{b}{sign}{c}{number}{unit}{d}");
            let read = parse(&text).unwrap();
            prop_assert_eq!(read.figure.name(), name);
            prop_assert_eq!(read.comparison, comparison);
            let limit = f64::from(number) * scale;
            prop_assert!((read.limit - limit).abs() <= limit * 1e-9, "{:?}", read);
        }

        #[test]
        fn anything_is_read_or_refused(text in "[a-z0-9_.<>=!% µ/-]{0,30}") {
            if let Err(message) = parse(&text) {
                let column = message.rsplit_once(", column ").unwrap().1;
                let column: usize = column.split(':').next().unwrap().parse().unwrap();
                prop_assert!((1..=text.chars().count() + 1).contains(&column), "{}", message);
            }
        }
    }
}

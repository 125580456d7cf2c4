//! `--fault`, `--latency` and `--slow`: rules and times as people type them.

use crate::broker::faults::{Deed, FaultPlan, Latency, Rule, When, can_refuse};
use crate::cli;
use crate::cmd::{Failure, duration, rate, reason_code};
use crate::mqtt::{PacketType, Side, Version, topic};
use crate::output::text::Safe;

/// What a rule may say, for sentences.
const KEYS: &str = "on, dir, client, topic, nth, every, count, p and do";
const DEEDS: &str = "drop, delay TIME, duplicate, corrupt, cut BYTES, close, disconnect CODE, \
                     refuse CODE, stall and reorder [N]";

/// Reads what was typed.
///
/// # Errors
/// Wrong usage.
pub(super) fn plan(args: &cli::Faults) -> Result<FaultPlan, Failure> {
    Ok(FaultPlan {
        rules: args
            .fault
            .iter()
            .map(|text| rule(text))
            .collect::<Result<_, _>>()?,
        seed: args.seed,
        latency: args.latency.as_deref().map(latency).transpose()?,
        rate: match &args.slow {
            Some(text) => Some(rate::parse_bytes("--slow", text)?),
            None => None,
        },
    })
}

/// `80ms`, `80ms±20ms` or `80ms+-20ms`.
fn latency(text: &str) -> Result<Latency, Failure> {
    let parts = text.split_once('±').or_else(|| text.split_once("+-"));
    let (mean, jitter) = parts.unwrap_or((text, "0"));
    let (mean, jitter) = (
        duration::parse("--latency", mean.trim())?,
        duration::parse("--latency", jitter.trim())?,
    );
    match jitter <= mean {
        true => Ok(Latency { mean, jitter }),
        false => Err(Failure::usage(format!(
            "--latency '{}': it cannot be less than nothing",
            Safe(text)
        ))),
    }
}

/// `on=puback client=dev-* nth=3 do=drop`.
fn rule(text: &str) -> Result<Rule, Failure> {
    parse(text).map_err(|what| {
        let text = Safe(text);
        Failure::usage(format!("--fault '{text}': {what}"))
    })
}

fn parse(text: &str) -> Result<Rule, String> {
    let (mut on, mut from, mut client, mut filter) = (None, None, None, None);
    let mut when = When::default();
    let mut deed: Option<Vec<String>> = None;
    let mut given = Vec::new();
    let mut in_deed = false;
    for word in words(text)? {
        let Some((key, value)) = word.split_once('=') else {
            match &mut deed {
                Some(deed) if in_deed => deed.push(word),
                _ => {
                    let word = Safe(&word);
                    return Err(format!("'{word}' is no KEY=VALUE; the keys are {KEYS}"));
                }
            }
            continue;
        };
        if given.iter().any(|other| other == key) {
            return Err(format!("{} is given twice", Safe(key)));
        }
        given.push(key.to_owned());
        in_deed = key == "do";
        match key {
            "on" => on = packet_type(value)?,
            "dir" => {
                from = Some(match value {
                    "in" => Side::Client,
                    "out" => Side::Server,
                    _ => {
                        return Err("dir is in, from the client, or out, to the client".to_owned());
                    }
                });
            }
            "client" => client = Some(value.to_owned()),
            "topic" => {
                topic::check_filter(value).map_err(|error| format!("of the topic, {error}"))?;
                filter = Some(value.to_owned());
            }
            "nth" => when.nth = Some(number(key, value)?),
            "every" => when.every = Some(number(key, value)?),
            "count" => when.count = Some(number(key, value)?),
            "p" => {
                let p = value.parse().ok().filter(|p| (0.0..=1.0).contains(p));
                when.probability = Some(p.ok_or("p is a probability from 0 to 1")?);
            }
            "do" => deed = Some(vec![value.to_owned()]),
            _ => {
                let key = Safe(key);
                return Err(format!("there is no key {key}; the keys are {KEYS}"));
            }
        }
    }
    let words = deed.ok_or_else(|| format!("it does not say what to do: {DEEDS}"))?;
    let deed = to_deed(&words)?;
    if filter.is_some()
        && !matches!(
            on,
            None | Some(PacketType::PUBLISH | PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE)
        )
    {
        return Err("only PUBLISH, SUBSCRIBE and UNSUBSCRIBE have a topic".to_owned());
    }
    // A packet that no one sends would be waited for in vain.
    let sender = on.and_then(|on| on.only_sender(Version::V5));
    if let (Some(on), Some(from), Some(sender)) = (on, from, sender)
        && from != sender
    {
        return Err(format!("{on} comes from the {} only", sender.as_str()));
    }
    if let Deed::Refuse(_) = deed {
        let refused = on.and_then(can_refuse);
        match (refused, from) {
            (None, _) => {
                return Err(
                    "refuse needs on= with a request or an answer that has a code: connect, \
                     publish, pubrel, subscribe, unsubscribe, connack, puback, pubcomp, suback or \
                     unsuback"
                        .to_owned(),
                );
            }
            (Some(Side::Client), Some(Side::Server)) => {
                return Err("the broker's own packets are not refused by it: dir=in".to_owned());
            }
            (Some(side), _) => from = Some(side),
        }
    }
    Ok(Rule {
        on,
        from,
        client,
        topic: filter,
        when,
        deed,
    })
}

/// Divided by spaces; what stands in double quotes is together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    match is_quoted {
        true => Err("a quote is not closed".to_owned()),
        false => Ok(words),
    }
}

/// `None`: any.
fn packet_type(name: &str) -> Result<Option<PacketType>, String> {
    if name.eq_ignore_ascii_case("any") {
        return Ok(None);
    }
    let mut types = (1..16).map(PacketType);
    let found = types.find(|of| of.name(Version::V5).eq_ignore_ascii_case(name));
    match found {
        Some(found) => Ok(Some(found)),
        None => Err(format!(
            "on is a packet type as in publish or puback, or any, not '{}'",
            Safe(name)
        )),
    }
}

fn number(key: &str, value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|&n| n > 0);
    number.ok_or_else(|| {
        let value = Safe(value);
        format!("{key} is a number from 1 on, not '{value}'")
    })
}

fn to_deed(words: &[String]) -> Result<Deed, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let code = |word: &str| {
        reason_code::parse(word).ok_or_else(|| {
            let word = Safe(word);
            format!("a code is a number or a name as in 0x97 or quota-exceeded, not '{word}'")
        })
    };
    Ok(match *words.as_slice() {
        ["drop"] => Deed::Drop,
        ["delay", time] => {
            Deed::Delay(duration::parse("delay", time).map_err(|failure| failure.message)?)
        }
        ["duplicate"] => Deed::Duplicate,
        ["corrupt"] => Deed::Corrupt,
        ["cut", bytes] | ["cut", "after", bytes] | ["cut", "after", bytes, "bytes" | "byte"] => {
            let bytes = bytes.parse();
            Deed::Cut(bytes.map_err(|_| "cut takes a number of bytes".to_owned())?)
        }
        ["close"] => Deed::Close,
        ["disconnect", word] => {
            let code = code(word)?;
            match code.is_allowed_in(PacketType::DISCONNECT, Some(Side::Server)) {
                true => Deed::Disconnect(code),
                false => return Err(format!("no server's DISCONNECT has the code {code}")),
            }
        }
        ["refuse", word] => {
            let code = code(word)?;
            match code.is_error() {
                true => Deed::Refuse(code),
                false => return Err(format!("{code} refuses nothing: such codes begin at 0x80")),
            }
        }
        ["stall"] => Deed::Stall,
        ["reorder"] => Deed::Reorder(1),
        ["reorder", behind] => {
            let behind = number("reorder", behind)?;
            Deed::Reorder(usize::try_from(behind).unwrap_or(usize::MAX))
        }
        _ => {
            let words = words.join(" ");
            let words = Safe(&words);
            return Err(format!("do is one of {DEEDS}, not '{words}'"));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mqtt::ReasonCode;

    fn drop() -> Rule {
        Rule {
            on: None,
            from: None,
            client: None,
            topic: None,
            when: When::default(),
            deed: Deed::Drop,
        }
    }

    #[test]
    fn every_key() {
        let text = "on=publish dir=in client=dev-* topic=\"a b/#\" nth=3 every=2 count=1 p=0.5 \
                    do=delay 1.5s";
        let expected = Rule {
            on: Some(PacketType::PUBLISH),
            from: Some(Side::Client),
            client: Some("dev-*".into()),
            topic: Some("a b/#".into()),
            when: When {
                nth: Some(3),
                every: Some(2),
                count: Some(1),
                probability: Some(0.5),
            },
            deed: Deed::Delay(Duration::from_millis(1500)),
        };
        assert_eq!(rule(text), Ok(expected));
        assert_eq!(rule("do=drop on=any"), Ok(drop()));
        let puback = Rule {
            on: Some(PacketType::PUBACK),
            from: Some(Side::Server),
            ..drop()
        };
        assert_eq!(rule("  do=drop   dir=out on=PubAck "), Ok(puback));
    }

    #[test]
    fn every_deed() {
        for (text, deed) in [
            ("drop", Deed::Drop),
            ("delay 200ms", Deed::Delay(Duration::from_millis(200))),
            ("duplicate", Deed::Duplicate),
            ("corrupt", Deed::Corrupt),
            ("cut 5", Deed::Cut(5)),
            ("cut after 10", Deed::Cut(10)),
            ("cut after 10 bytes", Deed::Cut(10)),
            ("close", Deed::Close),
            ("disconnect 0x8b", Deed::Disconnect(ReasonCode(0x8b))),
            ("disconnect 0", Deed::Disconnect(ReasonCode(0))),
            ("refuse quota-exceeded", Deed::Refuse(ReasonCode(0x97))),
            ("stall", Deed::Stall),
            ("reorder", Deed::Reorder(1)),
            ("reorder 3", Deed::Reorder(3)),
        ] {
            let rule = rule(&format!("on=publish do={text} nth=1")).unwrap();
            assert_eq!(rule.deed, deed, "{text}");
        }
        // Who sends what is refused need not be said.
        let from = |text| rule(text).unwrap().from;
        assert_eq!(from("on=publish do=refuse 0x80"), Some(Side::Client));
        assert_eq!(from("on=suback do=refuse 0x80"), Some(Side::Server));
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        for (text, what) in [
            ("", "it does not say what to do: drop, delay TIME,"),
            (
                "on=publish",
                "it does not say what to do: drop, delay TIME,",
            ),
            ("drop", "'drop' is no KEY=VALUE; the keys are on, dir,"),
            (
                "do=drop nth=1 2",
                "'2' is no KEY=VALUE; the keys are on, dir,",
            ),
            ("do=drop x=1", "there is no key x; the keys are on, dir,"),
            ("do=drop do=drop", "do is given twice"),
            (
                "do=explode",
                "do is one of drop, delay TIME, duplicate, corrupt,",
            ),
            (
                "do=drop 3",
                "do is one of drop, delay TIME, duplicate, corrupt,",
            ),
            ("do=delay x", "delay takes a time as in 5, 0.5, 500ms,"),
            ("do=cut x", "cut takes a number of bytes"),
            (
                "do=disconnect x",
                "a code is a number or a name as in 0x97 or",
            ),
            (
                "on=publish do=refuse 0",
                "0x00 Success refuses nothing: such codes begin at 0x80",
            ),
            (
                "do=refuse 0x80",
                "refuse needs on= with a request or an answer",
            ),
            (
                "on=pubrec do=refuse 0x80",
                "refuse needs on= with a request or an answer",
            ),
            (
                "on=publish dir=out do=refuse 0x80",
                "the broker's own packets are not refused",
            ),
            (
                "on=reserved do=drop",
                "on is a packet type as in publish or puback, or any, not",
            ),
            (
                "on=connect dir=out do=drop",
                "CONNECT comes from the client only",
            ),
            (
                "on=suback dir=in do=drop",
                "SUBACK comes from the server only",
            ),
            (
                "dir=up do=drop",
                "dir is in, from the client, or out, to the client",
            ),
            ("topic=a#b do=drop", "of the topic, "),
            (
                "on=puback topic=a do=drop",
                "only PUBLISH, SUBSCRIBE and UNSUBSCRIBE have a topic",
            ),
            ("nth=0 do=drop", "nth is a number from 1 on, not '0'"),
            ("p=1.5 do=drop", "p is a probability from 0 to 1"),
            ("topic=\"a do=drop", "a quote is not closed"),
        ] {
            let message = rule(text).unwrap_err().message;
            let expected = format!("--fault '{}': {what}", Safe(text));
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn latencies() {
        let ms = Duration::from_millis;
        for (text, mean, jitter) in [
            ("80ms", 80, 0),
            ("80ms±20ms", 80, 20),
            ("80ms +- 20ms", 80, 20),
            ("1±1", 1000, 1000),
        ] {
            let (mean, jitter) = (ms(mean), ms(jitter));
            assert_eq!(latency(text), Ok(Latency { mean, jitter }), "{text}");
        }
        for bad in ["", "x", "80ms±", "20ms±80ms"] {
            assert!(latency(bad).is_err(), "{bad}");
        }
    }
}

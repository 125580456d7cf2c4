//! Which packets are wanted. Every flag narrows the selection; a flag with several values takes any
//! of them.

mod parse;
mod ranges;

use super::super::Failure;
use crate::cli;
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, ReasonCode, Side, Version, topic};
use crate::mqttsn;
use crate::output::time::Time;
use crate::output::{Decoded, Place, hole::Hole, sn};
pub(super) use parse::ports;
use ranges::Ranges;

/// A checked selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cmd) struct Select {
    /// Names of packet and message types; empty for all, as for all lists here.
    types: Vec<&'static str>,
    clients: Vec<String>,
    topics: Vec<String>,
    streams: Option<Ranges>,
    frames: Option<Ranges>,
    from: Option<Side>,
    reasons: Vec<Reason>,
    since: Option<Moment>,
    until: Option<Moment>,
    violations_only: bool,
}

/// Codes to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Code(u8),
    /// Any that says no: 0x80 and above, in MQTT-SN 1 and above.
    Error,
}

/// A time in a capture, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Since 1970.
    At(i128),
    /// Since the first packet.
    After(i128),
}

impl Moment {
    fn absolute(self, start: Option<Time>) -> i128 {
        match self {
            Moment::At(nanoseconds) => nanoseconds,
            Moment::After(nanoseconds) => start.map_or(0, |start| start.nanoseconds) + nanoseconds,
        }
    }
}

impl Select {
    /// Checks what was typed.
    pub(in crate::cmd) fn new(args: &cli::Selection) -> Result<Select, Failure> {
        let since = parse::moment("--since", args.since.as_deref())?;
        let until = parse::moment("--until", args.until.as_deref())?;
        let is_never = match (since, until) {
            (Some(Moment::At(since)), Some(Moment::At(until)))
            | (Some(Moment::After(since)), Some(Moment::After(until))) => since > until,
            _ => false,
        };
        if is_never {
            let what = "--since is later than --until: nothing is in between";
            return Err(Failure::usage(what));
        }
        let frames = Ranges::parse("--frame", &args.frame)?;
        if frames.as_ref().is_some_and(Ranges::is_zero) {
            let what = "--frame 0: the first frame is 1, as in Wireshark";
            return Err(Failure::usage(what));
        }
        Ok(Select {
            types: parse::types(&args.r#type)?,
            clients: args.client.clone(),
            topics: parse::topics(&args.topic)?,
            streams: Ranges::parse("--stream", &args.stream)?,
            frames,
            from: args.from.map(|side| match side {
                cli::From::Client => Side::Client,
                cli::From::Server => Side::Server,
            }),
            reasons: parse::reasons(&args.reason)?,
            since,
            until,
            violations_only: args.violations_only,
        })
    }

    /// Whether nothing is left out.
    pub(in crate::cmd) fn is_everything(&self) -> bool {
        *self == Select::default()
    }

    /// The flags that were given, to be named in a sentence.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (!self.types.is_empty(), "--type"),
            (!self.clients.is_empty(), "--client"),
            (!self.topics.is_empty(), "--topic"),
            (self.streams.is_some(), "--stream"),
            (self.frames.is_some(), "--frame"),
            (self.from.is_some(), "--from"),
            (!self.reasons.is_empty(), "--reason"),
            (self.since.is_some(), "--since"),
            (self.until.is_some(), "--until"),
            (self.violations_only, "--violations-only"),
        ];
        all.into_iter()
            .filter_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// Whether something may be left out that breaks a rule.
    pub(super) fn may_hide_violations(&self) -> bool {
        let faulty = Select {
            violations_only: self.violations_only,
            ..Select::default()
        };
        *self != faulty
    }

    /// Whether only what breaks a rule is wanted of what is asked for.
    pub(super) fn wants_violations_only(&self) -> bool {
        self.violations_only
    }

    /// Whether a packet is asked for; times may count from `start`.
    pub(super) fn asks_for_packet(&self, decoded: &Decoded<'_>, start: Option<Time>) -> bool {
        let version = decoded.origin.version;
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        self.wants_place(&decoded.origin.place, start)
            && self.wants_type(packet_type.name(version))
            && self.wants_client(decoded.client)
            && self.wants_topic_of(decoded)
            && self.wants_reason_of(decoded, packet_type, version)
    }

    /// Whether a message of MQTT-SN is asked for.
    pub(super) fn asks_for_message(&self, decoded: &sn::Decoded<'_>, start: Option<Time>) -> bool {
        use mqttsn::decode::Field;
        let has = |wanted: &dyn Fn(Field, Value<'_>) -> bool| {
            let mut fields = decoded.record.fields.iter();
            fields.any(|record| wanted(record.field, record.value))
        };
        self.wants_place(&decoded.place, start)
            && self.wants_type(decoded.name())
            && self.wants_client(decoded.client)
            && (self.topics.is_empty()
                || decoded
                    .topic_resolved
                    .is_some_and(|topic| self.wants_topic(topic))
                || has(&|field, value| {
                    let is_topic = matches!(
                        field,
                        Field::ShortTopic | Field::TopicName | Field::Filter | Field::WillTopic
                    );
                    is_topic && self.wants_topic_in(value)
                }))
            && (self.reasons.is_empty()
                || has(&|field, value| match (field, value) {
                    (Field::ReturnCode, Value::Byte(code)) => self.wants_code(code, 1),
                    _ => false,
                }))
    }

    /// Whether what is missing is wanted: it has no type and no topic.
    pub(super) fn wants_hole(
        &self,
        hole: &Hole,
        client: Option<&str>,
        start: Option<Time>,
    ) -> bool {
        self.asks_for_place(&hole.place, client, start) && !self.violations_only
    }

    /// Whether something without a type, a topic and a code is asked for.
    pub(super) fn asks_for_place(
        &self,
        place: &Place,
        client: Option<&str>,
        start: Option<Time>,
    ) -> bool {
        self.wants_place(place, start)
            && self.wants_client(client)
            && self.types.is_empty()
            && self.topics.is_empty()
            && self.reasons.is_empty()
    }

    fn wants_place(&self, place: &Place, start: Option<Time>) -> bool {
        let is_in = |ranges: &Option<Ranges>, number: Option<u64>| match (ranges, number) {
            (None, _) => true,
            (Some(ranges), Some(number)) => ranges.contains(number, place.transport == Some("udp")),
            (Some(_), None) => false,
        };
        let is_on = |moment: Option<Moment>, holds: fn(&i128, &i128) -> bool| {
            let Some(moment) = moment else { return true };
            let limit = moment.absolute(start);
            place
                .time
                .is_some_and(|time| holds(&time.nanoseconds, &limit))
        };
        is_in(&self.frames, place.frame)
            && is_in(&self.streams, place.stream)
            && (self.from.is_none() || self.from == place.from)
            && is_on(self.since, i128::ge)
            && is_on(self.until, i128::le)
    }

    fn wants_type(&self, name: &str) -> bool {
        self.types.is_empty() || self.types.contains(&name)
    }

    fn wants_client(&self, client: Option<&str>) -> bool {
        let is_one = |client: &str| self.clients.iter().any(|wanted| wanted == client);
        self.clients.is_empty() || client.is_some_and(is_one)
    }

    /// Messages and wills on topics that match; requests with a filter that is the same, or that
    /// the filter takes in as if it were a name.
    fn wants_topic_of(&self, decoded: &Decoded<'_>) -> bool {
        if self.topics.is_empty() {
            return true;
        }
        let mut fields = decoded.record.fields.iter();
        decoded
            .topic_resolved
            .is_some_and(|topic| self.wants_topic(topic))
            || fields.any(|record| {
                matches!(
                    record.field,
                    Field::Topic | Field::WillTopic | Field::Filter
                ) && self.wants_topic_in(record.value)
            })
    }

    fn wants_topic_in(&self, value: Value<'_>) -> bool {
        let text = value.bytes().map(std::str::from_utf8);
        matches!(text, Some(Ok(text)) if self.wants_topic(text))
    }

    fn wants_topic(&self, name: &str) -> bool {
        let mut topics = self.topics.iter();
        topics.any(|filter| filter == name || (!name.is_empty() && topic::matches(filter, name)))
    }

    fn wants_reason_of(
        &self,
        decoded: &Decoded<'_>,
        packet_type: PacketType,
        version: Version,
    ) -> bool {
        if self.reasons.is_empty() {
            return true;
        }
        let mut has_code = false;
        let found = decoded.record.fields.iter().any(|record| {
            let (Field::ReasonCode | Field::Code, Value::Byte(code)) = (record.field, record.value)
            else {
                return false;
            };
            has_code = true;
            let code = match (packet_type, version) {
                (_, Version::V5) => code,
                (PacketType::CONNACK, _) => ReasonCode::from_return_code(code).0,
                _ => code,
            };
            self.wants_code(code, 0x80)
        });
        // 5.0 leaves the code out where it is 0 (3.4.2.1, 3.14.2.1, 3.15.2.1).
        let may_leave_out = matches!(
            packet_type,
            PacketType::PUBACK
                | PacketType::PUBREC
                | PacketType::PUBREL
                | PacketType::PUBCOMP
                | PacketType::DISCONNECT
                | PacketType::AUTH
        );
        let is_left_out = version == Version::V5 && may_leave_out && !has_code;
        found || (is_left_out && self.wants_code(0, 0x80))
    }

    fn wants_code(&self, code: u8, first_error: u8) -> bool {
        self.reasons.iter().any(|reason| match reason {
            Reason::Code(wanted) => *wanted == code,
            Reason::Error => code >= first_error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_the_first_packet() {
        let start = Some(Time {
            nanoseconds: 1_000,
            digits: 9,
        });
        assert_eq!(Moment::After(5).absolute(start), 1_005);
        assert_eq!(Moment::At(5).absolute(start), 5);
    }
}

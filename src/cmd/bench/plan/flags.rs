//! Single flags of a group of clients, checked.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::group::Payload;
use super::sizes::Sizes;
use super::template::Template;
use crate::cli;
use crate::client::EngineKind;
use crate::cmd::bench::stamp;
use crate::cmd::connect::ConnectPlan;
use crate::cmd::{Exit, Failure, duration};
use crate::mqtt::{QoS, varint};

const DEFAULT_INFLIGHT: u16 = 20;

/// Bytes of a payload file.
const MAX_PAYLOAD: u64 = varint::MAX as u64;

/// Where to publish if nothing is said.
pub(super) fn default_topic(index: Option<usize>, per_client: u32) -> String {
    let mut topic = "midge/bench/{run}".to_owned();
    if let Some(index) = index {
        topic.push_str(&format!("/{index}"));
    }
    topic.push_str("/{client}");
    if per_client > 1 {
        topic.push_str("/{n}");
    }
    topic
}

/// Refuses numbers of clients and messages that come to nothing.
pub(super) fn check_counts(
    args: &cli::Bench,
    [publishers, subscribers]: [u32; 2],
    has_topic: bool,
    has_others: bool,
) -> Result<(), Failure> {
    let refuse = |sentence: &str| Err(Failure::usage(sentence));
    if publishers == 0 {
        if subscribers == 0 && args.idle.unwrap_or(0) == 0 {
            return refuse("nothing to do: no publishers, no subscribers, no idle connections");
        }
        let has_rate = args.rate.is_some() || args.rate_per_client.is_some();
        // What is for all groups is for those that it fits.
        if (has_rate || args.count.is_some()) && !has_others {
            return refuse("--rate and --count want a publisher, and --publishers is 0");
        }
        if subscribers > 0 && !has_topic {
            return refuse(
                "subscribers without publishers want a topic to listen on: give --topic",
            );
        }
    }
    if subscribers == 0 && args.share.is_some() && !has_others {
        return refuse("--share wants a subscriber, and --subscribers is 0");
    }
    match args.count {
        Some(0) => refuse("--count takes 1 or more"),
        Some(count) if count > stamp::MAX_MESSAGES => Err(Failure::usage(format!(
            "--count takes at most {}",
            stamp::MAX_MESSAGES
        ))),
        _ => Ok(()),
    }
}

/// Messages per second of all publishers of the group.
pub(super) fn parse_rate(args: &cli::Bench, publishers: u32) -> Result<Option<f64>, Failure> {
    let rate = match (&args.rate, &args.rate_per_client) {
        (Some(text), _) => super::per_second("--rate", text)?,
        (None, Some(text)) => super::per_second("--rate-per-client", text)? * f64::from(publishers),
        (None, None) => return Ok(None),
    };
    if publishers == 0 {
        return Ok(None);
    }
    // From one message in three days to one each ns.
    match (1.0 / super::MAX_DURATION.as_secs_f64()..=1e9).contains(&rate) {
        true => Ok(Some(rate)),
        false => Err(Failure::usage(format!(
            "--rate takes from one message in three days to 1000M/s, and this is {rate}/s"
        ))),
    }
}

/// Messages of QoS 1 and 2 on their way per publisher.
pub(super) fn inflight(args: &cli::Bench, qos: QoS, rate: Option<f64>) -> Result<u16, Failure> {
    match (args.inflight.or(args.session.max_inflight), qos) {
        (Some(0), _) => Err(Failure::usage("--inflight takes 1 to 65535")),
        (Some(_), QoS::AtMostOnce) => Err(Failure::usage(
            "--inflight wants acknowledgements, and QoS 0 has none: give -q 1 or -q 2",
        )),
        (Some(inflight), _) => Ok(inflight),
        (None, _) if rate.is_some() => Ok(u16::MAX),
        (None, _) => Ok(DEFAULT_INFLIGHT),
    }
}

/// What messages carry.
pub(super) fn payload(args: &cli::Bench) -> Result<Payload, Failure> {
    if let Some(path) = &args.payload_file {
        return Ok(Payload::Bytes(read_payload(path)?));
    }
    match (&args.payload, &args.size) {
        (Some(text), _) => {
            let template = Template::parse("--payload", text, |_| true)?;
            // Numbers that never change need not be filled in each time.
            let is_fixed = template.places().next().is_none();
            Ok(match is_fixed {
                false => Payload::Template(template),
                true => Payload::Bytes(Bytes::from(text.clone().into_bytes())),
            })
        }
        (None, Some(text)) => Ok(Payload::Sizes(Sizes::parse(text)?)),
        (None, None) => Ok(Payload::Sizes(Sizes::one(64))),
    }
}

fn read_payload(path: &Path) -> Result<Bytes, Failure> {
    let shown = path.display();
    let cannot = |why: String| {
        Failure::new(
            Exit::Io,
            format!("cannot read {shown} (--payload-file): {why}"),
        )
    };
    let len = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if len.len() > MAX_PAYLOAD {
        return Err(cannot(format!(
            "it has {} bytes, and an MQTT packet takes {MAX_PAYLOAD}",
            len.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    Ok(Bytes::from(bytes))
}

/// How long connections stay.
pub(super) fn reconnect_every(
    args: &cli::Bench,
    connect: &ConnectPlan,
    subscribers: u32,
) -> Result<Option<Duration>, Failure> {
    let Some(text) = &args.reconnect_every else {
        return Ok(None);
    };
    let every = duration::parse("--reconnect-every", text)?;
    if every < Duration::from_millis(1) {
        return Err(Failure::usage("--reconnect-every takes 1ms or more"));
    }
    if connect.engine == EngineKind::Rumqttc {
        return Err(Failure::usage(
            "--reconnect-every is not for the engine rumqttc, which forgets its session",
        ));
    }
    if subscribers > 0 && connect.options.connect.clean_start {
        return Err(Failure::usage(
            "--reconnect-every with subscribers wants sessions that are kept (-c and -i): what is published while a subscriber is away would count as lost",
        ));
    }
    Ok(Some(every))
}

/// What has no field of its own in the result.
pub(super) fn more(args: &cli::Bench) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone();
    let all = [
        (
            "size",
            args.size
                .clone()
                .filter(|size| size.contains([',', '.', ':'])),
        ),
        ("payload", text(&args.payload)),
        (
            "payload-file",
            args.payload_file
                .as_ref()
                .map(|path| path.display().to_string()),
        ),
        (
            "topics-per-client",
            args.topics_per_client.map(|count| count.to_string()),
        ),
        ("rate-per-client", text(&args.rate_per_client)),
        ("share", text(&args.share)),
        ("retain", args.retain.then(|| "true".to_owned())),
        ("reconnect-every", text(&args.reconnect_every)),
        ("bind", (!args.bind.is_empty()).then(|| args.bind.join(","))),
        (
            "disable-clean-session",
            args.session
                .disable_clean_session
                .then(|| "true".to_owned()),
        ),
        (
            "session-expiry-interval",
            text(&args.session.session_expiry_interval),
        ),
        (
            "property",
            (!args.session.property.is_empty()).then(|| {
                let words = args.session.property.iter();
                let words = words.map(|word| word.to_string_lossy().into_owned());
                words.collect::<Vec<_>>().join(" ")
            }),
        ),
    ];
    let given = all
        .into_iter()
        .filter_map(|(flag, value)| Some((flag, value?)));
    given.collect()
}

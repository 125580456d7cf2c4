//! What to receive and what to do with it: the flags, checked.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::print::{Form, Style};
use super::until::Condition;
use crate::cli;
use crate::client::Message;
use crate::cmd::connect::ConnectPlan;
use crate::cmd::publish::parse_qos;
use crate::cmd::{Failure, duration};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::Value;
use crate::mqtt::topic::{self, Quoted, TopicError};
use crate::mqtt::{PropertyId, QoS, Version};
use crate::output::format::Format;
use crate::output::payload::Coding;

/// What to receive and what to do with it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) connect: ConnectPlan,
    pub(super) filters: Vec<String>,
    pub(super) options: SubscriptionOptions,
    pub(super) unsubscribe: Vec<String>,
    pub(super) filter_out: Vec<String>,
    pub(super) retained: Retained,
    pub(super) remove_retained: bool,
    /// Of 1000 messages, how many count.
    pub(super) chance: Option<u16>,
    pub(super) count: Option<u64>,
    pub(super) wait: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) until: Option<Condition>,
    pub(super) subscribe_only: bool,
    pub(super) style: Style,
    pub(super) message_rate: bool,
    pub(super) rate_line: bool,
    pub(super) exec: Option<(String, u16)>,
    pub(super) output_dir: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
}

/// Which messages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retained {
    All,
    LeaveOut,
    /// The first other one is the end.
    Only,
    /// When all have come is the end.
    Whole,
}

impl Plan {
    pub(super) fn new(args: &cli::Subscribe) -> Result<Plan, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &args.reconnect)?;
        let version = connect.version();
        let mut filters = args.topic.clone();
        if filters.is_empty() {
            filters.extend(connect.topic.take());
        }
        if filters.is_empty() && args.unsubscribe.is_empty() {
            return Err(Failure::usage("nothing to subscribe to: give -t"));
        }
        check_filters("", &filters, |filter| check_filter(filter, version))?;
        check_filters(" (-U)", &args.unsubscribe, |filter| {
            check_filter(filter, version)
        })?;
        check_filters(" (-T)", &args.filter_out, topic::check_filter)?;
        if args.count == Some(0) {
            return Err(Failure::usage("-C takes 1 or more"));
        }
        let options = subscription_options(args.qos, args.no_local, &args.receive, &mut connect)?;
        let mut plan = Plan {
            connect,
            filters,
            options,
            unsubscribe: args.unsubscribe.clone(),
            filter_out: args.filter_out.clone(),
            retained: retained(args)?,
            remove_retained: args.remove_retained,
            chance: args.random_filter.map(chance).transpose()?,
            count: args.count,
            wait: time("-W", args.timeout.as_deref())?,
            idle: time("--idle", args.idle.as_deref())?,
            until: match (&args.until, &args.until_json) {
                (Some(text), _) => Some(Condition::regex(text)?),
                (None, Some(text)) => Some(Condition::json(text)?),
                (None, None) => None,
            },
            subscribe_only: args.subscribe_only,
            style: sub_style(args, version)?,
            message_rate: args.message_rate,
            rate_line: args.rate_line,
            exec: args
                .exec
                .clone()
                .map(|command| (command, args.exec_jobs.unwrap_or(1))),
            output_dir: args.output_dir.clone(),
            record: args.record.clone(),
        };
        plan.limit_receiving()?;
        Ok(plan)
    }

    /// With -C, the broker keeps what is too much instead of sending it: Receive Maximum (5.0,
    /// 3.1.2.11.3). What it has sent already and we did not read would come to the next run marked
    /// as a repeat, and to nobody with a shared subscription. Only where every message counts:
    /// otherwise each one that does not would cost a round trip.
    fn limit_receiving(&mut self) -> Result<(), Failure> {
        let shared = || self.filters.iter().any(|f| f.starts_with("$share/"));
        let connect = &self.connect.options.connect;
        let keeps = !connect.clean_start || shared();
        let all_count = self.filter_out.is_empty()
            && self.retained == Retained::All
            && self.chance.is_none()
            && self.until.is_none();
        let Some(count) = self.count.filter(|_| keeps && all_count) else {
            return Ok(());
        };
        let properties = connect.properties.as_properties();
        let is_set = properties.get(PropertyId::RECEIVE_MAXIMUM).is_some();
        if connect.version < Version::V5 || self.options.qos == QoS::AtMostOnce || is_set {
            return Ok(());
        }
        let maximum = u16::try_from(count).unwrap_or(u16::MAX);
        let connect = Arc::make_mut(&mut self.connect.options.connect);
        connect
            .properties
            .push(PropertyId::RECEIVE_MAXIMUM, Value::U16(maximum))
            .map_err(|error| Failure::usage(error.to_string()))
    }

    /// Whether a message counts, chance aside.
    pub(super) fn wants(&self, message: &Message) -> bool {
        match self.retained {
            Retained::LeaveOut if message.retain => return false,
            Retained::Whole if !message.retain => return false,
            _ => {}
        }
        self.lets_through(message)
    }

    /// Whether -T lets a message through.
    pub(super) fn lets_through(&self, message: &Message) -> bool {
        let name = message.topic.as_str();
        !self.filter_out.iter().any(|out| topic::matches(out, name))
    }
}

fn check_filters(
    flag: &str,
    filters: &[String],
    check: impl Fn(&str) -> Result<(), TopicError>,
) -> Result<(), Failure> {
    for filter in filters {
        check(filter).map_err(|error| {
            let filter = Quoted(filter);
            Failure::usage(format!("{filter}{flag} is not a topic filter: {error}"))
        })?;
    }
    Ok(())
}

fn check_filter(filter: &str, version: Version) -> Result<(), TopicError> {
    match version {
        Version::V5 => topic::parse_shared(filter).map(|_| ()),
        Version::V31 | Version::V311 => topic::check_filter(filter),
    }
}

/// The options that only 5.0 has; with one of them there is no way back to 3.1.1.
pub(in crate::cmd) fn subscription_options(
    qos: u8,
    no_local: bool,
    receive: &cli::Receive,
    connect: &mut ConnectPlan,
) -> Result<SubscriptionOptions, Failure> {
    let given = [
        (receive.retain_as_published, "--retain-as-published"),
        (receive.retain_handling.is_some(), "--retain-handling"),
        (no_local, "--no-local"),
    ];
    if let Some((_, flag)) = given.into_iter().find(|(given, _)| *given) {
        let version = connect.version();
        if version < Version::V5 {
            return Err(Failure::usage(format!(
                "{flag} does not exist in MQTT {version}: leave it out, or use -V 5"
            )));
        }
        connect.options.fall_back = false;
    }
    Ok(SubscriptionOptions {
        qos: parse_qos("-q", qos)?,
        no_local,
        retain_as_published: receive.retain_as_published,
        retain_handling: match receive.retain_handling.as_deref() {
            None | Some("always") => 0,
            Some("new") => 1,
            Some(_) => 2,
        },
    })
}

fn retained(args: &cli::Subscribe) -> Result<Retained, Failure> {
    if args.retained && args.receive.retain_handling.as_deref() == Some("never") {
        return Err(Failure::usage(
            "--retained waits for what --retain-handling never keeps away",
        ));
    }
    Ok(
        match (args.receive.no_retained, args.retained_only, args.retained) {
            (true, ..) => Retained::LeaveOut,
            (_, true, _) => Retained::Only,
            (.., true) => Retained::Whole,
            _ => Retained::All,
        },
    )
}

fn chance(percent: f64) -> Result<u16, Failure> {
    match percent {
        // At most 1000.
        0.1..=100.0 => Ok((percent * 10.0) as u16),
        _ => Err(Failure::usage(format!(
            "--random-filter takes a percentage from 0.1 to 100, not {percent}"
        ))),
    }
}

fn time(flag: &str, text: Option<&str>) -> Result<Option<Duration>, Failure> {
    text.map(|text| duration::parse(flag, text)).transpose()
}

/// How messages are shown, as both `sub` and `rr` have it.
pub(in crate::cmd) fn style(receive: &cli::Receive, version: Version) -> Result<Style, Failure> {
    let escape = io::stdout().is_terminal();
    let form = match &receive.format {
        _ if receive.json => Form::Json(version),
        Some(text) => {
            let format = Format::parse(text).map_err(|error| {
                let text = text.escape_debug();
                Failure::usage(format!("'{text}' (-F) is no format: {error}"))
            })?;
            Form::Format(format.pretty(receive.pretty).escape(escape))
        }
        None => Form::Text {
            topic: receive.verbose,
            escape,
        },
    };
    Ok(Style {
        form,
        line_end: !receive.no_eol,
        conversion: None,
        watch: false,
    })
}

/// The same with what only `sub` has.
fn sub_style(args: &cli::Subscribe, version: Version) -> Result<Style, Failure> {
    let mut style = style(&args.receive, version)?;
    let is_elsewhere = args.exec.is_some() || args.output_dir.is_some();
    let is_unasked = matches!(style.form, Form::Text { topic: false, .. });
    if args.message_rate || is_elsewhere && is_unasked {
        style.form = Form::Silent;
    }
    let conversion = args.decode.as_deref().and_then(Coding::named);
    style.conversion = conversion.map(|conversion| (conversion, args.receive.pretty));
    style.watch = args.watch;
    style.line_end &= !args.watch;
    Ok(style)
}

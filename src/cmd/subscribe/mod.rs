//! `midge sub`: subscribes, and prints the messages that come.

mod print;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

pub(super) use self::print::{Format, Printer};
use super::connect::{self, ConnectPlan};
use super::publish::parse_qos;
use super::signals::Signals;
use super::{Exit, Failure, duration, mosquitto};
use crate::cli;
use crate::client::{Engine, Event, Message};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::topic::{self, Quoted, TopicError};
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// Bytes that are printed at once at most.
const BATCH: usize = 64 * 1024;

/// What to receive and how to print it, checked.
#[derive(Debug)]
struct Plan {
    connect: ConnectPlan,
    filters: Vec<String>,
    qos: QoS,
    filter_out: Vec<String>,
    retained: Retained,
    count: Option<u64>,
    wait: Option<Duration>,
    format: Format,
}

/// Which messages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retained {
    All,
    LeaveOut,
    Only,
}

impl Plan {
    fn new(args: &cli::Subscribe) -> Result<Plan, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &args.reconnect)?;
        let version = connect.version();
        let mut filters = args.topic.clone();
        if filters.is_empty() {
            filters.extend(connect.topic.take());
        }
        if filters.is_empty() {
            return Err(Failure::usage("nothing to subscribe to: give -t"));
        }
        for filter in &filters {
            check_filter(filter, version).map_err(|error| {
                Failure::usage(format!("{} is not a topic filter: {error}", Quoted(filter)))
            })?;
        }
        for filter in &args.filter_out {
            topic::check_filter(filter).map_err(|error| {
                Failure::usage(format!(
                    "{} (-T) is not a topic filter: {error}",
                    Quoted(filter)
                ))
            })?;
        }
        if args.count == Some(0) {
            return Err(Failure::usage("-C takes 1 or more"));
        }
        Ok(Plan {
            connect,
            filters,
            qos: parse_qos("-q", args.qos)?,
            filter_out: args.filter_out.clone(),
            retained: match (args.no_retained, args.retained_only) {
                (true, _) => Retained::LeaveOut,
                (false, true) => Retained::Only,
                (false, false) => Retained::All,
            },
            count: args.count,
            wait: match &args.timeout {
                Some(text) => Some(duration::parse("-W", text)?),
                None => None,
            },
            format: match args.json {
                true => Format::Json(version),
                false => Format::Text {
                    topic: args.verbose,
                    line_end: !args.no_eol,
                    escape: io::stdout().is_terminal(),
                },
            },
        })
    }

    /// Whether a message is to be printed.
    fn wants(&self, message: &Message) -> bool {
        let name = message.topic.as_str();
        (self.retained != Retained::LeaveOut || !message.retain)
            && !self.filter_out.iter().any(|out| topic::matches(out, name))
    }
}

fn check_filter(filter: &str, version: Version) -> Result<(), TopicError> {
    match version {
        Version::V5 => topic::parse_shared(filter).map(|_| ()),
        Version::V31 | Version::V311 => topic::check_filter(filter),
    }
}

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code.
pub fn run(args: &cli::Subscribe) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    connect::runtime()?.block_on(subscribe(plan))
}

async fn subscribe(plan: Plan) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let stop = async {
        let time_over = async {
            match plan.wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            exit = signals.recv() => exit,
            () = time_over => Exit::TimeOver,
        }
    };
    let mut stop = std::pin::pin!(stop);
    let client = tokio::select! {
        biased;
        exit = &mut stop => return Ok(exit),
        client = plan.connect.connect() => client?,
    };
    let mut run = Run {
        plan: &plan,
        printer: Printer::new(match plan.format {
            // The broker may have refused the version that was asked for.
            Format::Json(_) => Format::Json(client.connected().version),
            text => text,
        }),
        client,
        left: plan.count,
        // Among the lines of the packets, a message stands behind its own.
        batch: if plan.connect.options.trace.is_some() { 1 } else { BATCH },
    };
    let result = tokio::select! {
        biased;
        exit = &mut stop => Ok(exit),
        result = run.work() => result,
    };
    if plan.connect.program != cli::Program::Midge && result == Ok(Exit::Done) {
        tokio::select! {
            _ = &mut stop => {}
            () = mosquitto::wait_for_releases(&mut run.client) => {}
        }
    }
    // What was asked for is printed; a broker that takes no farewell changes nothing.
    let reason = match &result {
        Ok(exit) if plan.connect.program != cli::Program::Midge => mosquitto::farewell(*exit),
        _ => ReasonCode::SUCCESS,
    };
    let _ = run
        .client
        .disconnect(reason, plan.connect.farewell.as_properties())
        .await;
    result
}

/// A connection and what is still to come.
struct Run<'p> {
    plan: &'p Plan,
    client: Engine,
    printer: Printer,
    left: Option<u64>,
    /// Bytes that are printed at once at most.
    batch: usize,
}

impl Run<'_> {
    /// Prints messages until the count is reached or nobody reads any more.
    async fn work(&mut self) -> Result<Exit, Failure> {
        let options = SubscriptionOptions::at(self.plan.qos);
        let filters = self.plan.filters.iter().map(|f| (f.as_str(), options));
        self.client
            .subscribe(
                filters,
                self.plan
                    .connect
                    .packets
                    .of(PacketType::SUBSCRIBE)
                    .as_properties(),
            )
            .map_err(|error| Failure::usage(format!("cannot subscribe: {error}")))?;
        loop {
            // Whatever one reading brought is printed by one writing.
            let mut next = Some(self.client.next_event().await);
            let mut end = None;
            while let (Some(event), None) = (next.take(), &end) {
                end = match event {
                    Ok(event) => self.handle(event).transpose(),
                    Err(lost) => Some(Err(self.plan.connect.lost_failure(&lost))),
                };
                if self.printer.len() >= self.batch && !self.print()? {
                    return Ok(Exit::Done);
                }
                if end.is_none() {
                    next = self.client.buffered_event();
                }
            }
            if !self.print()? {
                return Ok(Exit::Done);
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// `Some` ends the work.
    fn handle(&mut self, event: Event) -> Result<Option<Exit>, Failure> {
        match event {
            Event::Message(message) => Ok(self.handle_message(&message)),
            Event::Subscribed {
                reasons,
                reason_string,
                ..
            } => {
                self.check_granted(&self.plan.filters, &reasons, reason_string.as_deref())?;
                Ok(None)
            }
            Event::Resubscribed {
                filters,
                reasons,
                reason_string,
            } => {
                self.check_granted(&filters, &reasons, reason_string.as_deref())?;
                Ok(None)
            }
            event => {
                if let Some(end) = connect::ends(&self.plan.connect, &event) {
                    return Err(end);
                }
                self.plan.connect.tell(&event);
                Ok(None)
            }
        }
    }

    /// A refusal ends the work.
    fn check_granted(
        &self,
        filters: &[String],
        reasons: &[ReasonCode],
        reason_string: Option<&str>,
    ) -> Result<(), Failure> {
        if self.plan.connect.program != cli::Program::Midge {
            return mosquitto::check_granted(reasons);
        }
        for (filter, reason) in filters.iter().zip(reasons) {
            let name = reason.name(PacketType::SUBACK, self.client.connected().version);
            let name = name.unwrap_or("(unknown)");
            let code = reason.0;
            if reason.is_error() {
                let says = match reason_string {
                    Some(text) => format!(", it says '{}'", text.escape_debug()),
                    None => String::new(),
                };
                return Err(Failure::new(
                    Exit::Refused(*reason),
                    format!(
                        "the broker refused the subscription to {}: 0x{code:02x} {name}{says}",
                        Quoted(filter)
                    ),
                ));
            }
            self.plan
                .connect
                .debug(format_args!("subscribed to {}: {name}", Quoted(filter)));
        }
        Ok(())
    }

    fn handle_message(&mut self, message: &Message) -> Option<Exit> {
        self.plan.connect.debug(format_args!(
            "message on {}, {} bytes, QoS {}{}",
            Quoted(message.topic.as_str()),
            message.payload.len(),
            message.qos,
            if message.retain { ", retained" } else { "" }
        ));
        if self.plan.retained == Retained::Only && !message.retain {
            return Some(Exit::Done);
        }
        if !self.plan.wants(message) {
            return None;
        }
        self.printer.push(message);
        let left = self.left.as_mut()?;
        *left = left.saturating_sub(1);
        (*left == 0).then_some(Exit::Done)
    }

    /// Writes what is collected; `false` if nobody reads it.
    fn print(&mut self) -> Result<bool, Failure> {
        if self.printer.len() == 0 {
            return Ok(true);
        }
        let mut stdout = io::stdout().lock();
        let result = stdout
            .write_all(self.printer.as_bytes())
            .and_then(|()| stdout.flush());
        self.printer.clear();
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::new(
                Exit::Io,
                format!("cannot write to stdout: {error}"),
            )),
        }
    }
}

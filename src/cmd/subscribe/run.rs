//! The work of `midge sub`: from the connection to the end.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::Instant;

use super::clear::{self, Clearing};
use super::exec::Commands;
use super::files::Files;
use super::plan::{Plan, Retained};
use super::print::Printer;
use super::rate::Rate;
use super::ready::Ready;
use super::record::Recording;
use super::retained::Barrier;
use crate::cli::Program;
use crate::client::{Engine, Event, Lost, Message};
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure, connect, mosquitto};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, ReasonCode};

/// Bytes that are printed at once at most.
const BATCH: usize = 64 * 1024;

/// How often the rate is shown.
const SECOND: Duration = Duration::from_secs(1);

/// Connects and works.
pub(super) async fn subscribe(plan: Plan, ready: Ready) -> Result<Exit, Failure> {
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
            () = time_over => plan.end_before_until(Exit::TimeOver),
        }
    };
    let mut stop = std::pin::pin!(stop);
    let targets = Targets::new(&plan)?;
    let client = tokio::select! {
        biased;
        exit = &mut stop => return match plan.is_midge() {
            true => Ok(exit),
            false => Err(mosquitto::not_in_yet()),
        },
        client = plan.connect.connect() => client?,
    };
    let mut run = Run::new(&plan, client, ready, targets);
    let result = tokio::select! {
        biased;
        exit = &mut stop => Ok(exit),
        result = run.work() => result,
    };
    let result = run.finish(result).await;
    let mut reason = ReasonCode::SUCCESS;
    if let (false, Ok(exit)) = (plan.is_midge(), &result) {
        reason = mosquitto::farewell(*exit);
        if *exit == Exit::Done {
            tokio::select! {
                _ = &mut stop => {}
                () = mosquitto::wait_for_releases(&mut run.client) => {}
            }
        }
    }
    // What was asked for is printed; a broker that takes no farewell changes nothing.
    let _ = run
        .client
        .disconnect(reason, plan.connect.farewell.as_properties())
        .await;
    result
}

impl Plan {
    fn is_midge(&self) -> bool {
        self.connect.program == Program::Midge
    }

    /// How it ends if what --until waits for has not come.
    fn end_before_until(&self, exit: Exit) -> Exit {
        match self.until {
            Some(_) => Exit::Verdict,
            None => exit,
        }
    }
}

/// Where messages go, beside stdout.
struct Targets {
    commands: Option<Commands>,
    files: Option<Files>,
    recording: Option<Recording>,
}

impl Targets {
    fn new(plan: &Plan) -> Result<Targets, Failure> {
        let commands = plan.exec.as_ref();
        Ok(Targets {
            commands: commands
                .map(|(command, jobs)| Commands::new(command, *jobs))
                .transpose()?,
            files: plan.output_dir.as_deref().map(Files::new).transpose()?,
            recording: plan.record.as_deref().map(Recording::create).transpose()?,
        })
    }
}

/// A connection and what is still to come.
struct Run<'p> {
    plan: &'p Plan,
    client: Engine,
    printer: Printer,
    ready: Ready,
    targets: Targets,
    rate: Rate,
    /// SUBACK and UNSUBACK that have to come.
    unanswered: usize,
    barrier: Barrier,
    clearing: Clearing,
    /// When --idle ends it.
    idle_end: Option<Instant>,
    next_tick: Option<Instant>,
    left: Option<u64>,
    /// Bytes that are printed at once at most.
    batch: usize,
    random: u64,
}

/// What the work waits for.
enum Wake {
    Event(Result<Event, Lost>),
    /// A command has ended.
    Job,
    /// A time has come.
    Time,
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan, client: Engine, ready: Ready, targets: Targets) -> Run<'p> {
        let mut printer = Printer::new(plan.style.clone());
        printer.set_version(client.connected().version);
        let rate = Rate::new(plan.rate_line);
        let ticks = plan.message_rate || rate.shows_line();
        Run {
            plan,
            client,
            printer,
            ready,
            targets,
            rate,
            unanswered: 0,
            barrier: Barrier::default(),
            clearing: Clearing::default(),
            idle_end: None,
            next_tick: ticks.then(|| Instant::now() + SECOND),
            left: plan.count,
            // Among lines about packets, a message stands behind its own.
            batch: match plan.connect.options.trace {
                Some(_) => 1,
                None => BATCH,
            },
            // The standard library seeds its hashers from the system's random numbers.
            random: RandomState::new().build_hasher().finish() | 1,
        }
    }

    /// Handles messages until the count is reached or nobody reads any more.
    async fn work(&mut self) -> Result<Exit, Failure> {
        self.record_connection()?;
        self.ask()?;
        loop {
            let mut end = None;
            match self.wake().await? {
                Wake::Event(event) => {
                    // Whatever one reading brought is printed by one writing.
                    let mut next = Some(event);
                    while let (Some(event), None) = (next.take(), &end) {
                        end = match event {
                            Ok(event) => self.handle(event).transpose(),
                            Err(lost) => Some(Err(self.plan.connect.lost_failure(&lost))),
                        };
                        if self.printer.len() >= self.batch && !self.print()? {
                            return Ok(Exit::Done);
                        }
                        if end.is_none() && !self.is_busy() {
                            next = self.client.buffered_event();
                        }
                    }
                    if let Some(recording) = &mut self.targets.recording {
                        recording.flush()?;
                    }
                }
                Wake::Job => {}
                Wake::Time => end = self.handle_time().map(Ok),
            }
            if !self.print()? {
                return Ok(Exit::Done);
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Sends what is asked of the broker.
    fn ask(&mut self) -> Result<(), Failure> {
        let plan = self.plan;
        let properties = |packet| plan.connect.packets.of(packet).as_properties();
        if !plan.filters.is_empty() {
            let filters = plan.filters.iter().map(|f| (f.as_str(), plan.options));
            self.client
                .subscribe(filters, properties(PacketType::SUBSCRIBE))
                .map_err(|error| Failure::usage(format!("cannot subscribe: {error}")))?;
            self.unanswered += 1;
        }
        if !plan.unsubscribe.is_empty() {
            // mosquitto_sub has a packet for each, and waits for none if it subscribes, too.
            let (at_once, waits) = match plan.is_midge() {
                true => (plan.unsubscribe.len(), true),
                false => (1, plan.filters.is_empty()),
            };
            for filters in plan.unsubscribe.chunks(at_once) {
                let filters = filters.iter().map(String::as_str);
                self.client
                    .unsubscribe(filters, properties(PacketType::UNSUBSCRIBE))
                    .map_err(|error| Failure::usage(format!("cannot unsubscribe: {error}")))?;
                self.unanswered += usize::from(waits);
            }
        }
        Ok(())
    }

    fn record_connection(&mut self) -> Result<(), Failure> {
        let Some(recording) = &mut self.targets.recording else {
            return Ok(());
        };
        let connect = &self.plan.connect.options.connect;
        recording.open(
            self.client.connected(),
            connect.clean_start,
            connect.properties.as_properties(),
        )
    }

    /// Whether the commands have enough to do.
    fn is_busy(&self) -> bool {
        self.targets
            .commands
            .as_ref()
            .is_some_and(Commands::is_full)
    }

    async fn wake(&mut self) -> Result<Wake, Failure> {
        if self.is_busy() {
            self.wait_for_commands().await?;
            return Ok(Wake::Job);
        }
        let times = [self.barrier.end(), self.idle_end, self.next_tick];
        let time = times.into_iter().flatten().min();
        let Targets { commands, .. } = &mut self.targets;
        if commands.as_ref().is_none_or(Commands::is_idle) && time.is_none() {
            return Ok(Wake::Event(self.client.next_event().await));
        }
        let sleep = async {
            match time {
                Some(time) => tokio::time::sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        let job = async {
            match commands {
                Some(commands) => commands.next_end().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = job => ended.map(|()| Wake::Job),
            // A time that has come counts before what came later.
            event = self.client.next_event() => Ok(Wake::Event(event)),
            () = sleep => Ok(Wake::Time),
        }
    }

    /// Reads nothing until a command has ended; pings keep the connection alive meanwhile.
    async fn wait_for_commands(&mut self) -> Result<(), Failure> {
        let Some(commands) = &mut self.targets.commands else {
            return Ok(());
        };
        let seconds = self.client.connected().keep_alive;
        let pause = match seconds {
            0 => Duration::from_secs(86_400),
            seconds => Duration::from_millis(u64::from(seconds) * 500),
        };
        loop {
            if let Ok(ended) = tokio::time::timeout(pause, commands.next_end()).await {
                return ended;
            }
            // What is wrong with the connection comes out of the next event.
            let _ = self.client.ping();
            let _ = self.client.flush().await;
        }
    }

    /// A time has come: `Some` ends the work.
    fn handle_time(&mut self) -> Option<Exit> {
        let now = Instant::now();
        let is_over = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if is_over(self.next_tick) {
            self.next_tick = Some(now + SECOND);
            let messages = self.rate.tick();
            if self.plan.message_rate {
                self.printer.push_line(format_args!("{messages}"));
            }
        }
        (is_over(self.barrier.end()) || is_over(self.idle_end))
            .then(|| self.plan.end_before_until(Exit::Done))
    }

    /// `Some` ends the work.
    fn handle(&mut self, event: Event) -> Result<Option<Exit>, Failure> {
        match event {
            Event::Message(message) => return self.handle_message(&message),
            Event::Subscribed {
                reasons,
                reason_string,
                ..
            } => {
                let filters = &self.plan.filters;
                self.check_granted(filters, &reasons, reason_string.as_deref())?;
                if let Some(recording) = &mut self.targets.recording {
                    recording.subscribed(filters, self.plan.options, &reasons)?;
                }
                return self.handle_answer();
            }
            Event::Unsubscribed { .. } if !self.plan.is_midge() => {
                if self.plan.filters.is_empty() {
                    return self.handle_answer();
                }
            }
            Event::Unsubscribed { reasons, .. } => {
                self.check_gone(&reasons)?;
                return self.handle_answer();
            }
            Event::Resubscribed {
                filters,
                reasons,
                reason_string,
            } => self.check_granted(&filters, &reasons, reason_string.as_deref())?,
            Event::Pong => {
                if self.plan.retained == Retained::Whole {
                    self.barrier.open();
                }
            }
            Event::Published {
                reason,
                reason_string,
                ..
            } => {
                clear::check(reason, reason_string.as_deref())?;
                self.clearing.proceed(&mut self.client)?;
            }
            event => {
                self.rate.clear();
                if let Some(end) = connect::ends(&self.plan.connect, &event) {
                    return Err(end);
                }
                self.plan.connect.tell(&event);
                match event {
                    Event::Retrying { .. } => self.barrier.close(),
                    Event::Connected(_) if self.unanswered == 0 => self.raise_barrier(),
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// SUBACK or UNSUBACK has come.
    fn handle_answer(&mut self) -> Result<Option<Exit>, Failure> {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered > 0 {
            return Ok(None);
        }
        self.ready.tell()?;
        if self.plan.subscribe_only {
            return Ok(Some(Exit::Done));
        }
        self.raise_barrier();
        self.put_idle_off();
        Ok(None)
    }

    /// Asks the broker whether all retained messages have come.
    fn raise_barrier(&mut self) {
        if self.plan.retained != Retained::Whole {
            return;
        }
        if self.client.ping().is_err() {
            self.barrier.open_unasked();
        }
    }

    fn put_idle_off(&mut self) {
        if let Some(idle) = self.plan.idle {
            // More than a clock reaches is never.
            self.idle_end = Instant::now().checked_add(idle);
        }
    }

    /// A refusal ends the work.
    fn check_granted(
        &self,
        filters: &[String],
        reasons: &[ReasonCode],
        reason_string: Option<&str>,
    ) -> Result<(), Failure> {
        if !self.plan.is_midge() {
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

    /// The same for UNSUBACK, which before 5.0 says nothing.
    fn check_gone(&self, reasons: &[ReasonCode]) -> Result<(), Failure> {
        for (filter, reason) in self.plan.unsubscribe.iter().zip(reasons) {
            let name = reason.name(PacketType::UNSUBACK, self.client.connected().version);
            let name = name.unwrap_or("(unknown)");
            let code = reason.0;
            if reason.is_error() {
                return Err(Failure::new(
                    Exit::Refused(*reason),
                    format!(
                        "the broker refused to end the subscription to {}: 0x{code:02x} {name}",
                        Quoted(filter)
                    ),
                ));
            }
            self.plan
                .connect
                .debug(format_args!("unsubscribed from {}: {name}", Quoted(filter)));
        }
        Ok(())
    }

    /// `Some` ends the work.
    fn handle_message(&mut self, message: &Message) -> Result<Option<Exit>, Failure> {
        self.plan.connect.debug(format_args!(
            "message on {}, {} bytes, QoS {}{}",
            Quoted(message.topic.as_str()),
            message.payload.len(),
            message.qos,
            if message.retain { ", retained" } else { "" }
        ));
        if let Some(recording) = &mut self.targets.recording {
            recording.message(message)?;
        }
        if message.retain {
            self.barrier.extend();
            if self.plan.remove_retained && self.plan.lets_through(message) {
                self.clearing.push(&mut self.client, message)?;
            }
        } else if self.plan.retained == Retained::Only {
            return Ok(Some(self.plan.end_before_until(Exit::Done)));
        }
        if !self.plan.wants(message) || !self.is_lucky() {
            return Ok(None);
        }
        self.put_idle_off();
        self.rate.count(message.payload.len());
        self.printer.push(message);
        if let Some(files) = &mut self.targets.files {
            files.push(message)?;
        }
        if let Some(commands) = &mut self.targets.commands {
            commands.push(message);
        }
        let until = self.plan.until.as_ref();
        if until.is_some_and(|until| until.holds(&message.payload)) {
            return Ok(Some(Exit::Done));
        }
        let Some(left) = self.left.as_mut() else {
            return Ok(None);
        };
        *left = left.saturating_sub(1);
        Ok((*left == 0).then(|| self.plan.end_before_until(Exit::Done)))
    }

    /// --random-filter.
    fn is_lucky(&mut self) -> bool {
        let Some(chance) = self.plan.chance else {
            return true;
        };
        // xorshift64: good enough to leave some messages out.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000 < u64::from(chance)
    }

    /// Writes what is collected; `false` if nobody reads it.
    fn print(&mut self) -> Result<bool, Failure> {
        if self.printer.len() == 0 {
            return Ok(true);
        }
        self.rate.clear();
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

    /// Ends what goes on beside the messages, and says how it all ended. Another signal cuts that
    /// short.
    async fn finish(&mut self, result: Result<Exit, Failure>) -> Result<Exit, Failure> {
        self.rate.clear();
        let is_interrupted = matches!(result, Ok(Exit::Interrupted | Exit::Terminated));
        let mut result = result;
        if !is_interrupted {
            let mut signals = Signals::new()?;
            result = tokio::select! {
                biased;
                exit = signals.recv() => Ok(exit),
                settled = self.settle(result) => settled,
            };
        }
        if let Some(recording) = &mut self.targets.recording {
            let closed = recording.close();
            result = result.and_then(|exit| closed.map(|()| exit));
        }
        result
    }

    /// Waits for the commands and for the broker's word on what was cleared.
    async fn settle(&mut self, result: Result<Exit, Failure>) -> Result<Exit, Failure> {
        let exit = result?;
        while !self.clearing.is_done() || (self.plan.remove_retained && self.client.in_flight() > 0)
        {
            match self.client.next_event().await {
                Ok(Event::Published {
                    reason,
                    reason_string,
                    ..
                }) => {
                    clear::check(reason, reason_string.as_deref())?;
                    self.clearing.proceed(&mut self.client)?;
                }
                Ok(_) => {}
                Err(lost) => return Err(self.plan.connect.lost_failure(&lost)),
            }
        }
        if let Some(commands) = &mut self.targets.commands {
            commands.finish().await?;
            if let Some(failure) = commands.verdict() {
                return Err(failure);
            }
        }
        match (self.printer.misfits(), exit) {
            (0, exit) => Ok(exit),
            (count, _) => Err(Failure::new(
                Exit::Verdict,
                format!("{count} payloads were not what --decode is to show"),
            )),
        }
    }
}

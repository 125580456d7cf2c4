//! The work of `midge sub`: from the connection to the end.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::Instant;

use super::clear::{self, Clearing};
use super::exec::Commands;
use super::files::Files;
use super::plan::Plan;
use super::print::Printer;
use super::rate::Rate;
use super::ready::Ready;
use super::record::Recording;
use super::retained::Barrier;
use crate::cli::Program;
use crate::client::{Engine, Event, Lost};
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure, mosquitto};
use crate::mqtt::{PacketType, ReasonCode};

/// Bytes that are printed at once at most.
const BATCH: usize = 64 * 1024;

/// How often the rate is shown.
const SECOND: Duration = Duration::from_secs(1);

/// Connects and works.
pub(super) async fn subscribe(plan: Plan, ready: Ready) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let stop = async {
        match signals.recv_within(plan.wait).await {
            Exit::TimeOver => plan.end_before_until(Exit::TimeOver),
            exit => exit,
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
    pub(super) fn is_midge(&self) -> bool {
        self.connect.program == Program::Midge
    }

    /// How it ends if what --until waits for has not come.
    pub(super) fn end_before_until(&self, exit: Exit) -> Exit {
        match self.until {
            Some(_) => Exit::Verdict,
            None => exit,
        }
    }
}

/// Where messages go, beside stdout.
pub(super) struct Targets {
    pub(super) commands: Option<Commands>,
    pub(super) files: Option<Files>,
    pub(super) recording: Option<Recording>,
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
pub(super) struct Run<'p> {
    pub(super) plan: &'p Plan,
    pub(super) client: Engine,
    pub(super) printer: Printer,
    pub(super) ready: Ready,
    pub(super) targets: Targets,
    pub(super) rate: Rate,
    /// SUBACK and UNSUBACK that have to come.
    pub(super) unanswered: usize,
    pub(super) barrier: Barrier,
    pub(super) clearing: Clearing,
    /// When --idle ends it.
    pub(super) idle_end: Option<Instant>,
    pub(super) next_tick: Option<Instant>,
    pub(super) left: Option<u64>,
    /// Bytes that are printed at once at most.
    batch: usize,
    pub(super) random: u64,
    /// Payloads that were not what --decode wants.
    pub(super) misfits: u64,
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
            misfits: 0,
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
        self.printer.push_end();
        // What went wrong before is what counts.
        let _ = self.print();
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
                Ok(event) => self.plan.connect.tell(&event),
                Err(lost) => return Err(self.plan.connect.lost_failure(&lost)),
            }
        }
        if let Some(commands) = &mut self.targets.commands {
            commands.finish().await?;
            if let Some(failure) = commands.verdict() {
                return Err(failure);
            }
        }
        match (self.misfits, exit) {
            (0, exit) => Ok(exit),
            (count, _) => Err(Failure::new(
                Exit::Verdict,
                match count {
                    1 => "1 payload was not what --decode is to show".to_owned(),
                    _ => format!("{count} payloads were not what --decode is to show"),
                },
            )),
        }
    }
}

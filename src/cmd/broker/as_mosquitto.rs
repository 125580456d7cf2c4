//! The broker for those who call it by the name of mosquitto's.

use std::path::PathBuf;

use super::chronicle::Chronicle;
use super::conf::{self, LogTarget, LogTypes, Settings};
use super::exit_after::ExitAfter;
use super::expect::Expectations;
use super::log::Log;
use super::plan::Plan;
use super::{access, run_plan, runtime};
use crate::broker::Config;
use crate::broker::faults::FaultPlan;
use crate::cli::LogFormat;
use crate::cmd::{Exit, Failure};

/// What its command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cmd) struct Asked {
    pub(in crate::cmd) config: Option<PathBuf>,
    /// For a configuration without listeners.
    pub(in crate::cmd) ports: Vec<u16>,
    pub(in crate::cmd) verbose: bool,
    pub(in crate::cmd) quiet: bool,
    /// Only look whether everything could be used.
    pub(in crate::cmd) test: bool,
    /// Say on stdout when it listens.
    pub(in crate::cmd) tells_ready: bool,
}

/// Runs it until a signal comes.
///
/// # Errors
/// As `midge broker`.
pub(in crate::cmd) fn run(asked: &Asked) -> Result<Exit, Failure> {
    let settings = match &asked.config {
        Some(path) => conf::read(path)?,
        None => Settings::default(),
    };
    let types = match asked {
        Asked { quiet: true, .. } => LogTypes::NONE,
        Asked { verbose: true, .. } => LogTypes::ALL,
        _ => settings.log_types.unwrap_or(LogTypes::DEFAULT),
    };
    let mut log_to = settings.log_to.clone();
    if log_to.is_empty() {
        log_to.push(LogTarget::Stderr);
    }
    let pid_file = settings.pid_file.clone();
    let planned = settings.plan(&asked.ports)?;
    if asked.test {
        access::load(&planned.access)?;
        return Ok(Exit::Done);
    }
    let mut chronicle = Chronicle::new(&log_to, types)?;
    let config = asked.config.as_ref().map(|path| path.display().to_string());
    chronicle.starting(config.as_deref(), planned.is_local_only, &planned.listeners);
    let plan = Plan {
        listeners: planned.listeners,
        tls_auto: None,
        access: planned.access,
        config: Config {
            events: true,
            ..planned.config
        },
        log: Log::new(LogFormat::Off).with(chronicle),
        record: Vec::new(),
        expectations: Expectations::new(&[], &[])?,
        exit_after: ExitAfter::new(&[])?,
        faults: FaultPlan::default(),
        store: planned.store,
        pid_file,
        ready_line: asked.tells_ready,
        command: None,
    };
    runtime()?.block_on(run_plan(plan))
}

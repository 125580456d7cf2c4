//! The broker for those who call it by the name of mosquitto's.

use std::path::PathBuf;

use super::chronicle::Chronicle;
use super::conf::{LogTypes, Settings};
use super::configured::Configured;
use super::exit_after::ExitAfter;
use super::expect::Expectations;
use super::log::Log;
use super::plan::{PersistPlan, Plan};
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
    let configured = Configured {
        path: asked.config.clone().unwrap_or_default(),
        ports: asked.ports.clone(),
        types: match asked {
            Asked { quiet: true, .. } => Some(LogTypes::NONE),
            Asked { verbose: true, .. } => Some(LogTypes::ALL),
            _ => None,
        },
        has_log: true,
    };
    let reading = match &asked.config {
        Some(_) => configured.read()?,
        None => configured.reading(Settings::default())?,
    };
    let planned = reading.planned;
    if asked.test {
        access::load(&planned.access)?;
        return Ok(Exit::Done);
    }
    let mut chronicle = Chronicle::new(&reading.log, reading.types)?;
    let config = asked.config.as_ref().map(|path| path.display().to_string());
    chronicle.starting(config.as_deref(), planned.is_local_only, &planned.listeners);
    let plan = Plan {
        configured: asked.config.is_some().then_some(configured),
        user: reading.user,
        listeners: planned.listeners,
        tls_auto: None,
        access: planned.access,
        config: Config {
            events: true,
            packets: chronicle.wants_packets(),
            ..planned.config
        },
        log: Log::new(LogFormat::Off).with(chronicle),
        persist: planned.store.map(PersistPlan::unsynced),
        record: Vec::new(),
        expectations: Expectations::new(&[], &[])?,
        exit_after: ExitAfter::new(&[])?,
        faults: FaultPlan::default(),
        pid_file: reading.pid_file,
        ready_line: asked.tells_ready,
        command: None,
    };
    runtime()?.block_on(run_plan(plan))
}

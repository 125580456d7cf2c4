//! A configuration file as the command line has it read, and read again.

use std::path::PathBuf;

use super::conf::{self, LogSettings, LogTarget, LogTypes, Planned};
use crate::cmd::Failure;

/// Which file, and what of it the command line decides.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) path: PathBuf,
    /// For a configuration without listeners.
    pub(super) ports: Vec<u16>,
    /// In the place of its `log_type`.
    pub(super) types: Option<LogTypes>,
    /// Whether there is a log though it does not say where.
    pub(super) has_log: bool,
}

/// What it says.
pub(super) struct Reading {
    pub(super) log: LogSettings,
    pub(super) types: LogTypes,
    pub(super) planned: Planned,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) has_listeners: bool,
}

impl Configured {
    /// # Errors
    /// As [`conf::read`], and what does not fit together.
    pub(super) fn read(&self) -> Result<Reading, Failure> {
        self.reading(conf::read(&self.path)?)
    }

    /// The same for what is read already.
    pub(super) fn reading(&self, settings: conf::Settings) -> Result<Reading, Failure> {
        let mut log = settings.log.clone();
        if log.to.is_empty() && self.has_log {
            log.to.push(LogTarget::Stderr);
        }
        let types = self.types.or(log.types).unwrap_or(LogTypes::DEFAULT);
        Ok(Reading {
            log,
            types,
            pid_file: settings.pid_file.clone(),
            user: settings.user.clone(),
            has_listeners: settings.has_listeners(),
            planned: settings.plan(&self.ports)?,
        })
    }
}

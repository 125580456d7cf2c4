//! What a configuration says of the log.

use std::path::PathBuf;

use super::value::first_word;
use crate::mqtt::topic::Quoted;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::broker) struct LogSettings {
    /// Where lines go; empty: not said.
    pub(in crate::cmd::broker) to: Vec<LogTarget>,
    /// Which lines; `None`: not said.
    pub(in crate::cmd::broker) types: Option<LogTypes>,
    /// Whether clients that come and go make lines.
    pub(in crate::cmd::broker) connections: bool,
    /// Whether the time stands in front of a line,
    pub(in crate::cmd::broker) timestamp: bool,
    /// and in which form of strftime; `None`: seconds since 1970.
    pub(in crate::cmd::broker) timestamp_format: Option<String>,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::broker) enum LogTarget {
    Stdout,
    Stderr,
    File(PathBuf),
    /// To clients that subscribe to `$SYS/broker/log/#`.
    Topic,
    Nowhere,
}

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd::broker) enum LogType {
    Error,
    Warning,
    Notice,
    Information,
    Debug,
    Subscribe,
    Unsubscribe,
}

/// What kinds of log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd::broker) struct LogTypes(u8);

impl LogTypes {
    pub(in crate::cmd::broker) const ALL: LogTypes = LogTypes(u8::MAX);
    pub(in crate::cmd::broker) const NONE: LogTypes = LogTypes(0);
    /// What mosquitto writes unless it is told otherwise.
    pub(in crate::cmd::broker) const DEFAULT: LogTypes = LogTypes::NONE
        .with(LogType::Error)
        .with(LogType::Warning)
        .with(LogType::Notice)
        .with(LogType::Information);

    pub(super) const fn with(self, kind: LogType) -> LogTypes {
        LogTypes(self.0 | 1 << kind as u8)
    }

    pub(in crate::cmd::broker) const fn has(self, kind: LogType) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

/// mosquitto's.
impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings {
            to: Vec::new(),
            types: None,
            connections: true,
            timestamp: true,
            timestamp_format: None,
        }
    }
}

impl LogSettings {
    /// `log_dest`
    pub(super) fn add_target(&mut self, text: &str) -> Result<(), String> {
        let target = match text.split_once([' ', '\t']) {
            Some(("file", path)) => LogTarget::File(path.trim().into()),
            _ => match first_word(text) {
                "stdout" => LogTarget::Stdout,
                "stderr" => LogTarget::Stderr,
                "topic" => LogTarget::Topic,
                "none" => LogTarget::Nowhere,
                "syslog" | "dlt" | "android" => {
                    return Err(format!(
                        "is {}, and midge writes its log to stdout, stderr, file NAME or topic \
                         only",
                        Quoted(first_word(text))
                    ));
                }
                "file" => return Err("file wants the name of the file".to_owned()),
                other => {
                    return Err(format!(
                        "is {}, and is none, stdout, stderr, topic or file NAME",
                        Quoted(other)
                    ));
                }
            },
        };
        self.to.push(target);
        Ok(())
    }

    /// `log_type`
    pub(super) fn add_type(&mut self, text: &str) -> Result<(), String> {
        let types = self.types.get_or_insert(LogTypes::NONE);
        let kind = match first_word(text) {
            "all" => {
                *types = LogTypes::ALL;
                return Ok(());
            }
            "none" => {
                *types = LogTypes::NONE;
                return Ok(());
            }
            "error" => LogType::Error,
            "warning" => LogType::Warning,
            "notice" => LogType::Notice,
            "information" => LogType::Information,
            "debug" => LogType::Debug,
            "subscribe" => LogType::Subscribe,
            "unsubscribe" => LogType::Unsubscribe,
            // There is no line of these.
            "websockets" | "internal" => return Ok(()),
            other => return Err(format!("is {}, and that is none", Quoted(other))),
        };
        *types = types.with(kind);
        Ok(())
    }
}

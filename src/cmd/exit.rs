//! The exit codes: the one table in the code (README and man pages show the same).

use crate::cli::settings::SettingError;
use crate::cli::{NotText, OptionFileError};

use crate::mqtt::ReasonCode;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked was done.
    Done,
    /// A file, stdin/stdout or internal error. A closed stdout pipe is [`Exit::Done`].
    Io,
    /// Wrong usage.
    Usage,
    /// Could not connect: name resolution, refused, time-out before CONNACK.
    NoConnection,
    /// The connection was lost before the work was done.
    ConnectionLost,
    /// It ran, but the verdict is no.
    Verdict,
    /// The time given with `-W` is over (27, as in mosquitto).
    TimeOver,
    /// The broker refused: the 5.0 reason code, 0x80 and above.
    Refused(ReasonCode),
    /// Interrupted by SIGINT before the work was done.
    Interrupted,
    /// Ended by SIGTERM before the work was done.
    Terminated,
    /// The exit code of a command that midge ran.
    Child(u8),
    /// The exit code of the program under whose name midge runs.
    Theirs(u8),
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Io => 1,
            Exit::Usage => 2,
            Exit::NoConnection => 3,
            Exit::ConnectionLost => 4,
            Exit::Verdict => 5,
            Exit::TimeOver => 27,
            Exit::Refused(reason) => reason.0,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
            Exit::Child(code) | Exit::Theirs(code) => code,
        }
    }
}

/// Why a subcommand could not do its work: the exit code, and one sentence for stderr that names
/// the thing, the place and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The sentence, without `midge:` in front and without a full stop.
    pub message: String,
}

impl Failure {
    /// A failure with this code and sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            exit,
            message: message.into(),
        }
    }

    /// Wrong usage: exit 2.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }
}

impl From<OptionFileError> for Failure {
    fn from(error: OptionFileError) -> Failure {
        let exit = match &error {
            OptionFileError::NoFlag { .. } => Exit::Usage,
            _ => Exit::Io,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<NotText> for Failure {
    fn from(error: NotText) -> Failure {
        Failure::usage(error.to_string())
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Failure {
        Failure::usage(error.to_string())
    }
}

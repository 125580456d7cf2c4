//! The command that runs against the broker.

use std::ffi::{OsStr, OsString};
use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::group::{Group, Signals};
use super::ready::Ready;
use crate::cmd::{Exit, Failure, connect};

/// How long the command may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command to its end, which `is_over` may bring about, passes signals on to it, and ends
/// what it leaves running.
pub(super) async fn run(
    name: &OsStr,
    arguments: &[OsString],
    ready: &Ready,
    mut signals: Signals,
    is_over: impl Future<Output = ()>,
) -> Result<Exit, Failure> {
    let mut command = Command::new(name);
    command.args(arguments);
    ready.put_into(&mut command);
    // They would win over what the line above says.
    for name in connect::place_variables() {
        command.env_remove(name);
    }
    if let Some(path) = path_with_midge() {
        command.env("PATH", path);
    }
    let (mut child, group) =
        Group::spawn(&mut command).map_err(|error| cannot_run(name, &error))?;
    let mut is_over = pin!(is_over);
    // When patience with a command that has been asked to end is over.
    let mut deadline = None;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals.next() => group.pass_on(signal),
            () = &mut is_over, if deadline.is_none() => {
                group.ask_to_end();
                deadline = Some(Instant::now() + GRACE);
            }
            () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await },
                if deadline.is_some() =>
            {
                // If it has just ended by itself, so much the better.
                let _ = child.start_kill();
                break child.wait().await;
            }
        }
    };
    group.end().await;
    let status = status.map_err(|error| cannot_run(name, &error))?;
    Ok(Exit::Child(exit_code(status)))
}

fn cannot_run(name: &OsStr, error: &io::Error) -> Failure {
    let name = name.to_string_lossy();
    let name = name.escape_debug();
    let message = match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "cannot run '{name}': there is no such command, neither at this path nor on PATH"
            )
        }
        _ => format!("cannot run '{name}': {error}"),
    };
    Failure::new(Exit::Io, message)
}

/// PATH with the directory of this program in front.
fn path_with_midge() -> Option<OsString> {
    let program = std::env::current_exe().ok()?;
    let own = program.parent()?.to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(std::env::split_paths(&path));
    std::env::join_paths(all).ok()
}

/// As a shell says it: 128 and the number of the signal that ended it.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let by_signal: Option<i32> = None;
    let code = status
        .code()
        .or_else(|| by_signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Exit::Io.code())
}

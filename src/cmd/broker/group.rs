//! The command's process group: signals go to it, and nothing of it survives the command.

use std::io::{self, IsTerminal};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};

use super::hangup::{Hangup, Hangups};
use super::internal;
use crate::cmd::Failure;

/// How long what the command has left behind may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);
/// How often to look whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// The signals that end a program.
pub(super) struct Signals {
    hangups: Hangups,
    /// SIGHUP is midge's own, unless the terminal is gone.
    keeps_hangup: bool,
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// Whether SIGTERM has come.
    is_terminated: bool,
}

impl Signals {
    /// From now on these signals do not end midge by themselves. `keeps_hangup`: SIGHUP is for the
    /// broker, which has files to read again.
    ///
    /// # Errors
    /// If the system does not give them.
    pub(super) fn new(keeps_hangup: bool) -> Result<Signals, Failure> {
        let failure = |error| internal("cannot wait for signals", &error);
        Ok(Signals {
            hangups: Hangups::new()?,
            keeps_hangup,
            interrupt: unix::signal(SignalKind::interrupt()).map_err(failure)?,
            terminate: unix::signal(SignalKind::terminate()).map_err(failure)?,
            is_terminated: false,
        })
    }

    /// Waits for the next one that is for the command. The second SIGTERM insists.
    pub(super) async fn next(&mut self) -> Signal {
        let hangup =
            async { while self.hangups.next().await == Hangup::Reload && self.keeps_hangup {} };
        tokio::select! {
            () = hangup => Signal::HUP,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => match std::mem::replace(&mut self.is_terminated, true) {
                false => Signal::TERM,
                true => Signal::KILL,
            },
        }
    }
}

/// Where the command runs.
pub(super) enum Group {
    /// In a group of its own, with this number.
    Own(Pid),
    /// In midge's group, at a terminal: in another one it could not read what is typed, and
    /// Ctrl-C would not reach it.
    Shared(Option<Pid>),
}

impl Group {
    pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
        let shared = io::stdin().is_terminal();
        if !shared {
            command.process_group(0);
        }
        let child = command.spawn()?;
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let group = match pid {
            Some(pid) if !shared => Group::Own(pid),
            pid => Group::Shared(pid),
        };
        Ok((child, group))
    }

    pub(super) fn pass_on(&self, signal: Signal) {
        // An error says that it has just ended.
        let _ = match *self {
            Group::Own(group) => kill_process_group(group, signal),
            // The terminal has sent Ctrl-C to the whole group already.
            Group::Shared(Some(pid)) if signal != Signal::INT => kill_process(pid, signal),
            Group::Shared(_) => Ok(()),
        };
    }

    /// SIGTERM.
    pub(super) fn ask_to_end(&self) {
        self.pass_on(Signal::TERM);
    }

    /// Ends what the command has left running: asks first, then insists. Of a shared group
    /// nothing is ended, since midge and the shell's other jobs are in it.
    pub(super) async fn end(self) {
        let Group::Own(group) = self else {
            return;
        };
        let is_gone = || test_kill_process_group(group).is_err();
        if is_gone() {
            return;
        }
        let _ = kill_process_group(group, Signal::TERM);
        let gone = async {
            while !is_gone() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(GRACE, gone).await.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

//! Where there are no process groups and signals: the console tells the command itself.

use std::io;

use tokio::process::{Child, Command};

use crate::cmd::Failure;

pub(super) struct Signals;

impl Signals {
    /// Nothing to do ahead.
    pub(super) fn new(_: bool) -> Result<Signals, Failure> {
        Ok(Signals)
    }

    /// Swallows Ctrl-C, so that midge waits for the command, which has got it too.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

pub(super) struct Group;

impl Group {
    pub(super) fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
        Ok((command.spawn()?, Group))
    }

    pub(super) fn pass_on(&self, (): ()) {}

    /// There is no way to.
    pub(super) fn ask_to_end(&self) {}

    pub(super) async fn end(self) {}
}

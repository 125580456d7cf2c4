//! `midge sub`: subscribes, and prints the messages that come.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | the flags, checked |
//! | `run` | the work: from the connection to the end |
//! | `events` | what it does with each event |
//! | `print` | how a message is shown |
//! | `until` | the payload that ends it |
//! | `retained` | when all retained messages have come |
//! | `clear` | clearing them |
//! | `ready` | telling a script that it is subscribed |
//! | `exec` | a command for each message |
//! | `files` | a file for each message |
//! | `record` | what is received, as a capture |
//! | `rate` | how many come |

mod clear;
mod events;
mod exec;
mod files;
mod plan;
pub(super) mod print;
mod rate;
mod ready;
mod record;
mod retained;
mod run;
mod until;

use self::plan::Plan;
pub(super) use self::plan::{style, subscription_options};
pub(super) use self::print::{Printer, Style, Unshown};
use self::ready::Ready;
use super::connect;
use super::{Exit, Failure};
use crate::cli;

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code.
pub fn run(args: &cli::Subscribe) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    let ready = Ready::new(args)?;
    connect::runtime()?.block_on(run::subscribe(plan, ready))
}

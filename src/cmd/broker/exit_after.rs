//! `--exit-after`: what ends the broker by itself; the first that comes.

use std::collections::HashSet;
use std::time::Duration;
use std::{io, thread};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::{Failure, duration};
use crate::broker::{ConnectionId, Event, EventKind};

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExitAfter {
    time: Option<Duration>,
    /// So long nothing happened.
    idle: Option<Duration>,
    messages: Option<u64>,
    disconnects: Option<u64>,
    /// Whoever started it has ended, or wants it to.
    end_of_stdin: bool,
}

impl ExitAfter {
    /// Reads what was typed; of several times or numbers of a kind the smallest counts.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(texts: &[String]) -> Result<ExitAfter, Failure> {
        let mut wanted = ExitAfter::default();
        for text in texts {
            let words: Vec<&str> = text.split_whitespace().collect();
            match *words.as_slice() {
                ["idle", time] => least(&mut wanted.idle, duration::parse("--exit-after", time)?),
                [number, "message" | "messages"] => {
                    least(&mut wanted.messages, count(text, number)?);
                }
                [number, "disconnect" | "disconnects"] => {
                    least(&mut wanted.disconnects, count(text, number)?);
                }
                ["end", "of", "stdin"] => wanted.end_of_stdin = true,
                [time] if time.starts_with(|c: char| c.is_ascii_digit()) => {
                    least(&mut wanted.time, duration::parse("--exit-after", time)?);
                }
                _ => return Err(wrong(text)),
            }
        }
        Ok(wanted)
    }

    /// Whether it has to be told of events.
    pub(super) fn needs_events(self) -> bool {
        self.idle.is_some() || self.disconnects.is_some()
    }

    /// Whether it has to be told of messages.
    pub(super) fn needs_messages(self) -> bool {
        self.idle.is_some() || self.messages.is_some()
    }
}

fn least<T: Ord>(least: &mut Option<T>, value: T) {
    *least = Some(match least.take() {
        Some(other) => other.min(value),
        None => value,
    });
}

fn count(text: &str, number: &str) -> Result<u64, Failure> {
    let number: Option<u64> = number.parse().ok();
    number.filter(|&n| n > 0).ok_or_else(|| wrong(text))
}

fn wrong(text: &str) -> Failure {
    let text = text.escape_debug();
    Failure::usage(format!(
        "--exit-after takes a time as in 30s, 'idle 5s', 'N messages' or 'N disconnects' with N from \
         1 on, or 'end of stdin', not '{text}'"
    ))
}

/// How far it is.
#[derive(Debug)]
pub(super) struct Progress {
    wanted: ExitAfter,
    started: Instant,
    last_event: Instant,
    messages: u64,
    disconnects: u64,
    connected: HashSet<ConnectionId>,
}

impl Progress {
    /// Begins now.
    pub(super) fn new(wanted: ExitAfter) -> Progress {
        let now = Instant::now();
        Progress {
            wanted,
            started: now,
            last_event: now,
            messages: 0,
            disconnects: 0,
            connected: HashSet::new(),
        }
    }

    /// Something happened. Whether that is the end.
    pub(super) fn event(&mut self, event: &Event) -> bool {
        if self.wanted.idle.is_some() {
            self.last_event = Instant::now();
        }
        match (&event.kind, event.connection) {
            (EventKind::Published { .. }, _) => self.messages += 1,
            (EventKind::Connected { .. }, Some(connection)) => {
                self.connected.insert(connection);
            }
            // Those that were never taken on have not disconnected.
            (EventKind::Closed { .. }, Some(connection)) if self.connected.remove(&connection) => {
                self.disconnects += 1;
            }
            _ => {}
        }
        let is_over = |wanted: Option<u64>, count| wanted.is_some_and(|wanted| count >= wanted);
        is_over(self.wanted.messages, self.messages)
            || is_over(self.wanted.disconnects, self.disconnects)
    }

    /// When time is over if nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let time = self.wanted.time.map(|time| self.started + time);
        let idle = self.wanted.idle.map(|idle| self.last_event + idle);
        time.into_iter().chain(idle).min()
    }

    /// Whether the end of stdin is waited for.
    pub(super) fn waits_for_stdin(&self) -> bool {
        self.wanted.end_of_stdin
    }
}

/// Waits for the end of stdin, in a thread that nobody waits for; what comes there is dropped.
pub(super) async fn end_of_stdin() {
    let (reached, is_reached) = oneshot::channel::<()>();
    let reader = thread::Builder::new().name("stdin".to_owned());
    let reader = reader.spawn(move || {
        // What cannot be read has ended, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(reached);
    });
    if reader.is_err() {
        std::future::pending::<()>().await;
    }
    // Nothing is sent, only dropped.
    let _ = is_reached.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<ExitAfter, Failure> {
        let texts: Vec<String> = texts.iter().map(|&text| text.into()).collect();
        ExitAfter::new(&texts)
    }

    #[test]
    fn what_can_be_waited_for() {
        let all = [
            "1m30s",
            "idle 0.5",
            "2m",
            "100 messages",
            "1 disconnect",
            "7 messages",
            "end of stdin",
        ];
        assert_eq!(
            read(&all),
            Ok(ExitAfter {
                time: Some(Duration::from_secs(90)),
                idle: Some(Duration::from_millis(500)),
                messages: Some(7),
                disconnects: Some(1),
                end_of_stdin: true,
            })
        );
        for bad in [
            "",
            "idle",
            "0 messages",
            "x messages",
            "3 apples",
            "5x",
            "-1s",
            "idle x",
        ] {
            let message = read(&[bad]).unwrap_err().message;
            assert!(
                message.starts_with("--exit-after takes a time as in "),
                "{bad}"
            );
        }
    }
}

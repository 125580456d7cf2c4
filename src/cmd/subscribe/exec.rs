//! `--exec`: a command for each message.
//!
//! No shell runs, so nothing in a topic can become a command or another argument. A topic may begin
//! with `-`, though, which a command may take for an option: write `--` before it, or use the
//! environment.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::client::Message;
use crate::cmd::{Exit, Failure, note};

/// Messages that wait for their command at most; then no more are read.
const MAX_WAITING: usize = 1000;
/// The same in bytes of payload.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// What to run, what runs, and what came of it.
#[derive(Debug)]
pub(super) struct Commands {
    words: Vec<String>,
    jobs: usize,
    waiting: VecDeque<Job>,
    waiting_bytes: usize,
    running: JoinSet<std::io::Result<ExitStatus>>,
    done: u64,
    failed: u64,
}

#[derive(Debug)]
struct Job {
    words: Vec<String>,
    topic: String,
    qos: u8,
    retain: bool,
    payload: Bytes,
}

impl Commands {
    /// Splits a command into words.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(command: &str, jobs: u16) -> Result<Commands, Failure> {
        let words = split(command).map_err(|what| {
            let command = command.escape_debug();
            Failure::usage(format!("'{command}' (--exec) is no command: {what}"))
        })?;
        if jobs == 0 {
            return Err(Failure::usage("--exec-jobs takes 1 or more"));
        }
        Ok(Commands {
            words,
            jobs: usize::from(jobs),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: JoinSet::new(),
            done: 0,
            failed: 0,
        })
    }

    /// Runs the command for a message, now or when it is its turn.
    pub(super) fn push(&mut self, message: &Message) {
        let topic = message.topic.as_str();
        let (qos, retain) = (message.qos.as_u8(), message.retain);
        let words = self.words.iter();
        let job = Job {
            words: words
                .map(|word| fill_in(word, topic, qos, retain))
                .collect(),
            topic: topic.to_owned(),
            qos,
            retain,
            // A copy: what waits must not keep a whole read buffer alive.
            payload: Bytes::copy_from_slice(&message.payload),
        };
        self.waiting_bytes += job.payload.len();
        self.waiting.push_back(job);
        self.start();
    }

    /// Whether as much waits as may.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.waiting_bytes >= MAX_WAITING_BYTES
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for a command to end; for ever if none runs.
    ///
    /// # Errors
    /// If the command cannot be run at all.
    pub(super) async fn next_end(&mut self) -> Result<(), Failure> {
        let Some(ended) = self.running.join_next().await else {
            return std::future::pending().await;
        };
        self.done += 1;
        match ended {
            Ok(Ok(status)) => {
                self.failed += u64::from(!status.success());
            }
            Ok(Err(error)) => {
                let program = self.words.first().map_or("", String::as_str);
                let program = program.escape_debug();
                return Err(Failure::new(
                    Exit::Io,
                    format!("cannot run '{program}' (--exec): {error}"),
                ));
            }
            Err(_) => self.failed += 1,
        }
        self.start();
        Ok(())
    }

    /// Waits for everything that runs and waits.
    ///
    /// # Errors
    /// As [`next_end`](Self::next_end).
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        while !self.is_idle() {
            self.next_end().await?;
        }
        Ok(())
    }

    /// Says how many failed, and how many never ran.
    pub(super) fn verdict(&self) -> Option<Failure> {
        if !self.waiting.is_empty() {
            note(format_args!(
                "{} messages still waited for their command",
                self.waiting.len()
            ));
        }
        (self.failed > 0).then(|| {
            Failure::new(
                Exit::Verdict,
                format!("{} of {} commands failed (--exec)", self.failed, self.done),
            )
        })
    }

    fn start(&mut self) {
        while self.running.len() < self.jobs
            && let Some(job) = self.waiting.pop_front()
        {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(job.payload.len());
            self.running.spawn(run(job));
        }
    }
}

async fn run(job: Job) -> std::io::Result<ExitStatus> {
    let (program, arguments) = match job.words.split_first() {
        Some((program, arguments)) => (program.as_str(), arguments),
        None => ("", [].as_slice()),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env("MIDGE_TOPIC", &job.topic)
        .env("MIDGE_QOS", job.qos.to_string())
        .env("MIDGE_RETAIN", u8::from(job.retain).to_string())
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read it.
        let _ = stdin.write_all(&job.payload).await;
        let _ = stdin.shutdown().await;
    }
    child.wait().await
}

/// Puts the message into a word.
fn fill_in(word: &str, topic: &str, qos: u8, retain: bool) -> String {
    let mut filled = String::with_capacity(word.len());
    let mut rest = word;
    // One pass, so that nothing in a topic is filled in again.
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        // Writing to a String does not fail.
        rest = if let Some(rest) = from.strip_prefix("{topic}") {
            filled.push_str(topic);
            rest
        } else if let Some(rest) = from.strip_prefix("{qos}") {
            let _ = write!(filled, "{qos}");
            rest
        } else if let Some(rest) = from.strip_prefix("{retain}") {
            let _ = write!(filled, "{}", u8::from(retain));
            rest
        } else {
            filled.push('{');
            from.strip_prefix('{').unwrap_or_default()
        };
    }
    filled.push_str(rest);
    filled
}

/// The words of a command as a shell splits them: blanks between, '...' and "..." together, \ for
/// the next character.
fn split(command: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\\' => word.push(chars.next().ok_or("nothing stands behind the last '\\'")?),
            '\'' => loop {
                match chars.next().ok_or("a ' has no other one")? {
                    '\'' => break,
                    c => word.push(c),
                }
            },
            '"' => loop {
                match chars.next().ok_or("a \" has no other one")? {
                    '"' => break,
                    '\\' => match chars.next().ok_or("a \" has no other one")? {
                        c @ ('"' | '\\' | '$' | '`') => word.push(c),
                        c => word.extend(['\\', c]),
                    },
                    c => word.push(c),
                }
            },
            c => word.push(c),
        }
    }
    words.extend(word);
    match words.is_empty() {
        true => Err("it is empty"),
        false => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_shells() {
        for (command, words) in [
            ("a b", vec!["a", "b"]),
            ("  a\tb  ", vec!["a", "b"]),
            ("a 'b c' \"d e\"f", vec!["a", "b c", "d ef"]),
            (r#"a\ b "\"\n" '\'"#, vec!["a b", "\"\\n", "\\"]),
            ("a ''", vec!["a", ""]),
            (
                "sh -c 'x \"$MIDGE_TOPIC\"'",
                vec!["sh", "-c", "x \"$MIDGE_TOPIC\""],
            ),
        ] {
            assert_eq!(split(command).unwrap(), words, "{command}");
        }
        for command in ["", "  ", "a '", "a \"b", "a\\", "\"\\"] {
            assert!(split(command).is_err(), "{command}");
        }
    }

    #[test]
    fn a_topic_stays_inside_of_its_word() {
        let fill = |word| fill_in(word, "$(x) {qos} ; ' \"", 1, true);
        assert_eq!(fill("{topic}"), "$(x) {qos} ; ' \"");
        assert_eq!(
            fill("a{topic}{{qos}}{retain}{no}{"),
            "a$(x) {qos} ; ' \"{1}1{no}{"
        );
    }
}

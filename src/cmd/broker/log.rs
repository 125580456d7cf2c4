//! What the broker does, line by line on stderr.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::Ready;
use crate::broker::Event;
use crate::cli::LogFormat;

/// Writes events as `--log` asks.
pub(super) struct Log(LogFormat);

#[derive(Serialize)]
struct Timed<'a, T> {
    time: String,
    #[serde(flatten)]
    entry: &'a T,
}

impl Log {
    pub(super) fn new(format: LogFormat) -> Log {
        Log(format)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0 != LogFormat::Off
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.write(event, || event.to_string());
    }

    /// Where the broker listens, for when stdout belongs to somebody else.
    pub(super) fn ready(&mut self, ready: &Ready) {
        self.write(ready, || format!("ready at {}", ready.url));
    }

    fn write(&mut self, entry: &impl Serialize, text: impl FnOnce() -> String) {
        let time = format!("{:.3}", Timestamp::now());
        let mut line = match self.0 {
            LogFormat::Off => return,
            LogFormat::Text => format!("{time} {}", text()),
            LogFormat::Json => match serde_json::to_string(&Timed { time, entry }) {
                Ok(line) => line,
                Err(error) => format!("{{\"event\":\"error\",\"why\":\"{error}\"}}"),
            },
        };
        line.push('\n');
        // Where stderr is gone there is nobody to tell.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

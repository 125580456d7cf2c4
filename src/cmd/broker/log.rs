//! What the broker does, line by line on stderr.

use std::io;

use super::Ready;
use crate::broker::{Event, EventKind};
use crate::cli::LogFormat;
use crate::output::event::{Field, Value, write_json_now, write_text_now};

/// Writes events as `--log` asks.
pub(super) struct Log(LogFormat);

impl Log {
    pub(super) fn new(format: LogFormat) -> Log {
        Log(format)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0 != LogFormat::Off
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.write(|| fields(event), || event.to_string());
    }

    /// Where the broker listens, for when stdout belongs to somebody else.
    pub(super) fn ready(&mut self, ready: &Ready) {
        self.write(
            || ready.fields().into(),
            || format!("ready at {}", ready.url),
        );
    }

    fn write<'e>(
        &mut self,
        fields: impl FnOnce() -> Vec<Field<'e>>,
        text: impl FnOnce() -> String,
    ) {
        let mut stderr = io::stderr().lock();
        let written = match self.0 {
            LogFormat::Off => Ok(()),
            LogFormat::Text => write_text_now(&mut stderr, &text()),
            LogFormat::Json => write_json_now(&mut stderr, &fields()),
        };
        // Where stderr is gone there is nobody to tell.
        drop(written);
    }
}

fn fields(event: &Event) -> Vec<Field<'_>> {
    let mut fields = vec![("event", Value::Text(event.kind.name()))];
    if let Some(connection) = event.connection {
        fields.push(("connection", Value::Number(connection.0)));
    }
    if let Some(client_id) = &event.client_id {
        fields.push(("client_id", Value::Text(client_id)));
    }
    match &event.kind {
        EventKind::PublishRefused { topic, code } => {
            fields.push(("topic", Value::Text(topic)));
            fields.push(("reason_code", Value::Number(code.0.into())));
        }
        EventKind::Opened | EventKind::SessionEnded => {}
        EventKind::Connected {
            version,
            session_present,
            keep_alive,
        } => fields.extend([
            ("version", Value::Text(version.as_str())),
            ("session_present", Value::Flag(*session_present)),
            ("keep_alive", Value::Number((*keep_alive).into())),
        ]),
        EventKind::Closed { reason, why } => fields.extend([
            ("reason_code", Value::Number(reason.0.into())),
            ("why", Value::Text(why)),
        ]),
        EventKind::Subscribed { filter, code } | EventKind::Unsubscribed { filter, code } => fields
            .extend([
                ("filter", Value::Text(filter)),
                ("reason_code", Value::Number(code.0.into())),
            ]),
        EventKind::WillPublished { topic } | EventKind::Dropped { topic } => {
            fields.push(("topic", Value::Text(topic)));
        }
    }
    fields
}

//! A message that a client of an embedded broker was sent.

use std::io::{self, Write};

use super::super::json::{self, write_line};
use super::super::text::Safe;
use super::Counted;
use crate::mqtt::Version;
use crate::mqtt::packet::Publish;

/// A message that a client was sent.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Its Client Identifier.
    pub client: &'a str,
    /// The version it speaks.
    pub version: Version,
    /// The message, with the topic in place of an alias.
    pub publish: Publish<'a>,
}

/// Writes a message as a line: client, topic, payload.
///
/// # Errors
/// Those of `out`.
pub fn write_received_text(out: &mut impl Write, received: &Received<'_>) -> io::Result<()> {
    let Received {
        client, publish, ..
    } = received;
    let payload = String::from_utf8_lossy(publish.payload);
    writeln!(
        out,
        "{} <- {}: {}",
        Safe(client),
        Safe(publish.topic),
        Safe(&payload)
    )
}

/// Writes a message as a JSON object: the keys of `sub --json` behind the client.
///
/// # Errors
/// Those of `out`.
pub fn write_received_json(out: &mut impl Write, received: &Received<'_>) -> io::Result<()> {
    let Received {
        client,
        version,
        publish,
    } = received;
    let mut line = Vec::new();
    let message = json::Message {
        version: *version,
        dup: publish.dup,
        qos: publish.qos.as_u8(),
        retain: publish.retain,
        packet_id: Some(publish.packet_id).filter(|id| *id != 0),
        topic: publish.topic,
        properties: publish.properties,
        payload: publish.payload,
        time: None,
    };
    json::push_message(&mut line, &message);
    let mut begin = Vec::new();
    write_line(&mut begin, &Counted(vec![("client", client)]))?;
    // `{"client":"..."` and `,"protocol":...}`.
    begin.truncate(begin.len().saturating_sub(2));
    begin.push(b',');
    begin.extend_from_slice(line.get(1..).unwrap_or_default());
    out.write_all(&begin)
}

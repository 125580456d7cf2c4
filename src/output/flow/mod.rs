//! A sequence diagram for each connection: client at the left, server at the right, an arrow for
//! each packet, a bracket from each request to its answer, and how long that took.
//!
//! A diagram is written when its connection ends, or when it or all of them have become long; what
//! follows then is another part of it. So memory is bounded, and nothing is left out.

mod exchange;

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::finding::Finding;
use super::hole::{self, Hole};
use super::line::{self, Style, Words};
use super::text::{Safe, columns, cut_line};
use super::time::{Time, Times, span};
use super::{Decoded, Place, colour, sn};
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, Side, Version};
use exchange::{Exchanges, Step};

/// Rows of a connection that are held back.
const MAX_ROWS: usize = 2000;
/// Bytes of the rows of all connections together.
const MAX_BYTES: usize = 32 << 20;
/// Connections with rows that are held back.
const MAX_TALKS: usize = 4096;
/// Connections of which the open exchanges are known.
const MAX_KNOWN: usize = 1 << 16;

/// Columns of the diagram where nothing else limits them.
const WIDE: usize = 110;
/// Columns of an arrow at least.
const MIN_ARROW: usize = 30;
/// Columns beside an arrow: the lines of both sides, the lanes and a note.
const BESIDE: usize = 24;
/// A pause of so many nanoseconds is drawn.
const PAUSE: i128 = 1_000_000_000;

/// Draws connections.
#[derive(Debug)]
pub struct Flow {
    style: Style,
    start: Option<Time>,
    talks: FxHashMap<(bool, u64), Talk>,
    /// Bytes in the rows of all.
    bytes: usize,
    /// Connections with rows.
    waiting: usize,
    is_first: bool,
}

/// One connection.
#[derive(Debug, Default)]
struct Talk {
    /// Client and server, as they were seen last.
    ends: Option<(String, String)>,
    client: Option<String>,
    version: String,
    rows: Vec<String>,
    /// Number of the first row that is held back.
    first_row: u64,
    bytes: usize,
    exchanges: Exchanges,
    last: Option<Time>,
    /// Parts that have been written.
    parts: usize,
}

impl Flow {
    /// Nothing is drawn yet.
    pub fn new(style: Style) -> Flow {
        Flow {
            style,
            start: None,
            talks: FxHashMap::default(),
            bytes: 0,
            waiting: 0,
            is_first: true,
        }
    }

    /// Relative times count from `start`, unless an earlier call said so.
    pub fn begin(&mut self, start: Time) {
        self.start.get_or_insert(start);
    }

    /// Takes a packet. One that was not asked for is drawn all the same if it belongs to an
    /// exchange that was.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn packet(
        &mut self,
        out: &mut impl Write,
        decoded: &Decoded<'_>,
        is_asked_for: bool,
    ) -> io::Result<()> {
        let origin = &decoded.origin;
        let mut step = step(decoded);
        let key = key(&origin.place);
        let known = self.talks.get(&key);
        if origin.place.from.is_none()
            && let Some(known) = known
        {
            // An answer goes the other way.
            let as_sent_by = |from| Step { from, ..step };
            let sides = [step.from, step.from.other()].map(as_sent_by);
            let answer = sides
                .into_iter()
                .find(|step| known.exchanges.concerns(*step));
            step = answer.unwrap_or(step);
        }
        if !is_asked_for && !known.is_some_and(|talk| talk.exchanges.concerns(step)) {
            return Ok(());
        }
        let packet_type = step.packet_type;
        let mut label = String::new();
        let name = packet_type.name(origin.version);
        let mut words = Words::behind(&mut label, name, packet_type);
        words.close_up();
        line::summary(&mut words, decoded, packet_type);

        let mut talk = self.take(key);
        talk.version = format!("MQTT {}", origin.version);
        talk.meet(&origin.place, decoded.client, step.from);
        let now = origin.place.time;
        self.pause(&mut talk, now);
        let row = talk.first_row + talk.rows.len() as u64;
        let drawn = talk.exchanges.step(step, now.map(|t| t.nanoseconds), row);
        let mut beside = drawn.lanes;
        if let Some(after) = drawn.after {
            beside.push(' ');
            beside.push_str(&colour::dim(&span(after)));
        }
        if drawn.is_again {
            beside.push_str(" again");
        }
        self.arrow(&mut talk, now, step.from, &label, &beside);
        if is_asked_for {
            self.found(&mut talk, decoded.findings);
        }
        let is_over = packet_type == PacketType::DISCONNECT;
        self.put_back(out, key, talk, is_over)
    }

    /// Takes a message of MQTT-SN.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn message(&mut self, out: &mut impl Write, decoded: &sn::Decoded<'_>) -> io::Result<()> {
        let from = decoded.place.from.unwrap_or(Side::Client);
        let mut label = String::new();
        sn::line::describe(&mut label, decoded);
        let key = key(&decoded.place);
        let mut talk = self.take(key);
        talk.version = format!("MQTT-SN {}", crate::mqttsn::VERSION);
        talk.meet(&decoded.place, decoded.client, from);
        self.pause(&mut talk, decoded.place.time);
        self.arrow(&mut talk, decoded.place.time, from, &label, "");
        self.found(&mut talk, decoded.findings);
        self.put_back(out, key, talk, false)
    }

    /// Takes what is not there.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn hole(
        &mut self,
        out: &mut impl Write,
        hole: &Hole,
        client: Option<&str>,
    ) -> io::Result<()> {
        let from = hole.place.from.unwrap_or(Side::Client);
        let key = key(&hole.place);
        let mut talk = self.take(key);
        talk.meet(&hole.place, client, from);
        let label = format!("~~ {} ~~", hole::describe(hole));
        let lanes = talk.exchanges.draw(None);
        let mut text = self.time(&mut talk, hole.place.time);
        text.push_str(&colour::dim("│"));
        push_centred(&mut text, &label, self.arrow_width());
        text.push_str(&colour::dim("│"));
        text.push_str(&lanes);
        self.push(&mut talk, text);
        self.put_back(out, key, talk, false)
    }

    /// Takes what is wrong and belongs to no packet that is shown.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finding(
        &mut self,
        out: &mut impl Write,
        finding: &Finding,
        client: Option<&str>,
    ) -> io::Result<()> {
        let key = key(&finding.place);
        let mut talk = self.take(key);
        let from = finding.place.from.unwrap_or(Side::Client);
        talk.meet(&finding.place, client, from);
        self.found(&mut talk, std::slice::from_ref(finding));
        self.put_back(out, key, talk, false)
    }

    /// Writes all that is held back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.write_all(out, true)
    }

    fn take(&mut self, key: (bool, u64)) -> Talk {
        let talk = self.talks.remove(&key).unwrap_or_default();
        self.bytes -= talk.bytes;
        self.waiting -= usize::from(!talk.rows.is_empty());
        talk
    }

    fn put_back(
        &mut self,
        out: &mut impl Write,
        key: (bool, u64),
        mut talk: Talk,
        is_over: bool,
    ) -> io::Result<()> {
        if is_over || talk.rows.len() >= MAX_ROWS {
            self.write(out, key, &mut talk, is_over)?;
        }
        if is_over {
            return Ok(());
        }
        self.bytes += talk.bytes;
        self.waiting += usize::from(!talk.rows.is_empty());
        self.talks.insert(key, talk);
        if self.bytes > MAX_BYTES || self.waiting > MAX_TALKS {
            self.write_all(out, false)?;
        }
        if self.talks.len() > MAX_KNOWN {
            self.write_all(out, true)?;
        }
        Ok(())
    }

    /// Writes every connection in the order of their numbers.
    fn write_all(&mut self, out: &mut impl Write, is_over: bool) -> io::Result<()> {
        let mut keys: Vec<_> = self.talks.keys().copied().collect();
        keys.sort_unstable();
        for key in keys {
            let mut talk = self.take(key);
            if !talk.rows.is_empty() || is_over {
                self.write(out, key, &mut talk, is_over)?;
            }
            if !is_over {
                self.talks.insert(key, talk);
            }
        }
        Ok(())
    }

    /// Writes what is held back of a connection. `is_over`: nothing more of it will come.
    fn write(
        &mut self,
        out: &mut impl Write,
        (is_udp, stream): (bool, u64),
        talk: &mut Talk,
        is_over: bool,
    ) -> io::Result<()> {
        if is_over {
            for open in talk.exchanges.unfinished() {
                let note = colour::alert(&format!("  no {}", open.lacks()));
                let at = open.row.checked_sub(talk.first_row);
                let row = at.and_then(|at| talk.rows.get_mut(usize::try_from(at).ok()?));
                match row {
                    Some(row) => row.push_str(&note),
                    None => talk.rows.push(format!("{}{note}", open.name())),
                }
            }
        }
        if talk.rows.is_empty() {
            return Ok(());
        }
        if !std::mem::take(&mut self.is_first) {
            writeln!(out)?;
        }
        let udp = if is_udp { "u" } else { "" };
        let mut head = Vec::new();
        if let Some(client) = &talk.client {
            head.push(Safe(client).to_string());
        }
        if let Some((client, server)) = &talk.ends {
            head.push(format!("{client} ↔ {server}"));
        }
        head.push(talk.version.clone());
        if talk.parts > 0 || !is_over {
            head.push(format!("part {}", talk.parts + 1));
        }
        let head = head.join(" · ");
        let head = match &talk.ends {
            Some(_) => format!("[{udp}{stream}] {head}"),
            None => head,
        };
        writeln!(out, "{}", colour::bold(&head))?;
        for row in &talk.rows {
            match self.style.width {
                Some(width) => {
                    let mut row = row.clone();
                    cut_line(&mut row, width);
                    writeln!(out, "{row}")?;
                }
                None => writeln!(out, "{}", row.trim_end())?,
            }
        }
        talk.first_row += talk.rows.len() as u64;
        talk.rows.clear();
        talk.bytes = 0;
        talk.parts += 1;
        Ok(())
    }

    fn arrow_width(&self) -> usize {
        let all = self.style.width.unwrap_or(WIDE).min(WIDE);
        all.saturating_sub(self.time_width() + 2 + BESIDE)
            .max(MIN_ARROW)
    }

    fn time_width(&self) -> usize {
        match self.style.times {
            Times::Relative | Times::Delta => 12,
            Times::Clock => 15,
            Times::Utc => 27,
        }
    }

    /// The time column of a row.
    fn time(&mut self, talk: &mut Talk, time: Option<Time>) -> String {
        let mut text = String::new();
        if let Some(time) = time {
            let start = *self.start.get_or_insert(time);
            let last = talk.last.replace(time).unwrap_or(time);
            self.style.times.push(&mut text, time, start, last);
            text = colour::dim(&text);
            text.push_str("  ");
        }
        text
    }

    /// A row for each finding.
    fn found(&self, talk: &mut Talk, findings: &[Finding]) {
        for finding in findings {
            let width = finding.place.time.map_or(0, |_| self.time_width() + 2);
            let mut text = " ".repeat(width);
            finding.describe(&mut text);
            self.push(talk, text);
        }
    }

    /// A row for a pause before `now`.
    fn pause(&self, talk: &mut Talk, now: Option<Time>) {
        let pause = now.zip(talk.last).map(|(now, last)| now.since(last));
        if let Some(pause) = pause.filter(|pause| *pause >= PAUSE) {
            let mut at = String::new();
            if let Some(time) = now {
                self.style.times.push(&mut at, time, time, time);
            }
            let mut text = " ".repeat(columns(&at) + 2);
            text.push_str(&colour::dim("│"));
            push_centred(&mut text, &format!("⋮ {}", span(pause)), self.arrow_width());
            text.push_str(&colour::dim("│"));
            text.push_str(&talk.exchanges.draw(None));
            self.push(talk, text);
        }
    }

    fn arrow(
        &mut self,
        talk: &mut Talk,
        time: Option<Time>,
        from: Side,
        label: &str,
        beside: &str,
    ) {
        let width = self.arrow_width();
        let mut label = label.to_owned();
        cut_line(&mut label, width - 6);
        let line = "─".repeat((width - 6).saturating_sub(columns(&label)) + 1);
        let mut text = self.time(talk, time);
        text.push_str(&match from {
            Side::Client => format!("│── {label} {line}▶│"),
            Side::Server => format!("│◀─ {label} {line}─│"),
        });
        text.push_str(beside);
        self.push(talk, text);
    }

    fn push(&self, talk: &mut Talk, row: String) {
        talk.bytes += row.len() + size_of::<String>();
        talk.rows.push(row);
    }
}

impl Talk {
    /// Takes note of who talks.
    fn meet(&mut self, place: &Place, client: Option<&str>, from: Side) {
        if let Some(client) = client
            && self.client.as_deref() != Some(client)
        {
            self.client = Some(client.to_owned());
        }
        if let (None, Some((src, dst))) = (&self.ends, place.endpoints) {
            let (client, server) = match from {
                Side::Client => (src, dst),
                Side::Server => (dst, src),
            };
            self.ends = Some((client.to_string(), server.to_string()));
        }
    }
}

/// A connection: whether it is one of UDP, which have numbers of their own, and its number.
fn key(place: &Place) -> (bool, u64) {
    let is_udp = place.transport == Some("udp");
    (is_udp, place.stream.unwrap_or_default())
}

fn step(decoded: &Decoded<'_>) -> Step {
    let byte1 = decoded.bytes.first().copied().unwrap_or_default();
    let packet_type = PacketType::from_byte1(byte1);
    let mut step = Step {
        from: from(decoded, packet_type),
        packet_type,
        packet_id: 0,
        qos: if packet_type == PacketType::PUBLISH {
            byte1 >> 1 & 3
        } else {
            0
        },
        is_refused: false,
    };
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::PacketId, Value::U16(id)) => step.packet_id = id,
            (Field::ReasonCode, Value::Byte(code)) => step.is_refused = code >= 0x80,
            _ => {}
        }
    }
    step
}

/// Who sent a packet; where nobody says, who alone may send it, or the client.
fn from(decoded: &Decoded<'_>, packet_type: PacketType) -> Side {
    let only_servers = !packet_type.may_be_sent_by(Side::Client, Version::V5);
    match decoded.origin.place.from {
        Some(side) => side,
        None if only_servers => Side::Server,
        None => Side::Client,
    }
}

/// Appends `text` in the middle of `width` columns.
fn push_centred(out: &mut String, text: &str, width: usize) {
    let mut text = text.to_owned();
    cut_line(&mut text, width);
    let free = width.saturating_sub(columns(&text));
    out.extend(std::iter::repeat_n(' ', free / 2));
    out.push_str(&text);
    out.extend(std::iter::repeat_n(' ', free - free / 2));
}

//! A sequence diagram for each connection: client at the left, server at the right, an arrow for
//! each packet, a bracket from each request to its answer, and how long that took.
//!
//! A diagram is written when its connection ends, or when it or all of them have become long; what
//! follows then is another part of it. So memory is bounded, and nothing is left out.

mod brackets;
mod layout;
mod talk;

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::exchange::Step;
use super::finding::Finding;
use super::hole::{self, Hole};
use super::line::{self, Style, Words};
use super::text::{columns, cut_line, wrap};
use super::time::{Time, Times, span};
use super::{Decoded, Place, colour, sn};
use crate::mqtt::{PacketType, Side};
use layout::Layout;
use talk::Talk;

/// Rows of a connection that are held back.
const MAX_ROWS: usize = 2000;
/// Bytes of the rows of all connections together.
const MAX_BYTES: usize = 32 << 20;
/// Connections with rows that are held back.
const MAX_TALKS: usize = 4096;
/// Connections of which the open exchanges are known.
const MAX_KNOWN: usize = 1 << 16;

/// Columns of an arrow beside its label: both ends, and blanks.
const ENDS: usize = 6;
/// A pause of so many nanoseconds is drawn.
const PAUSE: i128 = 1_000_000_000;

/// Draws connections.
#[derive(Debug)]
pub struct Flow {
    times: Times,
    layout: Layout,
    start: Option<Time>,
    talks: FxHashMap<(bool, u64), Talk>,
    /// Bytes in the rows of all.
    bytes: usize,
    /// Connections with rows.
    waiting: usize,
    is_first: bool,
}

impl Flow {
    /// Nothing is drawn yet.
    pub fn new(style: Style) -> Flow {
        Flow {
            times: style.times,
            layout: Layout::new(style),
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
        let mut step = Step::of_packet(decoded);
        let key = key(&origin.place);
        let known = self.talks.get(&key);
        if origin.place.from.is_none()
            && let Some(known) = known
        {
            // An answer goes the other way.
            let sides = [step, step.from_other()];
            let answer = sides.into_iter().find(|step| known.brackets.answers(*step));
            step = answer.unwrap_or(step);
        }
        if !is_asked_for && !known.is_some_and(|talk| talk.brackets.concerns(step)) {
            return Ok(());
        }
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let mut label = String::new();
        let name = packet_type.name(origin.version);
        let mut words = Words::behind(&mut label, name, packet_type);
        words.close_up();
        line::summary(&mut words, decoded, packet_type);

        let mut talk = self.take(key);
        if talk.is_over && packet_type == PacketType::CONNECT {
            talk = Talk::default();
        }
        talk.speaks("MQTT", origin.version.as_str());
        talk.meet(&origin.place, decoded.client, step.from);
        self.step(&mut talk, step, origin.place.time, &label);
        if is_asked_for {
            self.found(&mut talk, decoded.findings);
        }
        let is_over = packet_type == PacketType::DISCONNECT;
        self.put_back(out, key, talk, is_over)
    }

    /// Takes a message of MQTT-SN; `is_asked_for` as for a packet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn message(
        &mut self,
        out: &mut impl Write,
        decoded: &sn::Decoded<'_>,
        is_asked_for: bool,
    ) -> io::Result<()> {
        let step = Step::of_message(decoded);
        let key = key(&decoded.place);
        let known = self.talks.get(&key);
        if !is_asked_for && !known.is_some_and(|talk| talk.brackets.concerns(step)) {
            return Ok(());
        }
        let mut label = String::new();
        sn::line::describe(&mut label, decoded);
        let mut talk = self.take(key);
        talk.speaks("MQTT-SN", crate::mqttsn::VERSION);
        talk.meet(&decoded.place, decoded.client, step.from);
        self.step(&mut talk, step, decoded.place.time, &label);
        if is_asked_for {
            self.found(&mut talk, decoded.findings);
        }
        self.put_back(out, key, talk, false)
    }

    /// A row for a packet, with its bracket and its delay.
    fn step(&mut self, talk: &mut Talk, step: Step, time: Option<Time>, label: &str) {
        self.pause(talk, time);
        let row = talk.next_row();
        let now = time.map(|time| time.nanoseconds);
        let drawn = talk.brackets.step(step, now, row, self.layout.lanes());
        let mut beside = drawn.lanes;
        if let Some(after) = drawn.after {
            beside.push(' ');
            beside.push_str(&colour::dim(&span(after)));
        }
        if drawn.is_again {
            beside.push_str(" again");
        }
        self.arrow(talk, time, step.from, label, &beside);
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
        let text = self.time(&mut talk, hole.place.time);
        let row = self.between(&talk, &text, &label, hole.place.time.is_some());
        talk.push(row);
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
        talk.speaks(finding.protocol(), finding.version);
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
        // What still comes of it has the same head.
        talk.is_over |= is_over;
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
        key: (bool, u64),
        talk: &mut Talk,
        is_over: bool,
    ) -> io::Result<()> {
        if is_over {
            talk.mark_unfinished();
        }
        if talk.rows.is_empty() {
            return Ok(());
        }
        if !std::mem::take(&mut self.is_first) {
            writeln!(out)?;
        }
        for line in talk.head(key, is_over, &self.layout) {
            writeln!(out, "{}", colour::bold(&line))?;
        }
        for row in &talk.rows {
            match self.layout.width {
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
        Ok(())
    }

    /// The time column of a row.
    fn time(&mut self, talk: &mut Talk, time: Option<Time>) -> String {
        let Some(time) = time else {
            return String::new();
        };
        let mut text = String::new();
        let start = *self.start.get_or_insert(time);
        let last = talk.last.replace(time).unwrap_or(time);
        self.times.push(&mut text, time, start, last);
        colour::dim(&self.layout.place_time(&text))
    }

    /// Rows for each finding.
    fn found(&self, talk: &mut Talk, findings: &[Finding]) {
        for finding in findings {
            let indent = finding.place.time.map_or(0, |_| self.layout.time());
            let mut text = String::new();
            finding.describe(&mut text);
            let room = self.layout.width.map(|width| width.saturating_sub(indent));
            for line in wrap(&text, room) {
                talk.push(format!("{:indent$}{line}", ""));
            }
        }
    }

    /// A row for a pause before `now`.
    fn pause(&self, talk: &mut Talk, now: Option<Time>) {
        let pause = now.zip(talk.last).map(|(now, last)| now.since(last));
        if let Some(pause) = pause.filter(|pause| *pause >= PAUSE) {
            let indent = " ".repeat(self.layout.time());
            let row = self.between(talk, &indent, &format!("⋮ {}", span(pause)), true);
            talk.push(row);
        }
    }

    /// A row with text between the lines of both sides.
    fn between(&self, talk: &Talk, time: &str, text: &str, has_time: bool) -> String {
        let line = colour::dim("│");
        let text = self.layout.centred(text, has_time);
        let lanes = talk.brackets.draw(None, self.layout.lanes());
        format!("{time}{line}{text}{line}{lanes}")
    }

    fn arrow(
        &mut self,
        talk: &mut Talk,
        time: Option<Time>,
        from: Side,
        label: &str,
        beside: &str,
    ) {
        let room = self.layout.arrow(time.is_some()).saturating_sub(ENDS);
        let mut label = label.to_owned();
        cut_line(&mut label, room);
        let line = "─".repeat(room.saturating_sub(columns(&label)) + 1);
        let mut text = self.time(talk, time);
        text.push_str(&match from {
            Side::Client => format!("│── {label} {line}▶│"),
            Side::Server => format!("│◀─ {label} {line}─│"),
        });
        text.push_str(beside);
        talk.push(text);
    }
}

/// A connection: whether it is one of UDP, which have numbers of their own, and its number.
fn key(place: &Place) -> (bool, u64) {
    let is_udp = place.transport == Some("udp");
    (is_udp, place.stream.unwrap_or_default())
}

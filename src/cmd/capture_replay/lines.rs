//! JSON lines of packets, as `decode --json`, `sub --json` and `broker --record` write them.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use crate::capture::{CapturedPacket, Location, Record, Stats, Timestamp, VersionFrom};
use crate::mqtt::Side;
use crate::output::json::packet_line::{PacketLine, read_packet};

/// Bytes of a line that are read.
const MAX_LINE: u64 = 64 << 20;

/// Reads packets out of lines.
pub(super) struct Lines {
    reader: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    number: u64,
    stats: Stats,
    streams: rustc_hash::FxHashSet<u64>,
    out: VecDeque<Record>,
}

/// Why a line cannot be played.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    #[error("line {line}: {what}")]
    Line { line: u64, what: String },
    #[error("line {0} has over 64 MiB")]
    TooLong(u64),
    #[error("line {line} cannot be read: {source}")]
    Io { line: u64, source: io::Error },
}

impl Lines {
    pub(super) fn new(reader: Box<dyn Read>) -> Lines {
        Lines {
            reader: BufReader::with_capacity(1 << 16, reader),
            line: Vec::new(),
            number: 0,
            stats: Stats::default(),
            streams: rustc_hash::FxHashSet::default(),
            out: VecDeque::new(),
        }
    }

    /// Lines and connections so far.
    pub(super) fn stats(&self) -> Stats {
        self.stats
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// At the first line that is no packet.
    pub(super) fn next_record(&mut self) -> Result<Option<Record>, LinesError> {
        loop {
            if let Some(record) = self.out.pop_front() {
                return Ok(Some(record));
            }
            self.line.clear();
            self.number += 1;
            let line = self.number;
            let read = (&mut self.reader)
                .take(MAX_LINE)
                .read_until(b'\n', &mut self.line)
                .map_err(|source| LinesError::Io { line, source })?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == MAX_LINE {
                return Err(LinesError::TooLong(line));
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let packet = read_packet(&self.line).map_err(|what| LinesError::Line { line, what })?;
            self.stats.frames += 1;
            if let Some(packet) = packet {
                self.packet(packet);
            }
        }
    }

    fn packet(&mut self, packet: PacketLine) {
        // A line of sub --json has no connection: it is one, and what it has the server sent.
        let stream = packet.stream.unwrap_or(0);
        let from = match packet.stream {
            Some(_) => packet.from,
            None => Some(Side::Server),
        };
        let unknown = ([0, 0, 0, 0], 0).into();
        let at = Location {
            frame: packet.frame.unwrap_or(self.number),
            time: packet.time.map(|time| Timestamp {
                nanos: i64::try_from(time.nanoseconds).unwrap_or_default(),
                digits: time.digits,
            }),
            stream,
            src: packet.src.unwrap_or(unknown),
            dst: packet.dst.unwrap_or(unknown),
            from,
            transport: "tcp",
        };
        if self.streams.insert(stream) {
            self.stats.streams += 1;
            self.stats.mqtt_streams += 1;
        }
        self.out.push_back(Record::Packet(CapturedPacket {
            at,
            version: packet.version,
            version_from: VersionFrom::Given,
            announced_len: packet.announced_len.max(packet.bytes.len()),
            bytes: packet.bytes,
        }));
    }
}

//! `--lint`: from records to findings, and to a verdict.
//!
//! What is wrong and why is said in [`session`](crate::mqtt::session); here it gets its places in
//! the capture.

mod order;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use rustc_hash::{FxHashMap, FxHasher};

use crate::capture::{CapturedPacket, Location, Record, TurnKind, VersionFrom};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::rule::Severity;
use crate::mqtt::session::{At, Finding, Input, Tracker};
use crate::mqtt::{PacketType, Side, Version};
use crate::output::Place;
use crate::output::time::Time;
use order::{Item, Order};

/// Looks for what is wrong, and keeps count.
#[derive(Debug)]
pub(super) struct Lint {
    /// What is less bad is neither shown nor a reason to fail.
    threshold: Severity,
    tracker: Tracker,
    order: Order,
    streams: FxHashMap<u64, Stream>,
    /// Digits of a second that times have.
    digits: u8,
    counts: Counts,
    /// Packets of a text so far.
    packets: u64,
}

/// The ends of a connection.
#[derive(Debug, Clone, Copy)]
struct Stream {
    client: SocketAddr,
    server: SocketAddr,
    transport: &'static str,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    errors: u64,
    warnings: u64,
    infos: u64,
}

impl Lint {
    pub(super) fn new(threshold: Severity) -> Lint {
        Lint {
            threshold,
            tracker: Tracker::new(),
            order: Order::default(),
            streams: FxHashMap::default(),
            digits: 9,
            counts: Counts::default(),
            packets: 0,
        }
    }

    /// A record of a capture.
    pub(super) fn record(&mut self, record: &Record) {
        let Some(item) = Item::of(record) else {
            return;
        };
        self.order.push(item);
        self.judge(false);
    }

    /// A packet of a text, and who sent it if that is known.
    pub(super) fn packet(&mut self, bytes: &[u8], version: Version, from: Option<Side>) {
        self.packets += 1;
        let at = At {
            frame: self.packets,
            ..At::default()
        };
        let from = from.or_else(|| only_sender(bytes, version));
        let context = Context { version, from };
        self.tracker.packet(&Input {
            at,
            bytes,
            announced_len: bytes.len(),
            context,
        });
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        self.judge(true);
        self.tracker.finish();
    }

    /// The next finding that is to be shown, with its place.
    pub(super) fn next_finding(&mut self) -> Option<(Finding, Place)> {
        loop {
            let finding = self.tracker.next_finding()?;
            self.count(finding.severity);
            if finding.severity >= self.threshold {
                let place = self.place(&finding);
                return Some((finding, place));
            }
        }
    }

    /// Counts something that is wrong; says whether it is to be shown.
    pub(super) fn count(&mut self, severity: Severity) -> bool {
        let Counts {
            errors,
            warnings,
            infos,
        } = &mut self.counts;
        *match severity {
            Severity::Error => errors,
            Severity::Warning => warnings,
            Severity::Info => infos,
        } += 1;
        severity >= self.threshold
    }

    /// Whether nothing as bad as the threshold was found.
    pub(super) fn is_clean(&self) -> bool {
        let Counts {
            errors,
            warnings,
            infos,
        } = self.counts;
        match self.threshold {
            Severity::Error => errors == 0,
            Severity::Warning => errors + warnings == 0,
            Severity::Info => errors + warnings + infos == 0,
        }
    }

    fn judge(&mut self, last: bool) {
        while let Some((item, is_late)) = self.order.next(last) {
            let at = self.at(item.at());
            let from = item.at().from;
            if is_late {
                // What it belongs to was judged without it.
                self.tracker.lost(at, None);
            }
            match &item {
                Item::Packet(packet) => self.tracker.packet(&input(at, packet)),
                Item::Lost(_) => self.tracker.lost(at, from),
                Item::Turn(turn) => match turn.kind {
                    TurnKind::Opened => self.tracker.opened(at, from),
                    TurnKind::Finished | TurnKind::Reset => self.tracker.ended(at, from),
                    TurnKind::Over => self.tracker.over(at),
                    // What was sent has never come.
                    TurnKind::Acknowledged | TurnKind::Lost => self.tracker.lost(at, from),
                    TurnKind::Late => {}
                },
            }
        }
    }

    fn at(&mut self, location: &Location) -> At {
        if let Some(time) = location.time {
            self.digits = time.digits;
        }
        let (client, server) = match location.from {
            Some(Side::Server) => (location.dst, location.src),
            Some(Side::Client) | None => (location.src, location.dst),
        };
        // Findings on a connection may come when it is over; numbers are never used again.
        if self.streams.len() >= MAX_STREAMS {
            self.streams.clear();
        }
        let is_new = self.streams.insert(
            location.stream,
            Stream {
                client,
                server,
                transport: location.transport,
            },
        );
        let mut hasher = FxHasher::default();
        server.hash(&mut hasher);
        let at = At {
            stream: location.stream,
            frame: location.frame,
            time: location.time.map(|time| time.nanos),
            server: match location.from {
                Some(_) => hasher.finish(),
                None => 0,
            },
        };
        if is_new.is_none() {
            self.tracker.captured(at);
        }
        at
    }

    fn place(&self, finding: &Finding) -> Place {
        let at = finding.at;
        let Some(stream) = self.streams.get(&at.stream) else {
            // A text has neither frames nor connections.
            return Place {
                from: finding.from,
                ..Place::default()
            };
        };
        // What an earlier packet lacks is shown there.
        let is_here = finding.frames.contains(&at.frame);
        let frame = match is_here {
            true => at.frame,
            false => finding.frames.last().copied().unwrap_or(at.frame),
        };
        Place {
            frame: Some(frame),
            time: at.time.filter(|_| is_here).map(|nanos| Time {
                nanoseconds: i128::from(nanos),
                digits: self.digits,
            }),
            stream: Some(at.stream),
            endpoints: Some(match finding.from {
                Some(Side::Server) => (stream.server, stream.client),
                Some(Side::Client) | None => (stream.client, stream.server),
            }),
            from: finding.from,
            transport: Some(stream.transport),
        }
    }
}

/// Connections whose ends are remembered.
const MAX_STREAMS: usize = 1 << 15;

/// A packet as the tracker takes it.
fn input(at: At, packet: &CapturedPacket) -> Input<'_> {
    Input {
        at,
        bytes: &packet.bytes,
        announced_len: packet.announced_len,
        context: Context {
            version: version_of(packet),
            from: packet.at.from,
        },
    }
}

/// The version to judge a packet by: where nothing says which one it is, one that it is right in.
fn version_of(packet: &CapturedPacket) -> Version {
    if packet.version_from != VersionFrom::Default {
        return packet.version;
    }
    let fits = |version: &Version| {
        let context = Context {
            version: *version,
            from: packet.at.from,
        };
        decode(&packet.bytes, context, &mut Strict).is_ok()
    };
    [packet.version, Version::V5, Version::V31]
        .into_iter()
        .find(fits)
        .unwrap_or(packet.version)
}

/// The side that alone may send packets of this type.
fn only_sender(bytes: &[u8], version: Version) -> Option<Side> {
    let packet_type = PacketType::from_byte1(bytes.first().copied()?);
    let may = |side| packet_type.may_be_sent_by(side, version);
    match (may(Side::Client), may(Side::Server)) {
        (true, false) => Some(Side::Client),
        (false, true) => Some(Side::Server),
        _ => None,
    }
}

/// `2 errors, 1 warning`, and what was not shown.
impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            errors,
            warnings,
            infos,
        } = self.counts;
        let number = |count: u64, what: &str| {
            let s = if count == 1 { "" } else { "s" };
            format!("{count} {what}{s}")
        };
        if errors + warnings + infos == 0 {
            return f.write_str("nothing is wrong");
        }
        write!(
            f,
            "{}, {}, {}",
            number(errors, "error"),
            number(warnings, "warning"),
            number(infos, "info")
        )?;
        let (hidden, flag) = match self.threshold {
            Severity::Error => (warnings + infos, "--lint=info"),
            Severity::Warning => (infos, "--lint=info"),
            Severity::Info => (0, ""),
        };
        if hidden > 0 {
            write!(f, " ({flag} shows all)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

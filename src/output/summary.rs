//! What a whole capture holds, counted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::bench::grouped;
use super::json::{self, Nested, Object, Shown};
use super::sn;
use super::text::{cut_line, wrap};
use super::time::Time;
use crate::mqtt::{PacketType, Side, Version};
use crate::mqttsn::MessageType;

/// Columns of the names of lines.
const NAME: usize = 13;
/// Packet types, 0 to 15.
const TYPES: usize = 16;
/// A message type of MQTT-SN that no message has, for what has none.
const RESERVED: u8 = 0xff;

/// Packets of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many a client sent.
    pub from_client: u64,
    /// How many a server sent.
    pub from_server: u64,
    /// How many somebody sent of whom nothing is known.
    pub from_unknown: u64,
    /// Their bytes on the wire, fixed headers included.
    pub bytes: u64,
}

/// The counts of a capture, or of a hex text.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Frames in the capture; `None` for hex text.
    pub frames: Option<u64>,
    /// When the first packet was captured.
    pub first: Option<Time>,
    /// When the last one was.
    pub last: Option<Time>,
    /// TCP connections in the capture, whatever they carry.
    pub tcp_streams: u64,
    /// Those with MQTT.
    pub mqtt_streams: u64,
    /// UDP peer pairs with MQTT-SN.
    pub mqttsn_pairs: u64,
    /// Packets by type.
    pub types: [Count; TYPES],
    /// Packets by version, in the order of [`Version::ALL`].
    pub versions: [u64; Version::ALL.len()],
    /// Bytes of Application Messages in PUBLISH packets.
    pub payload_bytes: u64,
    /// Packets that break a rule, or that are cut.
    pub broken: u64,
    /// MQTT-SN messages by type.
    pub sn_types: BTreeMap<u8, Count>,
    /// Gaps, and the bytes that they lack.
    pub gaps: u64,
    /// Bytes that the gaps lack.
    pub lost: u64,
    /// Bytes that the capture has and that belong to no packet.
    pub skipped: u64,
}

impl Summary {
    /// Counts a packet of MQTT.
    pub fn packet(&mut self, byte1: u8, version: Version, from: Option<Side>, bytes: usize) {
        let kind = PacketType::from_byte1(byte1);
        if let Some(count) = self.types.get_mut(usize::from(kind.0)) {
            count.add(from.or_else(|| kind.only_sender(version)), bytes);
        }
        let versions = Version::ALL.iter().zip(&mut self.versions);
        for (of, count) in versions {
            *count += u64::from(*of == version);
        }
    }

    /// Counts a message of MQTT-SN.
    pub fn message(&mut self, decoded: &sn::Decoded<'_>) {
        let kind = decoded.message_type().map_or(RESERVED, |kind| kind.0);
        let count = self.sn_types.entry(kind).or_default();
        count.add(decoded.place.from, decoded.bytes.len());
        if let Some(time) = decoded.place.time {
            self.moment(time);
        }
    }

    /// Counts the moment of a packet.
    pub fn moment(&mut self, time: Time) {
        self.first.get_or_insert(time);
        self.last = Some(time);
    }

    fn packets(&self) -> u64 {
        self.rows().map(|(_, count)| count.all()).sum()
    }

    fn bytes(&self) -> u64 {
        self.rows().map(|(_, count)| count.bytes).sum()
    }

    /// The types that there were.
    fn rows(&self) -> impl Iterator<Item = (&'static str, Count)> {
        let types = self.types.into_iter().enumerate();
        types
            .filter(|(_, count)| count.all() > 0)
            .map(|(kind, count)| (PacketType(kind as u8).name(Version::V5), count))
    }

    fn sn_messages(&self) -> u64 {
        self.sn_types.values().map(Count::all).sum()
    }

    fn sn_rows(&self) -> impl Iterator<Item = (String, Count)> {
        self.sn_types.iter().map(|(&kind, &count)| {
            let name = match MessageType(kind).name() {
                "RESERVED" => format!("RESERVED 0x{kind:02x}"),
                name => name.to_owned(),
            };
            (name, count)
        })
    }

    fn versions(&self) -> impl Iterator<Item = (Version, u64)> {
        let counts = Version::ALL.into_iter().zip(self.versions);
        counts.filter(|(_, count)| *count > 0)
    }

    /// From the first packet to the last, in seconds.
    fn seconds(&self) -> Option<f64> {
        let (first, last) = (self.first?, self.last?);
        Some((last.nanoseconds - first.nanoseconds) as f64 / 1e9)
    }
}

/// Writes the summary as a table for people; `width`: columns of the terminal.
///
/// # Errors
/// Those of `out`.
pub fn write_table(
    out: &mut impl Write,
    summary: &Summary,
    width: Option<usize>,
) -> io::Result<()> {
    let number = |number: u64| grouped(number as f64, 0);
    let mut line = |name: &str, text: &str| {
        let room = width.map(|width| width.saturating_sub(NAME));
        for (i, part) in wrap(text, room).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            writeln!(out, "{name:<NAME$}{part}")?;
        }
        io::Result::Ok(())
    };
    if let Some(frames) = summary.frames {
        line("frames", &number(frames))?;
        line(
            "connections",
            &format!(
                "{} TCP, {} of them with MQTT",
                number(summary.tcp_streams),
                number(summary.mqtt_streams)
            ),
        )?;
    }
    if let (Some(first), Some(last), Some(seconds)) =
        (summary.first, summary.last, summary.seconds())
    {
        line("first packet", &first.to_string())?;
        line("last packet", &format!("{last}, {seconds:.3} s later"))?;
    }
    let versions: Vec<String> = summary
        .versions()
        .map(|(version, count)| format!("{} of MQTT {version}", number(count)))
        .collect();
    let versions = match versions.is_empty() {
        true => String::new(),
        false => format!(": {}", versions.join(", ")),
    };
    line(
        "packets",
        &format!("{}{versions}", number(summary.packets())),
    )?;
    if summary.sn_messages() > 0 {
        line(
            "MQTT-SN",
            &format!(
                "{} between {}",
                counted(summary.sn_messages(), "message"),
                counted(summary.mqttsn_pairs, "pair of peers")
            ),
        )?;
    }
    if summary.broken > 0 {
        line(
            "broken",
            &match summary.broken {
                1 => "1 packet, which breaks a rule or is cut".to_owned(),
                broken => format!("{} packets, which break a rule or are cut", number(broken)),
            },
        )?;
    }
    if summary.gaps > 0 {
        line(
            "missing",
            &format!(
                "{} in {}",
                counted(summary.lost, "byte"),
                counted(summary.gaps, "gap")
            ),
        )?;
    }
    if summary.skipped > 0 {
        line(
            "skipped",
            &match summary.skipped {
                1 => "1 byte that belongs to no packet".to_owned(),
                skipped => format!("{} bytes that belong to no packet", number(skipped)),
            },
        )?;
    }
    let seconds = summary.seconds();
    if summary.packets() > 0 {
        let rows: Vec<_> = summary
            .rows()
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        table(
            out,
            "",
            "servers",
            &rows,
            Some(summary.payload_bytes),
            seconds,
            width,
        )?;
    }
    if summary.sn_messages() > 0 {
        let rows: Vec<_> = summary.sn_rows().collect();
        table(out, "MQTT-SN", "gateways", &rows, None, seconds, width)?;
    }
    Ok(())
}

/// Counts by type; `payload`: bytes of the payloads in PUBLISH.
fn table(
    out: &mut impl Write,
    title: &str,
    servers: &str,
    rows: &[(String, Count)],
    payload: Option<u64>,
    seconds: Option<f64>,
    width: Option<usize>,
) -> io::Result<()> {
    let number = |number: u64| grouped(number as f64, 0);
    // Nearly always everybody is known.
    let has_unknown = rows.iter().any(|(_, count)| count.from_unknown > 0);
    let unknown = |text: &str| match has_unknown {
        true => format!("{text:>15}"),
        false => String::new(),
    };
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let rate = |count: Option<&Count>| match (seconds, count) {
        (None, _) => String::new(),
        (_, None) => format!("{:>12}", "packets/s"),
        (Some(seconds), Some(count)) => {
            format!("{:>12}", grouped(count.all() as f64 / seconds, 1))
        }
    };
    let mut line = |mut line: String| {
        if let Some(width) = width {
            cut_line(&mut line, width);
        }
        writeln!(out, "{line}")
    };
    line(String::new())?;
    line(format!(
        "{title:<NAME$}{:>15}{:>15}{}{}{:>18}",
        "from clients",
        format!("from {servers}"),
        unknown("unknown"),
        rate(None),
        "bytes"
    ))?;
    for (name, count) in rows {
        line(format!(
            "{name:<NAME$}{:>15}{:>15}{}{}{:>18}",
            number(count.from_client),
            number(count.from_server),
            unknown(&number(count.from_unknown)),
            rate(Some(count)),
            number(count.bytes)
        ))?;
        if let ("PUBLISH", Some(payload)) = (name.as_str(), payload) {
            let front = 41 + unknown("").len() + rate(None).len();
            line(format!(
                "  {:<front$}{:>18}",
                "their payloads",
                number(payload)
            ))?;
        }
    }
    Ok(())
}

/// `1 pair of peers`, `2 pairs of peers`.
fn counted(count: u64, noun: &str) -> String {
    let number = grouped(count as f64, 0);
    match (count, noun.split_once(' ')) {
        (1, _) => format!("1 {noun}"),
        (_, Some((first, rest))) => format!("{number} {first}s {rest}"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// Writes the summary as one JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    let seconds = summary.seconds().filter(|seconds| *seconds > 0.0);
    json::write_object(out, |object| {
        object.entry("record", "summary");
        object.maybe("frames", summary.frames);
        object.maybe("first_time", summary.first.map(Shown));
        object.maybe("last_time", summary.last.map(Shown));
        if summary.frames.is_some() {
            object.entry("tcp_streams", summary.tcp_streams);
            object.entry("mqtt_streams", summary.mqtt_streams);
            object.entry("mqttsn_pairs", summary.mqttsn_pairs);
        }
        object.entry("packets", summary.packets());
        object.entry("bytes", summary.bytes());
        object.entry("payload_bytes", summary.payload_bytes);
        let versions = |object: &mut Object<'_>| {
            for (version, count) in summary.versions() {
                object.entry(version.as_str(), count);
            }
        };
        object.entry("versions", Nested(versions));
        let types = |object: &mut Object<'_>| {
            for (name, count) in summary.rows() {
                count.entry(name, seconds, object);
            }
        };
        object.entry("types", Nested(types));
        object.entry("sn_messages", summary.sn_messages());
        let types = |object: &mut Object<'_>| {
            for (name, count) in summary.sn_rows() {
                count.entry(&name, seconds, object);
            }
        };
        object.entry("sn_types", Nested(types));
        object.entry("broken", summary.broken);
        object.entry("gaps", summary.gaps);
        object.entry("lost", summary.lost);
        object.entry("skipped", summary.skipped);
    })
}

impl Count {
    fn add(&mut self, from: Option<Side>, bytes: usize) {
        *match from {
            Some(Side::Client) => &mut self.from_client,
            Some(Side::Server) => &mut self.from_server,
            None => &mut self.from_unknown,
        } += 1;
        self.bytes += bytes as u64;
    }

    fn all(&self) -> u64 {
        self.from_client + self.from_server + self.from_unknown
    }

    fn entry(&self, name: &str, seconds: Option<f64>, object: &mut Object<'_>) {
        let entries = |object: &mut Object<'_>| {
            object.entry("from_client", self.from_client);
            object.entry("from_server", self.from_server);
            if self.from_unknown > 0 {
                object.entry("from_unknown", self.from_unknown);
            }
            object.entry("bytes", self.bytes);
            object.maybe(
                "per_second",
                seconds.map(|seconds| self.all() as f64 / seconds),
            );
        };
        object.entry(name, Nested(entries));
    }
}

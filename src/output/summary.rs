//! What a whole capture holds, counted.

use std::io::{self, Write};

use super::bench::grouped;
use super::json::{self, Nested, Object, Shown};
use super::time::Time;
use crate::mqtt::{PacketType, Side, Version};

/// Packet types, 0 to 15.
const TYPES: usize = 16;

/// Packets of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many a client sent, or somebody of whom nothing is known.
    pub from_client: u64,
    /// How many a server sent.
    pub from_server: u64,
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
    /// MQTT-SN messages.
    pub sn_messages: u64,
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
            match from {
                Some(Side::Server) => count.from_server += 1,
                Some(Side::Client) | None => count.from_client += 1,
            }
            count.bytes += bytes as u64;
        }
        let versions = Version::ALL.iter().zip(&mut self.versions);
        for (of, count) in versions {
            *count += u64::from(*of == version);
        }
    }

    /// Counts the moment of a packet.
    pub fn moment(&mut self, time: Time) {
        self.first.get_or_insert(time);
        self.last = Some(time);
    }

    fn packets(&self) -> u64 {
        self.rows()
            .map(|(_, c)| c.from_client + c.from_server)
            .sum()
    }

    fn bytes(&self) -> u64 {
        self.rows().map(|(_, count)| count.bytes).sum()
    }

    /// The types that there were.
    fn rows(&self) -> impl Iterator<Item = (&'static str, Count)> {
        let types = self.types.into_iter().enumerate();
        types
            .filter(|(_, count)| count.from_client + count.from_server > 0)
            .map(|(kind, count)| (PacketType(kind as u8).name(Version::V5), count))
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

/// Writes the summary as a table for people.
///
/// # Errors
/// Those of `out`.
pub fn write_table(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    let number = |number: u64| grouped(number as f64, 0);
    let mut line = |name: &str, text: &str| writeln!(out, "{name:<13}{text}");
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
    if summary.sn_messages > 0 {
        line(
            "MQTT-SN",
            &format!(
                "{} messages between {} pairs of peers",
                number(summary.sn_messages),
                number(summary.mqttsn_pairs)
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
                "{} bytes in {} {}",
                number(summary.lost),
                number(summary.gaps),
                if summary.gaps == 1 { "gap" } else { "gaps" }
            ),
        )?;
    }
    if summary.skipped > 0 {
        line(
            "skipped",
            &format!("{} bytes that belong to no packet", number(summary.skipped)),
        )?;
    }
    if summary.packets() == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<13}{:>15}{:>15}{:>18}",
        "", "from clients", "from servers", "bytes"
    )?;
    for (name, count) in summary.rows() {
        writeln!(
            out,
            "{name:<13}{:>15}{:>15}{:>18}",
            number(count.from_client),
            number(count.from_server),
            number(count.bytes)
        )?;
        if name == "PUBLISH" {
            let payload = number(summary.payload_bytes);
            writeln!(out, "  {:<41}{payload:>18}", "their payloads")?;
        }
    }
    Ok(())
}

/// Writes the summary as one JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
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
                object.entry(
                    name,
                    Nested(|object: &mut Object<'_>| count.entries(object)),
                );
            }
        };
        object.entry("types", Nested(types));
        object.entry("sn_messages", summary.sn_messages);
        object.entry("broken", summary.broken);
        object.entry("gaps", summary.gaps);
        object.entry("lost", summary.lost);
        object.entry("skipped", summary.skipped);
    })
}

impl Count {
    fn entries(&self, object: &mut Object<'_>) {
        object.entry("from_client", self.from_client);
        object.entry("from_server", self.from_server);
        object.entry("bytes", self.bytes);
    }
}

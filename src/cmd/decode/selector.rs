//! A selection at work, for who does something else with packets than show them.

use super::aliases::AliasesOf;
use super::captured::place;
use super::connections::Connections;
use super::select::Select;
use crate::capture::CapturedPacket;
use crate::mqtt::decode::{Context, Recorder, decode};
use crate::output::time::Time;
use crate::output::{Decoded, Origin};

/// What a selection needs to know of the packets so far.
#[derive(Debug)]
pub(in crate::cmd) struct Selector {
    select: Select,
    aliases: AliasesOf,
    connections: Connections,
    /// The time of the first packet.
    start: Option<Time>,
}

impl Selector {
    /// At the begin of a capture.
    pub(in crate::cmd) fn new(select: Select) -> Selector {
        Selector {
            select,
            aliases: AliasesOf::default(),
            connections: Connections::default(),
            start: None,
        }
    }

    /// Takes every packet in, and says whether it is asked for.
    pub(in crate::cmd) fn asks_for(&mut self, packet: &CapturedPacket) -> bool {
        let origin = Origin {
            place: place(&packet.at),
            version: packet.version,
            version_from: packet.version_from.as_str(),
        };
        self.start = self.start.or(origin.place.time);
        let mut record = Recorder::default();
        let context = Context {
            version: packet.version,
            from: packet.at.from,
        };
        // What is wrong stands in the record.
        let decoded = decode(&packet.bytes, context, &mut record);
        let decoded = Decoded {
            origin,
            bytes: &packet.bytes,
            record: &record,
            topic_resolved: self.aliases.resolve(packet, &decoded),
            client: self
                .connections
                .see(packet.at.stream, decoded.as_ref().ok()),
            findings: &[],
        };
        self.select.asks_for_packet(&decoded, self.start)
            && (!self.select.wants_violations_only() || !record.violations.is_empty())
    }
}

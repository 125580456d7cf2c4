//! The version of a connection, and the records that wait until it is known.

use crate::{
    capture::record::{Record, VersionFrom},
    mqtt::{Side, Version, infer::Inference},
};

/// Packets, and bytes of packets, that are held back until the version is known.
const MAX_PACKETS: usize = 16;
const MAX_BYTES: usize = 64 * 1024;

/// Packets after a guess that may still prove it wrong.
const DOUBT: u32 = 64;

#[derive(Debug)]
pub(super) struct Hold {
    version: Option<(Version, VersionFrom)>,
    inference: Inference,
    /// Packets that are still looked at, though the version was inferred.
    doubt: u32,
    /// A CONNECT has begun and is not whole yet: it will say the version.
    pub(super) connecting: bool,
    records: Vec<Record>,
    packets: usize,
    bytes: usize,
}

impl Hold {
    /// `given`: the version that the caller wants, whatever the packets say.
    pub(super) fn new(given: Option<Version>) -> Hold {
        Hold {
            version: given.map(|version| (version, VersionFrom::Given)),
            inference: Inference::new(),
            doubt: DOUBT,
            connecting: false,
            records: Vec::new(),
            packets: 0,
            bytes: 0,
        }
    }

    /// The version, or the one to show while none is known.
    pub(super) fn version(&self) -> (Version, VersionFrom) {
        self.version
            .unwrap_or((Version::default(), VersionFrom::Default))
    }

    /// Whether nothing has to wait any longer.
    pub(super) fn is_settled(&self) -> bool {
        self.version.is_some()
    }

    /// A CONNECT said the version.
    pub(super) fn connect(&mut self, version: Version) {
        if !matches!(self.version, Some((_, VersionFrom::Given))) {
            self.version = Some((version, VersionFrom::Connect));
        }
    }

    /// A packet that does not have to wait: does it prove that what was inferred is wrong?
    pub(super) fn watch(&mut self, packet: &[u8], from: Option<Side>) {
        if self.doubt == 0
            || !matches!(
                self.version,
                Some((_, VersionFrom::Inferred | VersionFrom::Default))
            )
        {
            return;
        }
        self.doubt -= 1;
        self.inference.observe(packet, from);
        if let Some(version) = self.inference.decided() {
            self.version = Some((version, VersionFrom::Inferred));
        }
    }

    /// Keeps a record; what a packet among them says about the version is taken into account.
    pub(super) fn push(&mut self, record: Record) {
        if let Record::Packet(packet) = &record {
            self.packets += 1;
            self.bytes += packet.bytes.len();
            if !packet.is_cut() {
                self.inference.observe(&packet.bytes, packet.at.from);
            }
        }
        self.records.push(record);
        if self.connecting {
            // Soon known for sure.
        } else if let Some(version) = self.inference.decided() {
            self.version = Some((version, VersionFrom::Inferred));
        }
        if self.packets >= MAX_PACKETS || self.bytes >= MAX_BYTES {
            self.guess();
        }
    }

    /// Nothing better will come.
    pub(super) fn guess(&mut self) {
        if self.version.is_none() {
            self.version = Some(match self.inference.best() {
                Some(version) => (version, VersionFrom::Inferred),
                None => (Version::default(), VersionFrom::Default),
            });
        }
    }

    /// Gives back what waited, with the version.
    pub(super) fn release(&mut self) -> impl Iterator<Item = Record> + use<> {
        let (version, version_from) = self.version();
        std::mem::take(&mut self.records)
            .into_iter()
            .map(move |mut record| {
                if let Record::Packet(packet) = &mut record {
                    packet.version = version;
                    packet.version_from = version_from;
                }
                record
            })
    }
}

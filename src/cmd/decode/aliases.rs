//! What Topic Aliases stand for, per connection, direction and moment (5.0, 3.3.2.3.4).
//!
//! After something is missing, an alias may stand for another topic than before: then it is not
//! known until it is said again.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use crate::capture::{CapturedPacket, Location};
use crate::mqtt::alias::Aliases;
use crate::mqtt::{Packet, PacketType, PropertyId};

/// Senders of which aliases are kept, and bytes of topics; beyond it all are forgotten, for an
/// alias without a name is better than memory that grows with the capture.
const MAX_SENDERS: usize = 16_384;
const MAX_BYTES: usize = 4 << 20;

/// The aliases of all senders, by stream.
#[derive(Debug, Default)]
pub(super) struct AliasesOf {
    senders: FxHashMap<(u64, SocketAddr), Aliases>,
    /// Bytes of topics since all was forgotten; an alias that is said again counts again.
    bytes: usize,
}

impl AliasesOf {
    /// Takes a packet in. Returns the topic of a PUBLISH that has none but an alias, if it is
    /// known.
    pub(super) fn resolve<'a, E>(
        &'a mut self,
        packet: &CapturedPacket,
        decoded: &'a Result<Packet<'a>, E>,
    ) -> Option<&'a str> {
        match decoded {
            Ok(Packet::Publish(publish)) if !packet.is_cut() => {
                let alias = publish.properties.number(PropertyId::TOPIC_ALIAS)?;
                let alias = u16::try_from(alias).ok().filter(|alias| *alias != 0)?;
                self.make_room(publish.topic.len());
                let sender = (packet.at.stream, packet.at.src);
                let topic = match publish.topic.is_empty() {
                    true => self.senders.get_mut(&sender)?,
                    false => self.senders.entry(sender).or_default(),
                }
                .resolve(publish.topic, alias);
                topic.filter(|_| publish.topic.is_empty())
            }
            // Aliases never outlive their connection (`[MQTT-3.3.2-7]`).
            Ok(Packet::Connect(_) | Packet::Disconnect(_)) => {
                self.senders.remove(&(packet.at.stream, packet.at.src));
                self.senders.remove(&(packet.at.stream, packet.at.dst));
                None
            }
            Ok(_) if !packet.is_cut() => None,
            // What cannot be read may have said what an alias stands for.
            _ => {
                let byte1 = packet.bytes.first().copied().unwrap_or_default();
                if PacketType::from_byte1(byte1) == PacketType::PUBLISH {
                    self.forget(&packet.at);
                }
                None
            }
        }
    }

    /// Something of this sender is missing.
    pub(super) fn forget(&mut self, at: &Location) {
        self.senders.remove(&(at.stream, at.src));
    }

    fn make_room(&mut self, len: usize) {
        self.bytes += len;
        if self.bytes > MAX_BYTES || self.senders.len() >= MAX_SENDERS {
            self.senders.clear();
            self.bytes = len;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::capture::VersionFrom;
    use crate::mqtt::Version;
    use crate::mqtt::decode::{Context, Strict, decode};

    fn at(src: u16, dst: u16) -> Location {
        Location {
            frame: 1,
            time: None,
            stream: 0,
            src: ([10, 0, 0, 1], src).into(),
            dst: ([10, 0, 0, 1], dst).into(),
            from: None,
            transport: "tcp",
        }
    }

    fn publish(topic: &str, alias: u8) -> Vec<u8> {
        let len = topic.len() as u8;
        [
            &[0x30, 6 + len, 0, len][..],
            topic.as_bytes(),
            &[3, 0x23, 0, alias],
        ]
        .concat()
    }

    /// What the alias of a packet stands for, sent from port 1 or 2 to the other one.
    fn take(
        aliases: &mut AliasesOf,
        src: u16,
        bytes: &[u8],
        announced_len: usize,
    ) -> Option<String> {
        let packet = CapturedPacket {
            at: at(src, 3 - src),
            version: Version::V5,
            version_from: VersionFrom::Connect,
            bytes: Bytes::copy_from_slice(bytes),
            announced_len,
        };
        let context = Context {
            version: Version::V5,
            from: None,
        };
        let decoded = decode(bytes, context, &mut Strict);
        aliases.resolve(&packet, &decoded).map(str::to_owned)
    }

    fn whole(aliases: &mut AliasesOf, src: u16, bytes: &[u8]) -> Option<String> {
        take(aliases, src, bytes, bytes.len())
    }

    #[test]
    fn by_direction_and_moment() {
        let mut aliases = AliasesOf::default();
        let unknown = publish("", 1);
        assert_eq!(whole(&mut aliases, 1, &unknown), None);
        assert_eq!(whole(&mut aliases, 1, &publish("a", 1)), None);
        assert_eq!(whole(&mut aliases, 1, &unknown).as_deref(), Some("a"));
        assert_eq!(whole(&mut aliases, 2, &unknown), None);
        whole(&mut aliases, 2, &publish("b", 1));
        whole(&mut aliases, 1, &publish("c", 1));
        assert_eq!(whole(&mut aliases, 2, &unknown).as_deref(), Some("b"));
        assert_eq!(whole(&mut aliases, 1, &unknown).as_deref(), Some("c"));
        assert_eq!(whole(&mut aliases, 1, &publish("", 2)), None);
        // Another session on the same connection.
        whole(
            &mut aliases,
            1,
            b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x",
        );
        assert_eq!(whole(&mut aliases, 1, &unknown), None);
        assert_eq!(whole(&mut aliases, 2, &unknown), None);
    }

    #[test]
    fn nothing_is_known_behind_a_hole() {
        let mut aliases = AliasesOf::default();
        let unknown = publish("", 1);
        whole(&mut aliases, 1, &publish("a", 1));
        whole(&mut aliases, 2, &publish("b", 1));
        aliases.forget(&at(1, 2));
        assert_eq!(whole(&mut aliases, 1, &unknown), None);
        assert_eq!(whole(&mut aliases, 2, &unknown).as_deref(), Some("b"));
        // A packet that is cut in its topic.
        let cut = publish("c", 1);
        take(&mut aliases, 2, &cut[..5], cut.len());
        assert_eq!(whole(&mut aliases, 2, &unknown), None);
        // Alias 0 stands for nothing.
        whole(&mut aliases, 1, &publish("z", 0));
        assert_eq!(whole(&mut aliases, 1, &publish("", 0)), None);
    }
}

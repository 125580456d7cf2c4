//! Records in, steps out. The packets are written by hand from the standard.

use std::io;

use bytes::Bytes;

use super::*;
use crate::capture::{Gap, Location, Timestamp, VersionFrom};

const CLIENT: &str = "192.0.2.1:50000";
const SERVER: &str = "192.0.2.2:1883";

/// A source that is fed record by record.
struct Fed {
    source: Source<io::Empty>,
    frame: u64,
}

impl Fed {
    fn new() -> Fed {
        Fed {
            source: Source::new(io::empty(), Side::Client),
            frame: 0,
        }
    }

    /// The steps that a packet makes, sent in `stream` at `time` nanoseconds.
    fn feed(&mut self, stream: u64, from: Option<Side>, time: i64, bytes: &[u8]) -> Vec<Step> {
        let packet = self.captured(stream, from, time, bytes);
        self.steps(&Record::Packet(packet))
    }

    /// As [`feed`](Self::feed), from the client of stream 0.
    fn client(&mut self, bytes: &[u8]) -> Vec<Step> {
        self.feed(0, Some(Side::Client), 7, bytes)
    }

    fn server(&mut self, bytes: &[u8]) {
        assert_eq!(self.feed(0, Some(Side::Server), 7, bytes), []);
    }

    fn captured(
        &mut self,
        stream: u64,
        from: Option<Side>,
        time: i64,
        bytes: &[u8],
    ) -> CapturedPacket {
        self.frame += 1;
        let (src, dst) = match from {
            Some(Side::Server) => (SERVER, CLIENT),
            _ => (CLIENT, SERVER),
        };
        CapturedPacket {
            at: Location {
                frame: self.frame,
                time: Some(Timestamp {
                    nanos: time,
                    digits: 9,
                }),
                stream,
                src: src.parse().unwrap(),
                dst: dst.parse().unwrap(),
                from,
                transport: "tcp",
            },
            version: Version::V5,
            version_from: VersionFrom::Connect,
            bytes: Bytes::copy_from_slice(bytes),
            announced_len: bytes.len(),
        }
    }

    fn steps(&mut self, record: &Record) -> Vec<Step> {
        let step = self.source.record(record).break_value();
        step.into_iter().chain(self.source.after.take()).collect()
    }
}

/// The messages among the steps: topic and payload.
fn messages(steps: &[Step]) -> Vec<(&str, &[u8])> {
    let message = |step| match step {
        &Step {
            action: Action::Publish(ref publication),
            ..
        } => Some((publication.topic.as_str(), &publication.payload[..])),
        _ => None,
    };
    steps.iter().filter_map(message).collect()
}

#[test]
fn a_message_is_kept_but_for_its_alias_and_packet_id() {
    let mut fed = Fed::new();
    // PUBLISH, QoS 1, RETAIN; topic "t"; id 10; properties: payload format 1, alias 3, content
    // type "c"; payload "hi".
    let steps = fed.client(b"\x33\x11\x00\x01t\x00\x0a\x09\x01\x01\x23\x00\x03\x03\x00\x01chi");
    let mut publication =
        Publication::new(TopicName::new("t").unwrap(), &b"hi"[..], QoS::AtLeastOnce);
    publication.retain = true;
    let properties = publication.properties.as_properties();
    assert!(properties.is_empty());
    let [open, publish] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(
        open.action,
        Action::Open(Captured {
            client: CLIENT.parse().unwrap(),
            version: Version::V5
        })
    );
    let Action::Publish(found) = &publish.action else {
        panic!("{publish:?}");
    };
    assert_eq!(
        found.properties.as_properties().as_bytes(),
        b"\x01\x01\x03\x00\x01c"
    );
    publication.properties = found.properties.clone();
    assert_eq!(found, &publication);
    assert_eq!((publish.session, publish.time), (0, Some(7)));
}

#[test]
fn aliases_stand_for_their_topics_until_packets_are_lost() {
    let mut fed = Fed::new();
    let by_alias = b"\x30\x07\x00\x00\x03\x23\x00\x01x";
    assert_eq!(fed.client(by_alias), []);
    let first = fed.client(b"\x30\x08\x00\x01a\x03\x23\x00\x01w");
    assert_eq!(messages(&first), [("a", &b"w"[..])]);
    assert_eq!(messages(&fed.client(by_alias)), [("a", &b"x"[..])]);
    // Another connection has its own.
    assert_eq!(fed.feed(1, Some(Side::Client), 7, by_alias), []);
    assert_eq!(fed.source.skips().no_topic, 2);

    let gap = |from| {
        Record::Gap(Gap {
            at: Location {
                frame: 9,
                time: None,
                stream: 0,
                src: CLIENT.parse().unwrap(),
                dst: SERVER.parse().unwrap(),
                from,
                transport: "tcp",
            },
            lost: 12,
            resynced_at_frame: None,
        })
    };
    // What the server sent says nothing about them.
    assert_eq!(fed.steps(&gap(Some(Side::Server))), []);
    assert_eq!(messages(&fed.client(by_alias)), [("a", &b"x"[..])]);
    assert_eq!(fed.steps(&gap(Some(Side::Client))), []);
    assert_eq!(fed.client(by_alias), []);
    let expected = Skips {
        gaps: 1,
        lost_bytes: 12,
        no_topic: 3,
        ..Skips::default()
    };
    assert_eq!(fed.source.skips(), expected);
}

#[test]
fn a_repeat_is_no_message_but_a_new_use_of_its_id_is() {
    let mut fed = Fed::new();
    let publish = |byte1: u8, id: u8| [byte1, 7, 0, 1, b't', 0, id, 0, b'x'];
    let (new, again) = (0x32, 0x3a);
    assert_eq!(messages(&fed.client(&publish(new, 1))).len(), 1);
    assert_eq!(fed.client(&publish(again, 1)), []);
    assert_eq!(fed.client(&publish(again, 1)), []);
    assert_eq!(fed.source.skips().duplicates, 2);
    // PUBACK: the next message may have the id, and be lost and repeated at once.
    fed.server(b"\x40\x02\x00\x01");
    assert_eq!(messages(&fed.client(&publish(again, 1))).len(), 1);
    // A client whose acknowledgements are not in the capture.
    assert_eq!(messages(&fed.client(&publish(new, 1))).len(), 1);
    // QoS 2: PUBREC leaves the id in use, PUBCOMP frees it; a refusal frees it at once.
    let (new, again) = (0x34, 0x3c);
    assert_eq!(messages(&fed.client(&publish(new, 2))).len(), 1);
    fed.server(b"\x50\x02\x00\x02");
    assert_eq!(fed.client(&publish(again, 2)), []);
    fed.server(b"\x70\x02\x00\x02");
    assert_eq!(messages(&fed.client(&publish(again, 2))).len(), 1);
    fed.server(b"\x50\x03\x00\x02\x87");
    assert_eq!(messages(&fed.client(&publish(again, 2))).len(), 1);
    assert_eq!(fed.source.skips().duplicates, 3);
    assert_eq!(fed.source.messages(), 6);
}

#[test]
fn what_cannot_be_played_is_counted() {
    let mut fed = Fed::new();
    // QoS 3; a wildcard in the topic; the topic longer than the packet.
    for bad in [
        &b"\x36\x06\x00\x01t\x00\x01\x00"[..],
        b"\x30\x04\x00\x01#\x00",
        b"\x30\x04\x00\x09t\x00",
    ] {
        assert_eq!(fed.client(bad), [], "{bad:?}");
    }
    let mut cut = fed.captured(0, Some(Side::Client), 7, b"\x30\x09\x00\x01t\x00");
    cut.announced_len = 11;
    assert_eq!(fed.steps(&Record::Packet(cut)), []);
    let good = b"\x30\x04\x00\x01t\x00";
    assert_eq!(fed.feed(0, None, 7, good), []);
    // What the server publishes is nobody's loss.
    assert_eq!(fed.feed(0, Some(Side::Server), 7, good), []);
    let expected = Skips {
        malformed: 3,
        cut: 1,
        unknown_sender: 1,
        ..Skips::default()
    };
    assert_eq!(fed.source.skips(), expected);
    assert_eq!((fed.source.messages(), fed.source.sessions()), (0, 0));
}

#[test]
fn sessions_open_with_their_first_message_and_end_with_disconnect() {
    let mut fed = Fed::new();
    let publish = b"\x30\x04\x00\x01t\x00";
    let (client, disconnect) = (Some(Side::Client), b"\xe0\x00");
    let is_open = |step: &Step| matches!(step.action, Action::Open(_));
    // A subscriber that leaves is not played.
    assert_eq!(fed.feed(4, client, 1, disconnect), []);
    let first = fed.feed(5, client, 100, publish);
    let second = fed.feed(2, client, 90, publish);
    let sessions = |steps: &[Step]| steps.iter().map(|s| s.session).collect::<Vec<_>>();
    assert_eq!(sessions(&first), [0, 0]);
    assert_eq!(sessions(&second), [1, 1]);
    assert!(first.first().is_some_and(is_open) && second.first().is_some_and(is_open));
    // A clock that goes back does not turn the order of a session around.
    let third = fed.feed(5, client, 95, publish);
    assert_eq!(third.len(), 1);
    assert_eq!(third[0].time, Some(100));
    let leave = |session, time| Step {
        session,
        time: Some(time),
        action: Action::Leave,
    };
    assert_eq!(fed.feed(5, client, 130, disconnect), [leave(0, 130)]);
    // Who comes back is somebody new; a second CONNECT ends a session, too.
    let back = fed.feed(5, client, 140, publish);
    assert_eq!(sessions(&back), [2, 2]);
    let connect = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00";
    assert_eq!(fed.feed(5, client, 150, connect), [leave(2, 150)]);
    assert_eq!(fed.source.sessions(), 3);
    assert_eq!(fed.source.captured(), Duration::from_nanos(140 - 90));
}

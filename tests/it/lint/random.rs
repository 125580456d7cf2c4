//! Any traffic at all: the tracker neither panics nor blames with a rule that the version lacks.

use midge::mqtt::decode::Context;
use midge::mqtt::session::{At, Input, Tracker};
use midge::mqtt::{Side, Version};
use proptest::prelude::*;

use crate::scenarios::packet_text;

const LINES: &[&str] = &[
    "CONNECT v5 receive_maximum=1 topic_alias_maximum=1 session_expiry_interval=9",
    "CONNECT v5 clean=0 authentication_method=x keep_alive=1",
    "CONNECT v311 clean=0 keep_alive=1",
    "CONNECT v31",
    "CONNACK 0 resumed receive_maximum=1 maximum_packet_size=9 topic_alias_maximum=1",
    "CONNACK 0 new",
    "CONNACK 0x87",
    "SUBSCRIBE 1 a@2 #@1 subscription_identifier=2",
    "SUBSCRIBE 2 $share/g/a@1",
    "SUBACK 1 2 1",
    "SUBACK 2 0x80",
    "UNSUBSCRIBE 1 a",
    "UNSUBACK 1 0",
    "PUBLISH a 1 q1 id=1",
    "PUBLISH a 1 q1 id=1 dup",
    "PUBLISH a 2 q2 id=1 retain",
    "PUBLISH a 2 q2 id=2 dup subscription_identifier=2",
    "PUBLISH b 2 topic_alias=1",
    "PUBLISH '' 2 topic_alias=1",
    "PUBACK 1",
    "PUBREC 1",
    "PUBREC 2 0x80",
    "PUBREL 1",
    "PUBREL 2",
    "PUBCOMP 1",
    "PUBCOMP 2",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT 0x9b",
    "AUTH 0x18 authentication_method=y",
];

proptest! {
    #[test]
    fn whatever_comes(
        steps in prop::collection::vec(
            (0..4u64, any::<bool>(), 0..LINES.len() + 5, any::<u8>(), 0..3_000i64),
            1..300,
        ),
    ) {
        let mut tracker = Tracker::new();
        let mut versions = [Version::V311; 4];
        let mut time = 0;
        for (frame, (stream, is_client, what, flip, wait)) in (1..).zip(steps) {
            time += wait * 1_000_000;
            let at = At { stream, frame, time: Some(time), server: 1 };
            let side = if is_client { Side::Client } else { Side::Server };
            let Some(line) = LINES.get(what) else {
                match what - LINES.len() {
                    0 => tracker.lost(at, Some(side)),
                    1 => tracker.ended(at, Some(side)),
                    2 => tracker.over(at),
                    3 => tracker.opened(at, Some(side)),
                    _ => tracker.captured(at),
                }
                continue;
            };
            let version = &mut versions[stream as usize];
            // Some packets do not exist in some versions.
            let Ok(mut bytes) = packet_text::parse(line, "x", version) else {
                continue;
            };
            if flip < 20 {
                let i = usize::from(flip) % bytes.len();
                bytes[i] ^= 0x11;
            }
            let context = Context { version: *version, from: Some(side) };
            let announced_len = bytes.len();
            tracker.packet(&Input { at, bytes: &bytes, announced_len, context });
        }
        tracker.finish();
        while let Some(finding) = tracker.next_finding() {
            prop_assert!(!finding.ids.is_empty(), "{:?}", finding);
            prop_assert!(finding.frames.is_sorted());
            prop_assert!(!finding.message.ends_with('.'));
        }
    }
}

//! Records in, steps out. The packets are written by hand from the standard.

use bytes::Bytes;

use super::*;
use crate::capture::{Gap, Location, Timestamp, Turn, TurnKind, VersionFrom};
use crate::cmd::capture_replay::step::Answer;
use crate::mqtt::packet::SubscriptionOptions;

const CLIENT: &str = "192.0.2.1:50000";
const SERVER: &str = "192.0.2.2:1883";
/// 5.0, Clean Start, Keep Alive 60, Client Identifier "c".
const CONNECT: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01c";

/// A source that is fed record by record.
struct Fed {
    source: Source,
    frame: u64,
}

impl Fed {
    fn new(mode: Mode) -> Fed {
        Fed::with(mode, Inferred::default(), |_| ())
    }

    fn with(mode: Mode, inferred: Inferred, change: impl FnOnce(&mut Settings)) -> Fed {
        let mut settings = Settings {
            mode,
            rewrite: Rewrite::none(),
            select: None,
            sn_topics: Arc::default(),
            keep_alive: 60,
            is_verifying: false,
            infers: false,
        };
        change(&mut settings);
        Fed {
            source: Source::new(Records::none(), Arc::new(settings), inferred, 1),
            frame: 0,
        }
    }

    fn messages() -> Fed {
        Fed::new(Mode::Messages(Side::Client))
    }

    /// The steps that a packet makes, sent in `stream` at `time` nanoseconds.
    fn feed(&mut self, stream: u64, from: Option<Side>, time: i64, bytes: &[u8]) -> Vec<String> {
        let packet = self.captured(stream, from, time, bytes);
        self.steps(&Record::Packet(packet))
    }

    /// As [`feed`](Self::feed), from the client of stream 0.
    fn client(&mut self, bytes: &[u8]) -> Vec<String> {
        self.feed(0, Some(Side::Client), 7, bytes)
    }

    fn server(&mut self, bytes: &[u8]) -> Vec<String> {
        self.feed(0, Some(Side::Server), 7, bytes)
    }

    fn at(&mut self, stream: u64, from: Option<Side>, time: i64) -> Location {
        self.frame += 1;
        let (src, dst) = match from {
            Some(Side::Server) => (SERVER, CLIENT),
            _ => (CLIENT, SERVER),
        };
        Location {
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
        }
    }

    fn captured(
        &mut self,
        stream: u64,
        from: Option<Side>,
        time: i64,
        bytes: &[u8],
    ) -> CapturedPacket {
        CapturedPacket {
            at: self.at(stream, from, time),
            version: Version::V5,
            version_from: VersionFrom::Connect,
            bytes: Bytes::copy_from_slice(bytes),
            announced_len: bytes.len(),
        }
    }

    fn turn(&mut self, from: Side, kind: TurnKind) -> Vec<String> {
        let at = self.at(0, Some(from), 9);
        self.steps(&Record::Turn(Turn { at, kind }))
    }

    fn steps(&mut self, record: &Record) -> Vec<String> {
        self.source.record(record);
        self.source.out.drain(..).map(|step| shown(&step)).collect()
    }
}

/// `SESSION@TIME WHAT`.
fn shown(step: &Step) -> String {
    let filters = |list: &[(String, SubscriptionOptions)]| {
        let filters = list.iter();
        let filters = filters.map(|(filter, options)| format!("{filter} q{}", options.qos.as_u8()));
        filters.collect::<Vec<_>>().join(", ")
    };
    let what = match &step.action {
        Action::Open(opening) => format!(
            "open{} '{}'",
            if opening.is_made_up { " made-up" } else { "" },
            opening.connect.client_id
        ),
        Action::Subscribe(request) => format!("subscribe {}", filters(&request.filters)),
        Action::Unsubscribe(request) => format!("unsubscribe {}", filters(&request.filters)),
        Action::Publish(message) => {
            let publication = &message.publication;
            format!(
                "publish {} {} q{}",
                publication.topic,
                publication.payload.escape_ascii(),
                publication.qos.as_u8()
            )
        }
        Action::Rest(rest) => format!("rest {rest:?}"),
        Action::Leave(leave, _) => match leave {
            Leave::Disconnect(reason, _) => format!("disconnect {:02x}", reason.0),
            Leave::Cut => "cut".to_owned(),
            Leave::ByServer(said) => format!("ended {:02x?}", said.map(|said| said.0)),
            Leave::Unseen => "unseen".to_owned(),
        },
        Action::Answered(answer) => match answer {
            Answer::Connected { reason, .. } => format!("connected {:02x}", reason.0),
            Answer::Subscribed { reasons, .. } => format!("subscribed {:02x}", reasons[0].0),
            Answer::Unsubscribed { .. } => "unsubscribed".to_owned(),
            Answer::Published { reason, .. } => format!("published {:02x}", reason.0),
            Answer::Owed(_) => "owed".to_owned(),
            Answer::Delivered(_) => "delivered".to_owned(),
        },
    };
    let time = step.time.map_or("-".to_owned(), |time| time.to_string());
    format!("{}@{time} {what}", step.session)
}

/// The messages among the steps: topic and payload.
fn messages(steps: &[String]) -> Vec<&str> {
    let message = |step: &'_ String| step.find(" publish ").map(|at| at + " publish ".len());
    steps
        .iter()
        .filter_map(|step| Some(&step[message(step)?..]))
        .collect()
}

#[test]
fn a_session_is_what_the_client_did_and_what_it_was_answered() {
    let mut fed = Fed::new(Mode::Sessions);
    assert_eq!(fed.client(CONNECT), ["0@7 open 'c'"]);
    assert_eq!(fed.server(b"\x20\x03\x00\x00\x00"), ["0@7 connected 00"]);
    // SUBSCRIBE "a/#" at QoS 1 and its SUBACK.
    let subscribe = b"\x82\x09\x00\x05\x00\x00\x03a/#\x01";
    assert_eq!(fed.client(subscribe), ["0@7 subscribe a/# q1"]);
    assert_eq!(
        fed.server(b"\x90\x04\x00\x05\x00\x01"),
        ["0@7 subscribed 01"]
    );
    // QoS 2, whose PUBREC has the code of the exchange.
    let publish = b"\x34\x07\x00\x01t\x00\x06\x00x";
    assert_eq!(fed.client(publish), ["0@7 publish t x q2"]);
    assert!(fed.server(b"\x50\x03\x00\x06\x10").is_empty());
    assert_eq!(fed.server(b"\x70\x02\x00\x06"), ["0@7 published 10"]);
    // A message, and the same again.
    assert_eq!(
        fed.server(b"\x32\x07\x00\x01t\x00\x01\x00x"),
        ["0@7 delivered"]
    );
    assert!(fed.server(b"\x3a\x07\x00\x01t\x00\x01\x00x").is_empty());
    let unsubscribe = b"\xa2\x08\x00\x07\x00\x00\x03a/#";
    assert_eq!(fed.client(unsubscribe), ["0@7 unsubscribe a/# q0"]);
    assert_eq!(
        fed.server(b"\xb0\x04\x00\x07\x00\x00"),
        ["0@7 unsubscribed"]
    );
    assert_eq!(fed.client(b"\xe0\x01\x04"), ["0@7 disconnect 04"]);
    // FIN behind it says nothing more.
    assert!(fed.turn(Side::Client, TurnKind::Finished).is_empty());
    let found = fed.source.found();
    assert_eq!(
        (
            found.clients,
            found.messages,
            found.subscribes,
            found.unsubscribes
        ),
        (1, 1, 1, 1)
    );
    assert_eq!(
        (found.deliveries, found.disconnects, found.made_up),
        (1, 1, 0)
    );
}

#[test]
fn connections_end_in_three_ways_without_disconnect() {
    for (from, kind, before, end) in [
        (Side::Client, TurnKind::Finished, &b""[..], "0@9 cut"),
        (Side::Client, TurnKind::Reset, b"", "0@9 cut"),
        (Side::Server, TurnKind::Finished, b"", "0@9 ended None"),
        (
            Side::Server,
            TurnKind::Finished,
            b"\xe0\x01\x8e",
            "0@9 ended Some(8e)",
        ),
        // Who closes the connection then does not matter.
        (
            Side::Client,
            TurnKind::Finished,
            b"\xe0\x01\x97",
            "0@9 ended Some(97)",
        ),
        (
            Side::Client,
            TurnKind::Over,
            b"\xe0\x01\x97",
            "0@9 ended Some(97)",
        ),
        (Side::Client, TurnKind::Over, b"", "0@9 unseen"),
    ] {
        let mut fed = Fed::new(Mode::Sessions);
        fed.client(CONNECT);
        if !before.is_empty() {
            assert!(fed.server(before).is_empty());
        }
        assert_eq!(fed.turn(from, kind), [end]);
    }
}

/// What made the server end the connection is not in the replay: it is not asked to end it again.
#[test]
fn a_server_that_has_its_reasons_is_not_waited_for() {
    const SECOND: u64 = 1_000_000_000;
    for (seconds, bad, end) in [
        // One and a half times the Keep Alive of 60 s.
        (90, &b""[..], "cut"),
        (30, b"", "ended Some(8d)"),
        // QoS 3.
        (30, b"\x36\x06\x00\x01t\x00\x01\x00", "cut"),
    ] {
        let mut fed = Fed::new(Mode::Sessions);
        fed.client(CONNECT);
        if !bad.is_empty() {
            fed.client(bad);
        }
        let silent = 7 + seconds * SECOND as i64;
        assert!(
            fed.feed(0, Some(Side::Server), silent, b"\xe0\x01\x8d")
                .is_empty()
        );
        let steps = fed.turn(Side::Client, TurnKind::Over);
        assert_eq!(steps, [format!("0@{silent} {end}")], "{seconds} {bad:?}");
        let found = fed.source.found();
        let cuts = u64::from(end == "cut");
        assert_eq!((found.server_ends_cut, found.server_ends), (cuts, 1 - cuts));
    }
}

#[test]
fn a_second_connect_is_counted() {
    let mut fed = Fed::new(Mode::Sessions);
    fed.client(CONNECT);
    assert_eq!(fed.source.found().second_connects, 0);
    assert_eq!(fed.client(CONNECT), ["0@7 cut", "1@7 open 'c'"]);
    assert_eq!(fed.source.found().second_connects, 1);
}

#[test]
fn what_has_no_begin_gets_one() {
    let mut fed = Fed::new(Mode::Sessions);
    // Nobody knows what a client is there for that does nothing.
    assert!(fed.server(b"\x30\x04\x00\x01t\x00").is_empty());
    assert!(fed.client(b"\xc0\x00").is_empty());
    let steps = fed.client(b"\x30\x05\x00\x01t\x00x");
    assert_eq!(
        steps,
        ["0@7 open made-up 'made-0000'", "0@7 publish t x q0"]
    );
    assert_eq!(fed.source.found().made_up, 1);
    // With a subscription that is inferred, it is there first.
    let mut fed = Fed::with(Mode::Sessions, Inferred::default(), |s| s.infers = true);
    let delivery = b"\x32\x06\x00\x01t\x00\x01\x00";
    assert!(fed.server(delivery).is_empty());
    let mut fed = Fed::with(Mode::Sessions, fed.source.take_inferred(), |s| {
        s.infers = true
    });
    let first: Vec<String> = fed.source.out.drain(..).map(|step| shown(&step)).collect();
    assert_eq!(
        first,
        [
            "0@- open made-up 'made-0000'",
            "0@- owed",
            "0@- subscribe t q1",
            "0@- owed"
        ]
    );
    assert_eq!(
        fed.server(b"\x32\x06\x00\x01t\x00\x01\x00"),
        ["0@7 delivered"]
    );
}

#[test]
fn a_client_that_comes_back_repeats_what_was_not_answered() {
    let mut fed = Fed::new(Mode::Sessions);
    // Clean Start 0, Session Expiry Interval 10 s.
    let keep = b"\x10\x13\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01c";
    let publish = |byte1: u8| [byte1, 7, 0, 1, b't', 0, 3, 0, b'x'];
    fed.client(keep);
    assert_eq!(messages(&fed.client(&publish(0x32))), ["t x q1"]);
    assert_eq!(fed.turn(Side::Client, TurnKind::Reset), ["0@9 cut"]);
    assert_eq!(fed.feed(1, Some(Side::Client), 10, keep), ["1@10 open 'c'"]);
    // Our own flow repeats it.
    assert!(
        fed.feed(1, Some(Side::Client), 11, &publish(0x3a))
            .is_empty()
    );
    assert_eq!(fed.source.skips().duplicates, 1);
    // The next use of the identifier is a new message.
    let next = fed.feed(1, Some(Side::Client), 12, &publish(0x32));
    assert_eq!(messages(&next), ["t x q1"]);
}

#[test]
fn a_message_is_kept_but_for_its_alias_and_packet_id() {
    let mut fed = Fed::messages();
    // PUBLISH, QoS 1, RETAIN; topic "t"; id 10; properties: payload format 1, alias 3, content
    // type "c"; payload "hi".
    let packet = b"\x33\x11\x00\x01t\x00\x0a\x09\x01\x01\x23\x00\x03\x03\x00\x01chi";
    let packet = fed.captured(0, Some(Side::Client), 7, packet);
    fed.source.record(&Record::Packet(packet));
    let steps: Vec<Step> = fed.source.out.drain(..).collect();
    let [open, publish] = &steps[..] else {
        panic!("{steps:?}");
    };
    let Action::Open(opening) = &open.action else {
        panic!("{open:?}");
    };
    assert_eq!(opening.client, CLIENT.parse().unwrap());
    assert_eq!(opening.connect.version, Version::V5);
    let Action::Publish(message) = &publish.action else {
        panic!("{publish:?}");
    };
    let found = &message.publication;
    assert_eq!(
        found.properties.as_properties().as_bytes(),
        b"\x01\x01\x03\x00\x01c"
    );
    assert!(found.retain && message.is_aliased);
    assert_eq!(shown(publish), "0@7 publish t hi q1");
}

#[test]
fn aliases_stand_for_their_topics_until_packets_are_lost() {
    let mut fed = Fed::messages();
    let by_alias = b"\x30\x07\x00\x00\x03\x23\x00\x01x";
    assert!(fed.client(by_alias).is_empty());
    let first = fed.client(b"\x30\x08\x00\x01a\x03\x23\x00\x01w");
    assert_eq!(messages(&first), ["a w q0"]);
    assert_eq!(messages(&fed.client(by_alias)), ["a x q0"]);
    // Another connection has its own.
    assert!(fed.feed(1, Some(Side::Client), 7, by_alias).is_empty());
    assert_eq!(fed.source.skips().no_topic, 2);
    let mut gap = |from| {
        let at = fed.at(0, Some(from), 7);
        let lost = 12;
        Record::Gap(Gap {
            at,
            lost,
            resynced_at_frame: None,
        })
    };
    let (of_server, of_client) = (gap(Side::Server), gap(Side::Client));
    // What the server sent says nothing about them.
    assert!(fed.steps(&of_server).is_empty());
    assert_eq!(messages(&fed.client(by_alias)), ["a x q0"]);
    assert!(fed.steps(&of_client).is_empty());
    assert!(fed.client(by_alias).is_empty());
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
    for mode in [Mode::Messages(Side::Client), Mode::Sessions] {
        let mut fed = Fed::new(mode);
        let publish = |byte1: u8, id: u8| [byte1, 7, 0, 1, b't', 0, id, 0, b'x'];
        let (new, again) = (0x32, 0x3a);
        assert_eq!(messages(&fed.client(&publish(new, 1))).len(), 1);
        assert!(fed.client(&publish(again, 1)).is_empty());
        assert!(fed.client(&publish(again, 1)).is_empty());
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
        assert!(fed.client(&publish(again, 2)).is_empty());
        fed.server(b"\x70\x02\x00\x02");
        assert_eq!(messages(&fed.client(&publish(again, 2))).len(), 1);
        fed.server(b"\x50\x03\x00\x02\x87");
        assert_eq!(messages(&fed.client(&publish(again, 2))).len(), 1);
        assert_eq!(fed.source.skips().duplicates, 3);
        assert_eq!(fed.source.found().messages, 6);
    }
}

#[test]
fn what_cannot_be_played_is_counted() {
    for mode in [Mode::Messages(Side::Client), Mode::Sessions] {
        let mut fed = Fed::new(mode);
        // QoS 3; a wildcard in the topic; the topic longer than the packet.
        for bad in [
            &b"\x36\x06\x00\x01t\x00\x01\x00"[..],
            b"\x30\x04\x00\x01#\x00",
            b"\x30\x04\x00\x09t\x00",
        ] {
            assert!(fed.client(bad).is_empty(), "{bad:?}");
        }
        let mut cut = fed.captured(0, Some(Side::Client), 7, b"\x30\x09\x00\x01t\x00");
        cut.announced_len = 11;
        assert!(fed.steps(&Record::Packet(cut)).is_empty());
        let good = b"\x30\x04\x00\x01t\x00";
        assert!(fed.feed(0, None, 7, good).is_empty());
        // What the server publishes is nobody's loss.
        assert!(fed.feed(0, Some(Side::Server), 7, good).is_empty());
        let expected = Skips {
            malformed: 3,
            cut: 1,
            unknown_sender: 1,
            ..Skips::default()
        };
        assert_eq!(fed.source.skips(), expected);
        let found = fed.source.found();
        assert_eq!((found.messages, found.clients), (0, 0));
    }
}

#[test]
fn publishers_open_with_their_first_message_and_end_with_disconnect() {
    let mut fed = Fed::messages();
    let publish = b"\x30\x04\x00\x01t\x00";
    let (client, disconnect) = (Some(Side::Client), b"\xe0\x00");
    // A subscriber that leaves is not played.
    assert!(fed.feed(4, client, 1, disconnect).is_empty());
    let first = fed.feed(5, client, 100, publish);
    assert_eq!(
        first,
        ["0@100 open made-up 'made-0000'", "0@100 publish t  q0"]
    );
    let second = fed.feed(2, client, 90, publish);
    assert_eq!(
        second,
        ["1@100 open made-up 'made-0001'", "1@100 publish t  q0"].map(|s| s.replace("100", "90"))
    );
    // A clock that goes back does not turn the order of a session around.
    assert_eq!(fed.feed(5, client, 95, publish), ["0@100 publish t  q0"]);
    assert_eq!(fed.feed(5, client, 130, disconnect), ["0@130 unseen"]);
    // Who comes back is somebody new; a second CONNECT ends a session, too.
    let back = fed.feed(5, client, 140, publish);
    assert_eq!(back[0], "2@140 open made-up 'made-0002'");
    assert_eq!(fed.feed(5, client, 150, CONNECT), ["2@150 unseen"]);
    let found = fed.source.found();
    assert_eq!(found.clients, 3);
    assert_eq!(found.captured.as_nanos(), 140 - 90);
}

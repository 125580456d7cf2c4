//! `--stats`, held against the packets that it counts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{run, run_with_input};

fn path(capture: &str) -> String {
    format!("{}/tests/captures/{capture}", env!("CARGO_MANIFEST_DIR"))
}

fn objects(args: &[&str]) -> Vec<Value> {
    let ended = run(&[&["decode", "--json"], args].concat());
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Nanoseconds of `...:SS.ffffffZ`; all packets of these captures lie within a minute.
fn nanoseconds(object: &Value) -> u64 {
    let time = object["time"].as_str().unwrap().trim_end_matches('Z');
    let (seconds, fraction) = time.rsplit(':').next().unwrap().split_once('.').unwrap();
    let fraction: u64 = format!("{fraction:0<9}").parse().unwrap();
    seconds.parse::<u64>().unwrap() * 1_000_000_000 + fraction
}

#[test]
fn rows_are_the_sums_of_the_packets() {
    for capture in [
        "mosq20_v311_lo.pcap",
        "mosq20_v5_ip6.pcap",
        "zeek_mqtt.pcap",
    ] {
        let all = objects(&[&path(capture)]);
        let stats = objects(&["--stats", &path(capture)]);
        assert_eq!(stats.len(), 2, "{capture}");
        let (summary, stats) = (&stats[0], &stats[1]);
        assert_eq!(
            (&summary["record"], &stats["record"]),
            (&"summary".into(), &"stats".into())
        );
        assert_eq!(summary["packets"], all.len());
        for row in stats["connections"].as_array().unwrap() {
            let own = all
                .iter()
                .filter(|object| object["stream"] == row["stream"]);
            let own: Vec<&Value> = own.collect();
            for from in ["client", "server"] {
                let sent = own.iter().filter(|object| object["from"] == from).count();
                assert_eq!(row[format!("packets_from_{from}")], sent, "{capture} {row}");
            }
            let connect = own
                .iter()
                .find(|object| object["type"] == "CONNECT")
                .unwrap();
            assert_eq!(row["client_id"], connect["client_id"]);
            assert_eq!(row["client"], connect["src"]);
            assert_eq!(row["version"], connect["version"]);
            assert_eq!(row["keep_alive"], connect["keep_alive"]);
        }
        let mut published: BTreeMap<&str, u64> = BTreeMap::new();
        for object in &all {
            if object["type"] == "PUBLISH" && object["from"] == "client" {
                *published
                    .entry(object["topic"].as_str().unwrap())
                    .or_default() += 1;
            }
        }
        let rows = stats["topics"].as_array().unwrap();
        for (topic, count) in published {
            let row = rows.iter().find(|row| row["topic"] == topic).unwrap();
            assert_eq!(row["published"], count, "{capture} {topic}");
        }
    }
}

#[test]
fn delays_are_the_differences_of_times() {
    let capture = path("mosq20_v311_lo.pcap");
    let all = objects(&[&capture]);
    let mut delays = Vec::new();
    for (i, publish) in all.iter().enumerate() {
        if publish["type"] == "PUBLISH" && publish["qos"] == 1 {
            let ack = all[i..].iter().find(|ack| {
                ack["type"] == "PUBACK"
                    && ack["stream"] == publish["stream"]
                    && ack["packet_id"] == publish["packet_id"]
                    && ack["from"] != publish["from"]
            });
            delays.push(nanoseconds(ack.unwrap()) - nanoseconds(publish));
        }
    }
    delays.sort_unstable();
    let stats = &objects(&["--stats", &capture])[1];
    let row = stats["delays"].as_array().unwrap().iter();
    let row = row
        .clone()
        .find(|row| row["delay"] == "PUBLISH to PUBACK")
        .unwrap();
    assert_eq!(row["count"], delays.len());
    assert_eq!(row["min_ns"], delays[0]);
    assert_eq!(row["max_ns"], delays[delays.len() - 1]);
    // Three digits are kept of what lies between.
    let median = row["p50_ns"].as_u64().unwrap() as f64;
    let half = delays.len() / 2;
    let (low, high) = (delays[half - 1] as f64 * 0.999, delays[half] as f64 * 1.001);
    assert!((low..=high).contains(&median), "{median} of {delays:?}");
    // Each message reached the one subscriber.
    let row = stats["delays"].as_array().unwrap().last().unwrap();
    assert_eq!(row["delay"], "publisher to subscriber");
    let delivered = all
        .iter()
        .filter(|o| o["type"] == "PUBLISH" && o["from"] == "server");
    assert_eq!(row["count"], delivered.count());
}

/// QoS 1 #1 acknowledged, #2 sent twice with DUP and acknowledged, #3 not; QoS 2 #4 up to PUBREC;
/// SUBSCRIBE #5 without an answer.
#[test]
fn what_is_open_and_what_was_sent_again() {
    let talk = "3206 0001 61 0001 00 4002 0001 \
        3206 0001 61 0002 00 3a06 0001 61 0002 00 4002 0002 \
        3206 0001 62 0003 00 3406 0001 62 0004 00 5002 0004 8207 0005 00 0001 61 00";
    // Without a capture nobody says who sent what, but acknowledgements come from the other side.
    let client = objects(&["--stats", "--mqtt-version", "5", talk]);
    let stats = &client[1];
    assert_eq!((&stats["dup"], &stats["repeated"]), (&1.into(), &1.into()));
    assert_eq!(stats["unacked"], 2);
    assert_eq!(stats["unanswered"], 1);
    assert_eq!(stats["topics"][0]["topic"], "a");
    let counts = |stats: &Value, key: &str| stats["topics"][0][key].as_u64();
    assert_eq!(counts(stats, "published"), Some(0));
    assert_eq!(counts(stats, "unknown"), Some(3));
    let client = objects(&["--stats", "--mqtt-version", "5", "--from", "client", talk]);
    assert_eq!(counts(&client[1], "published"), Some(3));
    assert_eq!(counts(&client[1], "unknown"), None);
}

/// PINGREQ can only come from a client, PUBLISH from either side.
#[test]
fn who_sent_a_text_is_not_made_up() {
    let talk = "3003000161 c000 3003000161";
    let unknown = objects(&["--stats", talk]);
    let types = &unknown[0]["types"];
    assert_eq!(types["PUBLISH"]["from_client"], 0);
    assert_eq!(types["PUBLISH"]["from_unknown"], 2);
    assert_eq!(types["PINGREQ"]["from_client"], 1);
    assert_eq!(types["PINGREQ"].get("from_unknown"), None);
    let row = &unknown[1]["connections"][0];
    assert_eq!(row["packets_from_client"], 1);
    assert_eq!(row["packets_from_unknown"], 2);
    assert_eq!(row["bytes_from_unknown"], 10);
    let client = objects(&["--summary", "--from", "client", talk]);
    assert_eq!(client[0]["types"]["PUBLISH"]["from_client"], 2);
    let table = run(&["decode", "--stats", talk]);
    assert!(table.text().contains("unknown") && table.text().contains("packets ?"));
    assert!(
        !run(&["decode", "--stats", "c000"])
            .text()
            .contains("unknown")
    );
}

/// QoS 3 with two bytes of payload, and DUP at QoS 0.
#[test]
fn what_is_broken_counts_the_same_everywhere() {
    let all = objects(&["--stats", "--from=client", "3607000161000178793803000161"]);
    assert_eq!(all[0]["broken"], 2);
    assert_eq!(all[0]["payload_bytes"], 2);
    assert_eq!(all[1]["topics"][0]["payload_bytes"], 2);
    // At QoS 0 nothing is sent again.
    assert_eq!(all[1]["dup"], 0);
}

#[test]
fn an_end_that_is_not_selected_is_an_end() {
    let capture = path("mosq20_v5_ip6.pcap");
    let all = objects(&["--stats", &capture]);
    let some = objects(&["--stats", "--type", "PUBLISH", &capture]);
    let ends = |stats: &Value| -> Vec<Value> {
        let rows = stats["connections"].as_array().unwrap();
        rows.iter().map(|row| row["end"].clone()).collect()
    };
    assert_eq!(ends(&some[1]), ends(&all[1]));
    assert_eq!(ends(&some[1])[0], "DISCONNECT from the client");
}

/// Counted in the messages themselves.
#[test]
fn messages_of_mqtt_sn_are_counted_by_type() {
    let capture = path("rsmb_mqttsn_1884.pcap");
    let all = objects(&[&capture]);
    let stats = objects(&["--stats", &capture]);
    let types = stats[0]["sn_types"].as_object().unwrap();
    let mut messages = 0;
    for (name, count) in types {
        let of = |side: &str| {
            let is_it = |o: &&Value| o["type"] == **name && o["from"] == side;
            all.iter().filter(is_it).count()
        };
        assert_eq!(count["from_client"], of("client"), "{name}");
        assert_eq!(count["from_server"], of("server"), "{name}");
        messages += of("client") + of("server");
    }
    assert_eq!(messages, all.len());
    assert_eq!(stats[0]["first_time"], all[0]["time"]);
    let delays = stats[1]["delays"].as_array().unwrap();
    let count = |name: &str| delays.iter().find(|d| d["delay"] == name).unwrap()["count"].clone();
    for (delay, answer) in [
        ("REGISTER to REGACK", "REGACK"),
        ("SUBSCRIBE to SUBACK", "SUBACK"),
        ("CONNECT to CONNACK", "CONNACK"),
    ] {
        let answers = all.iter().filter(|o| o["type"] == answer).count();
        assert_eq!(count(delay), answers, "{delay}");
    }
}

#[test]
fn a_selection_narrows_the_rows_and_keeps_the_answers() {
    let capture = path("mosq20_v5_ip6.pcap");
    let stats = &objects(&[
        "--stats",
        "--topic",
        "sensor/bin",
        "--type",
        "PUBLISH",
        &capture,
    ])[1];
    assert_eq!(stats["topics"].as_array().unwrap().len(), 1);
    assert_eq!(stats["unacked"], 0);
    let delays = stats["delays"].as_array().unwrap();
    assert_eq!(delays[0]["delay"], "PUBLISH to PUBACK");
}

#[test]
fn tables_show_nothing_raw() {
    // CONNECT with client id "\x1b[2J", PUBLISH to "\x1b[2J".
    let talk = "1010 0004 4d515454 04 02 003c 0004 1b5b324a 3006 0004 1b5b324a";
    let ended = run(&["decode", "--stats", talk]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("\\u{1b}[2J"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

/// A capture (raw IPv4, no checksums) of one connection: bytes, flags of TCP, and whether the client
/// sent them, 0.25 s apart.
fn capture(segments: &[(bool, u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    file.extend(101_u32.to_le_bytes());
    let mut sent = [100_u32; 2];
    for (i, (from_client, flags, bytes)) in segments.iter().enumerate() {
        let (own, other) = (usize::from(!from_client), usize::from(*from_client));
        let (src, dst) = if *from_client { (1, 2) } else { (2, 1) };
        let port = |host: u8| if host == 1 { 40_000_u16 } else { 1883 };
        let len = 40 + bytes.len() as u16;
        let mut frame = vec![0x45, 0];
        frame.extend(len.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, src, 10, 0, 0, dst]);
        frame.extend(port(src).to_be_bytes());
        frame.extend(port(dst).to_be_bytes());
        frame.extend(sent[own].to_be_bytes());
        frame.extend(sent[other].to_be_bytes());
        frame.extend([0x50, *flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(*bytes);
        sent[own] += bytes.len() as u32 + u32::from(flags & 3 != 0);
        let time = 1_000_000 + 250_000 * i as u32;
        file.extend((time / 1_000_000).to_le_bytes());
        file.extend((time % 1_000_000).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(frame);
    }
    file
}

/// FIN, RST, ACK of TCP, and bytes that are pushed.
const FIN: u8 = 0x11;
const RST: u8 = 0x14;
const DATA: u8 = 0x18;

#[test]
fn how_a_connection_ends() {
    let open: [(bool, u8, &[u8]); 4] = [
        (true, 2, b""),
        (false, 0x12, b""),
        (true, DATA, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01c"),
        (false, DATA, b"\x20\x02\0\0"),
    ];
    let bye = (true, DATA, &b"\xe0\0"[..]);
    for (rest, end) in [
        (&[][..], "open at the end"),
        (
            &[(true, FIN, &b""[..])],
            "closed by the client, no DISCONNECT",
        ),
        (
            &[(false, FIN, b""), (true, FIN, b"")],
            "closed by the server, no DISCONNECT",
        ),
        (&[(true, RST, b"")], "reset by the client, no DISCONNECT"),
        (&[(false, RST, b"")], "reset by the server, no DISCONNECT"),
        (&[bye, (true, FIN, b"")], "DISCONNECT from the client"),
        (&[bye, (false, RST, b"")], "DISCONNECT from the client"),
    ] {
        let segments = [&open[..], rest].concat();
        for lint in [&[][..], &["--lint=error"]] {
            let args = [&["decode", "--stats", "--json"], lint].concat();
            let ended = run_with_input(&args, &capture(&segments));
            let text = String::from_utf8(ended.stdout).unwrap();
            let stats: Value = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .find(|object: &Value| object["record"] == "stats")
                .unwrap();
            let row = &stats["connections"][0];
            assert_eq!(row["end"], end, "{lint:?}");
            // From CONNECT on: packets stand 0.25 s apart.
            let packets = if rest.first() == Some(&bye) { 3.0 } else { 2.0 };
            assert_eq!(row["seconds"], 0.25 * (packets - 1.0));
            assert_eq!(
                row["packets_per_second"],
                packets / (0.25 * (packets - 1.0))
            );
        }
    }
}

#[test]
fn types_have_rates() {
    let ping: (bool, u8, &[u8]) = (true, DATA, b"\xc0\0");
    let segments = [
        (true, 2, &b""[..]),
        (false, 0x12, b""),
        (true, DATA, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01c"),
        ping,
        ping,
        ping,
        ping,
    ];
    let ended = run_with_input(&["decode", "--summary", "--json"], &capture(&segments));
    let summary: Value = serde_json::from_slice(&ended.stdout).unwrap();
    // Four in the second from the first packet to the last.
    assert_eq!(summary["types"]["PINGREQ"]["per_second"], 4.0);
    assert_eq!(summary["types"]["CONNECT"]["per_second"], 1.0);
    // Nobody knows how long a text took.
    let text = objects(&["--summary", "c000"]);
    assert_eq!(text[0]["types"]["PINGREQ"].get("per_second"), None);
}

#[test]
fn clients_of_mqtt_sn_have_rows() {
    let capture = path("rsmb_mqttsn_1884.pcap");
    let all = objects(&[&capture]);
    let stats = &objects(&["--stats", &capture])[1];
    let rows = stats["connections"].as_array().unwrap();
    for row in rows {
        assert_eq!(row["protocol"], "mqtt-sn");
        let own = all.iter().filter(|o| o["stream"] == row["stream"]);
        let own: Vec<&Value> = own.collect();
        for from in ["client", "server"] {
            let sent = own.iter().filter(|object| object["from"] == from).count();
            assert_eq!(row[format!("packets_from_{from}")], sent, "{row}");
        }
        let connect = own.iter().find(|object| object["type"] == "CONNECT");
        assert_eq!(
            row.get("client_id"),
            connect.and_then(|connect| connect.get("client_id"))
        );
        let bye = own
            .iter()
            .any(|o| o["type"] == "DISCONNECT" && o["from"] == "client");
        assert_eq!(row["end"] == "DISCONNECT from the client", bye, "{row}");
    }
    let seen: u64 = rows
        .iter()
        .map(|row| {
            row["packets_from_client"].as_u64().unwrap()
                + row["packets_from_server"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(seen, all.len() as u64);
    // As lines call them.
    let some = objects(&["--stream", "u3", &capture]);
    let own = all.iter().filter(|o| o["stream"] == 3);
    assert!(!some.is_empty() && some.iter().eq(own));
}

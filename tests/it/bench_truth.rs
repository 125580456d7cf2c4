//! Whether the figures of bench can be believed where the broker does what a load test exists for:
//! it stalls, refuses, loses and changes messages.

use std::time::Duration;

use midge::broker::Config;

use crate::bench_faults::{Act, bench, broker, check, result};
use crate::program::run;
use crate::test_broker::TestBroker;

/// A message's number is all that tells it from others: one that was changed on its way is none of
/// ours, and makes nothing look reordered.
#[test]
fn a_changed_stamp_is_foreign() {
    for qos in [0, 1] {
        let fault = move |number, packet: &[u8]| {
            let mut packet = packet.to_vec();
            if number == 4 {
                // Behind header, topic, packet id and properties: run, publisher, number.
                let payload = if qos == 0 { 6 } else { 8 };
                packet[payload + 8] ^= 1;
            }
            vec![Act::Forward(packet)]
        };
        let port = broker(qos, Box::new(fault));
        let ended = bench(&port, &format!("-q {qos} --count 20 --drain 200ms"));
        let expected = [
            ("received", 19),
            ("lost", 1),
            ("foreign", 1),
            ("foreign_bytes", 64),
            ("reordered", 0),
            ("duplicated", 0),
        ];
        check(&result(&ended), &expected);
    }
}

/// One message is lost, and another is refused and comes all the same: the one does not make up
/// for the other.
#[test]
fn a_loss_is_not_hidden_by_what_was_refused_and_came() {
    let fault = |number, packet: &[u8]| match number {
        3 => vec![],
        5 => vec![Act::Forward(packet.to_vec()), Act::Refuse(0x97)],
        _ => vec![Act::Forward(packet.to_vec())],
    };
    let port = broker(1, Box::new(fault));
    let ended = bench(&port, "-q 1 --count 10 --drain 200ms");
    let expected = [
        ("sent", 10),
        ("refused", 1),
        ("expected", 9),
        ("received", 9),
        ("refused_received", 1),
        ("lost", 1),
    ];
    let result = result(&ended);
    check(&result, &expected);
    assert_eq!(result["per_subscriber"][0]["lost"], 1);
    assert_eq!(ended.code(), 0x97);
}

/// 30 messages at 100 a second are due within 300 ms, and a broker that takes nothing for most of
/// them was not offered that load, however long the run goes on.
#[test]
fn what_is_offered_counts_while_messages_are_due() {
    let fault = |number, packet: &[u8]| {
        let forward = Act::Forward(packet.to_vec());
        match number {
            10 => vec![Act::Stall(Duration::from_millis(400)), forward],
            _ => vec![forward],
        }
    };
    let port = broker(1, Box::new(fault));
    let args = "-q 1 --rate 100 --count 30 --inflight 1 --assert offered>90%";
    let ended = bench(&port, args);
    let result = result(&ended);
    check(&result, &[("sent", 30), ("not_sent", 0), ("due", 30)]);
    // Number 10 left after 100 ms at the earliest, and nothing behind it before 500 ms.
    let offered = result["offered"].as_u64().unwrap();
    assert!((1..=11).contains(&offered), "{result}");
    assert_eq!(ended.code(), 5);
    assert!(
        ended
            .stderr
            .starts_with("midge: missed: offered>90%: it is "),
        "{}",
        ended.stderr
    );
}

/// A broker that stops for good: no message behind the tenth is acknowledged or delivered, five are
/// sent in vain and the others never.
#[test]
fn a_stall_to_the_end_is_in_the_percentiles() {
    let fault = |number, packet: &[u8]| match number {
        0..10 => vec![Act::Forward(packet.to_vec())],
        _ => vec![Act::LeaveUnanswered],
    };
    let port = broker(1, Box::new(fault));
    let args = "-q 1 --rate 100 --duration 1s --inflight 5 --drain 100ms \
                --assert ack.p90<200ms --assert e2e.p90<200ms --assert lateness.p90<200ms";
    let ended = bench(&port, args);
    let result = result(&ended);
    check(
        &result,
        &[
            ("sent", 15),
            ("not_sent", 85),
            ("unacknowledged", 5),
            ("lost", 5),
        ],
    );
    for latency in ["publish_to_ack_us", "publish_to_delivery_us"] {
        let at = |key: &str| result[latency][key].as_f64().unwrap();
        assert_eq!(
            (at("count"), at("lower_bounds")),
            (100.0, 90.0),
            "{latency}"
        );
        // Number 10 was due after 100 ms, and number 55, which half of them were due before, after
        // 550 ms, of 1000.
        assert!(at("max") >= 1_000_000.0, "{latency}: {result}");
        assert!(at("p50") >= 400_000.0, "{latency}: {result}");
    }
    let lateness = &result["send_lateness_us"];
    assert_eq!(
        (&lateness["count"], &lateness["lower_bounds"]),
        (&100.into(), &85.into())
    );
    assert_eq!(ended.code(), 5);
    for figure in ["ack", "e2e", "lateness"] {
        let missed = format!("midge: missed: {figure}.p90<200ms: it is ");
        assert!(ended.stderr.contains(&missed), "{}", ended.stderr);
    }
}

fn limits(result: &serde_json::Value) -> Vec<(String, String)> {
    let limits = result["limited_by"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    limits
        .map(|limit| (text(&limit["what"]), text(&limit["sentence"])))
        .collect()
}

/// A broker that reads nothing any more, without a rate that would make messages late.
#[test]
fn a_broker_that_stops_for_good_is_named() {
    let fault = |number, packet: &[u8]| match number {
        0..100 => vec![Act::Forward(packet.to_vec())],
        // Longer than the test.
        _ => vec![Act::Stall(Duration::from_secs(120))],
    };
    let port = broker(0, Box::new(fault));
    let ended = bench(&port, "-q 0 --duration 2 --drain 100ms");
    let result = result(&ended);
    let limits = limits(&result);
    let stands = |(what, sentence): &(String, String)| {
        what == "broker"
            && sentence.starts_with("nothing moved for ")
            && sentence
                .ends_with(" s, until the end: no message was taken, acknowledged or delivered")
    };
    assert!(limits.iter().any(stands), "{limits:?}");
    assert_eq!(ended.code(), 5);
    let sentence = "midge: nothing moved any more when the run ended, for ";
    assert!(ended.stderr.starts_with(sentence), "{}", ended.stderr);
}

/// The same with a rate: the system takes what the broker does not.
#[test]
fn a_broker_that_stops_is_named_whatever_the_system_takes_for_it() {
    let fault = |number, packet: &[u8]| match number {
        0..100 => vec![Act::Forward(packet.to_vec())],
        _ => vec![Act::Stall(Duration::from_secs(120))],
    };
    let port = broker(0, Box::new(fault));
    let ended = bench(&port, "-q 0 --rate 200 --duration 3 --drain 100ms");
    let result = result(&ended);
    check(&result, &[("sent", 600), ("lost", 500)]);
    let limits = limits(&result);
    let is_named = |(what, sentence): &(String, String)| {
        what == "broker"
            && sentence.starts_with("nothing came back for 2.")
            && sentence.ends_with(" s, until the end: no message was acknowledged or delivered")
    };
    assert!(limits.iter().any(is_named), "{limits:?}");
    assert_eq!(ended.code(), 5, "{}", ended.stderr);
}

/// Who allowed no more messages in flight: midge's own flag, or the broker.
#[test]
fn the_window_is_that_of_who_set_it() {
    let stall = || {
        Box::new(|number, packet: &[u8]| {
            let forward = Act::Forward(packet.to_vec());
            match number {
                10 => vec![Act::Stall(Duration::from_millis(400)), forward],
                _ => vec![forward],
            }
        })
    };
    let port = broker(1, stall());
    let ended = bench(&port, "-q 1 --rate 100 --count 60 --inflight 2");
    let own = result(&ended);
    assert_eq!(own["inflight"], 2);
    let limits = limits(&own);
    let (what, sentence) = limits.iter().find(|(what, _)| what != "cpu").unwrap();
    assert_eq!(what, "window");
    assert!(
        sentence.contains(": the window of 2 (--inflight) was full for "),
        "{sentence}"
    );
    assert!(
        sentence.starts_with("one in 100 was more than "),
        "{sentence}"
    );
}

#[test]
fn the_window_is_shown_as_the_broker_has_it() {
    let config = Config {
        receive_maximum: 7,
        ..Config::default()
    };
    let broker = TestBroker::with(config);
    let port = broker.address.port().to_string();
    for (args, window) in [
        ("-V 5 --rate 500", 7),
        ("-V 5 --inflight 100", 7),
        ("-V 5 --inflight 3 --rate 500", 3),
        ("-V 311 --rate 500", 65_535),
    ] {
        let args = format!("-q 1 --count 20 {args}");
        let result = result(&bench(&port, &args));
        assert_eq!(result["inflight"], window, "{args}");
        assert_eq!(result["groups"][0]["inflight"], window, "{args}");
    }
}

/// Interrupted wins over what did not hold: the work was not done, and everything says so.
#[cfg(unix)]
#[test]
fn an_interrupted_run_has_no_verdict() {
    use rustix::process::Signal;

    let folder = tempfile::tempdir().unwrap();
    for (signal, code, word) in [
        (Signal::INT, 130, "interrupted"),
        (Signal::TERM, 143, "terminated"),
    ] {
        for (flags, behind) in [
            ("--duration 60", " s of 60.0 s"),
            ("--count 99999", " of 99,999 messages"),
        ] {
            let [out, html] = ["r.json", "r.html"].map(|name| folder.path().join(name));
            let files = format!("--out {} --html {}", out.display(), html.display());
            let args = format!("-q 1 --rate 200 {flags} --assert sent>1M {files}");
            let ended = crate::bench_faults::interrupted(signal, &args);
            assert_eq!(ended.code(), code, "{}", ended.stderr);
            let missed = "midge: missed: sent>1M: it is ";
            assert!(ended.stderr.starts_with(missed), "{}", ended.stderr);
            let result = result(&ended);
            let interrupted = result["interrupted"].as_str().unwrap();
            assert!(
                interrupted.starts_with(&format!("{word} after ")),
                "{interrupted}"
            );
            assert!(interrupted.ends_with(behind), "{interrupted}");
            let page = std::fs::read_to_string(&html).unwrap();
            let sentence = format!("The run is not whole: {interrupted}.");
            assert!(page.contains(&sentence), "{sentence}");
            // And shown again it is no other.
            let shown = run(&["bench", "show", out.to_str().unwrap()]);
            shown.expect(code, "");
            let sentence = format!("\nthe run was {interrupted}\n");
            assert!(shown.text().contains(&sentence), "{}", shown.text());
        }
    }
}

/// Publishers elsewhere, subscribers here: what comes is counted, and nothing is said to be lost.
#[cfg(unix)]
#[test]
fn subscribers_alone_count_what_others_publish() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    let elsewhere = "--subscribers 0 --rate 500 --duration 60 --size 100";
    let elsewhere = crate::bench_faults::start(&port, elsewhere);
    let args = "--publishers 0 --subscribers 2 --duration 700ms";
    let mut text = vec![
        "bench",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-t",
        "t",
        "--no-progress",
    ];
    text.extend(args.split(' '));
    let (json, text) = loop {
        // Until the others have begun.
        let ended = bench(&port, args);
        ended.expect(0, "");
        if result(&ended)["foreign"] != 0 {
            break (result(&ended), run(&text));
        }
    };
    elsewhere.signal(rustix::process::Signal::INT);
    assert_eq!(elsewhere.wait().code(), 130);
    let number = |key: &str| json[key].as_f64().unwrap();
    assert_eq!(number("foreign_bytes"), 100.0 * number("foreign"));
    assert!(number("foreign_per_s") > 0.0, "{json}");
    assert_eq!((&json["lost"], &json["expected"]), (&().into(), &().into()));
    assert_eq!(json["only_listens"], true);
    for part in [
        "\nforeign ",
        " B/s\n",
        "nobody here publishes what the subscribers hear",
    ] {
        let has =
            text.text().contains(part) || text.text().contains(&part.replace(" B/s", " kB/s"));
        assert!(has, "{part}: {}", text.text());
    }
    assert!(!text.text().contains("\nlost "), "{}", text.text());
}

#[test]
fn a_broker_of_its_own_takes_no_way_of_its_own() {
    for args in [
        "--ws",
        "--cafile x",
        "-h localhost",
        "-p 5",
        "--proxy socks5h://x",
        "--insecure",
    ] {
        let args = ["bench", "--embedded"].into_iter().chain(args.split(' '));
        let ended = run(&args.collect::<Vec<_>>());
        assert_eq!(ended.code(), 2, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("'--embedded' cannot be used with"),
            "{}",
            ended.stderr
        );
    }
}

//! Whole sessions played again: what a broker records of the replay is what it has recorded before.

mod faults;
mod lines;
pub(crate) mod stage;
mod verdicts;

use std::path::Path;

use midge::mqtt::{QoS, Version};
use serde_json::Value;

use crate::program::{midge, run, run_with_input};
use stage::{Actor, Broker, Role, record, replay, transcript, transcript_of};

use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// Wills, retained messages, a session that is kept, all QoS, and from 3.1.1 on a shared
/// subscription.
pub(crate) async fn scene(port: u16, version: Version) {
    let role = |id| Role::new(id, version);
    let keeper = || Role {
        keeps: true,
        ..role("keeper")
    };
    let mut watch = Actor::enter(port, role("watch")).await;
    watch
        .subscribe(&[("w/#", AtLeastOnce), ("r/#", AtMostOnce)])
        .await;
    let mut kept = Actor::enter(port, keeper()).await;
    kept.subscribe(&[("a/#", ExactlyOnce), ("b/+", AtLeastOnce)])
        .await;
    let mut pub1 = Actor::enter(
        port,
        Role {
            will: Some("w/pub1"),
            ..role("pub1")
        },
    )
    .await;
    for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
        for i in 0..5 {
            let payload = format!("{qos:?}-{i}");
            pub1.publish("a/topic/of/some/length", &payload, qos, false)
                .await;
        }
    }
    kept.receive(15).await;
    pub1.publish("r/kept", "retained", AtLeastOnce, true).await;
    watch.receive(1).await;
    let mut late = Actor::enter(port, role("late")).await;
    late.subscribe(&[("r/#", AtLeastOnce)]).await;
    late.receive(1).await;
    late.unsubscribe("r/#").await;
    late.leave().await;
    kept.leave().await;
    pub1.publish("a/offline", "one", AtLeastOnce, false).await;
    pub1.publish("a/offline", "two", ExactlyOnce, false).await;
    let mut kept = Actor::enter(port, keeper()).await;
    assert_eq!(kept.has_session(), version != Version::V31);
    kept.receive(2).await;
    kept.unsubscribe("a/#").await;
    pub1.publish("a/topic/of/some/length", "unheard", AtLeastOnce, false)
        .await;
    pub1.vanish().await;
    watch.receive(1).await;
    if version > Version::V31 {
        let mut workers = Vec::new();
        for id in ["worker1", "worker2"] {
            let mut worker = Actor::enter(port, role(id)).await;
            worker.subscribe(&[("$share/g/s/#", AtLeastOnce)]).await;
            workers.push(worker);
        }
        let mut pub2 = Actor::enter(port, role("pub2")).await;
        for i in 0..6 {
            pub2.publish("s/x", &format!("job {i}"), AtLeastOnce, false)
                .await;
        }
        for mut worker in workers {
            worker.receive(3).await;
            worker.leave().await;
        }
        pub2.leave().await;
    }
    kept.leave().await;
    watch.leave().await;
}

/// The last line, which is the summary.
fn summary(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn recorded(folder: &Path, version: Version) -> std::path::PathBuf {
    let file = folder.join("first.pcapng");
    record(&file, |port| scene(port, version));
    file
}

#[test]
fn what_is_recorded_of_the_replay_is_what_was_recorded() {
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        let first = recorded(folder.path(), version);
        for speed in ["1", "max"] {
            let again = folder.path().join("again.pcapng");
            let flags = ["--verify", "--json", "--speed", speed];
            let ended = replay(&first, &again, &[], &flags);
            assert_eq!(
                (ended.code(), &*ended.stderr),
                (0, ""),
                "{version}: {}",
                ended.text()
            );
            let summary = summary(ended.text());
            assert_eq!(summary["verify"]["differences"], 0, "{summary}");
            assert!(
                summary["verify"]["compared"].as_u64() > Some(30),
                "{summary}"
            );
            assert_eq!(summary["not_sent"], 0);
            assert_eq!(transcript(&again), transcript(&first), "{version} {speed}");
        }
    }
}

#[test]
fn over_tls_and_websocket_it_is_the_same() {
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        let first = recorded(folder.path(), version);
        let certificates = folder.path().join("certificates");
        let certificates = certificates.to_str().unwrap();
        let ca = format!("{certificates}/ca.pem");
        for scheme in ["mqtts", "ws", "wss"] {
            let again = folder.path().join("again.pcapng");
            let listen = format!("{scheme}://127.0.0.1:0");
            let mut broker = vec!["--listen", &listen];
            let mut flags = vec!["--verify", "--speed", "max"];
            if scheme != "ws" {
                broker.extend(["--tls-auto", certificates]);
                flags.extend(["--cafile", &ca]);
            }
            let ended = replay(&first, &again, &broker, &flags);
            assert_eq!(
                (ended.code(), &*ended.stderr),
                (0, ""),
                "{scheme}: {}",
                ended.text()
            );
            assert_eq!(transcript(&again), transcript(&first), "{version} {scheme}");
        }
    }
}

/// The recording of the broker as lines, that of the replay itself, and what `decode` makes of it,
/// are as good as the capture.
#[test]
fn other_forms_of_the_capture_play_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let expected = transcript(&first);
    let path = |name: &str| folder.path().join(name);
    let own = path("own.pcapng");
    let own_lines = path("own.jsonl");
    let lines = path("lines.jsonl");
    std::fs::write(
        &lines,
        run(&["decode", "--json", first.to_str().unwrap()]).stdout,
    )
    .unwrap();
    let out = own.to_str().unwrap();
    let max = ["--speed", "max", "--verify"];
    let with_out = [&max[..], &["--out", out]].concat();
    let ended = replay(&first, &path("again.pcapng"), &[], &with_out);
    assert_eq!(ended.code(), 0, "{ended:?}");
    // Others know MQTT by its port.
    let told = ended.stderr.strip_prefix(&format!(
        "midge: {out}: to read it, tshark has to be told its port: tshark -d tcp.port=="
    ));
    let told = told.and_then(|rest| rest.strip_suffix(",mqtt\n"));
    assert!(
        told.is_some_and(|port| port.parse::<u16>().is_ok()),
        "{ended:?}"
    );
    assert_eq!(transcript(&own), expected);
    let with_out = [&max[..], &["--out", own_lines.to_str().unwrap()]].concat();
    replay(&own, &path("again.pcapng"), &[], &with_out).expect(0, "");
    assert_eq!(transcript(&path("again.pcapng")), expected);
    let text = std::fs::read_to_string(&own_lines).unwrap();
    assert_eq!(transcript_of(&text), expected);
    // Lines do not tell that a client was gone without a word: its will does not come.
    let ended = replay(&lines, &path("again.pcapng"), &[], &max);
    assert_eq!(ended.code(), 5, "{ended:?}");
    let text = ended.text();
    assert!(text.contains("PUBLISH of 'w/pub1'"), "{text}");
    assert!(text.contains("verdict: 1 difference of "), "{text}");
}

#[test]
fn rounds_have_fresh_names_and_times_and_topics_change() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let again = folder.path().join("again.pcapng");
    let flags = [
        "--speed",
        "max",
        "--loop",
        "2",
        "--verify",
        "--client-id",
        "x-{id}-{loop}",
        "--topic",
        "s#^a/#z/#",
    ];
    let ended = replay(&first, &again, &[], &flags);
    // The retained message of the first round is there in the second.
    ended.expect(
        5,
        "midge: from the second round on the broker has what the first one has left: retained \
         messages, and sessions that it keeps\n",
    );
    let lines: Vec<&str> = ended.text().lines().collect();
    let differences: Vec<&&str> = lines
        .iter()
        .filter(|line| line.contains(": captured "))
        .collect();
    assert!(
        differences
            .iter()
            .all(|line| line.contains("-2': PUBLISH of '") && line.contains("retained")),
        "{lines:#?}"
    );
    let names: Vec<String> = transcript(&again).into_iter().map(|(id, _)| id).collect();
    assert_eq!(names.len(), 2 * transcript(&first).len());
    assert!(names.iter().all(|id| id.starts_with("x-")), "{names:?}");
    assert_eq!(
        names.iter().filter(|id| id.ends_with("-2")).count(),
        names.len() / 2
    );
    let text = run(&[
        "decode",
        "--json",
        "--topic",
        "z/#",
        again.to_str().unwrap(),
    ]);
    assert!(text.text().lines().count() > 30);
    let text = run(&[
        "decode",
        "--json",
        "--topic",
        "a/#",
        again.to_str().unwrap(),
    ]);
    assert_eq!(text.text(), "");
}

#[test]
fn a_selection_is_played_with_the_connections_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V311);
    let again = folder.path().join("again.pcapng");
    for (select, types) in [
        (
            &["--client", "late"][..],
            &["CONNECT", "DISCONNECT", "SUBSCRIBE", "UNSUBSCRIBE"][..],
        ),
        (
            &["--topic", "s/x", "--type", "PUBLISH"],
            &["CONNECT", "DISCONNECT", "PUBLISH"],
        ),
        (
            &["--topic", "r/#"],
            &[
                "CONNECT",
                "DISCONNECT",
                "PUBLISH",
                "SUBSCRIBE",
                "UNSUBSCRIBE",
            ],
        ),
    ] {
        let flags = [&["--speed", "max"][..], select].concat();
        replay(&first, &again, &[], &flags).expect(0, "");
        let lines = run(&[
            "decode",
            "--json",
            "--from",
            "client",
            again.to_str().unwrap(),
        ]);
        let mut found: Vec<String> = lines
            .text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|packet| packet["type"].as_str().unwrap().to_owned())
            .filter(|kind| !kind.starts_with("PUB") || kind == "PUBLISH")
            .collect();
        found.retain(|kind| kind != "PINGREQ");
        found.sort();
        found.dedup();
        assert_eq!(found, types, "{select:?}");
    }
    let ended = run(&[
        "capture-replay",
        "--dry-run",
        "--client",
        "nobody",
        first.to_str().unwrap(),
    ]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended.stderr.contains("only what is selected counts"),
        "{}",
        ended.stderr
    );
}

/// What a capture lacks is made up, and what nobody has captured is inferred if asked for.
#[test]
fn connections_that_the_capture_has_no_begin_of() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let cut = folder.path().join("cut.pcapng");
    // Everything from the first message on: connections and subscriptions are from before.
    let frames = run(&[
        "decode",
        "--json",
        "--type",
        "PUBLISH",
        first.to_str().unwrap(),
    ]);
    let frame = serde_json::from_str::<Value>(frames.text().lines().next().unwrap()).unwrap();
    let lines = run(&["decode", "--json", first.to_str().unwrap()]);
    let begin = frame["frame"].as_u64().unwrap();
    let kept: String = lines
        .text()
        .lines()
        .filter(|line| {
            let packet: Value = serde_json::from_str(line).unwrap();
            packet["frame"].as_u64().unwrap() >= begin
        })
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&cut, kept).unwrap();
    let cut = cut.to_str().unwrap();
    let dry = run(&["capture-replay", "--dry-run", "--json", cut]);
    dry.expect(0, "");
    let plan = summary(dry.text());
    // The publisher alone, for nobody else does anything before it connects again.
    assert_eq!(plan["sessions"]["made_up"], 1, "{plan}");
    assert_eq!(plan["sessions"].get("inferred_subscriptions"), None);
    let dry = run(&[
        "capture-replay",
        "--dry-run",
        "--json",
        "--infer-subscriptions",
        cut,
    ]);
    let plan = summary(dry.text());
    // What "keeper" and "watch" got: a/topic..., r/kept and w/pub1.
    assert_eq!(plan["sessions"]["made_up"], 3, "{plan}");
    assert_eq!(plan["sessions"]["inferred_subscriptions"], 3, "{plan}");
    let ended = run(&[
        "capture-replay",
        "--embedded",
        "--speed",
        "max",
        "--infer-subscriptions",
        cut,
    ]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    // What "keeper" was sent for subscriptions of an earlier connection does not come, and is not
    // waited for without a word.
    let told = "midge: 'keeper' has waited 2.0 s in vain for what the broker had sent by then in \
                the capture: 2 messages\n";
    assert!(ended.stderr.starts_with(told), "{}", ended.stderr);
    let got = |topic: &str| {
        let lines = ended.text().lines();
        lines
            .filter(|line| line.contains(&format!(" <- {topic}: ")))
            .count()
    };
    // All but the one behind its UNSUBSCRIBE, which is of a later connection.
    assert_eq!(got("a/topic/of/some/length"), 15);
    assert_eq!(got("r/kept"), 2);
}

#[test]
fn an_embedded_broker_shows_what_clients_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V311);
    let first = first.to_str().unwrap();
    let ended = run(&["capture-replay", "--embedded", "--speed", "max", first]);
    ended.expect(0, "");
    assert!(
        ended.text().contains("watch <- w/pub1: gone\n"),
        "{}",
        ended.text()
    );
    let ended = run(&[
        "capture-replay",
        "--embedded",
        "--json",
        "--speed",
        "max",
        first,
    ]);
    let first = ended.text().lines().next().unwrap();
    let message: Value = serde_json::from_str(first).unwrap();
    assert_eq!(
        (&message["client"], &message["type"], &message["payload"]),
        (&"keeper".into(), &"PUBLISH".into(), &"AtMostOnce-0".into())
    );
    // Against another broker as well, if it is not to be started.
    let args = ["capture-replay", "--embedded", "-h", "127.0.0.1", "x"];
    assert_eq!(run(&args).code(), 2);
}

#[test]
fn long_pauses_and_rates() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("x.jsonl");
    let line = |second: u64, topic: &str| {
        format!(
            r#"{{"time":"2026-01-01T00:{:02}:{:02}Z","stream":0,"from":"client","version":"5.0","type":"PUBLISH","topic":"{topic}","payload":"x"}}"#,
            second / 60,
            second % 60
        )
    };
    let text: Vec<String> = [0, 1, 600, 601].map(|at| line(at, "t")).into();
    std::fs::write(&lines, text.join("\n")).unwrap();
    let lines = lines.to_str().unwrap();
    let planned = |flags: &[&str]| {
        let ended = run(&[&["capture-replay", "--dry-run", "--json", lines], flags].concat());
        summary(ended.text())["planned_duration"].as_f64().unwrap()
    };
    assert_eq!(planned(&[]), 601.0);
    assert_eq!(planned(&["--max-gap", "5s"]), 7.0);
    assert_eq!(planned(&["--max-gap", "5s", "--speed", "10"]), 0.7);
    assert_eq!(planned(&["--rate", "2/s"]), 1.5);
    let ended = run(&[
        "capture-replay",
        "--embedded",
        "--json",
        "--rate",
        "100/s",
        lines,
    ]);
    ended.expect(0, "");
    let summary = summary(ended.text());
    assert!(summary["duration"].as_f64() >= Some(0.03), "{summary}");
    // From a pipe as well.
    let args = ["capture-replay", "--embedded", "--rate", "100/s", "-"];
    run_with_input(&args, text.join("\n").as_bytes()).expect(0, "");
    for (flags, sentence) in [
        (
            &["--loop", "2", "-"][..],
            "--loop reads the capture again, and stdin comes only once: give a file",
        ),
        (
            &["--loop", "0", "x"],
            "--loop takes a number from 1 on, or forever, not '0'",
        ),
        (
            &["--client-id", "x", "x"],
            "--client-id 'x' is the same for all clients, and they would take each other over: \
             put {id} or {n} into it",
        ),
        (
            &["--topic", "s#a#b", "x"],
            "--topic 's#a#b': there are not three # in it; it takes s#REGEX#TEXT#, as in \
             s#^prod/#test/#, or a topic filter",
        ),
    ] {
        run(&[&["capture-replay"], flags].concat()).expect(2, &format!("midge: {sentence}\n"));
    }
}

/// A broker that goes away in the middle: with `--retry` the replay goes on when it is back.
#[test]
fn a_broker_that_is_killed_ends_it_unless_it_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("x.jsonl");
    let line = |i: u64| {
        format!(
            r#"{{"time":"2026-01-01T00:00:{:02}.{}Z","stream":0,"from":"client","version":"5.0","type":"PUBLISH","qos":1,"packet_id":{},"topic":"t","payload":"{i}"}}"#,
            i / 10,
            i % 10,
            i + 1
        )
    };
    let text: Vec<String> = (0..20).map(line).collect();
    std::fs::write(&lines, text.join("\n")).unwrap();
    for retry in [&[][..], &["--retry", "20s"]] {
        let broker = Broker::start(&[]);
        let port = broker.port.to_string();
        let args = ["capture-replay", "--json", "-h", "127.0.0.1", "-p", &port];
        let file = lines.to_str().unwrap();
        let replay = crate::program::Running::start(midge(&[&args, retry, &[file]].concat()));
        // Until it is in the middle of it.
        let sub = ["sub", "-h", "127.0.0.1", "-p", &port, "-t", "t", "-C", "1"];
        run(&sub).expect(0, "");
        broker.kill();
        let again = (!retry.is_empty())
            .then(|| Broker::start(&["--listen", &format!("mqtt://127.0.0.1:{port}")]));
        let ended = replay.wait();
        let summary = summary(ended.text());
        match again {
            Some(_) => {
                assert_eq!(ended.code(), 0, "{ended:?}");
                assert_eq!(
                    (&summary["sent"], &summary["not_sent"]),
                    (&20.into(), &0.into())
                );
                assert_eq!(summary["adaptations"]["reconnects"], 1);
                assert!(ended.stderr.contains("trying again"), "{}", ended.stderr);
            }
            None => {
                assert_eq!(ended.code(), 4, "{ended:?}");
                assert!(summary["not_sent"].as_u64() > Some(0), "{summary}");
                assert!(
                    ended.stderr.contains("playing the client at"),
                    "{}",
                    ended.stderr
                );
            }
        }
    }
}

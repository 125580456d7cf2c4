//! What `midge bench` can be asked for, against midge's own broker: groups, payloads, topics, shared
//! subscriptions, churn, shards.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::program::{Ended, Running, midge, run};
use crate::test_broker::TestBroker;

fn start(broker: &TestBroker, args: &[&str]) -> Running {
    let port = broker.address.port().to_string();
    let mut command = midge(&["bench", "-h", "127.0.0.1", "-p", &port]);
    command.args(["--json", "--no-progress"]).args(args);
    Running::start(command)
}

fn read(ended: &Ended) -> Value {
    serde_json::from_str(ended.text()).unwrap_or_else(|_| panic!("no result: {ended:?}"))
}

/// The result of a run that ends well and says nothing on stderr.
#[track_caller]
fn result(broker: &TestBroker, args: &str) -> Value {
    let args: Vec<_> = args.split_whitespace().collect();
    let ended = start(broker, &args).wait();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{args:?}");
    read(&ended)
}

#[track_caller]
fn check(result: &Value, expected: &[(&str, u64)]) {
    for (key, value) in expected {
        assert_eq!(result[*key], *value, "{key} in {result}");
    }
}

/// What a subscriber gets while a bench runs without subscribers of its own.
fn heard(args: &str, format: &str, count: u32) -> Vec<String> {
    let script = format!(
        "mkfifo r; midge sub -t 'x/#' -V 5 -F '{format}' -C {count} -W 30 --ready-fd 3 3> r > out & \
         read _ < r; midge bench --no-progress --json --subscribers 0 {args} > /dev/null; wait; cat out"
    );
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {}; {script}", folder.path().display());
    let ended = run(&["broker", "--port", "0", "--", "sh", "-c", &script]);
    ended.expect(0, "");
    ended.text().lines().map(str::to_owned).collect()
}

#[test]
fn many_workers_count_what_one_does() {
    let broker = TestBroker::start();
    for workers in [1, 2, 5] {
        let args =
            format!("--workers {workers} --publishers 7 --subscribers 3 --idle 4 -q 1 --count 700");
        let result = result(&broker, &args);
        check(
            &result,
            &[
                ("sent", 700),
                ("acknowledged", 700),
                ("expected", 2100),
                ("received", 2100),
                ("lost", 0),
                ("duplicated", 0),
                ("reordered", 0),
                ("connections", 14),
            ],
        );
        let all = result["per_subscriber"].as_array().unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|own| own["received"] == 700), "{result}");
        let seconds = result["series"].as_array().unwrap();
        let sum = |key: &str| -> u64 { seconds.iter().map(|row| row[key].as_u64().unwrap()).sum() };
        assert_eq!((sum("sent"), sum("received")), (700, 2100));
        assert_eq!(sum("acknowledged"), 700);
    }
}

#[test]
fn templates_are_filled_in() {
    let before = now_ms();
    let lines = heard(
        "--publishers 2 --count 6 -t x/{client}/{n} --topics-per-client 2 -r \
         -D publish content-type text/x --payload '{client}|{seq}|{rand:1}|{time}'",
        "%t|%C|%p",
        6,
    );
    let mut seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let (rest, time) = line.rsplit_once('|').unwrap();
            let time: u128 = time.parse().unwrap();
            assert!((before..=now_ms()).contains(&time), "{line}");
            rest
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            "x/0/0|text/x|0|0|0",
            "x/0/0|text/x|0|2|0",
            "x/0/1|text/x|0|1|0",
            "x/1/0|text/x|1|0|0",
            "x/1/0|text/x|1|2|0",
            "x/1/1|text/x|1|1|0",
        ]
    );
}

fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}

#[test]
fn sizes_are_as_asked() {
    let sizes = heard("--count 400 -t x --size 30:3,100..110:1", "%l", 400);
    let sizes: Vec<u32> = sizes.iter().map(|size| size.parse().unwrap()).collect();
    let small = sizes.iter().filter(|size| **size == 30).count();
    // 300, and 10 times the standard deviation, 8.7.
    assert!((213..=387).contains(&small), "{small}");
    let is_right = |size: &u32| *size == 30 || (100..=110).contains(size);
    assert!(sizes.iter().all(is_right), "{sizes:?}");
}

#[test]
fn a_payload_file_is_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payload");
    std::fs::write(&path, "from a file").unwrap();
    let args = format!("--count 2 -t x --payload-file {}", path.display());
    assert_eq!(heard(&args, "%p", 2), ["from a file"; 2]);
    // With subscribers there is a stamp in front.
    let broker = TestBroker::start();
    let result = result(&broker, &args);
    let size = 11 + 21;
    check(
        &result,
        &[
            ("received", 2),
            ("sent_bytes", 2 * size),
            ("size_bytes", size),
        ],
    );
    let gone = folder.path().join("gone");
    let ended = run(&["bench", "--payload-file", gone.to_str().unwrap()]);
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
}

#[test]
fn each_message_of_a_shared_subscription_comes_once() {
    let broker = TestBroker::start();
    for args in [
        "--share g",
        "-t $share/g/a/{client}",
        "--share g --payload {seq} -t a/{rand:9}",
    ] {
        let args = format!("--publishers 3 --subscribers 4 -q 1 --count 300 {args}");
        let result = result(&broker, &args);
        let expected = [
            ("connections", 7),
            ("expected", 300),
            ("received", 300),
            ("lost", 0),
            ("duplicated", 0),
        ];
        check(&result, &expected);
        // Whoever got a message, got it in order, and nobody got all.
        let all = result["per_subscriber"].as_array().unwrap();
        let sum = |key: &str| {
            all.iter()
                .map(|own| own[key].as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!((all.len(), sum("received")), (4, 300), "{result}");
        assert_eq!((sum("reordered"), sum("expected"), sum("lost")), (0, 0, 0));
        let numbers: Vec<_> = all.iter().map(|own| own["number"].as_u64()).collect();
        assert_eq!(numbers, [Some(0), Some(1), Some(2), Some(3)]);
        assert!(all.iter().all(|own| own["shared"] == true), "{result}");
        let most = all
            .iter()
            .map(|own| own["received"].as_u64().unwrap())
            .max();
        assert!(most < Some(300), "{result}");
        check(&result, &[("reordered", 0)]);
    }
}

#[test]
fn connections_that_leave_come_back() {
    let broker = TestBroker::start();
    let args = "--publishers 3 --subscribers 0 --idle 3 -q 1 --rate 300 --duration 1 \
                --reconnect-every 100ms";
    let result = result(&broker, args);
    // Each of them some ten times.
    let connections = result["connections"].as_u64().unwrap();
    assert!((18..=100).contains(&connections), "{connections}");
    assert_eq!(result["acknowledged"], result["sent"]);
    assert_eq!(result["errors"], serde_json::json!({}));
}

#[test]
fn a_kept_session_loses_nothing_when_its_subscriber_leaves() {
    let broker = TestBroker::start();
    for version in ["311", "5"] {
        let args = format!(
            "-V {version} -i churn -c --subscribers 2 -q 1 --rate 500 --duration 1 \
             --reconnect-every 150ms"
        );
        let result = result(&broker, &args);
        assert_eq!(result["lost"], 0, "{result}");
        assert_eq!(result["received"], result["expected"]);
        assert!(result["connections"].as_u64().unwrap() > 6, "{result}");
    }
}

#[test]
fn connections_are_opened_at_a_rate() {
    let broker = TestBroker::start();
    let args = "--publishers 0 --subscribers 0 --idle 30 --duration 100ms --connect-rate 100";
    let began = std::time::Instant::now();
    let result = result(&broker, args);
    assert!(began.elapsed().as_millis() >= 290);
    assert_eq!(result["connect_us"]["count"], 30);
    assert_eq!(result["connect_uncorrected_us"]["count"], 30);
}

const GROUPS: &str = "duration = \"400ms\"\nqos = 1\n\
    [[group]]\nname = \"fast\"\npublishers = 2\nrate = 100\n\
    [[group]]\nname = \"slow\"\nsubscribers = 2\nrate-per-client = 50\nqos = 2\nsize = \"30..40\"\n\
    [[group]]\nname = \"ears\"\npublishers = 0\nqos = 0\ntopic = \"midge/bench/{run}/#\"\n";

fn scenario(folder: &Path, text: &str) -> String {
    let path = folder.join("s.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn groups_of_a_scenario_run_together() {
    let broker = TestBroker::start();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), GROUPS);
    let result = result(&broker, &format!("--scenario {file}"));
    // 100/s and 50/s for 400 ms, unless this machine is too slow for that.
    let sent = result["sent"].as_u64().unwrap() + result["not_sent"].as_u64().unwrap();
    assert_eq!(sent, 60);
    check(&result, &[("connections", 7), ("lost", 0)]);
    let by_qos = |qos: u64, key: &str| {
        let all = result["per_qos"].as_array().unwrap();
        let own = all.iter().find(|own| own["qos"] == qos);
        own.map_or(0, |own| own[key].as_u64().unwrap())
    };
    let (fast, slow) = (by_qos(1, "sent"), by_qos(2, "sent"));
    // Each group hears itself, and the ears hear both.
    assert_eq!(by_qos(1, "received"), fast);
    assert_eq!(by_qos(2, "received"), 2 * slow);
    assert_eq!(by_qos(0, "received"), fast + slow);
    let names: Vec<_> = result["groups"].as_array().unwrap().iter().collect();
    let names: Vec<_> = names.iter().map(|group| group["name"].as_str()).collect();
    assert_eq!(names, [Some("fast"), Some("slow"), Some("ears")]);
}

#[test]
fn flags_win_over_the_scenario() {
    let broker = TestBroker::start();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), GROUPS);
    let result = result(&broker, &format!("--scenario {file} --qos 0 --rate 10"));
    // 4 messages of each of the two groups.
    let sent = result["sent"].as_u64().unwrap() + result["not_sent"].as_u64().unwrap();
    assert_eq!((sent, result["qos"].as_u64()), (8, Some(0)));
}

#[test]
fn a_broken_scenario_names_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    for (text, sentence) in [
        ("qos = 1\nrate = = 2\n", "line 2, column 8: "),
        (
            "\n  rte = 2\n",
            "line 2, column 3: 'rte' is no key of a scenario; ",
        ),
        (
            "[[group]]\nrate = \"fast\"\n",
            "line 2, column 8: --rate takes a rate as in 1000, 50k/s, 1.5M/s or 10/m, not 'fast'\n",
        ),
        (
            "[[group]]\nsize = 5\n",
            "line 2, column 8: --size 5 is too small: ",
        ),
        (
            "publishers = \"many\"\n",
            "line 1, column 14: invalid value 'many'",
        ),
    ] {
        let file = scenario(folder.path(), text);
        let ended = run(&["bench", "-h", "127.0.0.1", "-p", "1", "--scenario", &file]);
        let begin = format!("midge: {file}, {sentence}");
        assert!(ended.stderr.starts_with(&begin), "{text}: {}", ended.stderr);
        assert_eq!(ended.code(), 2, "{text}");
    }
    let gone = folder.path().join("gone");
    let ended = run(&["bench", "--scenario", gone.to_str().unwrap()]);
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
}

/// Small, so that it takes no time.
#[test]
fn the_examples_run() {
    let broker = TestBroker::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bench");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let file = file.display();
        let args = format!(
            "--scenario {file} --duration 300ms --warmup 100ms --connect-rate 10k --count 100"
        );
        let result = result(&broker, &args);
        assert_eq!(result["lost"], 0, "{file}: {result}");
        assert!(result["received"].as_u64().unwrap() > 0, "{file}");
    }
}

/// Four processes do together what one does alone.
#[test]
fn shards_add_to_the_whole() {
    let broker = TestBroker::start();
    let folder = tempfile::tempdir().unwrap();
    let flags = "--publishers 6 --subscribers 5 --idle 3 -q 1 --count 203 -t a/{client} --size 40";
    let whole = result(&broker, flags);
    let path = |index: u32| {
        let path = folder.path().join(format!("{index}.json"));
        path.to_str().unwrap().to_owned()
    };
    let in_a_while = SystemTime::now() + std::time::Duration::from_secs(3);
    let at = in_a_while.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let shards: Vec<_> = (0..4)
        .map(|index| {
            let (shard, at, out) = (format!("{index}/4"), at.to_string(), path(index));
            let mut args: Vec<_> = flags.split(' ').collect();
            args.extend(["--shard", &shard, "--start-at", &at, "--out", &out]);
            args.extend(["--drain", "2s"]);
            start(&broker, &args)
        })
        .collect();
    let mut connections = 0;
    for shard in shards {
        let ended = shard.wait();
        assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
        let result = read(&ended);
        connections += result["connections"].as_u64().unwrap();
        assert_eq!(result["lost"], Value::Null, "nobody can know it: {result}");
    }
    assert_eq!(connections, 14);
    let paths: Vec<_> = (0..4).map(path).collect();
    let mut args = vec!["bench", "merge", "--json"];
    args.extend(paths.iter().map(String::as_str));
    let ended = run(&args);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    let merged = read(&ended);
    for key in [
        "publishers",
        "subscribers",
        "idle",
        "connections",
        "sent",
        "sent_bytes",
        "acknowledged",
        "expected",
        "received",
        "received_bytes",
        "lost",
        "duplicated",
        "reordered",
        "foreign",
        "retained",
        "per_qos",
        "per_subscriber",
    ] {
        assert_eq!(merged[key], whole[key], "{key}");
    }
    assert_eq!(merged["sent"], 203);
    assert_eq!(merged["publish_to_delivery_us"]["count"], 5 * 203);
    assert_eq!(merged["parts"].as_array().unwrap().len(), 4);
}

#[test]
fn a_broker_of_its_own_is_at_hand() {
    let ended = run(&[
        "bench",
        "--embedded",
        "--count",
        "500",
        "-q",
        "1",
        "--json",
        "--no-progress",
    ]);
    ended.expect(0, "");
    let result = read(&ended);
    check(&result, &[("received", 500), ("lost", 0)]);
    assert_eq!(result["broker"], "midge broker (--embedded)");
}

#[test]
fn too_many_connections_are_refused_before_the_first() {
    let ended = run(&["bench", "-h", "127.0.0.1", "-p", "1", "--idle", "200000000"]);
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    let sentence = "midge: 200000002 connections take ";
    assert!(ended.stderr.starts_with(sentence), "{}", ended.stderr);
}

// Elsewhere 127.0.0.9 is no local address.
#[cfg(target_os = "linux")]
#[test]
fn connections_start_at_the_addresses_asked_for() {
    let broker = TestBroker::start();
    let args = "--idle 4 --publishers 0 --subscribers 0 --duration 50ms --bind 127.0.0.8,127.0.0.9";
    check(&result(&broker, args), &[("connections", 4)]);
}

//! What becomes of the result of bench: files, assertions, comparison, merging, as a program.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Ended, Running, midge, run};
use crate::test_broker::TestBroker;

/// A folder for results, and a broker.
struct Room {
    folder: tempfile::TempDir,
    broker: TestBroker,
}

impl Room {
    fn new() -> Room {
        Room {
            folder: tempfile::tempdir().unwrap(),
            broker: TestBroker::start(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bench(&self, args: &[&str]) -> Ended {
        let port = self.broker.address.port().to_string();
        let mut all = vec!["bench", "-h", "127.0.0.1", "-p", &port, "--no-progress"];
        all.extend_from_slice(args);
        run(&all)
    }

    /// Keeps the result of a small run.
    fn kept(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let ended = self.bench(&["-q", "1", "--count", "300", "--out", text(&path)]);
        ended.expect(0, "");
        path
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Changes a result in its file.
fn change(path: &Path, to: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = read(path);
    change(&mut value);
    fs::write(to, value.to_string()).unwrap();
}

#[test]
fn a_kept_result_is_what_was_printed() {
    let room = Room::new();
    let path = room.path("r.json");
    let ended = room.bench(&["-q", "1", "--count", "300", "--json", "--out", text(&path)]);
    ended.expect(0, "");
    let printed: Value = serde_json::from_str(ended.text()).unwrap();
    let mut file = read(&path);
    assert_eq!(file["result"]["parts"].as_array().unwrap().len(), 1);
    let histogram = &file["result"]["measured"]["latencies"]["e2e"]["corrected"];
    assert!(
        histogram.as_str().unwrap().starts_with("HISTFAAA"),
        "{histogram}"
    );
    file.as_object_mut().unwrap().remove("result");
    assert_eq!(file, printed);
    // And read back, it is the same again.
    let shown = run(&["bench", "show", text(&path), "--json"]);
    shown.expect(0, "");
    assert_eq!(
        serde_json::from_str::<Value>(shown.text()).unwrap(),
        printed
    );
    let shown = run(&["bench", "show", text(&path)]);
    shown.expect(0, "");
    assert!(
        shown.text().contains("\nsent                       300 "),
        "{}",
        shown.text()
    );
}

#[test]
fn the_summary_fits_80_columns() {
    let room = Room::new();
    let path = room.path("r.json");
    let args = ["-q", "1", "--rate", "2k", "--duration", "500ms", "--out"];
    let mut args = args.to_vec();
    args.push(text(&path));
    room.bench(&args).expect(0, "");
    let ended = run(&["bench", "show", text(&path), "--compare", text(&path)]);
    ended.expect(0, "");
    for line in ended.text().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for part in [
        "to delivery\n",
        "█",
        "compared with the run of ",
        "e2e.p99 ",
        " =\n",
    ] {
        assert!(ended.text().contains(part), "{part}: {}", ended.text());
    }
}

#[test]
fn a_place_that_takes_no_file_is_known_before_the_first_packet() {
    // Nothing listens there; a run that tried to connect would end with 3.
    let begin = ["bench", "-h", "127.0.0.1", "-p", "1", "--out"];
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none/r.json");
    for path in [&none, folder.path()] {
        let ended = run(&[&begin[..], &[text(path)]].concat());
        let sentence = format!("midge: cannot write {}: ", path.display());
        assert!(ended.stderr.starts_with(&sentence), "{}", ended.stderr);
        assert_eq!(ended.code(), 1);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // A run that never began leaves what was there.
    let old = folder.path().join("old.json");
    fs::write(&old, "old").unwrap();
    let ended = run(&[&begin[..], &[text(&old)]].concat());
    assert_eq!(ended.code(), 3);
    assert_eq!(fs::read(&old).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_does_not_hold_is_a_line_and_exit_5() {
    let room = Room::new();
    let holding = ["--assert", "lost == 0", "--assert", "e2e.p99 < 60s"];
    let missed = ["--assert", "sent < 300", "--assert", "rate > 900M/s"];
    let count = ["-q", "1", "--count", "300"];
    room.bench(&[&count[..], &holding].concat()).expect(0, "");
    let ended = room.bench(&[&count[..], &holding, &missed, &["--json"]].concat());
    assert_eq!(ended.code(), 5);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines[0], "midge: missed: sent < 300: it is 300");
    assert!(
        lines[1].starts_with("midge: missed: rate > 900M/s: it is "),
        "{}",
        lines[1]
    );
    assert_eq!(lines.len(), 2);
    let result: Value = serde_json::from_str(ended.text()).unwrap();
    let asserted = result["asserted"].as_array().unwrap();
    let holds: Vec<&Value> = asserted.iter().map(|one| &one["holds"]).collect();
    assert_eq!(holds, [true, true, false, false]);
    assert_eq!(
        asserted[2],
        json!({"assert": "sent < 300", "value": 300.0, "holds": false})
    );
}

#[test]
fn a_wrong_assertion_needs_no_broker() {
    for (args, message) in [
        (
            vec!["--assert", "losst == 0"],
            "--assert 'losst == 0', column 1: 'losst' is no figure of a result; did you mean lost?",
        ),
        (
            vec!["--assert", "e2e.p99 < 10"],
            "--assert 'e2e.p99 < 10', column 11: e2e.p99 is a time and wants a unit: ns, us, ms or \
             s",
        ),
        (
            vec!["--subscribers", "0", "--assert", "e2e.p99 < 10ms"],
            "--assert 'e2e.p99 < 10ms': this run has no e2e.p99: nobody subscribes",
        ),
        (
            vec!["--assert", "connect_uncorrected.p99 < 10ms"],
            "--assert 'connect_uncorrected.p99 < 10ms': this run has no connect_uncorrected.p99: \
             without --connect-rate or --ramp-up there is nothing to correct",
        ),
        (
            vec!["--publishers", "0", "-t", "a", "--assert", "lost == 0"],
            "--assert 'lost == 0': this run has no lost: nobody here publishes what the \
             subscribers hear",
        ),
        (
            vec!["--assert", "ack.p99 < 10ms"],
            "--assert 'ack.p99 < 10ms': this run has no ack.p99: messages of QoS 0 are not \
             acknowledged",
        ),
        (
            vec!["--compare", "/none", "--tolerance", "much"],
            "--tolerance takes parts of 100 as in 10, 2.5 or 5%, not 'much'",
        ),
    ] {
        let ended = run(&[&["bench", "-h", "127.0.0.1", "-p", "1"], &args[..]].concat());
        ended.expect(2, &format!("midge: {message}\n"));
    }
}

#[test]
fn worse_than_before_is_exit_5() {
    let room = Room::new();
    let path = room.kept("r.json");
    let same = run(&["bench", "show", text(&path), "--compare", text(&path)]);
    same.expect(0, "");
    // A run of the past that was twice as fast and lost nothing, with two publishers.
    let (better, lossy) = (room.path("better.json"), room.path("lossy.json"));
    change(&path, &better, |value| {
        let part = &mut value["result"]["parts"][0];
        for key in ["sending_ns", "receiving_ns"] {
            part[key] = json!(part[key].as_u64().unwrap() / 2);
        }
        part["asked"]["groups"][0]["publishers"] = json!(2);
    });
    change(&path, &lossy, |value| {
        value["result"]["measured"]["qos"][1]["duplicated"] = json!(3);
    });
    let command = |now: &Path, then: &Path, tolerance: &str| {
        let args = ["--compare", text(then), "--tolerance", tolerance, "--json"];
        run(&[&["bench", "show", text(now)], &args[..]].concat())
    };
    let ended = command(&path, &better, "25%");
    assert_eq!(ended.code(), 5);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let shown = better.display();
    assert_eq!(
        lines[0],
        format!("midge: {shown} was made with other parameters: publishers was 2, is 1")
    );
    assert!(
        lines[1].starts_with(&format!("midge: rate is worse than in {shown}: ")),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].ends_with("(-50.0 %, tolerance 25 %)"),
        "{}",
        lines[1]
    );
    let result: Value = serde_json::from_str(ended.text()).unwrap();
    let rate = &result["compared"]["figures"][0];
    assert_eq!(
        (&rate["figure"], &rate["verdict"]),
        (&json!("rate"), &json!("worse"))
    );
    assert_eq!(rate["change_percent"], -50.0);
    assert_eq!(command(&path, &better, "51").code(), 0);
    assert_eq!(command(&better, &path, "10").code(), 0);
    // None before, some now.
    let ended = command(&lossy, &path, "1000");
    let sentence = format!(
        "midge: duplicated.share is worse than in {}: 1.00 %, was 0.00 % (from 0, tolerance 1000 %)\n",
        path.display()
    );
    ended.expect(5, &sentence);
}

/// Two shards of one run, from two runs of their own.
fn shards(room: &Room) -> [PathBuf; 2] {
    [0, 1].map(|index| {
        let path = room.kept(&format!("{index}.json"));
        change(&path, &path, |value| {
            let part = &mut value["result"]["parts"][0];
            part["run"] = json!("abcd");
            part["shard"] = json!({"index": index, "of": 2});
            part["asked"]["groups"][0]["topic"] = json!("t");
        });
        path
    })
}

#[test]
fn shards_add_to_the_run() {
    let room = Room::new();
    let [one, two] = shards(&room);
    let sum = room.path("sum.json");
    let command = |args: &[&str]| run(&[&["bench", "merge"], args].concat());
    let files = [text(&two), text(&one)];
    let ended = command(&[&files[..], &["--json", "--out", text(&sum)]].concat());
    ended.expect(0, "");
    let result: Value = serde_json::from_str(ended.text()).unwrap();
    for (key, expected) in [
        ("sent", 600),
        ("received", 600),
        ("acknowledged", 600),
        ("lost", 0),
        ("connections", 4),
        // What the whole run was asked for, not twice that.
        ("publishers", 1),
    ] {
        assert_eq!(result[key], expected, "{key}");
    }
    assert_eq!(result["run"], "abcd");
    assert_eq!(result["parts"][0]["shard"], json!({"index": 0, "of": 2}));
    assert_eq!(result["parts"][1]["shard"], json!({"index": 1, "of": 2}));
    let (a, b) = (read(&one), read(&two));
    let latency = "publish_to_delivery_us";
    assert_eq!(result[latency]["count"], 600);
    let least = |value: &Value| value[latency]["min"].as_f64().unwrap();
    assert_eq!(least(&result), least(&a).min(least(&b)));
    // The sum is a result like any other.
    let ended = command(&[
        text(&sum),
        "--assert",
        "sent == 600",
        "--assert",
        "e2e.count > 600",
    ]);
    assert_eq!(ended.stderr, "midge: missed: e2e.count > 600: it is 600\n");
    assert_eq!(ended.code(), 5);
    assert!(
        ended.text().contains("\nthe sum of 2 shards of run abcd\n"),
        "{}",
        ended.text()
    );
}

#[test]
fn what_is_in_both_is_not_added_twice() {
    let room = Room::new();
    let [one, two] = shards(&room);
    let other = room.kept("other.json");
    let command = |files: &[&Path]| {
        let files: Vec<&str> = files.iter().map(|path| text(path)).collect();
        run(&[&["bench", "merge"], &files[..]].concat())
    };
    let (first, second) = (one.display(), two.display());
    command(&[&one, &two, &one]).expect(
        2,
        &format!("midge: {first} and {first} cannot be added: shard 0/2 of run abcd is in both\n"),
    );
    change(&two, &two, |value| {
        value["result"]["parts"][0]["shard"]["of"] = json!(3);
    });
    command(&[&one, &two]).expect(
        2,
        &format!(
            "midge: {first} and {second} cannot be added: one has shard 0/2 of run abcd, the \
             other shard 1/3\n"
        ),
    );
    change(&two, &two, |value| {
        let part = &mut value["result"]["parts"][0];
        part["shard"]["of"] = json!(2);
        part["asked"]["groups"][0]["publishers"] = json!(7);
    });
    command(&[&one, &two]).expect(
        2,
        &format!(
            "midge: {first} and {second} cannot be added: shard 0/2 and shard 1/2 of run abcd were \
             asked for different loads\n"
        ),
    );
    // Different runs, and a shard too few, are said.
    let ended = command(&[&one, &other]);
    assert_eq!(ended.code(), 0);
    let run = read(&other)["run"].as_str().unwrap().to_owned();
    let mut runs = [run.as_str(), "abcd"];
    runs.sort_unstable();
    let expected = format!(
        "midge: these are 2 different runs: {}\nmidge: of the 2 shards of run abcd there is no 1\n",
        runs.join(", ")
    );
    assert_eq!(ended.stderr, expected);
}

#[test]
fn a_merged_loss_is_exit_5() {
    let room = Room::new();
    let [one, two] = shards(&room);
    change(&two, &two, |value| {
        let counts = &mut value["result"]["measured"]["qos"][1];
        counts["received"] = json!(298);
        counts["lost"] = json!(2);
    });
    let ended = run(&["bench", "merge", text(&one), text(&two), "--json"]);
    ended.expect(5, "midge: 2 of 600 messages of QoS 1 were lost\n");
}

#[test]
fn what_is_no_result_is_refused_by_name() {
    let room = Room::new();
    let good = room.kept("good.json");
    let text_of = fs::read_to_string(&good).unwrap();
    let bad = room.path("bad.json");
    let printed = {
        let mut value = read(&good);
        value.as_object_mut().unwrap().remove("result");
        value.to_string()
    };
    let cut = &text_of[..text_of.len() / 2];
    let with = |pointer: &str, new: Value| {
        let mut value = read(&good);
        *value.pointer_mut(pointer).unwrap() = new;
        value.to_string()
    };
    for (content, part) in [
        ("", "it is no result of midge bench: it is no JSON object"),
        (cut, "it is no JSON: EOF while parsing"),
        (
            "{\n \"schema\": oops}",
            "line 2, column 12: it is no JSON: ",
        ),
        (
            "[2, {}]",
            "it is no result of midge bench: it is no JSON object",
        ),
        (
            "{\"a\": 1}",
            "it is no result of midge bench: it has no schema",
        ),
        (
            "{\"schema\": 1, \"midge\": \"0.0.9\"}",
            "it has schema 1, and this midge reads schema 2 (it is from midge 0.0.9)",
        ),
        (
            &with("/schema", json!(3)),
            "it has schema 3, and this midge reads schema 2",
        ),
        (
            &printed,
            "it has no key 'result': what --json prints cannot be read back, what --out writes can",
        ),
        (
            &with("/result/measured/connections", json!("two")),
            "invalid type: string \"two\", expected u64",
        ),
        (&with("/result/parts", json!([])), "result.parts is empty"),
        (
            &with("/result/parts/0/shard", json!({"index": 2, "of": 2})),
            "result.parts: there is no shard 2/2",
        ),
        (
            &with("/result/measured/latencies/e2e/corrected", json!("HIST")),
            "no histogram in HdrHistogram's compressed V2 form",
        ),
    ] {
        fs::write(&bad, content).unwrap();
        for args in [
            vec!["bench", "show", text(&bad)],
            vec!["bench", "merge", text(&good), text(&bad)],
            // Before the first packet.
            vec![
                "bench",
                "-h",
                "127.0.0.1",
                "-p",
                "1",
                "--compare",
                text(&bad),
            ],
        ] {
            let ended = run(&args);
            let begin = format!("midge: {}: ", bad.display());
            assert!(ended.stderr.starts_with(&begin), "{}", ended.stderr);
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            assert_eq!(ended.code(), 2);
        }
    }
    let none = room.path("none.json");
    let ended = run(&["bench", "show", text(&none)]);
    assert_eq!(ended.code(), 1);
    let begin = format!("midge: cannot read {}: ", none.display());
    assert!(ended.stderr.starts_with(&begin), "{}", ended.stderr);
}

/// What is set for connections is nothing to those who do not connect.
#[test]
fn merging_asks_for_no_connection() {
    let room = Room::new();
    let path = room.kept("r.json");
    let mut command = midge(&["bench", "show", text(&path), "--json"]);
    command
        .env("MIDGE_HOST", "nowhere.example")
        .env("MIDGE_PORT", "1");
    Running::start(command).wait().expect(0, "");
    let ended = run(&["bench", "--rate", "5", "show", text(&path)]);
    assert_eq!(ended.code(), 2);
}

#[test]
fn a_run_that_ends_early_is_kept_too() {
    let peer = crate::client_scripted::Peer::after(b"\x20\x03\x00\x00\x00", |connection| {
        // Some messages, and the end.
        connection.packet();
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let args = [
        "--subscribers",
        "0",
        "--no-progress",
        "--rate",
        "100",
        "--out",
        text(&path),
    ];
    let ended = run(&[&["bench", "-h", "127.0.0.1", "-p", &peer.port], &args[..]].concat());
    peer.finish();
    assert_eq!(ended.code(), 4, "{}", ended.stderr);
    let result = read(&path);
    assert_eq!(result["ended_by"], "error");
    let error = result["error"].as_str().unwrap();
    assert_eq!(ended.stderr, format!("midge: {error}\n"));
    // And shown again, it is no other.
    run(&["bench", "show", text(&path), "--json"])
        .expect(4, &format!("midge: a run ended early: {error}\n"));
}

#[test]
fn the_help_names_every_figure() {
    let ended = run(&["bench", "--help"]);
    ended.expect(0, "");
    let words: Vec<&str> = ended
        .text()
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    for name in midge::output::bench::Figure::first_names() {
        let name = name.trim_end_matches("_uncorrected");
        assert!(words.contains(&name), "{name}");
    }
}

//! `examples/kubernetes`: the flags in it are midge's, and four shards and their merge do what the
//! comments say. Read with the little of YAML that is in these files.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::program::{Running, midge};
use crate::test_broker::TestBroker;

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The quoted words below `key:`, or beside it in brackets.
fn words(yaml: &str, key: &str) -> Vec<String> {
    let key = format!("{key}:");
    let mut lines = yaml
        .lines()
        .skip_while(|line| !line.trim().starts_with(&key));
    let beside = lines
        .next()
        .unwrap()
        .trim()
        .strip_prefix(&key)
        .unwrap()
        .trim();
    let unquoted = |word: &str| {
        let word = word.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(word.to_owned())
    };
    if let Some(list) = beside.strip_prefix('[') {
        let list = list.trim_end_matches(']').split(',');
        return list.map(|word| unquoted(word).unwrap()).collect();
    }
    // Comments may stand between.
    let lines = lines.filter(|line| !line.trim().starts_with('#'));
    let words = lines.map_while(|line| unquoted(line.trim().strip_prefix("- ")?));
    words.collect()
}

/// The text below `key: |`.
fn text(yaml: &str, key: &str) -> String {
    let key = format!("{key}: |");
    let mut lines = yaml.lines().skip_while(|line| line.trim() != key);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let outer = indent(lines.next().unwrap());
    let lines = lines.take_while(|line| line.is_empty() || indent(line) > outer);
    lines
        .map(|line| format!("{}\n", line.trim_start()))
        .collect()
}

/// What the container would run, but for the places that are others here.
fn command(yaml: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let words = [words(yaml, "command"), words(yaml, "args")].concat();
    let changed = words.into_iter().map(|word| {
        let change = |word: String, (from, to): &(&str, &str)| word.replace(from, to);
        changes.iter().fold(word, change)
    });
    changed.collect()
}

#[test]
fn the_flags_are_midges() {
    let job = example("bench-job.yaml");
    let shard = [("$(SHARD)", "3"), ("START_AT", "2026-01-31T12:00:00Z")];
    let bench = command(&job, &shard);
    assert_eq!(bench.len(), 7, "{bench:?}");
    let merge = command(&example("merge-job.yaml"), &[]);
    assert_eq!(merge.len(), 11, "{merge:?}");
    for words in [bench, merge] {
        let parsed = midge::cli::command().try_get_matches_from(&words);
        assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
    }
    // As many pods as shards, as many shards as parts.
    for line in ["  completions: 4\n", "  parallelism: 4\n"] {
        assert!(job.contains(line), "{line}");
    }
}

#[test]
fn four_shards_add_to_one_result() {
    let broker = TestBroker::start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let job = example("bench-job.yaml");
    // The same at a hundredth of the size.
    let mut scenario = text(&job, "scenario.toml");
    let port = format!("host = \"127.0.0.1\"\nport = {}", broker.address.port());
    for (from, to) in [
        ("host = \"mqtt-broker\"", port.as_str()),
        ("duration = \"60s\"", "duration = \"1s\""),
        ("warmup = \"10s\"", "warmup = \"100ms\""),
        ("publishers = 4000", "publishers = 40"),
        ("rate = \"20k/s\"", "rate = \"200/s\""),
    ] {
        assert!(scenario.contains(from), "{from}");
        scenario = scenario.replace(from, to);
    }
    fs::write(Path::new(folder).join("scenario.toml"), scenario).unwrap();
    let start = SystemTime::now() + Duration::from_secs(2);
    let start = start.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let start = start.to_string();
    let shards: Vec<Running> = (0..4)
        .map(|shard: u32| {
            let shard = shard.to_string();
            let words = command(
                &job,
                &[
                    ("$(SHARD)", &shard),
                    ("START_AT", &start),
                    ("/scenario/", &format!("{folder}/")),
                    ("/results/", &format!("{folder}/")),
                    ("0.0.0.0:9464", "127.0.0.1:0"),
                ],
            );
            let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            Running::start(midge(&words))
        })
        .collect();
    for shard in shards {
        let ended = shard.wait();
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
    }
    let words = command(
        &example("merge-job.yaml"),
        &[("/results/", &format!("{folder}/"))],
    );
    let mut words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    words.push("--json");
    let ended = Running::start(midge(&words)).wait();
    ended.expect(0, "");
    let result: Value = serde_json::from_str(ended.text()).unwrap();
    for (key, expected) in [
        ("sent", 200),
        ("acknowledged", 200),
        ("expected", 1600),
        ("received", 1600),
        ("lost", 0),
        ("connections", 48),
    ] {
        assert_eq!(result[key], expected, "{key}");
    }
    assert_eq!(result["parts"].as_array().unwrap().len(), 4);
    for file in ["all.json", "all.html"] {
        assert!(Path::new(folder).join(file).exists(), "{file}");
    }
}

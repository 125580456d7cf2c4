//! The three commands by which README makes a check of a capture.

use std::fs;
use std::path::Path;

use crate::program::{Running, midge};

/// As README has them, without what ends a line there.
const COMMANDS: [&str; 3] = [
    "midge decode production.pcap --summary",
    "midge capture-replay production.pcap --dry-run",
    "midge broker --port 0 -- midge capture-replay production.pcap --speed max --verify",
];

#[test]
fn a_production_capture_becomes_a_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    if readme.contains("--verify") {
        for command in COMMANDS {
            assert!(readme.contains(&format!("$ {command}")), "{command}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = root.join("tests/captures/mosq20_v311_lo.pcap");
    fs::copy(capture, folder.path().join("production.pcap")).unwrap();
    let last = |command: &str| {
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let mut midge = midge(&words);
        midge.current_dir(folder.path());
        Running::start(midge).wait()
    };
    for command in COMMANDS {
        let ended = last(command);
        assert_eq!((ended.code(), &*ended.stderr), (0, ""), "{command}");
        let text = ended.text();
        if command.ends_with("--dry-run") {
            assert!(
                text.starts_with("production.pcap: 47 messages of 2 clients"),
                "{text}"
            );
        }
        if command.ends_with("--verify") {
            assert!(
                text.ends_with("verdict: 0 differences of 62 answers compared\n"),
                "{text}"
            );
        }
    }
    // And a broker that is not as good is found.
    let worse = COMMANDS[2].replace("--port 0", "--port 0 --max-qos 0");
    assert_eq!(last(&worse).code(), 5);
}

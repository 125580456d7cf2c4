//! The histograms of a bench's result with HdrHistogram's library for Python.

use std::path::Path;
use std::process::Command;

use crate::program::run;
use crate::test_broker::TestBroker;

#[test]
#[ignore = "needs hdrhistogram for Python"]
fn hdrhistogram_reads_the_file_of_a_result() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/clients/python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: see .ci/run",
        python.display()
    );
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let path = path.to_str().unwrap();
    let args = "--no-progress -q 1 --rate 5k --count 2000 --out";
    let mut all = vec!["bench", "-h", "127.0.0.1", "-p", &port];
    all.extend(args.split(' '));
    all.push(path);
    run(&all).expect(0, "");
    let script = root.join("tests/clients/hdr_histogram.py");
    let ended = Command::new(python).arg(script).arg(path).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let lines = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(lines, "connect 2\nack 2000\ne2e 2000\nlateness 2000\n");
}

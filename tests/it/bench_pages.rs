//! `--html` and `--plot` of bench, bench show and bench merge, as a program.

use std::fs;
use std::path::Path;

use crate::program::{Running, midge, run};
use crate::test_broker::TestBroker;

/// Runs a small bench, and gives the file with its result.
fn result(folder: &Path, more: &[&str]) -> String {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    let path = folder.join("run.json").to_str().unwrap().to_owned();
    let mut args = vec!["bench", "-h", "127.0.0.1", "-p", &port, "--no-progress"];
    args.extend(["-q", "1", "--count", "400", "--out", &path]);
    args.extend(more);
    run(&args).expect(0, "");
    path
}

#[test]
fn the_same_result_gives_the_same_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [first, shown, merged] = ["first", "shown", "merged"].map(page);
    let path = result(folder.path(), &["--html", &first]);
    run(&["bench", "show", &path, "--html", &shown]).expect(0, "");
    run(&["bench", "merge", &path, "--html", &merged]).expect(0, "");
    let read = |path| fs::read_to_string(path).unwrap();
    let first = read(first);
    assert!(first.starts_with("<!DOCTYPE html>\n"), "{first}");
    assert!(first.contains("Nothing was lost: 400 messages arrived."));
    assert_eq!(first, read(shown));
    assert_eq!(first, read(merged));
}

#[test]
fn assertions_and_an_earlier_run_are_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = result(folder.path(), &[]);
    let page = folder.path().join("page.html");
    let args = ["bench", "show", &path, "--html", page.to_str().unwrap()];
    let asks = [
        "--compare",
        &path,
        "--assert",
        "lost == 0",
        "--assert",
        "sent > 1k",
    ];
    let ended = run(&[&args[..], &asks[..]].concat());
    ended.expect(5, "midge: missed: sent > 1k: it is 400\n");
    let page = fs::read_to_string(page).unwrap();
    for part in [
        "lost == 0: it is 0.",
        "Missed: sent &gt; 1k: it is 400.",
        "No figure is worse than on ",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_known_before_the_run() {
    // Nothing listens there; a run that tried to connect would end with 3.
    let ended = run(&["bench", "-p", "1", "--html", "/no/such/folder/page.html"]);
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
    let expected = "midge: cannot write /no/such/folder/page.html: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[test]
fn drawings_are_for_the_terminal_that_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = result(folder.path(), &[]);
    let drawn = |locale: &str| {
        let mut command = midge(&["bench", "show", &path, "--plot"]);
        command.env("LC_ALL", locale);
        let ended = Running::start(command).wait();
        ended.expect(0, "");
        let (_, drawn) = ended.text().split_once("messages per second\n").unwrap();
        drawn.to_owned()
    };
    let (utf8, ascii) = (drawn("C.UTF-8"), drawn("C"));
    assert!(utf8.contains('█') && utf8.contains('●'), "{utf8}");
    assert!(ascii.contains('#') && ascii.contains('*'), "{ascii}");
    assert!(ascii.is_ascii(), "{ascii}");
    // No colour in a pipe.
    assert!(!utf8.contains('\u{1b}') && !ascii.contains('\u{1b}'));
    assert_eq!(utf8.lines().count(), ascii.lines().count());
}

#[test]
fn a_drawing_is_no_json() {
    let ended = run(&["bench", "--plot", "--json"]);
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
}

//! The page of `bench --html` in a real browser: on a phone and on a desk, in light and dark.
//!
//! Ignored by default: `cargo test -- --ignored` runs them where chromium is installed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Ended, Running, run};
use crate::test_broker::TestBroker;

/// Looks at the page from the one around it, and writes what it sees as JSON.
const PROBE: &str = include_str!("interop_browser/probe.js");

/// Text that would be a script, an attribute and an entity, if it were let.
const HOSTILE: &str = "a\"b'<script>document.title='broken'</script>&amp;/{client}";

fn chromium(profile: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new("chromium");
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.args([
        "--headless=new",
        // For those who are root, as in a container.
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--allow-file-access-from-files",
        // What the console says comes to stderr.
        "--enable-logging=stderr",
    ]);
    command.args(args);
    Running::start(command).wait()
}

/// Runs a bench that has every plot, and gives its page.
fn page(folder: &Path) -> String {
    let broker = TestBroker::start();
    let path = folder.join("page.html");
    let port = broker.address.port().to_string();
    let path = path.to_str().unwrap();
    let mut args = vec!["bench", "-h", "127.0.0.1", "-p", &port, "--html", path];
    // And so long that no phone has room for it.
    let topic = format!("{}/{HOSTILE}", "W".repeat(200));
    args.extend(["-t", &topic, "--no-progress", "--json"]);
    args.extend("-q 1 --rate 500 --duration 2500ms --publishers 2".split(' '));
    let ended = run(&args);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    path.to_owned()
}

/// What the browser makes of the page in a window so wide.
fn seen(folder: &Path, page: &str, width: u32, scheme: &str) -> Value {
    let around = folder.join(format!("around-{width}-{scheme}.html"));
    // The narrowest window of a browser is wider than a phone; a frame can have any width.
    let html = format!(
        "<!DOCTYPE html><meta charset=utf-8>\
         <iframe id=frame src=\"file://{page}\" style=\"width:{width}px;height:900px;border:0\">\
         </iframe><pre id=seen></pre><script>{PROBE}</script>"
    );
    std::fs::write(&around, html).unwrap();
    let number = if scheme == "dark" { 0 } else { 1 };
    let scheme = format!("--blink-settings=preferredColorScheme={number}");
    let url = format!("file://{}", around.display());
    let ended = chromium(&folder.join("profile"), &[&scheme, "--dump-dom", &url]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("CONSOLE"), "{}", ended.stderr);
    let text = ended.text();
    let json = text.split_once("<pre id=\"seen\">").unwrap().1;
    let json = json.split_once("</pre>").unwrap().0;
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
#[ignore = "needs chromium"]
fn the_page_fits_every_window() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [360, 390, 768, 1280, 1920] {
            let seen = seen(folder.path(), &page, width, scheme);
            let case = format!("{width} px, {scheme}: {seen:#}");
            assert_eq!(seen["inner"], width, "{case}");
            assert_eq!(seen["scroll"], width, "{case}");
            assert_eq!(seen["title"], "midge bench: 127.0.0.1:PORT", "{case}");
            assert_eq!(seen["scripts"], 1, "{case}");
            // Not even one that was tried in vain.
            assert_eq!(seen["resources"], 0, "{case}");
            assert_eq!(seen["outside"], Value::Array(Vec::new()), "{case}");
            assert_eq!(seen["faint"], Value::Array(Vec::new()), "{case}");
            assert_eq!(seen["small"], Value::Array(Vec::new()), "{case}");
            assert!(seen["said"].as_str().unwrap().starts_with("0 s"), "{case}");
            let plots = seen["plots"].as_array().unwrap();
            let titles: Vec<&str> = plots
                .iter()
                .map(|plot| plot["title"].as_str().unwrap())
                .collect();
            let all = [
                "Rate over time",
                "Latency by percentile",
                "Latency over time",
                "Latency distribution",
            ];
            assert_eq!(titles, all, "{case}");
            for plot in plots {
                assert!(plot["width"].as_f64().unwrap() >= 300.0, "{case}");
                assert!(plot["height"].as_f64().unwrap() >= 200.0, "{case}");
                assert!(plot["marks"].as_u64().unwrap() >= 1, "{case}");
            }
            papers.push(seen["paper"].as_str().unwrap().to_owned());
        }
    }
    papers.dedup();
    assert_eq!(papers.len(), 2, "light and dark: {papers:?}");
}

#[test]
#[ignore = "needs chromium"]
fn the_page_can_be_painted_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    let url = format!("file://{page}");
    let profile = folder.path().join("profile");
    let picture = folder.path().join("page.png");
    let to = format!("--screenshot={}", picture.display());
    let ended = chromium(&profile, &["--window-size=1280,1600", &to, &url]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let png = std::fs::read(picture).unwrap();
    // IHDR is the first chunk of every PNG: width and height.
    assert_eq!(png[16..24], [0, 0, 0x05, 0, 0, 0, 0x06, 0x40]);
    // One colour alone would be a few KB.
    assert!(png.len() > 30_000, "{} bytes", png.len());
    let print = folder.path().join("page.pdf");
    let to = format!("--print-to-pdf={}", print.display());
    let ended = chromium(&profile, &[&to, &url]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(std::fs::read(print).unwrap().starts_with(b"%PDF"));
}

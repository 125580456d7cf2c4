use super::*;
use crate::output::bench::outcome::Limit;
use crate::output::bench::{Asked, Ended, Group, Measured, Part, Times, sample};

fn checks() -> [Check; 2] {
    [
        (false, "e2e.p99 < 10ms: it is 700.4 ms"),
        (true, "lost == 0: it is 0"),
    ]
    .map(|(holds, sentence)| Check {
        holds,
        sentence: sentence.to_owned(),
    })
}

/// The same result on the day before, when it was quicker.
fn yesterday() -> Outcome {
    let mut then = sample::outcome();
    then.parts[0].began_ns -= 86_400_000_000_000;
    then.parts[0].asked.groups[0].publishers = 20;
    let mut quick = Times::new();
    for n in 0..60_000 {
        quick.record(90_000 + n * 9);
    }
    then.measured.latencies.e2e.corrected = quick;
    then
}

fn sample_page() -> String {
    let now = sample::outcome();
    let comparison = Comparison::new(&yesterday(), &now, 10.0);
    page(&now, &checks(), Some(&comparison))
}

#[test]
fn equal_results_give_equal_pages() {
    let page = sample_page();
    assert_eq!(page, sample_page());
    // What a mail takes as an attachment without a thought.
    assert!(page.len() < 200_000, "{} bytes", page.len());
    if let Ok(path) = std::env::var("MIDGE_SAMPLE_PAGE") {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn it_says_what_there_is_to_say() {
    let page = sample_page();
    for part in [
        "<h1>broker.example:1883</h1>",
        "Missed: e2e.p99 &lt; 10ms: it is 700.4 ms.",
        "lost == 0: it is 0.",
        "Worse than on 2026-09-20 14:13:20 UTC, beyond the tolerance of 10 %: ",
        "publishers was 20, is 10.",
        "Nothing was lost: 119,580 messages arrived.",
        "Something was refused or failed 222 times",
        "Limited by window: ",
        "PUBACK 0x97 Quota exceeded",
        "midge/bench/4f1a/{client}",
        "12 s: nothing came",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for title in [
        "Rate over time",
        "Latency by percentile",
        "Latency over time",
        "Latency distribution",
        "Errors over time",
    ] {
        // Drawn for wide and for narrow windows.
        let titles = page.matches(&format!(">{title}</title>")).count();
        assert_eq!(titles, 2, "{title}");
    }
}

#[test]
fn it_loads_nothing() {
    let page = sample_page();
    for part in [
        "://",
        " src=",
        "@import",
        "url(",
        "<link rel=\"style",
        "integrity",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src &#39;none&#39;"));
}

/// The policy names the script by its hash, so no other could run.
#[test]
fn the_policy_lets_the_script_run() {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(SCRIPT.as_bytes());
    let hash = data_encoding::BASE64.encode(&hash);
    assert!(POLICY.contains(&format!("'sha256-{hash}'")), "{hash}");
    assert!(sample_page().contains(&format!("<script>{SCRIPT}</script>")));
}

/// A result file can hold any text.
#[test]
fn what_comes_from_outside_stays_text() {
    const HOSTILE: &str = "</style></title><script>alert(1)</script>\"'&\u{202e}";
    let hostile = || HOSTILE.to_owned();
    let more: std::collections::BTreeMap<_, _> = [(hostile(), hostile())].into();
    let mut measured = Measured::default();
    measured.refuse(HOSTILE, 0x80, HOSTILE, 3);
    measured.errors.insert(hostile(), 2);
    measured.limits.insert(Limit {
        what: hostile(),
        sentence: hostile(),
    });
    let outcome = Outcome {
        parts: vec![Part {
            run: hostile(),
            midge: hostile(),
            error: Some(hostile()),
            ended_by: Ended::Error,
            asked: Asked {
                broker: hostile(),
                version: hostile(),
                engine: hostile(),
                groups: vec![Group {
                    name: Some(hostile()),
                    topic: hostile(),
                    more: more.clone(),
                    ..Group::default()
                }],
                more,
                ..Asked::default()
            },
            ..Part::default()
        }],
        measured,
    };
    let check = Check {
        holds: true,
        sentence: hostile(),
    };
    let page = page(&outcome, &[check], None);
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(!page.contains('\u{202e}'));
    let escaped = "&lt;/style&gt;&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}";
    assert!(
        page.matches(escaped).count() >= 14,
        "{}",
        page.matches(escaped).count()
    );
}

#[test]
fn a_run_that_came_to_nothing_has_a_page() {
    for outcome in [
        Outcome::default(),
        Outcome {
            parts: vec![Part::default()],
            measured: Measured::default(),
        },
    ] {
        let page = page(&outcome, &[], None);
        assert!(page.ends_with("</html>\n"), "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}

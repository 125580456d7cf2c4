use super::*;
use crate::output::bench::{Group, Measured, Part, sample};
use crate::output::text::columns;

fn drawn(outcome: &Outcome, width: Option<usize>, unicode: bool) -> String {
    let mut out = Vec::new();
    write_plot(&mut out, outcome, Plain { width, unicode }).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_stall_is_seen() {
    let text = drawn(&sample::outcome(), None, true);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "messages per second, 2k asked for");
    // In 60 columns one second is two: nothing came in second 12, and all of it in the next.
    let received = lines
        .iter()
        .find(|line| line.starts_with("received"))
        .unwrap();
    assert_eq!(
        received.trim_end(),
        format!("received{:>11} {:26}██", "8k", "")
    );
    let base = lines[lines.iter().position(|line| line == received).unwrap() + 3];
    let bars = |count| "█".repeat(count);
    assert_eq!(base, format!("{:>19} {}  {}", "0", bars(24), bars(34)));
    // 700 ms from when they were due, 2 ms from when they were sent.
    let p99 = lines
        .iter()
        .find(|line| line.starts_with("  p99 "))
        .unwrap();
    let (hollow, solid) = (p99.find('○').unwrap(), p99.find('●').unwrap());
    assert!(hollow < solid && p99[hollow..solid].contains('─'), "{p99}");
    assert!(text.contains("latency over time, to delivery; ░▒▓█ more messages"));
}

#[test]
fn it_fits_the_terminal() {
    for width in [40, 60, 80, 132, 160] {
        for unicode in [true, false] {
            let text = drawn(&sample::outcome(), Some(width), unicode);
            for line in text.lines() {
                assert!(columns(line) <= width, "{width}: {line}");
            }
            assert_eq!(text.is_ascii(), !unicode);
        }
    }
    // Not narrower, and not wider than it is of use.
    assert_eq!(
        drawn(&sample::outcome(), Some(1), true),
        drawn(&sample::outcome(), Some(40), true)
    );
    let widest = drawn(&sample::outcome(), Some(500), true);
    assert!(widest.lines().all(|line| columns(line) <= 160));
}

#[test]
fn axes_have_labels_that_do_not_touch() {
    let page = Page {
        width: 40,
        unicode: true,
    };
    let axis = page.axis(&Scale::seconds(30.0).second_ticks(20));
    let labels: Vec<&str> = axis.split("  ").filter(|label| !label.is_empty()).collect();
    assert!(labels.len() >= 2, "{axis}");
    assert!(
        labels.iter().all(|label| label.trim().ends_with(" s")),
        "{axis}"
    );
    assert_eq!(columns(&axis), 40);
}

#[test]
fn what_was_not_measured_is_not_drawn() {
    assert_eq!(drawn(&Outcome::default(), None, true), "");
    let idle = Outcome {
        parts: vec![Part::default()],
        measured: Measured::default(),
    };
    assert_eq!(drawn(&idle, None, true), "");
    let mut silent = idle;
    silent.parts[0].asked.groups.push(Group {
        publishers: 1,
        ..Group::default()
    });
    let text = drawn(&silent, None, true);
    assert!(text.starts_with("messages per second\nsent "), "{text}");
    assert!(!text.contains("latency"), "{text}");
}

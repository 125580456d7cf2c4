//! `mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr` are what midge is under these names: a table
//! of invocations (`tests/mosquitto/*.txt`), each with what the real program does against a scripted
//! peer: the packets it sends, stdout, stderr and the exit code.
//!
//! `cargo test` compares midge with what is written there. Where mosquitto's clients are installed,
//! `cargo test -- --ignored mosquitto` compares them with it, too, and `MIDGE_BLESS=1` writes it
//! anew from them. A difference that is meant stands in the row (`differs`) with its reason and
//! midge's lines (`~`) beside theirs (`=`).

mod peer;
mod row;
mod run;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use self::row::{Outcome, Row, Table};
use self::run::Programs;
use crate::files;

/// Invocations that run at once.
const WORKERS: usize = 8;

fn tables() -> Vec<PathBuf> {
    files::of("mosquitto", &["txt"])
}

/// Runs every row: what came of each, in their order.
fn run_all(rows: &[Row], programs: &Programs) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![Outcome::default(); rows.len()]);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = programs.run(row);
                    let index = rows.iter().position(|other| std::ptr::eq(other, row));
                    outcomes.lock().expect("no panic")[index.expect("a row")] = outcome;
                }
            });
        }
    });
    outcomes.into_inner().expect("no panic")
}

/// Compares; the number of rows, and every row that is not as written.
fn compare(
    programs: &Programs,
    expected: impl Fn(&Row) -> Option<Outcome>,
) -> (usize, usize, String) {
    let (mut count, mut wrong, mut report) = (0, 0, String::new());
    for path in tables() {
        let table = Table::read(&path);
        let rows: Vec<Row> = table.rows().cloned().collect();
        for (row, outcome) in rows.iter().zip(run_all(&rows, programs)) {
            let Some(expected) = expected(row) else {
                continue;
            };
            count += 1;
            let difference = expected.difference(&outcome);
            if !difference.is_empty() {
                wrong += 1;
                let _ = writeln!(report, "{}: {}\n{difference}", row.title, row.command);
            }
        }
    }
    (count, wrong, report)
}

#[test]
fn midge_does_what_is_written() {
    let (count, wrong, report) = compare(&Programs::midge(), |row| {
        row.waiting.is_none().then(|| row.of_midge())
    });
    assert_eq!(wrong, 0, "{wrong} of {count} rows differ:\n{report}");
}

#[test]
#[ignore = "wants mosquitto's clients"]
fn mosquitto_does_what_is_written() {
    let real = Programs::mosquitto();
    if std::env::var_os("MIDGE_BLESS").is_some() {
        for path in tables() {
            let mut table = Table::read(&path);
            let rows: Vec<Row> = table.rows().cloned().collect();
            table.bless(&run_all(&rows, &real));
            fs::write(&path, table.to_string()).expect("the table is written");
        }
        return;
    }
    let (count, wrong, report) = compare(&real, |row| Some(row.of_mosquitto()));
    assert_eq!(wrong, 0, "{wrong} of {count} rows differ:\n{report}");
}

#[test]
fn every_row_is_compared() {
    for path in tables() {
        let waiting: Vec<_> = Table::read(&path)
            .rows()
            .filter_map(|row| Some(format!("{}: {}", row.title, row.waiting.as_ref()?)))
            .collect();
        assert_eq!(waiting, [""; 0], "{}", path.display());
    }
}

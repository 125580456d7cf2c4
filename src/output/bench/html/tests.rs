use super::*;
use crate::output::bench::sample;

#[test]
fn dump() {
    let page = page(
        &sample::outcome(),
        &[
            Check {
                sentence: "e2e.p99 < 10ms: it is 700.4 ms".into(),
                holds: false,
            },
            Check {
                sentence: "lost == 0: it is 0".into(),
                holds: true,
            },
        ],
        None,
    );
    std::fs::write("/tmp/page.html", &page).unwrap();
    eprintln!("{} bytes", page.len());
}

use super::*;
use crate::output::bench::sample;

#[test]
fn dump() {
    let page = page(&sample::outcome(), &[("e2e.p99 < 10ms".into(), false), ("lost == 0".into(), true)]);
    std::fs::write("/tmp/page.html", &page).unwrap();
    eprintln!("{} bytes", page.len());
}

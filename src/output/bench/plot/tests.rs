use super::*;
use crate::output::bench::sample;

#[test]
fn dump() {
    for unicode in [true, false] {
        let mut out = Vec::new();
        write_plot(
            &mut out,
            &sample::outcome(),
            Plain {
                width: Some(80),
                unicode,
            },
        )
        .unwrap();
        eprintln!("{}", String::from_utf8(out).unwrap());
    }
}

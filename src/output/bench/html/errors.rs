//! What went wrong, over time.

use super::canvas::{Canvas, Path};
use super::markup::Markup;
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::{Scale, moment};
use crate::output::text::count;

/// Draws the plot.
pub(super) fn draw(out: &mut Markup, canvas: Canvas, picture: &Picture) {
    let most = picture.bins.iter().map(|bin| bin.errors).max().unwrap_or(0);
    let upright = Scale::counts(most as f64);
    let across = Scale::seconds(picture.seconds());
    let total: u64 = picture.bins.iter().map(|bin| bin.errors).sum();
    let description = format!(
        "{} over {}.",
        count(total, "error"),
        moment(picture.seconds(), 0.0)
    );
    canvas.open(out, "errors", "Errors over time", &description);
    canvas.left_axis(out, &upright.count_ticks(canvas.upright.min(4)));
    canvas.bottom_axis(out, &across.second_ticks(canvas.across));
    let mut bars = Path::default();
    let base = canvas.y(0.0);
    for bin in picture.bins.iter().filter(|bin| bin.errors > 0) {
        let (x, end) = (
            canvas.x(across.place(bin.from)),
            canvas.x(across.place(bin.to)),
        );
        let top = canvas.y(upright.place(bin.errors as f64));
        let gap = if end - x > 6.0 { 1.0 } else { 0.0 };
        bars.rectangle(x + gap, top, end - x - 2.0 * gap, base - top);
    }
    bars.draw(out, "bars");
    let columns: Vec<(f64, f64, String)> = picture
        .bins
        .iter()
        .map(|bin| {
            let errors = match bin.errors {
                0 => "no error".to_owned(),
                errors => count(errors, "error"),
            };
            let text = format!("{}: {errors}", picture.moment(bin));
            (across.place(bin.from), across.place(bin.to), text)
        })
        .collect();
    canvas.columns(out, &columns);
    out.close();
}

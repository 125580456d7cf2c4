//! The result as a page: one file, without network, fonts or libraries, that says all with scripts
//! off. Equal results give equal bytes.
//!
//! | file | what it is |
//! |---|---|
//! | here | the page from top to bottom |
//! | `verdict` | the sentences that come first |
//! | `table`, `messages`, `asked` | figures, and what was asked for, as text |
//! | `rate`, `quantiles`, `heat`, `distribution`, `errors` | the plots |
//! | `canvas` | frame and axes of a plot |
//! | `markup` | HTML and SVG with everything from outside escaped |
//! | `page.css`, `page.js` | how it looks, and what the pointer is on |

mod asked;
mod canvas;
mod distribution;
mod errors;
mod heat;
mod markup;
mod messages;
mod quantiles;
mod rate;
mod table;
mod verdict;

use std::io::{self, Write};

use self::canvas::{Canvas, NARROW, WIDE};
use self::markup::Markup;
use super::picture::Picture;
use super::{Comparison, Outcome, Report};

/// Pieces of time at most: more are thinner than a line.
const PIECES: usize = 120;

/// Rows of the heat map at most.
const ROWS: u32 = 48;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page may load: nothing. What it may run: the one script that is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    script-src 'sha256-Cd2Iw07pjNBceYme2Irq1X3k2JXHiL/6chla6U3mHHw='";

/// An assertion, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether it holds.
    pub holds: bool,
    /// What was asserted and what is, without a full stop.
    pub sentence: String,
}

/// Writes the page; with the assertions, and beside an earlier result if there is one.
///
/// # Errors
/// Those of `out`.
pub fn write_html(
    out: &mut impl Write,
    outcome: &Outcome,
    checks: &[Check],
    comparison: Option<&Comparison>,
) -> io::Result<()> {
    out.write_all(page(outcome, checks, comparison).as_bytes())
}

fn page(outcome: &Outcome, checks: &[Check], comparison: Option<&Comparison>) -> String {
    let report = Report::new(outcome);
    let picture = Picture::new(outcome, PIECES, ROWS);
    let mut out = Markup::default();
    out.push_raw("<!DOCTYPE html>\n");
    out.open("html", &[("lang", &"en")]);
    head(&mut out, &report);
    out.open("body", &[]);
    out.open("header", &[]);
    table::title(&mut out, &report);
    out.close();
    out.open("main", &[]);
    verdict::list(&mut out, outcome, &report, checks, comparison);
    table::key_figures(&mut out, &report);
    plots(&mut out, &picture, &report);
    table::latencies(&mut out, outcome, &report);
    if let Some(comparison) = comparison {
        table::comparison(&mut out, comparison);
    }
    out.open("div", &[("class", &"pair")]);
    messages::tables(&mut out, &report);
    asked::list(&mut out, &report);
    out.close();
    table::over_time(&mut out, &picture);
    out.close();
    table::foot(&mut out, &report);
    // Behind what it looks for.
    out.open("script", &[]);
    out.push_raw(SCRIPT);
    out.finish()
}

fn head(out: &mut Markup, report: &Report) {
    out.open("head", &[]);
    out.leaf("meta", &[("charset", &"utf-8")]);
    let viewport = "width=device-width, initial-scale=1";
    out.leaf("meta", &[("name", &"viewport"), ("content", &viewport)]);
    let policy = [
        ("http-equiv", &"Content-Security-Policy" as _),
        ("content", &POLICY as _),
    ];
    out.leaf("meta", &policy);
    out.leaf(
        "meta",
        &[("name", &"color-scheme"), ("content", &"light dark")],
    );
    // Without one a browser would ask the server for it.
    out.leaf("link", &[("rel", &"icon"), ("href", &"data:,")]);
    out.element(
        "title",
        &[],
        format_args!("midge bench: {}", table::brokers(report)),
    );
    out.open("style", &[]);
    out.push_raw(STYLE);
    out.close();
    out.close();
}

fn plots(out: &mut Markup, picture: &Picture, report: &Report) {
    out.open("div", &[("class", &"plots")]);
    if picture.has_sent || picture.has_received {
        let caption = match picture.target {
            Some(_) => "Messages per second. The thin dashed line is what was asked for.",
            None => "Messages per second, as fast as the broker took them.",
        };
        figure(out, "Rate over time", caption, &|out, canvas| {
            rate::draw(out, canvas, picture);
        });
    }
    if !picture.curves.is_empty() {
        let is_twice = picture.curves.iter().any(|curve| !curve.is_corrected);
        let caption = match is_twice {
            true => "From when a message was due; dashed: from when it was sent.",
            false => "From when a message was sent. Each nine has the same room.",
        };
        figure(out, "Latency by percentile", caption, &|out, canvas| {
            quantiles::draw(out, canvas, picture);
        });
    }
    if let Some(heat) = &picture.heat {
        let caption = format!(
            "Times to {}, with p99. The stronger, the more messages.",
            heat.kind
        );
        figure(out, "Latency over time", &caption, &|out, canvas| {
            heat::draw(out, canvas, picture);
        });
    }
    let of_heat = |kind| {
        picture
            .curves
            .iter()
            .find(move |of| of.is_corrected && of.kind == kind)
    };
    if let Some(curve) = of_heat("delivery").or(of_heat("ack")) {
        let caption = format!("How many of the times to {} are how long.", curve.kind);
        figure(out, "Latency distribution", &caption, &|out, canvas| {
            distribution::draw(out, canvas.unlabelled(), curve);
        });
    }
    if picture.has_errors() {
        let caption = "Refusals, lost connections and what else went wrong.";
        figure(out, "Errors over time", caption, &|out, canvas| {
            errors::draw(out, canvas.unlabelled(), picture);
        });
    }
    messages::troubles(out, report);
    out.close();
}

/// A plot, drawn for both widths, with what it is above it.
fn figure(out: &mut Markup, name: &str, caption: &str, draw: &dyn Fn(&mut Markup, Canvas)) {
    out.open("figure", &[]);
    out.open("figcaption", &[]);
    out.element("h2", &[], name);
    out.element("output", &[], "");
    out.element("p", &[], caption);
    out.close();
    draw(out, WIDE);
    draw(out, NARROW);
    out.close();
}

#[cfg(test)]
mod tests;

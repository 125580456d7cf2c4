//! The result of a load test: the value itself, and how it is shown.
//!
//! | file | what it is |
//! |---|---|
//! | `outcome`, `counts`, `latencies` | what was asked for, counted and timed: adds exactly |
//! | `times`, `hdr` | distributions of times, and their text form |
//! | `series` | second by second |
//! | `merge` | several results as one |
//! | `figure` | figures by their names |
//! | `comparison` | a result beside an earlier one |
//! | `report`, `latency` | the JSON object |
//! | `file` | the file that keeps everything |
//! | `text` | the summary for people |
//! | `numbers` | numbers for people |
//! | `html` | a page |
//! | `plot` | drawings for a terminal |
//! | `exposition` | figures for Prometheus |
//! | `picture`, `bins`, `scale` | what both of those show, and its axes |

mod bins;
mod comparison;
mod counts;
mod exposition;
mod figure;
mod file;
mod hdr;
mod html;
mod latencies;
mod latency;
mod merge;
mod numbers;
mod outcome;
mod picture;
mod plot;
mod report;
#[cfg(test)]
mod sample;
mod scale;
mod series;
mod text;
mod times;

pub use comparison::{Compared, Comparison, Difference, Verdict};
pub use counts::{Counts, Subscriber};
pub use exposition::{CONTENT_TYPE, Now, exposition};
pub use figure::{Better, Figure, Unit};
pub use file::{ReadError, read_file, write_file};
pub use html::{Check, write_html};
pub use latencies::{Latencies, Pair};
pub use latency::Latency;
pub use merge::Overlap;
pub(super) use numbers::{grouped, time_text};
pub use outcome::{Asked, Ended, Group, Limit, Measured, Outcome, Part, Refusals, Shard};
pub use plot::{Plain, write_plot};
pub use report::{Asserted, QosCounts, Report, ReportPart, SCHEMA, Second, us};
pub use series::{Coarsened, Row, Series};
pub use text::write_text;
pub use times::{Bucket, Coarse, MAX_TIME, Times};

use std::io::{self, Write};

use super::json;

/// Writes the object on one line.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, report: &Report) -> io::Result<()> {
    json::write_line(out, report)
}

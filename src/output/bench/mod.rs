//! The result of a load test: the value itself, and how it is shown.
//!
//! | file | what it is |
//! |---|---|
//! | `outcome` | what was asked for, counted and timed: adds exactly |
//! | `times`, `hdr` | distributions of times, and their text form |
//! | `series` | second by second |
//! | `report` | the JSON object |
//! | `text` | the summary for people |
//! | `numbers` | numbers for people |

mod hdr;
mod numbers;
mod outcome;
mod report;
mod series;
mod text;
mod times;

pub(super) use numbers::{grouped, time_text};
pub use outcome::{
    Asked, Counts, Ended, Group, Latencies, Limit, Measured, Outcome, Pair, Part, Refusals, Shard,
    Subscriber,
};
pub use report::{Latency, QosCounts, Report, ReportPart, SCHEMA, Second, us};
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

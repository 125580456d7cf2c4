//! The file of a result: the JSON object of `--json`, and under the key `result` everything that
//! it was made from, histograms included. That key alone is read back.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::outcome::Outcome;
use super::report::{Report, SCHEMA};
use crate::output::json;

/// Why a file is not the result of a bench.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or keys with other values than they have.
    #[error("{0}")]
    Broken(String),
    /// A result of another version of midge.
    #[error("it has schema {found}, and this midge reads schema {SCHEMA}{}", by(.midge.as_deref()))]
    Schema {
        /// As it stands there.
        found: String,
        /// Which midge wrote it.
        midge: Option<String>,
    },
    /// Something else.
    #[error("it is no result of midge bench: {0}")]
    Foreign(&'static str),
    /// What `--json` prints.
    #[error(
        "it has no key 'result': what --json prints cannot be read back, what --out writes can"
    )]
    ReportOnly,
}

fn by(midge: Option<&str>) -> String {
    midge.map_or_else(String::new, |midge| {
        format!(" (it is from midge {})", midge.escape_debug())
    })
}

#[derive(Serialize)]
struct File<'o> {
    #[serde(flatten)]
    report: &'o Report,
    result: &'o Outcome,
}

/// Enough to know what it is.
#[derive(Deserialize)]
struct Head {
    schema: Option<serde_json::Value>,
    midge: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Body {
    result: Option<Outcome>,
}

/// Writes a result.
///
/// # Errors
/// Those of `out`.
pub fn write_file(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let report = &Report::new(outcome);
    json::write_line(
        out,
        &File {
            report,
            result: outcome,
        },
    )
}

/// Reads what [`write_file`] has written.
///
/// # Errors
/// What is wrong and where.
pub fn read_file(bytes: &[u8]) -> Result<Outcome, ReadError> {
    // A list would be taken for an object with its keys left out.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ReadError::Foreign("it is no JSON object"));
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| broken(&error))?;
    match head.schema {
        None => return Err(ReadError::Foreign("it has no schema")),
        Some(found) if found != SCHEMA => {
            return Err(ReadError::Schema {
                found: found.to_string(),
                midge: head
                    .midge
                    .as_ref()
                    .and_then(|m| m.as_str())
                    .map(str::to_owned),
            });
        }
        Some(_) => {}
    }
    let body: Body = serde_json::from_slice(bytes).map_err(|error| broken(&error))?;
    let mut outcome = body.result.ok_or(ReadError::ReportOnly)?;
    outcome.sort_parts();
    check(&outcome).map_err(ReadError::Broken)?;
    Ok(outcome)
}

fn broken(error: &serde_json::Error) -> ReadError {
    let what = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = what.strip_suffix(&place).unwrap_or(&what);
    let kind = match error.classify() {
        Category::Syntax | Category::Eof => "it is no JSON: ",
        Category::Data | Category::Io => "",
    };
    ReadError::Broken(format!(
        "line {}, column {}: {kind}{what}",
        error.line(),
        error.column()
    ))
}

/// What the types alone do not say.
fn check(outcome: &Outcome) -> Result<(), String> {
    if outcome.parts.is_empty() {
        return Err("result.parts is empty".to_owned());
    }
    let shards = outcome.parts.iter().filter_map(|part| part.shard);
    for shard in shards {
        if shard.index >= shard.of {
            return Err(format!(
                "result.parts: there is no shard {}/{}",
                shard.index, shard.of
            ));
        }
    }
    if let Some(overlap) = outcome.overlap() {
        return Err(format!("result.parts: {overlap}"));
    }
    for (second, row) in &outcome.measured.series.rows {
        for (key, coarsened) in [("ack", &row.ack), ("e2e", &row.e2e)] {
            if !coarsened.counts.is_sorted_by(|(a, _), (b, _)| a < b) {
                return Err(format!(
                    "result.measured.series.{second}.{key}.counts: the times do not rise"
                ));
            }
        }
    }
    let refusals = &outcome.measured.refusals;
    match refusals.is_sorted() {
        true => Ok(()),
        false => Err("result.measured.refusals: the codes do not rise".to_owned()),
    }
}

//! Flags of `midge bench` for what becomes of the result, and `merge` and `show`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

/// What becomes of the result.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Result")]
pub struct BenchResult {
    /// Print the result as a JSON object.
    #[arg(long)]
    pub json: bool,

    /// Write the whole result to this file, histograms included: for --compare, 'bench merge' and
    /// 'bench show'. It is JSON, and has everything that --json prints.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write the result with its plots as one page, that a browser shows without network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Draw rates and latencies in the terminal, below the summary.
    #[arg(long, conflicts_with = "json")]
    pub plot: bool,

    /// What must hold, else exit code 5 and a line on stderr, as in 'e2e.p99 < 10ms',
    /// 'lost == 0', 'lost < 0.1%' or 'rate > 50k/s'. May be given more than once.
    ///
    /// Times: e2e, ack, ack_qos1, ack_qos2 and connect, each also with _uncorrected behind it, and
    /// lateness; of each .min, .mean, .p50 (any percentile), .max and .count. Rates: rate,
    /// received_rate, acknowledged_rate, sent_bytes_rate, received_bytes_rate, foreign_rate,
    /// foreign_bytes_rate. Counts: sent, not_sent, acknowledged, unacknowledged, refused, expected,
    /// received, refused_received (refused, and delivered all the same), lost, duplicated,
    /// reordered, foreign, retained, sent_bytes, received_bytes, connections, errors, limits; those
    /// that can be a share also with a %. Of midge itself: offered, cpu, cpu_use, cpu_per_message,
    /// memory, duration.
    ///
    /// Times include what had not come to its end when the run ended: it counts as long as it had
    /// waited. A run that SIGINT or SIGTERM ends exits with 130 or 143, whatever did not hold.
    #[arg(long = "assert", value_name = "EXPR")]
    pub asserts: Vec<String>,

    /// Compare with a result that --out has written: a figure that is worse than there by more
    /// than --tolerance is a line on stderr and exit code 5. Percentiles are judged if both runs
    /// have at least 100 times above them.
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,

    /// How much worse a figure may be, in parts of 100 of what it was.
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "10",
        requires = "compare"
    )]
    pub tolerance: String,
}

/// What else `midge bench` does.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Add the results of several machines or shards to one.
    Merge(BenchMerge),
    /// Show a result again.
    Show(BenchShow),
}

/// Add the results of several machines or shards to one, exactly: counts and histograms add,
/// seconds are put together by the time of day.
///
/// The exit code is what a run with this result would have had.
#[derive(Debug, Clone, Args)]
pub struct BenchMerge {
    /// Files that --out has written.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// What becomes of the result.
    #[command(flatten)]
    pub result: BenchResult,

    /// Print help.
    #[arg(long, action = ArgAction::Help, help_heading = "Options")]
    pub help: Option<bool>,
}

/// Show a result again.
///
/// The exit code is what a run with this result would have had.
#[derive(Debug, Clone, Args)]
pub struct BenchShow {
    /// A file that --out has written.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What becomes of the result.
    #[command(flatten)]
    pub result: BenchResult,

    /// Print help.
    #[arg(long, action = ArgAction::Help, help_heading = "Options")]
    pub help: Option<bool>,
}

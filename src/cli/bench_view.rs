//! Flags of `midge bench` that show the run in other ways than the summary.

use std::path::PathBuf;

use clap::Args;

/// Pages, drawings and figures while it runs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Views")]
pub struct BenchView {
    /// Write the result with its plots as one page, that a browser shows without network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Draw rates and latencies in the terminal, below the summary.
    #[arg(long, conflicts_with = "json")]
    pub plot: bool,

    /// Serve the figures to Prometheus while it runs: at this address, as in 127.0.0.1:9464.
    #[arg(
        long,
        value_name = "ADDRESS",
        long_help = "Serve the figures so far to Prometheus while it runs, as http://ADDRESS/metrics, \
            brought up to date every second. ADDRESS is as in 127.0.0.1:9464, [::1]:9464 or \
            0.0.0.0:9464; with port 0 it is a free one. Where it is, is said on stderr."
    )]
    pub metrics: Option<String>,
}

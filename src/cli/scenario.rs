//! Flags of `midge bench` that stand in a scenario file: what they are, and what a group's flags
//! come to together with those that were typed. Reading the file is for others.

use clap::{Args as _, FromArgMatches};

use super::Bench;
use super::settings::{self, Flag, Layer, Overruled, SettingError, Wanted};

/// Where flags are that make no sense in a file that is read for them.
const NOT_IN_FILES: [&str; 9] = [
    "help",
    "profile",
    "config",
    "options",
    "scenario",
    "shard",
    "start_at",
    "ask_password",
    "run",
];

/// Beside those of every subcommand.
const OVERRULED_BY: Overruled = &[
    ("rate", &["rate_per_client"]),
    ("rate_per_client", &["rate"]),
    ("size", &["payload", "payload_file"]),
    ("payload", &["size", "payload_file"]),
    ("payload_file", &["size", "payload"]),
    ("inflight", &["max_inflight"]),
    ("max_inflight", &["inflight"]),
    ("connect_rate", &["ramp_up"]),
    ("ramp_up", &["connect_rate"]),
    ("bind", &["bind_address"]),
    ("bind_address", &["bind"]),
    ("host", &["embedded"]),
    ("port", &["embedded"]),
    ("srv", &["embedded"]),
    ("url", &["embedded"]),
    ("unix", &["embedded"]),
    ("quiet", &["debug"]),
    ("debug", &["quiet"]),
];

fn definition() -> clap::Command {
    Bench::augment_args(clap::Command::new("bench").no_binary_name(true))
}

impl Bench {
    /// The flags that may stand in a scenario file.
    pub fn scenario_flags() -> Vec<Flag> {
        let command = definition();
        let flags = command
            .get_arguments()
            .filter(|arg| !NOT_IN_FILES.contains(&arg.get_id().as_str()));
        flags.filter_map(Flag::of).collect()
    }

    /// What the typed words and these layers, of which the first wins over the next, mean together;
    /// the words win over all.
    ///
    /// # Errors
    /// A value that its flag does not take, or flags that exclude each other; `origin` is where the
    /// layers come from.
    pub fn with(&self, layers: Vec<Layer>, origin: &str) -> Result<Bench, SettingError> {
        let wrong = |error: clap::Error| SettingError::new(origin, &error);
        let command = definition();
        let matches = command
            .clone()
            .try_get_matches_from(&self.words)
            .map_err(wrong)?;
        let wanted = Wanted::new(&command, &matches);
        let overruled = [settings::OVERRULED_BY, OVERRULED_BY];
        let mut words = settings::words_of(&command, &wanted, layers, &overruled)?;
        words.extend_from_slice(&self.words);
        let matches = command.try_get_matches_from(words).map_err(wrong)?;
        let mut bench = Bench::from_arg_matches(&matches).map_err(wrong)?;
        bench.words.clone_from(&self.words);
        Ok(bench)
    }

    /// What these words on a command line mean.
    #[cfg(test)]
    pub(crate) fn from_words(words: &str) -> Bench {
        let words: Vec<_> = words.split_whitespace().map(Into::into).collect();
        let matches = definition().try_get_matches_from(&words).unwrap();
        let mut bench = Bench::from_arg_matches(&matches).unwrap();
        bench.words = words;
        bench
    }
}

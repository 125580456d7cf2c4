//! Single flags of the run, checked.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::scenario::Typed;
use super::shard::Shard;
use crate::cli;
use crate::cmd::{Failure, duration, rate};

const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Three days: what fits a stamp is a little more.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(3 * 86_400);

/// A name for a run is a number of so many hexadecimal digits.
const RUN_DIGITS: usize = 8;

/// The name of the run: what was typed, the same for all shards, or any.
pub(super) fn run_id(flags: &cli::Bench, typed: &[Typed], shard: Shard) -> Result<u32, Failure> {
    if let Some(text) = &flags.run {
        let is_name = text.len() == RUN_DIGITS && text.bytes().all(|c| c.is_ascii_hexdigit());
        return u32::from_str_radix(text, 16)
            .ok()
            .filter(|_| is_name)
            .ok_or_else(|| {
                Failure::usage(format!(
                    "--run takes {RUN_DIGITS} hexadecimal digits, not '{}'",
                    text.escape_debug()
                ))
            });
    }
    if shard == Shard::WHOLE {
        return Ok(random());
    }
    // What differs from shard to shard, such as the name of a file, must not come into it.
    let mut hasher = rustc_hash::FxHasher::default();
    let mut add = |text: &str| hasher.write(text.as_bytes());
    add(flags.start_at.as_deref().unwrap_or_default());
    for typed in typed {
        let f = &typed.flags;
        add(&format!(
            "{:?}",
            (
                [f.publishers, f.subscribers, f.idle, f.topics_per_client],
                [&f.rate, &f.rate_per_client, &f.size, &f.payload, &f.topic],
                [&f.duration, &f.warmup, &f.share, &f.connection.host],
                (f.count, f.qos, f.retain, f.connection.port, shard.of),
            )
        ));
    }
    let hash = hasher.finish();
    Ok((hash ^ hash >> 32) as u32)
}

pub(super) fn connect_rate(flags: &cli::Bench, connections: u64) -> Result<Option<f64>, Failure> {
    match (&flags.connect_rate, &flags.ramp_up) {
        (Some(text), _) => Ok(Some(per_second("--connect-rate", text)?)),
        (None, Some(text)) => {
            let time = parse_time("--ramp-up", text)?.as_secs_f64();
            Ok((time > 0.0).then(|| connections as f64 / time))
        }
        (None, None) => Ok(None),
    }
}

/// As many as there are cores, or as was asked for.
pub(super) fn workers(flags: &cli::Bench) -> Result<usize, Failure> {
    match flags.workers {
        Some(1..=1024) | None => Ok(flags.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        })),
        Some(_) => Err(Failure::usage("--workers takes 1 to 1024")),
    }
}

pub(super) fn parse_duration(
    flags: &cli::Bench,
    has_count: bool,
) -> Result<Option<Duration>, Failure> {
    match &flags.duration {
        Some(text) => match parse_time("--duration", text)? {
            Duration::ZERO => Err(Failure::usage("--duration takes more than 0")),
            time => Ok(Some(time)),
        },
        None if has_count => Ok(None),
        None => Ok(Some(DEFAULT_DURATION)),
    }
}

/// How many a second.
pub(super) fn per_second(flag: &str, text: &str) -> Result<f64, Failure> {
    rate::per_second(text)
        .filter(|rate| *rate > 0.0)
        .ok_or_else(|| {
            Failure::usage(format!(
                "{flag} takes a rate as in 1000, 50k/s, 1.5M/s or 10/m, not '{}'",
                text.escape_debug()
            ))
        })
}

pub(super) fn parse_time(flag: &str, text: &str) -> Result<Duration, Failure> {
    let time = duration::parse(flag, text)?;
    match time > MAX_DURATION {
        true => Err(Failure::usage(format!("{flag} takes at most 3d"))),
        false => Ok(time),
    }
}

pub(super) fn run_name(run: u32) -> String {
    format!("{run:08x}")
}

/// The standard library seeds its hashers from the system's random numbers.
fn random() -> u32 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() as u32
}

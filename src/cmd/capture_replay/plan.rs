//! What was typed, checked.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::input::Input;
use super::rewrite::Rewrite;
use super::schedule::Pace;
use super::source::{Mode, Settings};
use super::speed::Speed;
use crate::cli;
use crate::client::Address;
use crate::client::EngineKind;
use crate::cmd::connect::{self, ConnectPlan, Session};
use crate::cmd::decode::{Selection, sn_topics};
use crate::cmd::{Failure, duration, rate, version};
use crate::mqtt::{Side, Version};

/// What to replay, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) input: Input,
    pub(super) settings: Arc<Settings>,
    /// Whether nothing else was asked for than to play what there is.
    pub(super) may_be_of_subscribers: bool,
    pub(super) connect: ConnectPlan,
    /// What client identifiers begin with that are made up.
    pub(super) made_up: String,
    /// The version of every session, instead of the captured one.
    pub(super) version: Option<Version>,
    pub(super) pace: Pace,
    /// As they are typed: one of them.
    pub(super) speed: Option<String>,
    pub(super) rate: Option<String>,
    /// How often; `None`: for ever.
    pub(super) rounds: Option<u64>,
    pub(super) is_causal: bool,
    pub(super) is_sessions: bool,
    pub(super) shifts_times: bool,
    pub(super) verify: bool,
    pub(super) embedded: bool,
    pub(super) out: Option<PathBuf>,
    pub(super) yes: bool,
    pub(super) dry_run: bool,
    pub(super) json: bool,
    pub(super) shows_progress: bool,
}

impl Plan {
    pub(super) fn new(args: &cli::CaptureReplay) -> Result<Plan, Failure> {
        let mut args = args.clone();
        let version = match args.connection.protocol_version.as_deref() {
            None | Some(cli::CaptureReplay::AS_CAPTURED) => None,
            Some(text) => Some(version::parse(text)?),
        };
        let mut connection = args.connection.clone();
        // A password alone is for captured user names.
        if version < Some(Version::V5) {
            connection.protocol_version = None;
        }
        // It stands in front of others.
        connection.id = None;
        let mut connect = ConnectPlan::new(&connection, Session::default(), connect::env)?;
        if connect.engine != EngineKind::Native {
            return Err(Failure::usage(
                "capture-replay needs the engine native: rumqttc does not do all that clients do",
            ));
        }
        if connect.topic.is_some() && args.connection.url.is_some() {
            return Err(Failure::usage(
                "the topics come from the capture: give -L without one",
            ));
        }
        connect.stay(&args.reconnect)?;
        let speed = Speed::parse(&args.speed)?;
        let max_gap = args.max_gap.as_deref();
        let max_gap = max_gap.map(|text| duration::parse("--max-gap", text));
        let max_gap: Option<Duration> = max_gap.transpose()?;
        let pace = match &args.rate {
            Some(text) => Pace::Even(rate::parse_interval("--rate", text)?),
            None => Pace::Captured { speed, max_gap },
        };
        let made_up = made_up_ids();
        let rewrite = Rewrite::new(&mut args, made_up.clone())?;
        let select = Selection::new(&args.selection)?;
        let mode = match (args.publishers_only, args.deliveries) {
            (_, true) => Mode::Messages(Side::Server),
            (true, _) => Mode::Messages(Side::Client),
            (false, false) => Mode::Sessions,
        };
        let input = Input {
            file: args.file.clone(),
            key_log: args.keylog.clone(),
            begin: Arc::default(),
        };
        let rounds = rounds(&args.loops)?;
        if input.is_live() {
            for (is_given, flag) in [
                (rounds != Some(1), "--loop"),
                (args.infer_subscriptions, "--infer-subscriptions"),
            ] {
                if is_given {
                    return Err(Failure::usage(format!(
                        "{flag} reads the capture again, and stdin comes only once: give a file"
                    )));
                }
            }
        }
        Ok(Plan {
            may_be_of_subscribers: mode == Mode::Sessions
                && !args.infer_subscriptions
                && select.is_everything(),
            input,
            made_up,
            version,
            pace,
            speed: args.rate.is_none().then(|| speed.to_string()),
            rate: args.rate.clone(),
            rounds,
            is_causal: !args.no_causal && mode == Mode::Sessions,
            is_sessions: mode == Mode::Sessions,
            shifts_times: rewrite.shift_times,
            settings: Arc::new(Settings {
                mode,
                rewrite,
                select: (!select.is_everything()).then_some(select),
                sn_topics: Arc::new(match &args.sn_topics {
                    Some(file) => sn_topics(file)?,
                    None => crate::mqttsn::Predefined::default(),
                }),
                keep_alive: args.connection.keepalive,
                is_verifying: args.verify,
                infers: args.infer_subscriptions,
            }),
            connect,
            verify: args.verify,
            embedded: args.embedded,
            out: args.out.clone(),
            yes: args.yes,
            dry_run: args.dry_run,
            json: args.json,
            shows_progress: !args.connection.debug,
        })
    }

    /// Plays what servers delivered from now on, in place of what clients did.
    pub(super) fn play_deliveries(&mut self) {
        if let Some(settings) = Arc::get_mut(&mut self.settings) {
            settings.mode = Mode::Messages(Side::Server);
            (self.is_causal, self.is_sessions) = (false, false);
        }
    }

    /// Why it has to be asked whether to play to this target: a capture from production must not
    /// reach production by a forgotten flag.
    ///
    /// # Errors
    /// If its name cannot be resolved.
    pub(super) fn doubt(&self) -> Result<Option<String>, Failure> {
        if self.yes || self.dry_run || self.embedded {
            return Ok(None);
        }
        let target = &self.connect.options.target;
        if target.proxy.is_some() || matches!(target.address, Address::Srv(_)) {
            return Ok(Some(format!(
                "who answers for {target} is known only behind a proxy (--proxy) or in SRV records \
                 (-S)"
            )));
        }
        let addresses = target
            .resolve()
            .map_err(|error| self.connect.connect_failure(&error.into()))?;
        Ok(addresses
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback())
            .map(|address| format!("{target} is not on this machine ({})", address.ip())))
    }
}

/// --loop.
fn rounds(text: &str) -> Result<Option<u64>, Failure> {
    match text {
        "forever" => Ok(None),
        text => match text.parse() {
            Ok(rounds) if rounds > 0 => Ok(Some(rounds)),
            _ => Err(Failure::usage(format!(
                "--loop takes a number from 1 on, or forever, not '{}'",
                text.escape_debug()
            ))),
        },
    }
}

/// With the number of a session in four hex digits: the 23 characters that every 3.1 server takes.
fn made_up_ids() -> String {
    // The standard library seeds its hashers from the system's random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("midge-replay-{:06x}", hasher.finish() & 0xff_ffff)
}

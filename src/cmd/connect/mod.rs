//! Connecting, for every subcommand that does: the flags become a [`ConnectPlan`], and what goes
//! wrong becomes a sentence with the broker's address and an exit code.

mod answer;
mod authentication;
mod endure;
mod profile;
mod properties;
mod secrets;
mod session;
mod settings;
pub(super) mod transport;
pub(super) mod url;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::answer::Answer;
pub use self::properties::{PacketProperties, PropertyArgError, each_property};
pub use self::settings::{place_variables, settings};

use self::endure::Again;
pub(super) use self::endure::ends;
pub(super) use self::secrets::hidden;
use super::{Exit, Failure, duration, mosquitto, note, version};
use crate::cli::{self, Program};
use crate::client::{Backoff, ConnectError, ConnectOptions, Engine, EngineKind, Lost, Options};
use crate::mqtt::property::Value;
use crate::mqtt::{PropertiesBuf, PropertyId, Version};

/// Far enough away, and within the reach of every clock.
const FAR_AWAY: Duration = Duration::from_secs(86_400 * 365);

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct ConnectPlan {
    /// Which engine does the work.
    pub engine: EngineKind,
    /// What it needs for that.
    pub options: Options,
    /// The topic of the URL, if it has one; unchecked.
    pub topic: Option<String>,
    /// Whether to say on stderr what happens.
    pub debug: bool,
    /// Whose words and exit codes to use.
    pub program: Program,
    /// What the user wants in the packets; CONNECT, will and DISCONNECT have theirs.
    pub packets: PacketProperties,
    /// What DISCONNECT says.
    pub farewell: PropertiesBuf,
}

/// What a subcommand wants of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Session {
    /// Clean Start 0; Clean Session 0 before 5.0.
    pub keep: bool,
    /// Session Expiry Interval in seconds, 5.0 only.
    pub expiry: Option<u32>,
}

impl ConnectPlan {
    /// Checks the flags. `env` reads an environment variable.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn new(
        args: &cli::Connection,
        session: Session,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<ConnectPlan, Failure> {
        let version = version::parse_flag(args.protocol_version.as_deref())?;
        let (target, url) = transport::target(args, &env)?;
        let (topic, mut username, mut password) = match url {
            Some(url) => (url.topic, url.username, url.password.map(Bytes::from)),
            None => (None, None, None),
        };
        if let Some(name) = &args.username {
            username = Some(name.clone());
        }
        if let Some(secret) = secrets::password(args)? {
            password = Some(secret);
        }
        if password.is_some() && username.is_none() && version < Version::V5 {
            return Err(Failure::usage(format!(
                "a password without a user name is not possible in MQTT {version}: give -u too"
            )));
        }
        if (session.keep || session.expiry.is_some_and(|seconds| seconds > 0)) && args.id.is_none()
        {
            return Err(Failure::usage(
                "a session that is kept wants a client id to be found by: give -i",
            ));
        }
        let client_id = args.id.clone().unwrap_or_else(random_client_id);
        if client_id.contains('\0') || client_id.len() > usize::from(u16::MAX) {
            return Err(Failure::usage(
                "a client id (-i) has at most 65535 bytes and no null character",
            ));
        }
        let mut connect = ConnectOptions::new(version, client_id);
        connect.clean_start = !session.keep;
        connect.keep_alive = args.keepalive;
        connect.username = username;
        connect.password = password;
        if let Some(seconds) = session.expiry {
            if version < Version::V5 {
                return Err(Failure::usage(format!(
                    "the session expiry interval (-x) does not exist in MQTT {version}: use -c, or -V 5"
                )));
            }
            connect
                .properties
                .push(PropertyId::SESSION_EXPIRY_INTERVAL, Value::U32(seconds))
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        Ok(ConnectPlan {
            engine: parse_engine(&args.engine)?,
            options: Options::new(target, connect, connect_timeout(&args.connect_timeout)?),
            topic,
            // mosquitto's programs show packets instead.
            debug: args.debug && args.program == Program::Midge,
            program: args.program,
            packets: PacketProperties::default(),
            farewell: PropertiesBuf::new(),
        })
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.options.connect.version
    }

    /// Connects.
    ///
    /// # Errors
    /// One sentence with the address, and its exit code.
    pub async fn connect(&self) -> Result<Engine, Failure> {
        self.debug(format_args!(
            "connecting to {} as '{}', MQTT {}",
            self.options.target,
            self.options.connect.client_id.escape_debug(),
            self.version()
        ));
        let mut backoff = Backoff::new(self.options.retry);
        let engine = loop {
            let error = match Engine::connect(self.engine, self.options.clone()).await {
                Ok(engine) => break engine,
                Err(error) => error,
            };
            let failure = self.connect_failure(&error);
            // mosquitto_sub goes on where the connection was there, and no CONNACK came.
            let is_lasting = match self.program {
                Program::Midge => error.is_lasting(),
                _ => !matches!(error, ConnectError::Lost(Lost::Closed { .. } | Lost::Io(_))),
            };
            let pause = match is_lasting {
                true => None,
                false => backoff.next_pause(Instant::now(), random()),
            };
            let pause = pause.ok_or(failure.clone())?;
            if self.program == Program::Midge {
                note(format_args!("{failure}; {}", Again(pause)));
            }
            tokio::time::sleep(pause).await;
        };
        let connected = engine.connected();
        if let Some(why) = &connected.fallen_back {
            note(format_args!(
                "{} does not take MQTT {}, {why}: going on with MQTT {}",
                self.options.target,
                self.version(),
                connected.version
            ));
        }
        self.debug(format_args!(
            "connected as '{}', session present: {}, keep alive {} s",
            connected.client_id.escape_debug(),
            connected.session_present,
            connected.keep_alive
        ));
        Ok(engine)
    }

    /// The sentence and the exit code for a connection that was not made.
    pub fn connect_failure(&self, error: &ConnectError) -> Failure {
        if self.program != Program::Midge {
            return mosquitto::connect_failure(self.program, self.version(), error);
        }
        if let ConnectError::Unsupported { .. } = error {
            return Failure::usage(error.to_string());
        }
        let exit = match error {
            ConnectError::Refused(refusal) if refusal.reason.is_error() => {
                Exit::Refused(refusal.reason)
            }
            ConnectError::Lost(Lost::Disconnected(refusal)) if refusal.reason.is_error() => {
                Exit::Refused(refusal.reason)
            }
            ConnectError::Encode(_) | ConnectError::Property(_) => Exit::Usage,
            _ => Exit::NoConnection,
        };
        // Where 3.1.1 was tried too, the version is not why.
        let may_be_version = matches!(error, ConnectError::Lost(Lost::Closed { pending: 0 }))
            && self.version() == Version::V5
            && !self.options.fall_back;
        let hint = match may_be_version {
            true => "; some that do not take MQTT 5.0 do that: try -V 311",
            false => "",
        };
        Failure::new(
            exit,
            format!(
                "could not connect to {}: {error}{hint}",
                self.options.target
            ),
        )
    }

    /// The sentence and the exit code for a connection that ended too early.
    pub fn lost_failure(&self, lost: &Lost) -> Failure {
        if self.program != Program::Midge {
            return mosquitto::lost_failure(self.program, self.version(), lost);
        }
        let exit = match lost {
            Lost::Disconnected(refusal) | Lost::Refused(refusal) if refusal.reason.is_error() => {
                Exit::Refused(refusal.reason)
            }
            _ => Exit::ConnectionLost,
        };
        let target = &self.options.target;
        let sentence = match lost {
            Lost::Reconnect(_) | Lost::Refused(_) | Lost::NoConnAck(_) => {
                format!("could not connect to {target} again: {lost}")
            }
            _ => format!("lost the connection to {target}: {lost}"),
        };
        Failure::new(exit, sentence)
    }

    /// Says something on stderr if the user wants to know.
    pub fn debug(&self, message: std::fmt::Arguments<'_>) {
        if self.debug {
            note(message);
        }
    }
}

/// Reads an environment variable; one that is not UTF-8 or is empty counts as not set.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A runtime for one connection: this thread only.
///
/// # Errors
/// If the system gives no epoll (or the like).
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::new(Exit::Io, format!("the runtime does not start: {error}")))
}

fn parse_engine(text: &str) -> Result<EngineKind, Failure> {
    match text {
        "native" => Ok(EngineKind::Native),
        "rumqttc" => Ok(EngineKind::Rumqttc),
        _ => Err(Failure::usage(format!(
            "--engine takes native or rumqttc, not '{}'",
            text.escape_debug()
        ))),
    }
}

fn connect_timeout(text: &str) -> Result<Duration, Failure> {
    let timeout = duration::parse("--connect-timeout", text)?;
    match timeout.is_zero() {
        true => Err(Failure::usage("--connect-timeout takes more than 0")),
        false => Ok(timeout.min(FAR_AWAY)),
    }
}

/// `midge-` and 16 hex digits: within the 23 characters that every 3.1 server takes.
fn random_client_id() -> String {
    format!("midge-{:016x}", random())
}

pub(super) fn random() -> u64 {
    // The standard library seeds its hashers from the system's random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(args: &str, env: &[(&str, &str)]) -> Result<ConnectPlan, Failure> {
        let args = cli::Connection::from_words(args);
        ConnectPlan::new(&args, Session::default(), |name| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn flags_win_over_the_url() {
        let plan = plan("-L mqtt://u:p@h -u v", &[]).unwrap();
        let connect = &plan.options.connect;
        assert_eq!(connect.username.as_deref(), Some("v"));
        assert_eq!(connect.password.as_deref(), Some(b"p".as_slice()));
    }

    #[test]
    fn wrong_usage_is_one_sentence() {
        for (args, env, sentence) in [
            (
                "-V 6",
                [].as_slice(),
                "'6' is not an MQTT version; use 5, 311 or 31",
            ),
            (
                "-V 311 -P x",
                &[],
                "a password without a user name is not possible in MQTT 3.1.1: give -u too",
            ),
        ] {
            assert_eq!(plan(args, env).unwrap_err(), Failure::usage(sentence));
        }
    }
}

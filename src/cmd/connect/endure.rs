//! Staying with a broker through its troubles: the flags for it, and what stderr says meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::session::set_expiry;
use super::{ConnectPlan, FAR_AWAY, Session};
use crate::cli;
use crate::client::{Event, Lost, Retry};
use crate::cmd::{Failure, duration, note};
use crate::mqtt::Version;

/// How long a broker keeps the session of a client that is gone without a farewell, at most, if
/// the user says nothing about it.
const LOST_SESSION: Duration = Duration::from_secs(3600);

impl ConnectPlan {
    /// Stays with the broker: another version if it refuses 5.0 and none is asked for, another try
    /// if the connection is lost, and no waiting for a broker that says nothing.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn endure(
        &mut self,
        args: &cli::Connection,
        reconnect: &cli::Reconnect,
        session: Session,
    ) -> Result<(), Failure> {
        self.stay(reconnect)?;
        let retry = self.options.retry;
        let connect = Arc::make_mut(&mut self.options.connect);
        // An end of the session at some time, and a password alone, are wishes that only 5.0 can
        // fulfil.
        let wants_v5 = match session.expiry {
            None | Some(0) => false,
            Some(seconds) => !session.keep || seconds != u32::MAX,
        };
        let bare_password = connect.password.is_some() && connect.username.is_none();
        self.options.fall_back = args.protocol_version.is_none() && !wants_v5 && !bare_password;
        // In 5.0 the session ends with its connection unless it is told otherwise, and QoS 2 could
        // not go on where it was.
        let outlive = match retry {
            Retry::Never => None,
            Retry::For(time) => Some(time.as_secs().saturating_add(1)),
            Retry::Forever => Some(LOST_SESSION.as_secs()),
        };
        let asks_for_none = session.expiry.is_none() && self.program == cli::Program::Midge;
        if let Some(seconds) = outlive.filter(|_| asks_for_none)
            && connect.version == Version::V5
        {
            let seconds = u32::try_from(seconds.min(LOST_SESSION.as_secs())).unwrap_or(u32::MAX);
            set_expiry(&mut connect.properties, seconds);
            set_expiry(&mut self.farewell, 0);
        }
        Ok(())
    }

    /// Another try if the connection is lost, and no waiting for a broker that says nothing; all else
    /// as it is.
    ///
    /// # Errors
    /// Wrong usage.
    pub(in crate::cmd) fn stay(&mut self, reconnect: &cli::Reconnect) -> Result<(), Failure> {
        self.options.retry = parse_retry(&reconnect.retry)?;
        let connect = Arc::make_mut(&mut self.options.connect);
        connect.answer_timeout = parse_answer_timeout(&reconnect.answer_timeout)?;
        Ok(())
    }

    /// Says on stderr what an event tells of the connection itself; other events are not for here.
    pub fn tell(&self, event: &Event) {
        if self.program != cli::Program::Midge {
            return;
        }
        match event {
            Event::Retrying { why, pause } => {
                note(format_args!(
                    "{}; {}",
                    self.lost_failure(why),
                    Again(*pause)
                ));
            }
            Event::Connected(connected) => note(format_args!(
                "connected to {} again, {}",
                self.options.target,
                match connected.session_present {
                    true => "the session goes on",
                    false => "with a new session",
                }
            )),
            _ => {}
        }
    }
}

/// Whether the program ends where midge would try again: mosquitto's do when the broker says
/// farewell.
pub(in crate::cmd) fn ends(plan: &ConnectPlan, event: &Event) -> Option<Failure> {
    match event {
        Event::Retrying { why, .. }
            if plan.program != cli::Program::Midge && matches!(why, Lost::Disconnected(_)) =>
        {
            Some(plan.lost_failure(why))
        }
        _ => None,
    }
}

/// A pause before another try, as part of a sentence.
pub(super) struct Again(pub(super) Duration);

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trying again in {:.1} s", self.0.as_secs_f64())
    }
}

/// --answer-timeout: 0 is for ever.
fn parse_answer_timeout(text: &str) -> Result<Option<Duration>, Failure> {
    let timeout = duration::parse("--answer-timeout", text)?;
    Ok((!timeout.is_zero()).then_some(timeout.min(FAR_AWAY)))
}

/// --retry.
fn parse_retry(text: &str) -> Result<Retry, Failure> {
    match text {
        "none" | "never" => Ok(Retry::Never),
        "forever" => Ok(Retry::Forever),
        text => match duration::parse("--retry", text) {
            Ok(Duration::ZERO) => Ok(Retry::Never),
            Ok(time) => Ok(Retry::For(time.min(FAR_AWAY))),
            Err(_) => Err(Failure::usage(format!(
                "--retry takes a time as in 30s or 2m, forever, or none, not '{}'",
                text.escape_debug()
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::PropertyId;

    #[test]
    fn how_long_to_try() {
        for (text, retry) in [
            ("none", Retry::Never),
            ("never", Retry::Never),
            ("0", Retry::Never),
            ("forever", Retry::Forever),
            ("2m", Retry::For(Duration::from_secs(120))),
        ] {
            assert_eq!(parse_retry(text), Ok(retry), "{text}");
        }
        assert!(parse_retry("soon").is_err());
    }

    fn plan(flags: &str, session: Session) -> ConnectPlan {
        let args = cli::Connection::from_words(flags);
        let mut plan = ConnectPlan::new(&args, session, |_| None).unwrap();
        let reconnect = cli::Reconnect {
            retry: "30s".to_owned(),
            answer_timeout: "60".to_owned(),
        };
        plan.endure(&args, &reconnect, session).unwrap();
        plan
    }

    fn expiry(plan: &ConnectPlan) -> Option<u32> {
        let properties = plan.options.connect.properties.as_properties();
        properties.number(PropertyId::SESSION_EXPIRY_INTERVAL)
    }

    #[test]
    fn the_session_outlives_a_loss_and_ends_with_the_farewell() {
        let none = Session::default();
        let farewell = |plan: &ConnectPlan| plan.farewell.as_properties().is_empty();
        assert_eq!(expiry(&plan("", none)), Some(31));
        assert!(!farewell(&plan("", none)));
        assert_eq!(expiry(&plan("-V 311", none)), None);
        let own = Session {
            keep: true,
            expiry: Some(60),
        };
        assert_eq!(expiry(&plan("-i c", own)), Some(60));
        assert!(farewell(&plan("-i c", own)));
    }

    #[test]
    fn only_what_3_1_1_can_do_falls_back() {
        let session = |keep, expiry| Session { keep, expiry };
        for (flags, session, falls_back) in [
            ("", session(false, None), true),
            ("-i c", session(true, Some(u32::MAX)), true),
            ("-V 5", session(false, None), false),
            ("-i c", session(false, Some(60)), false),
            ("-i c", session(true, Some(60)), false),
            ("-P p", session(false, None), false),
            ("-u u -P p", session(false, None), true),
        ] {
            let plan = plan(flags, session);
            assert_eq!(plan.options.fall_back, falls_back, "{flags} {session:?}");
        }
    }
}

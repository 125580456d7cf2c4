//! Which packets, and what becomes of them.

use std::time::Duration;

use super::random::Random;
use crate::mqtt::{PacketType, ReasonCode, Side, topic};

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Packets of this type; `None`: of any.
    pub on: Option<PacketType>,
    /// Sent by this side; `None`: by either.
    pub from: Option<Side>,
    /// To or from clients with such an identifier: `*` stands for any characters, `?` for one.
    pub client: Option<String>,
    /// PUBLISH to a topic that this filter matches; SUBSCRIBE and UNSUBSCRIBE with a filter that
    /// it matches, or that is the same.
    pub topic: Option<String>,
    /// Which of those.
    pub when: When,
    /// What becomes of them.
    pub deed: Deed,
}

/// Which of the packets that fit; all that is set must hold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct When {
    /// The one of this number, from 1.
    pub nth: Option<u64>,
    /// Each one whose number can be divided by this.
    pub every: Option<u64>,
    /// No more than so many.
    pub count: Option<u64>,
    /// With this probability, 0 to 1.
    pub probability: Option<f64>,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is lost.
    Drop,
    /// It comes so much later, and with it all behind it.
    Delay(Duration),
    /// It comes twice.
    Duplicate,
    /// One bit of it is turned, not in its fixed header if it has more than that.
    Corrupt,
    /// Of it only so many bytes come, then the connection breaks.
    Cut(usize),
    /// The connection breaks in its place.
    Close,
    /// The broker ends the connection: with DISCONNECT and this code in 5.0, without a word before.
    Disconnect(ReasonCode),
    /// The core does not get the client's request, and this code is the answer; or, of an answer
    /// of the core, this code is in it. Where the version has no place for a code, the connection
    /// breaks.
    Refuse(ReasonCode),
    /// Nothing comes any more in its direction, while the connection stays open.
    Stall,
    /// It comes behind so many that are behind it.
    Reorder(usize),
}

impl Deed {
    /// Its name in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Deed::Drop => "drop",
            Deed::Delay(_) => "delay",
            Deed::Duplicate => "duplicate",
            Deed::Corrupt => "corrupt",
            Deed::Cut(_) => "cut",
            Deed::Close => "close",
            Deed::Disconnect(_) => "disconnect",
            Deed::Refuse(_) => "refuse",
            Deed::Stall => "stall",
            Deed::Reorder(_) => "reorder",
        }
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) packet_type: PacketType,
    pub(super) from: Side,
    pub(super) client_id: &'a str,
    /// Topics or filters; only if a rule wants them.
    pub(super) topics: &'a [String],
}

/// A rule at work.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) rule: Rule,
    /// How many fitted.
    fitted: u64,
    /// How many were struck.
    struck: u64,
    pub(super) random: Random,
}

impl Working {
    pub(super) fn new(rule: Rule, random: Random) -> Working {
        Working {
            rule,
            fitted: 0,
            struck: 0,
            random,
        }
    }

    /// Whether the rule strikes, which counts; `is_free`: no other rule has struck this packet.
    pub(super) fn strikes(&mut self, subject: Subject<'_>, is_free: bool) -> bool {
        let rule = &self.rule;
        let fits = rule.on.is_none_or(|on| on == subject.packet_type)
            && rule.from.is_none_or(|from| from == subject.from)
            && (rule.client.as_deref()).is_none_or(|glob| is_like(glob, subject.client_id))
            && rule.topic.as_deref().is_none_or(|filter| {
                let mut topics = subject.topics.iter();
                topics.any(|name| name == filter || topic::matches(filter, name))
            });
        if !fits {
            return false;
        }
        self.fitted += 1;
        let When {
            nth,
            every,
            count,
            probability,
        } = rule.when;
        let strikes = is_free
            && nth.is_none_or(|nth| nth == self.fitted)
            && every.is_none_or(|every| self.fitted.checked_rem(every) == Some(0))
            && count.is_none_or(|count| self.struck < count)
            && probability.is_none_or(|p| self.random.fraction() < p);
        self.struck += u64::from(strikes);
        strikes
    }
}

/// Whether a text is like a pattern: `*` stands for any characters, `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on if it fails: behind the last star, one character later.
    let mut retry = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                p += 1;
                retry = Some((p, t));
            }
            (Some(b'?'), Some(_)) => {
                p += 1;
                t += 1;
                // The other bytes of the same character.
                while text.get(t).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    t += 1;
                }
            }
            (Some(a), Some(b)) if a == b => {
                p += 1;
                t += 1;
            }
            (None, None) => return true,
            _ => match &mut retry {
                Some((behind_star, from)) if *from < text.len() => {
                    *from += 1;
                    (p, t) = (*behind_star, *from);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_client_identifiers() {
        for (pattern, text, is) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("*", "", true),
            ("dev-*", "dev-1", true),
            ("dev-*", "dev", false),
            ("*-1", "dev-1-1", true),
            ("d?v", "dev", true),
            ("d?v", "döv", true),
            ("d?v", "dv", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("**?", "x", true),
        ] {
            assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
        }
        // Not a time that grows with the power of the stars.
        assert!(!is_like(&"*a".repeat(50), &"a".repeat(49)));
    }
}

//! Whether two answers are the same, as far as both could say it.

use crate::mqtt::ReasonCode;
use crate::output::replay::{End, Seen};

/// What stands between the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The client speaks another version now: before 5.0 there are fewer codes, and UNSUBACK,
    /// PUBACK and their like have none.
    pub(super) is_other_version: bool,
    /// Only a part of the capture is played: who else subscribed may not be there.
    pub(super) is_part: bool,
}

/// Whether the broker answers what it did.
pub(super) fn is_same(captured: &Seen, now: &Seen, terms: Terms) -> bool {
    match (captured, now) {
        (Seen::Connected(was, had), Seen::Connected(is, has)) => {
            let is_same_session = had.is_none() || has.is_none() || had == has;
            let is_same_code = match terms.is_other_version {
                true => was.to_return_code() == is.to_return_code(),
                false => was == is,
            };
            is_same_code && is_same_session
        }
        (Seen::Acknowledged(was), Seen::Acknowledged(is)) => {
            // Whether somebody has subscribed (0x10), only 5.0 can say.
            let is_silent = terms.is_other_version || terms.is_part;
            was == is || is_silent && !was.is_error() && !is.is_error()
        }
        (Seen::Codes(was), Seen::Codes(is)) if terms.is_other_version => {
            let some = if was.is_empty() { is } else { was };
            if was.is_empty() || is.is_empty() {
                return !some.iter().any(|code| code.is_error());
            }
            let is_same = |(was, is): (&ReasonCode, &ReasonCode)| {
                was == is || was.is_error() && is.is_error()
            };
            was.len() == is.len() && was.iter().zip(is).all(is_same)
        }
        (Seen::Codes(was), Seen::Codes(is)) if terms.is_part => {
            // Whether there was such a subscription (0x11), may depend on what is not played.
            let plain = |code: &ReasonCode| match *code {
                ReasonCode::NO_SUBSCRIPTION_EXISTED => ReasonCode::SUCCESS,
                code => code,
            };
            was.iter().map(plain).eq(is.iter().map(plain))
        }
        (was, is) => was == is,
    }
}

/// Whether the connection ends as it did.
pub(super) fn is_same_end(captured: Option<End>, now: Option<End>, terms: Terms) -> bool {
    let is_by_server = |end: Option<End>| end.is_some_and(End::is_by_server);
    // A server can say why in 5.0 only.
    captured == now || terms.is_other_version && is_by_server(captured) && is_by_server(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Side;

    const SAME: Terms = Terms {
        is_other_version: false,
        is_part: false,
    };
    const OTHER: Terms = Terms {
        is_other_version: true,
        ..SAME
    };
    const PART: Terms = Terms {
        is_part: true,
        ..SAME
    };

    #[test]
    fn what_one_version_cannot_say_does_not_differ() {
        let codes =
            |codes: &[u8]| Seen::Codes(codes.iter().map(|&code| ReasonCode(code)).collect());
        let ack = |code| Seen::Acknowledged(ReasonCode(code));
        let connected = |code| Seen::Connected(ReasonCode(code), Some(false));
        for (was, is, terms, same) in [
            (codes(&[]), codes(&[0]), SAME, false),
            (codes(&[]), codes(&[0, 0x11]), OTHER, true),
            (codes(&[0x11]), codes(&[]), OTHER, true),
            // That it is refused is said in 5.0, and is no success.
            (codes(&[]), codes(&[0x87]), OTHER, false),
            (codes(&[0x80, 1]), codes(&[0x87, 1]), OTHER, true),
            (codes(&[0x80, 1]), codes(&[0x87, 0]), OTHER, false),
            (codes(&[0x80]), codes(&[0x87]), SAME, false),
            (codes(&[0]), codes(&[0x11]), SAME, false),
            (codes(&[0]), codes(&[0x11]), PART, true),
            (codes(&[1]), codes(&[0]), PART, false),
            (ack(0), ack(0x10), SAME, false),
            (ack(0), ack(0x10), OTHER, true),
            (ack(0x10), ack(0), PART, true),
            (ack(0), ack(0x87), OTHER, false),
            (connected(0x8a), connected(0x87), SAME, false),
            (connected(0x86), connected(0x87), OTHER, false),
            (
                Seen::Connected(ReasonCode(0), None),
                connected(0),
                SAME,
                true,
            ),
            (
                Seen::Connected(ReasonCode(0), Some(true)),
                connected(0),
                OTHER,
                false,
            ),
        ] {
            assert_eq!(is_same(&was, &is, terms), same, "{was:?} {is:?} {terms:?}");
        }
        let said = Some(End::Disconnect(Side::Server, ReasonCode(0x97)));
        let closed = Some(End::Closed(Side::Server));
        let left = Some(End::Disconnect(Side::Client, ReasonCode(0)));
        for (was, is, terms, same) in [
            (said, said, SAME, true),
            (said, closed, SAME, false),
            (said, closed, OTHER, true),
            (left, closed, OTHER, false),
            (said, None, OTHER, false),
            (None, closed, SAME, false),
        ] {
            assert_eq!(is_same_end(was, is, terms), same, "{was:?} {is:?}");
        }
    }
}

//! SUBSCRIBE, UNSUBSCRIBE, PINGREQ and their answers.

use std::collections::VecDeque;

use super::super::packet::Codes;
use super::super::reason::ReasonCode;
use super::super::rule::Rule;
use super::super::topic::Quoted;
use super::super::version::{Side, Version};
use super::finding::Report;
use super::keep_alive::Seconds;
use super::subscriptions::{Asked, Subscriptions};
use super::{At, PATIENCE};

/// PINGREQs that wait at most.
const MAX_PINGS: usize = 256;

/// SUBACK, for a SUBSCRIBE that was seen.
pub(super) fn suback(
    asked: &Asked,
    suback: &Codes<'_>,
    subscriptions: &mut Subscriptions,
    report: &mut Report<'_>,
) {
    let (codes, filters) = (suback.codes.len(), asked.filters.len());
    if codes != filters {
        report.add(
            Rule::SubAckCount,
            &[asked.frame],
            format!(
                "SUBACK with {} for a SUBSCRIBE with {}: each wants one",
                count(codes, "code"),
                count(filters, "topic filter")
            ),
        );
    }
    for (filter, &code) in asked.filters.iter().zip(suback.codes) {
        if code <= 2 && code > filter.qos.as_u8() && codes == filters {
            report.add(
                Rule::GrantedAboveRequested,
                &[asked.frame],
                format!(
                    "SUBACK grants QoS {code} for {}, which asks for QoS {}: codes stand in the \
                     order of the filters",
                    Quoted(&filter.filter),
                    filter.qos
                ),
            );
        }
        subscriptions.grant(&filter.filter, asked.frame, code, report.at.frame);
    }
}

/// UNSUBACK, for an UNSUBSCRIBE that was seen. Before 5.0 it has no codes.
pub(super) fn unsuback(
    asked: &Asked,
    unsuback: &Codes<'_>,
    subscriptions: &mut Subscriptions,
    report: &mut Report<'_>,
) {
    if report.version != Version::V5 {
        for filter in &asked.filters {
            subscriptions.unsubscribed(&filter.filter, asked.frame, report.at);
        }
        return;
    }
    let (codes, filters) = (unsuback.codes.len(), asked.filters.len());
    if codes != filters {
        report.add(
            Rule::UnsubAckCount,
            &[asked.frame],
            format!(
                "UNSUBACK with {} for an UNSUBSCRIBE with {}: each wants one",
                count(codes, "code"),
                count(filters, "topic filter")
            ),
        );
        return;
    }
    for (filter, &code) in asked.filters.iter().zip(unsuback.codes) {
        let code = ReasonCode(code);
        if !code.is_error() {
            subscriptions.unsubscribed(&filter.filter, asked.frame, report.at);
        }
        let wrong = match filter.existed {
            Some(true) => code == ReasonCode::NO_SUBSCRIPTION_EXISTED,
            Some(false) => code == ReasonCode::SUCCESS,
            None => false,
        };
        if wrong {
            let whether = match filter.existed {
                Some(true) => "is",
                _ => "is not",
            };
            report.add(
                Rule::UnsubAckOrder,
                &[asked.frame],
                format!(
                    "UNSUBACK says {code} of {}, which the client {whether} subscribed to: codes \
                     stand in the order of the filters",
                    Quoted(&filter.filter)
                ),
            );
        }
    }
}

/// `1 code`, `2 codes`.
fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// PINGREQs that wait for PINGRESP.
#[derive(Debug, Default)]
pub(super) struct Pings {
    waiting: VecDeque<At>,
    /// There may be others.
    in_part: bool,
    /// PINGRESPs whose PINGREQs were not seen, or not yet.
    unasked: u32,
}

impl Pings {
    pub(super) fn asked(&mut self, at: At) {
        if self.unasked > 0 {
            self.unasked -= 1;
            return;
        }
        if self.waiting.len() >= MAX_PINGS {
            self.waiting.pop_front();
            self.in_part = true;
        }
        self.waiting.push_back(at);
    }

    /// `whole`: every packet of the client was seen.
    pub(super) fn answered(&mut self, whole: bool, report: &mut Report<'_>) {
        if self.waiting.pop_front().is_some() {
            return;
        }
        if !whole || self.in_part {
            self.unasked = self.unasked.saturating_add(1);
        } else {
            report.add(
                Rule::PingRespUnasked,
                &[],
                "PINGRESP, and no PINGREQ waits for it",
            );
        }
    }

    /// A PINGREQ or a PINGRESP may have gone unseen.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.in_part = true;
    }

    /// The connection is over.
    pub(super) fn unanswered(&self, report: &mut Report<'_>) {
        for ping in &self.waiting {
            if let Some(waited) = report.at.since(ping.time)
                && waited >= PATIENCE
            {
                let rule = Rule::PingRespMissing;
                let message = format!(
                    "PINGREQ got no PINGRESP in the {} to the end of the connection",
                    Seconds(waited)
                );
                let severity = rule.row().severity;
                report.add_past(rule, severity, Side::Server, ping.frame, message);
            }
        }
    }
}

//! What a result means for the exit code, whatever was asserted.

use crate::cmd::{Exit, Failure};
use crate::mqtt::ReasonCode;
use crate::output::bench::{Outcome, Refusals};

/// A refusal before a loss: it explains that.
///
/// # Errors
/// If the broker refused messages, or messages of QoS 1 or 2 were lost or not acknowledged: one
/// sentence.
pub(in crate::cmd::bench) fn verdict(outcome: &Outcome) -> Result<(), Failure> {
    let measured = &outcome.measured;
    let totals = measured.totals();
    let of_messages = |refusals: &&Refusals| refusals.packet.starts_with("PUB");
    let refusals = measured.refusals.iter().filter(of_messages);
    if let Some(most) = refusals.max_by_key(|refusals| refusals.count) {
        return Err(Failure::new(
            Exit::Refused(ReasonCode(most.reason_code)),
            format!(
                "the broker refused {} of {} messages, {} of them with 0x{:02x} {}",
                totals.refused, totals.sent, most.count, most.reason_code, most.reason
            ),
        ));
    }
    // QoS 0 promises nothing.
    let promised = || (0..).zip(&measured.qos).skip(1);
    let lost = promised().find(|(_, counts)| counts.lost > 0);
    // Of some of the shards alone nobody knows what was lost.
    if let Some((qos, counts)) = lost.filter(|_| outcome.missing_shards().is_empty()) {
        return Err(Failure::new(
            Exit::Verdict,
            format!(
                "{} of {} messages of QoS {qos} were lost",
                counts.lost, counts.expected
            ),
        ));
    }
    if let Some((qos, counts)) = promised().find(|(_, counts)| counts.unacknowledged > 0) {
        return Err(Failure::new(
            Exit::Verdict,
            format!(
                "{} of {} messages of QoS {qos} were not acknowledged",
                counts.unacknowledged, counts.sent
            ),
        ));
    }
    Ok(())
}

//! What a result means for the exit code, whatever was asserted.

use std::time::Duration;

use crate::cmd::{Exit, Failure, note};
use crate::mqtt::ReasonCode;
use crate::output::bench::{Outcome, Refusals};

/// The exit code of a run that was `interrupted`, or was not; `is_well`: what was asserted holds,
/// and nothing is worse than before. An interrupted run did not do its work: what is wrong with
/// it is said, and does not decide.
///
/// # Errors
/// As [`verdict`].
pub(in crate::cmd::bench) fn exit(
    interrupted: Option<Exit>,
    outcome: &Outcome,
    is_well: bool,
) -> Result<Exit, Failure> {
    match (verdict(outcome), interrupted) {
        (found, Some(exit)) => {
            if let Err(failure) = found {
                note(failure.message);
            }
            Ok(exit)
        }
        (Err(failure), None) => Err(failure),
        (Ok(()), None) if is_well => Ok(Exit::Done),
        (Ok(()), None) => Ok(Exit::Verdict),
    }
}

/// A refusal before a loss: it explains that.
///
/// # Errors
/// If the broker refused messages, messages of QoS 1 or 2 were lost or not acknowledged, or nothing
/// moved any more: one sentence.
fn verdict(outcome: &Outcome) -> Result<(), Failure> {
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
    let still = outcome.parts.iter().map(|part| part.still_ns).max();
    if let Some(still) = still.filter(|ns| *ns > 0) {
        let seconds = Duration::from_nanos(still).as_secs_f64();
        return Err(Failure::new(
            Exit::Verdict,
            format!("nothing moved any more when the run ended, for {seconds:.1} s"),
        ));
    }
    Ok(())
}

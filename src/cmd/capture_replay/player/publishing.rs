//! A message is sent, as far as the server takes it.

use tokio::time::Instant;

use super::{BATCH, Ended, Player};
use crate::client::native::Client;
use crate::client::{Publication, PublishError, ServerLimits};
use crate::cmd::capture_replay::reader::Room;
use crate::cmd::capture_replay::step::Message;
use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{QoS, ReasonCode, Version};

impl Player {
    /// Sends one message, as soon as the server takes it.
    pub(super) async fn publish(
        &mut self,
        client: &mut Client,
        message: Message,
        due: Option<Instant>,
        room: Room,
    ) -> Result<(), Ended> {
        let Message {
            number,
            mut publication,
            is_aliased,
        } = message;
        if is_aliased {
            client.give_aliases();
        }
        if self.connect.version() < Version::V5 {
            let properties = publication.properties.as_properties().iter().count() as u64;
            self.shared.tally.borrow_mut().properties_dropped += properties;
        } else {
            self.adapt(&client.connected().limits, &mut publication);
        }
        let qos = publication.qos;
        let topic = publication.topic.clone();
        let mut has_waited = false;
        let token = loop {
            match client.publish(publication) {
                Ok(token) => break token,
                Err(PublishError::QuotaFull(back) | PublishError::NotConnected(back)) => {
                    publication = *back;
                    if !has_waited && client.in_flight() > 0 {
                        has_waited = true;
                        self.shared.tally.borrow_mut().quota_waits += 1;
                    }
                    // Room for it, or why there is no connection.
                    let event = client.next_event().await;
                    self.handle(event)?;
                }
                Err(error) => {
                    let sentence =
                        || format!("cannot publish to {}: {error}", Quoted(topic.as_str()));
                    let Some(reason) = over_limit(&error) else {
                        return Err((Failure::new(Exit::Usage, sentence()), None));
                    };
                    let mut tally = self.shared.tally.borrow_mut();
                    tally.over_limits += 1;
                    tally.refused(reason, sentence);
                    drop(tally);
                    if let Some(number) = number {
                        self.shared.answered(number);
                    }
                    return Ok(());
                }
            }
        };
        if qos > QoS::AtMostOnce {
            if let Some(number) = number {
                self.waiting.insert(token, number);
            }
        } else if let Some(number) = number {
            // Lowered: nobody answers.
            self.shared.answered(number);
        }
        self.is_unsettled |= qos == QoS::AtMostOnce;
        let late = due.map(|due| Instant::now().saturating_duration_since(due));
        let is_last = self.jobs.is_empty();
        self.shared.tally.borrow_mut().sent(qos, late, is_last);
        drop(room);
        if client.unsent() >= BATCH {
            self.flush(client).await?;
        }
        Ok(())
    }

    /// What the server does not take is made what it takes.
    pub(super) fn adapt(&self, limits: &ServerLimits, publication: &mut Publication) {
        if publication.qos > limits.maximum_qos {
            publication.qos = limits.maximum_qos;
            self.shared.tally.borrow_mut().qos_lowered += 1;
        }
        if publication.retain && !limits.retain_available {
            publication.retain = false;
            self.shared.tally.borrow_mut().retain_dropped += 1;
        }
    }
}

/// What the server would answer, had it not said before that it takes no such message.
fn over_limit(error: &PublishError) -> Option<ReasonCode> {
    match error {
        PublishError::TooLarge { .. } => Some(ReasonCode::PACKET_TOO_LARGE),
        PublishError::QosNotSupported { .. } => Some(ReasonCode::QOS_NOT_SUPPORTED),
        PublishError::RetainNotSupported => Some(ReasonCode::RETAIN_NOT_SUPPORTED),
        _ => None,
    }
}

//! Waiting for room among the unacknowledged messages.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Publisher, stopped};
use crate::client::Engine;
use crate::cmd::Failure;
use crate::cmd::bench::pace::Pace;

/// A publisher without a rate sends on when this part of its messages has room again, so that a broker
/// which acknowledges one by one is not written to as often. Enough of them are still on their way
/// to keep the broker at work.
const PART: usize = 8;

/// How long it waits for so many once there is room for one.
const LINGER: Duration = Duration::from_millis(1);

impl Publisher<'_> {
    /// Waits until the next message is worth another try.
    pub(super) async fn wait_for_room(&mut self) -> Result<(), Failure> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        let full = client.in_flight();
        let enough = match (&self.pace, client) {
            (Pace::Closed, Engine::Native(_)) => full - full / PART,
            // A message that is due waits for nothing else.
            (Pace::Open(_), _) | (_, Engine::Rumqttc(_)) => full,
        };
        let mut over = pin!(None);
        while let Some(client) = self.client.as_mut() {
            let room = async {
                match client {
                    // It has room for messages of which no event tells.
                    Engine::Rumqttc(client) => client.wait_for_room().await,
                    client => client.next_visited(&mut self.ledger).await,
                }
            };
            let lingered = async {
                match over.as_mut().as_pin_mut() {
                    Some(over) => over.await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                biased;
                event = room => event,
                () = lingered => return Ok(()),
                () = stopped(&mut self.phase) => return Ok(()),
            };
            self.handle_events(event)?;
            let in_flight = self.client.as_ref().map_or(0, Engine::in_flight);
            if in_flight <= enough {
                break;
            }
            if in_flight < full && over.is_none() {
                over.set(Some(sleep_until(Instant::now() + LINGER)));
            }
        }
        Ok(())
    }
}

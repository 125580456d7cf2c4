//! Leaving, for a while or for good.

use std::time::Duration;

use super::super::shared::{Phase, nanos};
use super::{Publisher, stopped};
use crate::cmd::Failure;

/// How long a publisher that is about to leave for a while waits for its acknowledgements.
const FAREWELL: Duration = Duration::from_secs(5);

impl Publisher<'_> {
    /// Sends what is left and waits for its acknowledgements, until everybody leaves.
    pub(super) async fn wait_for_acks(&mut self) -> Result<(), Failure> {
        let mut phase = self.stage.shared.watch();
        loop {
            let Some(client) = &mut self.client else {
                return Ok(());
            };
            if client.unsent() == 0 && client.in_flight() == 0 {
                return Ok(());
            }
            let closing = phase.wait_for(|phase| *phase == Phase::Closing);
            if client.in_flight() == 0 {
                let flushed = tokio::select! {
                    biased;
                    flushed = client.flush() => flushed,
                    _ = closing => return Ok(()),
                };
                if flushed.is_err() {
                    return Err(self.lost().await);
                }
                continue;
            }
            let event = tokio::select! {
                biased;
                event = client.next_visited(&mut self.ledger) => event,
                _ = closing => return Ok(()),
            };
            self.handle_events(event)?;
            self.stage.shared.news.notify_one();
        }
    }

    /// Waits for what is on its way, leaves, and comes back.
    pub(super) async fn leave_for_a_while(&mut self) -> Result<(), Failure> {
        let group = self.stage.group(self.place);
        let over = tokio::time::Instant::now() + FAREWELL;
        while let Some(client) = &mut self.client
            && client.in_flight() > 0
        {
            let event = tokio::select! {
                biased;
                event = client.next_visited(&mut self.ledger) => event,
                () = stopped(&mut self.phase) => return Ok(()),
                // Its session would have kept the message, or it is lost.
                () = tokio::time::sleep_until(over) => break,
            };
            self.handle_events(event)?;
        }
        if group.connect.options.connect.clean_start {
            self.ledger.give_up();
        }
        if let Some(client) = self.client.take() {
            let back = self.stage.come_back(self.place, client);
            self.client = back.await?;
        }
        if let Some(every) = group.reconnect_every {
            self.leave_at = self.leave_at.map(|at| at.saturating_add(nanos(every)));
        }
        Ok(())
    }
}

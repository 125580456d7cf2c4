//! A connection that subscribes and counts what comes.

use std::rc::Rc;
use std::time::Duration;

use super::shared::Phase;
use super::stage::{Place, Stage};
use super::stamp::Stamp;
use crate::client::{Engine, Event, Lost, Token, Visitor};
use crate::cmd::{Exit, Failure};
use crate::mqtt::packet::Publish;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, QoS, ReasonCode};

/// Connects, subscribes, counts until the end. `index` is where its figures are, of its worker.
///
/// # Errors
/// If there is no connection or no subscription, or not any more.
pub(super) async fn run(stage: Rc<Stage>, place: Place, index: usize) -> Result<(), Failure> {
    let mut client = Box::pin(stage.connect(place)).await?;
    let group = stage.group(place);
    let filters = [(group.subscription.as_str(), group.subscription_options())];
    client
        .subscribe(filters, group.subscribe_properties.as_properties())
        .map_err(|error| Failure::usage(format!("cannot subscribe: {error}")))?;
    let mut subscriber = Subscriber {
        place,
        is_subscribed: false,
        ledger: Ledger {
            stage: &stage,
            index,
            group: place.group,
            run: stage.shared.plan.run,
            warmup: stage.shared.warmup(),
            now: None,
        },
        stage: &stage,
    };
    let mut client = Some(client);
    let result = subscriber.receive(&mut client).await;
    if let Some(client) = client {
        Box::pin(stage.leave(client)).await;
    }
    result
}

struct Subscriber<'s> {
    stage: &'s Stage,
    place: Place,
    /// Whether SUBACK has come.
    is_subscribed: bool,
    ledger: Ledger<'s>,
}

/// Who counts.
struct Ledger<'s> {
    stage: &'s Stage,
    index: usize,
    group: usize,
    run: u32,
    warmup: u64,
    /// When what is looked at now came; read when the first of it is: all that one reading brought
    /// came then.
    now: Option<u64>,
}

impl Subscriber<'_> {
    /// Until the end; there is no connection then if it could not come back before.
    async fn receive(&mut self, place: &mut Option<Engine>) -> Result<(), Failure> {
        let stage = self.stage;
        let group = stage.group(self.place);
        let mut phase = stage.shared.watch();
        // Everybody waits for this one.
        let patience = group.connect.options.timeout;
        let mut patience_over = std::pin::pin!(tokio::time::sleep(patience));
        // Until it is known when the run begins, never.
        let far = Duration::from_secs(86_400 * 365);
        let mut leave = std::pin::pin!(tokio::time::sleep(far));
        let mut every = group.reconnect_every;
        let mut running = stage.shared.watch();
        loop {
            let Some(client) = place else {
                return Ok(());
            };
            let event = tokio::select! {
                biased;
                // The sender is in what is shared.
                _ = phase.wait_for(|phase| *phase == Phase::Closing) => return Ok(()),
                event = client.next_visited(&mut self.ledger) => Some(event),
                () = &mut patience_over, if !self.is_subscribed => {
                    return Err(self.unanswered(patience));
                }
                () = &mut leave => None,
                _ = running.wait_for(|phase| *phase >= Phase::Running), if every.is_some() => {
                    if let Some(every) = every.take() {
                        let first = stage.first_leave(self.place, every);
                        leave.as_mut().reset(tokio::time::Instant::now() + first);
                    }
                    continue;
                }
            };
            let Some(event) = event else {
                if let Some(client) = place.take() {
                    *place = Box::pin(stage.come_back(self.place, client)).await?;
                }
                let every = group.reconnect_every.unwrap_or(far);
                leave.as_mut().reset(tokio::time::Instant::now() + every);
                continue;
            };
            self.handle(client, event)?;
            // A connection with a full socket must not keep the thread from the others.
            tokio::task::yield_now().await;
        }
    }

    /// Handles this one and all that came with it.
    fn handle(
        &mut self,
        client: &mut Engine,
        first: Result<Option<Event>, Lost>,
    ) -> Result<(), Failure> {
        let mut next = Some(first);
        while let Some(event) = next {
            let event = event.map_err(|lost| self.stage.lost(self.place, &lost))?;
            if let Some(event) = event {
                self.handle_event(&event)?;
            }
            next = client.buffered_visited(&mut self.ledger);
        }
        if let Some(now) = self.ledger.now.take() {
            self.stage.turn(now);
        }
        if self.stage.phase() == Phase::Draining {
            self.stage.shared.news.notify_one();
        }
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) -> Result<(), Failure> {
        let reasons = match event {
            Event::Subscribed { reasons, .. } | Event::Resubscribed { reasons, .. } => reasons,
            _ => return Ok(()),
        };
        let Some(reason) = reasons.first() else {
            return Ok(());
        };
        let stage = self.stage;
        let mut stats = stage.stats.borrow_mut();
        if reason.is_error() {
            let version = stage.group(self.place).connect.version();
            stats.refuse(PacketType::SUBACK, version, *reason);
            return Err(self.refused(*reason));
        }
        if let Some(granted) = QoS::from_u8(reason.0) {
            stats.handle_grant(self.ledger.index, granted);
        }
        if !std::mem::replace(&mut self.is_subscribed, true) {
            stage.set_ready();
        }
        Ok(())
    }

    fn unanswered(&self, patience: Duration) -> Failure {
        let group = self.stage.group(self.place);
        Failure::new(
            Exit::NoConnection,
            format!(
                "{} has not answered the subscription to {} within {} s",
                group.connect.options.target,
                Quoted(&group.subscription),
                patience.as_secs_f64()
            ),
        )
    }

    fn refused(&self, reason: ReasonCode) -> Failure {
        let group = self.stage.group(self.place);
        let name = reason.name(PacketType::SUBACK, group.connect.version());
        Failure::new(
            Exit::Refused(reason),
            format!(
                "the broker refused the subscription to {}: 0x{:02x} {}",
                Quoted(&group.subscription),
                reason.0,
                name.unwrap_or("(unknown)")
            ),
        )
    }
}

impl Visitor for Ledger<'_> {
    #[inline]
    fn message(&mut self, publish: &Publish<'_>) {
        let stage = self.stage;
        let now = *self.now.get_or_insert_with(|| stage.now());
        let stamp = Stamp::read(publish.payload).filter(|stamp| {
            // Others may have made a stamp of the same run: who they are then is no publisher that
            // is heard here.
            stamp.run == self.run && stage.shared.plan.hears(self.group, stamp.publisher)
        });
        let mut stats = stage.stats.borrow_mut();
        match stamp {
            // The broker keeps nothing of this run, so this one is older, whatever it says.
            _ if publish.retain => {
                if let Some(figures) = stats.subscribers.get_mut(self.index) {
                    figures.retained += 1;
                }
            }
            Some(stamp) if stamp.time < self.warmup => {}
            Some(stamp) => {
                let is_first = stats.handle_arrival(
                    self.index,
                    &stamp,
                    publish.qos,
                    publish.payload.len(),
                    now,
                    stage.shared.plan.is_paced(stamp.publisher),
                );
                if is_first {
                    stage.counters().received.add(1);
                }
            }
            None => {
                if let Some(figures) = stats.subscribers.get_mut(self.index) {
                    figures.foreign += 1;
                    figures.foreign_bytes += publish.payload.len() as u64;
                }
                stage.counters().foreign.add(1);
            }
        }
    }

    fn published(&mut self, _: Token, _: ReasonCode) {}
}

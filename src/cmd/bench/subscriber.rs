//! A connection that subscribes and counts what comes.

use std::rc::Rc;
use std::time::Duration;

use super::stage::{Phase, Stage, leave};
use super::stamp::Stamp;
use crate::client::{Engine, Event, Message};
use crate::cmd::{Exit, Failure};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, Properties, QoS, ReasonCode};

/// Connects, subscribes, counts until the end.
///
/// # Errors
/// If there is no connection or no subscription, or not any more.
pub(super) async fn run(stage: Rc<Stage>, number: u32) -> Result<(), Failure> {
    let mut client = stage.connect('s', number).await?;
    let filter = stage.plan.filter.as_str();
    let options = SubscriptionOptions::at(stage.plan.qos);
    client
        .subscribe([(filter, options)], Properties::EMPTY)
        .map_err(|error| Failure::usage(format!("cannot subscribe: {error}")))?;
    let mut subscriber = Subscriber {
        stage: &stage,
        number,
        is_subscribed: false,
    };
    let result = subscriber.receive(&mut client).await;
    leave(client).await;
    result
}

struct Subscriber<'s> {
    stage: &'s Stage,
    number: u32,
    /// Whether SUBACK has come.
    is_subscribed: bool,
}

impl Subscriber<'_> {
    async fn receive(&mut self, client: &mut Engine) -> Result<(), Failure> {
        let mut phase = self.stage.watch();
        // Everybody waits for this one.
        let patience = self.stage.plan.connect.options.timeout;
        let mut patience_over = std::pin::pin!(tokio::time::sleep(patience));
        loop {
            let event = tokio::select! {
                biased;
                // The sender is in the stage.
                _ = phase.wait_for(|phase| *phase == Phase::Closing) => return Ok(()),
                event = client.next_event() => event,
                () = &mut patience_over, if !self.is_subscribed => {
                    return Err(self.unanswered(patience));
                }
            };
            // All that one reading brought came now.
            let now = self.stage.now();
            let mut next = Some(event);
            while let Some(event) = next {
                let event = event.map_err(|lost| self.stage.lost(&lost))?;
                self.handle(&event, now)?;
                next = client.buffered_event();
            }
            if self.stage.phase() == Phase::Draining {
                self.stage.news.notify_one();
            }
            // A connection with a full socket must not keep the thread from the others.
            tokio::task::yield_now().await;
        }
    }

    fn handle(&mut self, event: &Event, now: u64) -> Result<(), Failure> {
        match event {
            Event::Message(message) => {
                self.handle_message(message, now);
                Ok(())
            }
            Event::Subscribed { reasons, .. } => match reasons.first() {
                Some(reason) if reason.is_error() => Err(self.refused(*reason)),
                granted => {
                    let granted = granted.and_then(|granted| QoS::from_u8(granted.0));
                    let mut stats = self.stage.stats.borrow_mut();
                    if let Some(figures) = stats.subscribers.get_mut(self.number as usize)
                        && let Some(granted) = granted
                    {
                        figures.granted = granted;
                    }
                    self.is_subscribed = true;
                    self.stage.set_ready();
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    fn handle_message(&mut self, message: &Message, now: u64) {
        let stage = self.stage;
        let mut stats = stage.stats.borrow_mut();
        let stamp = Stamp::read(&message.payload).filter(|stamp| stamp.run == stage.plan.run);
        match stamp {
            // The broker keeps nothing of this run, so this one is older, whatever it says.
            _ if message.retain => {
                if let Some(figures) = stats.subscribers.get_mut(self.number as usize) {
                    figures.retained += 1;
                }
            }
            Some(stamp) if stamp.time < stage.warmup() => {}
            Some(stamp) => {
                let latency = now.saturating_sub(stamp.time);
                stats.handle_arrival(self.number, stamp.publisher, stamp.sequence, now, latency);
            }
            None => {
                if let Some(figures) = stats.subscribers.get_mut(self.number as usize) {
                    figures.foreign += 1;
                }
            }
        }
    }

    fn unanswered(&self, patience: Duration) -> Failure {
        let target = &self.stage.plan.connect.options.target;
        Failure::new(
            Exit::NoConnection,
            format!(
                "{target} has not answered the subscription to {} within {} s",
                Quoted(&self.stage.plan.filter),
                patience.as_secs_f64()
            ),
        )
    }

    fn refused(&self, reason: ReasonCode) -> Failure {
        let plan = &self.stage.plan;
        let name = reason.name(PacketType::SUBACK, plan.connect.version());
        Failure::new(
            Exit::Refused(reason),
            format!(
                "the broker refused the subscription to {}: 0x{:02x} {}",
                Quoted(&plan.filter),
                reason.0,
                name.unwrap_or("(unknown)")
            ),
        )
    }
}

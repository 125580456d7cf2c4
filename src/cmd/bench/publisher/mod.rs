//! A connection that publishes.
//!
//! | file | what it is |
//! |---|---|
//! | here | from connecting to leaving |
//! | `due` | messages that are due are handed over |
//! | `ledger` | messages that wait for their acknowledgement |
//! | `farewell` | leaving, for a while or for good |

mod due;
mod farewell;
mod ledger;

use std::rc::Rc;

use tokio::sync::watch;

use self::due::{Batch, Broken, Pause};
use self::ledger::Ledger;
use super::alarm::Alarm;
use super::pace::Pace;
use super::shared::{Phase, nanos};
use super::source::Source;
use super::stage::{Place, Stage};
use super::stats::{self, Waits};
use super::unanswered::Unanswered;
use crate::client::{Engine, Event, Lost};
use crate::cmd::{Exit, Failure};

/// Connects, publishes until the end, and leaves when everybody does.
///
/// # Errors
/// If there is no connection or not any more, or if the broker takes no such messages.
pub(super) async fn run(stage: Rc<Stage>, place: Place) -> Result<(), Failure> {
    let group = stage.group(place);
    let Some(topics) = &group.topics else {
        return Ok(());
    };
    let source = Source::new(group, topics, stage.shared.plan.run, place.number)?;
    let mut client = Box::pin(stage.connect(place)).await?;
    stage.set_ready();
    stage.wait_for(place, &mut client, Phase::Running).await?;
    let maximum = client.connected().limits.receive_maximum;
    let index = {
        let mut stats = stage.stats.borrow_mut();
        stats.publishers.push(stats::Publisher {
            group: place.group,
            number: place.number,
            window: group.inflight.min(maximum),
            waits: Waits {
                window: (0, group.inflight),
                maximum: (0, maximum),
                socket: 0,
            },
            ..stats::Publisher::default()
        });
        stats.publishers.len() - 1
    };
    let now = stage.now();
    let mut publisher = Publisher {
        phase: stage.shared.watch(),
        alarm: Alarm::new(stage.alarms.clone()),
        place,
        client: Some(client),
        window_is_own: group.inflight < u16::MAX && group.inflight <= maximum,
        pace: group.pace(place.number),
        left: group.share(place.number),
        leave_at: group
            .reconnect_every
            .map(|every| now.saturating_add(nanos(stage.first_leave(place, every)))),
        due_until: u64::MAX,
        warmup_sequence: 0,
        sequence: 0,
        batch: Batch::default(),
        ledger: Ledger {
            index,
            qos: group.qos,
            version: group.connect.version(),
            is_paced: group.rate.is_some(),
            fan_out: stage.shared.plan.fan_out(place.number),
            unanswered: Unanswered::default(),
            now: None,
            stage: &stage,
        },
        source,
        stage: &stage,
    };
    let worked = publisher.work().await;
    publisher.ledger.give_up();
    worked?;
    stage.counters().finished.add(1);
    stage.shared.news.notify_one();
    if let Some(mut client) = publisher.client.take() {
        stage.wait_for(place, &mut client, Phase::Closing).await?;
        Box::pin(stage.leave(client)).await;
    }
    Ok(())
}

struct Publisher<'s> {
    stage: &'s Stage,
    place: Place,
    phase: watch::Receiver<Phase>,
    alarm: Alarm,
    /// None while it is away, or if it could not come back before the end.
    client: Option<Engine>,
    source: Source,
    /// Whether `--inflight` allows less than the broker does.
    window_is_own: bool,
    pace: Pace,
    /// Messages of the measurement that are still to be sent.
    left: Option<u64>,
    /// When to leave for a while.
    leave_at: Option<u64>,
    /// No message is due at its rate from then on.
    due_until: u64,
    warmup_sequence: u64,
    sequence: u64,
    batch: Batch,
    ledger: Ledger<'s>,
}

impl Publisher<'_> {
    /// Until every message is sent and acknowledged, or everybody leaves.
    async fn work(&mut self) -> Result<(), Failure> {
        self.note_dues();
        self.publish().await?;
        self.count_unsent();
        self.stage.counters().sent_all.add(1);
        self.stage.shared.news.notify_one();
        self.wait_for_acks().await
    }

    async fn publish(&mut self) -> Result<(), Failure> {
        loop {
            let pause = match self.send_due() {
                Ok(pause) => pause,
                Err(Broken::Lost) => return Err(self.lost().await),
                Err(Broken::Failed(failure)) => return Err(failure),
            };
            self.count_batch();
            if pause == Pause::End || self.stage.phase() >= Phase::Draining {
                return Ok(());
            }
            let Some(client) = self.client.as_mut() else {
                return Ok(());
            };
            if client.unsent() > 0 {
                let began = self.ledger.is_paced.then(|| self.stage.now());
                let flushed = tokio::select! {
                    biased;
                    flushed = client.flush() => flushed,
                    // A broker that reads nothing must not keep the run from ending.
                    () = stopped(&mut self.phase) => Ok(()),
                };
                if flushed.is_err() {
                    return Err(self.lost().await);
                }
                self.note_wait(began, |waits| &mut waits.socket);
            }
            match pause {
                Pause::Batch | Pause::End => {
                    self.handle_buffered()?;
                    tokio::task::yield_now().await;
                }
                Pause::Window => {
                    let began = self.ledger.is_paced.then(|| self.stage.now());
                    let Some(client) = self.client.as_mut() else {
                        return Ok(());
                    };
                    let room = async {
                        match client {
                            // It has room for messages of which no event tells.
                            Engine::Rumqttc(client) => client.wait_for_room().await,
                            client => client.next_visited(&mut self.ledger).await,
                        }
                    };
                    let event = tokio::select! {
                        biased;
                        event = room => Some(event),
                        () = stopped(&mut self.phase) => None,
                    };
                    let is_own = self.window_is_own;
                    self.note_wait(began, |waits| match is_own {
                        true => &mut waits.window.0,
                        false => &mut waits.maximum.0,
                    });
                    if let Some(event) = event {
                        self.handle_events(event)?;
                    }
                }
                Pause::Until(time) => {
                    let Some(client) = self.client.as_mut() else {
                        return Ok(());
                    };
                    let at = self.stage.shared.instant(time);
                    let event = tokio::select! {
                        biased;
                        event = client.next_visited(&mut self.ledger) => Some(event),
                        rang = self.alarm.wait_until(at) => {
                            rang.map_err(timer_failure)?;
                            None
                        }
                        () = stopped(&mut self.phase) => None,
                    };
                    if let Some(event) = event {
                        self.handle_events(event)?;
                    }
                }
                Pause::Leave => Box::pin(self.leave_for_a_while()).await?,
            }
        }
    }

    /// Something that was due has waited since then, for this.
    fn note_wait(&self, began: Option<u64>, what: impl FnOnce(&mut Waits) -> &mut u64) {
        let Some(began) = began else { return };
        let waited = self.stage.now().saturating_sub(began);
        let mut stats = self.stage.stats.borrow_mut();
        if let Some(figures) = stats.publishers.get_mut(self.ledger.index) {
            *what(&mut figures.waits) += waited;
        }
    }

    fn handle_buffered(&mut self) -> Result<(), Failure> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        match client.buffered_visited(&mut self.ledger) {
            Some(event) => self.handle_events(event),
            None => Ok(()),
        }
    }

    /// Handles this one and all that came with it.
    fn handle_events(&mut self, first: Result<Option<Event>, Lost>) -> Result<(), Failure> {
        let mut next = Some(first);
        while let Some(event) = next {
            let event = event.map_err(|lost| self.stage.lost(self.place, &lost))?;
            if let Some(event) = event {
                crate::client::visit::visit(event, &mut self.ledger);
            }
            next = match &mut self.client {
                Some(client) => client.buffered_visited(&mut self.ledger),
                None => None,
            };
        }
        if let Some(now) = self.ledger.now.take() {
            self.stage.turn(now);
        }
        Ok(())
    }

    /// The connection is over: why.
    async fn lost(&mut self) -> Failure {
        loop {
            let Some(client) = &mut self.client else {
                return self.stage.lost(self.place, &Lost::NotConnected);
            };
            if let Err(lost) = client.next_visited(&mut self.ledger).await {
                return self.stage.lost(self.place, &lost);
            }
        }
    }
}

/// Waits until nothing more is to be sent.
async fn stopped(phase: &mut watch::Receiver<Phase>) {
    // The sender is in what is shared.
    let _ = phase.wait_for(|phase| *phase >= Phase::Draining).await;
}

fn timer_failure(error: std::io::Error) -> Failure {
    Failure::new(Exit::Io, format!("the timer fails: {error}"))
}

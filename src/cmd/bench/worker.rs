//! A thread that does a part of the work: a runtime of its own, and its share of the connections.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::delivery::{Delivery, Order};
use super::plan::{Numbers, Plan, ROLES};
use super::shared::{Phase, Shared, Told};
use super::stage::{Place, Stage};
use super::stats::{Reception, Share, Stats, Subscriber};
use super::{idle, limits, publisher, subscriber};
use crate::cmd::{Exit, Failure, connect};
use crate::mqtt::QoS;

/// How often a worker looks at the clock where nothing else makes it.
const TICK: Duration = Duration::from_millis(100);

/// Runs a worker until the run closes: what it has counted.
///
/// # Errors
/// If the system gives no runtime or no timer.
pub(super) fn run(shared: Arc<Shared>, index: usize) -> Result<Stats, Failure> {
    let runtime = connect::runtime()?;
    LocalSet::new().block_on(&runtime, work(shared, index))
}

async fn work(shared: Arc<Shared>, index: usize) -> Result<Stats, Failure> {
    let stage = Rc::new(Stage::new(shared.clone(), index)?);
    let crew = Rc::new(Crew::default());
    let mut idle = VecDeque::new();
    each(&shared.plan, |worker, place| {
        if worker == index {
            match place.role == 'i' && stage.group(place).reconnect_every.is_none() {
                true => idle.push_back(place),
                false => begin(&stage, &crew, place),
            }
        }
    });
    crew.at_work.set(crew.at_work.get() + idle.len());
    let member = {
        let (crew, stage) = (crew.clone(), stage.clone());
        move || Member {
            crew: crew.clone(),
            stage: stage.clone(),
        }
    };
    idle::spawn_all(idle, stage.opening_at_once(), member);
    if shared.plan.groups.iter().any(|group| group.rate.is_some()) {
        let alarms = stage.alarms.clone();
        let tell = shared.tell.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = alarms.run().await {
                let failure = Failure::new(Exit::Io, format!("the timer fails: {error}"));
                let _ = tell.send(Told::Failed(failure));
            }
        });
    }
    tokio::task::spawn_local(tick(stage.clone()));
    let mut phase = shared.watch();
    // The sender is in what is shared.
    while phase.changed().await.is_ok() {
        stage.wake();
        if *phase.borrow_and_update() == Phase::Closing {
            break;
        }
    }
    while crew.at_work.get() > 0 {
        crew.news.notified().await;
    }
    stage.end();
    Ok(stage.stats.take())
}

/// Every connection of this process, with its worker.
fn each(plan: &Plan, mut handle: impl FnMut(usize, Place)) {
    let (mut turn, mut here) = (0, 0);
    for role in ROLES {
        for (index, group) in plan.groups.iter().enumerate() {
            let Numbers { first, count } = group.numbers(role);
            for number in first..first.saturating_add(count) {
                let place = Place {
                    group: index,
                    role,
                    number,
                    turn,
                };
                turn += 1;
                if !plan.shard.has(number) {
                    continue;
                }
                // Who shares a subscription is counted together, on one thread.
                let worker = match role == 's' && group.is_shared {
                    true => index,
                    false => here,
                };
                here += 1;
                handle(worker % plan.workers.max(1), place);
            }
        }
    }
}

/// The tasks of a worker's connections.
#[derive(Debug, Default)]
struct Crew {
    at_work: Cell<usize>,
    news: Notify,
}

/// One of them.
pub(super) struct Member {
    crew: Rc<Crew>,
    pub(super) stage: Rc<Stage>,
}

impl Member {
    /// Tells of what ends it.
    pub(super) fn fail(&self, failure: Failure) {
        // Whoever listens may be gone.
        let _ = self.stage.shared.tell.send(Told::Failed(failure));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = Failure::new(Exit::Io, "internal error: a connection's task panicked");
            self.fail(failure);
        }
        self.crew.at_work.set(self.crew.at_work.get() - 1);
        self.crew.news.notify_one();
    }
}

/// Begins to open a connection.
fn begin(stage: &Rc<Stage>, crew: &Rc<Crew>, place: Place) {
    crew.at_work.set(crew.at_work.get() + 1);
    let member = Member {
        crew: crew.clone(),
        stage: stage.clone(),
    };
    let stage = stage.clone();
    match place.role {
        's' => {
            let index = figures(&stage, place);
            spawn(member, subscriber::run(stage, place, index));
        }
        'i' => idle::spawn(member, place),
        _ => spawn(member, publisher::run(stage, place)),
    }
}

fn spawn(member: Member, work: impl Future<Output = Result<(), Failure>> + 'static) {
    tokio::task::spawn_local(async move {
        if let Err(failure) = work.await {
            member.fail(failure);
        }
    });
}

/// Where a subscriber's figures are.
fn figures(stage: &Stage, place: Place) -> usize {
    let group = stage.group(place);
    let mut stats = stage.stats.borrow_mut();
    let granted = QoS::ExactlyOnce.min(group.qos);
    let reception = match group.is_shared {
        false => Reception::Own(Delivery::default()),
        true => {
            let of_group = |share: &Share| share.group == place.group;
            let share = stats.shares.iter().position(of_group).unwrap_or_else(|| {
                stats.shares.push(Share {
                    group: place.group,
                    delivery: Delivery::default(),
                    granted,
                });
                stats.shares.len() - 1
            });
            Reception::Shared(share, Order::default())
        }
    };
    let subscriber = Subscriber::new(place.group, place.number, reception, granted);
    stats.subscribers.push(subscriber);
    stats.subscribers.len() - 1
}

/// Ends the seconds in which nothing happens, and keeps an eye on how busy the thread is.
async fn tick(stage: Rc<Stage>) {
    let shared = stage.shared.clone();
    let mut watch = shared.watch();
    // The sender is in what is shared.
    let _ = watch.wait_for(|phase| *phase >= Phase::Running).await;
    tokio::time::sleep_until(shared.instant(shared.warmup()).into()).await;
    let (began, cpu) = (shared.now(), limits::thread_cpu());
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            _ = watch.wait_for(|phase| *phase >= Phase::Draining) => break,
            _ = tick.tick() => stage.turn(shared.now()),
        }
    }
    let busy = limits::thread_cpu().saturating_sub(cpu);
    stage.stats.borrow_mut().busy = (busy, shared.now().saturating_sub(began));
}

//! A connection that does nothing but leave and come back where that is asked for.
//!
//! There may be many thousand, and what each of them needs while it is opened is far more than what
//! it needs later. So it is opened by one task, which ends, and kept by another, which is small.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::shared::Phase;
use super::stage::{Nobody, Place, Stage};
use super::worker::Member;
use crate::client::Engine;
use crate::cmd::Failure;

/// Opens these one after the other, so that only those that are being opened need what that takes.
pub(super) fn spawn_all(
    places: VecDeque<Place>,
    at_once: usize,
    member: impl Fn() -> Member + 'static,
) {
    let openers = at_once.min(places.len());
    let all = Rc::new((RefCell::new(places), member));
    for _ in 0..openers {
        let all = all.clone();
        tokio::task::spawn_local(async move {
            let (places, member) = &*all;
            loop {
                let next = places.borrow_mut().pop_front();
                match next {
                    Some(place) => begin(member(), place).await,
                    None => return,
                }
            }
        });
    }
}

/// Connects, leaves and comes back until the run ends, and leaves.
pub(super) fn spawn(member: Member, place: Place) {
    tokio::task::spawn_local(begin(member, place));
}

async fn begin(member: Member, place: Place) {
    if member.stage.phase() == Phase::Closing {
        return;
    }
    match open(&member.stage, place).await {
        Ok(Some(client)) => drop(tokio::task::spawn_local(Waiting {
            member,
            place,
            round: None,
            state: State::There(client),
        })),
        Ok(None) => {}
        Err(failure) => member.fail(failure),
    }
}

/// Connects, and leaves and comes back until the run ends; `None` if it could not come back before.
async fn open(stage: &Stage, place: Place) -> Result<Option<Engine>, Failure> {
    let client = Box::pin(stage.connect(place)).await?;
    stage.set_ready();
    match stage.group(place).reconnect_every {
        Some(every) => Box::pin(churn(stage, place, client, every)).await,
        None => Ok(Some(client)),
    }
}

/// Leaves and comes back until the run ends.
async fn churn(
    stage: &Stage,
    place: Place,
    mut client: Engine,
    every: Duration,
) -> Result<Option<Engine>, Failure> {
    let mut watch = stage.shared.watch();
    stage.wait_for(place, &mut client, Phase::Running).await?;
    let mut at = tokio::time::Instant::now() + stage.first_leave(place, every);
    let mut nobody = Nobody;
    loop {
        tokio::select! {
            biased;
            _ = watch.wait_for(|phase| *phase >= Phase::Draining) => return Ok(Some(client)),
            () = tokio::time::sleep_until(at) => {}
            event = client.next_visited(&mut nobody) => {
                event.map_err(|lost| stage.lost(place, &lost))?;
                continue;
            }
        }
        at += every;
        client = match stage.come_back(place, client).await? {
            Some(client) => client,
            None => return Ok(None),
        };
    }
}

/// One that is open. By hand, since an `async` block keeps room for more than it has at a time.
struct Waiting {
    member: Member,
    place: Place,
    round: Option<u64>,
    state: State,
}

enum State {
    There(Engine),
    Leaving(Pin<Box<dyn Future<Output = ()>>>),
    Left,
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let waiting = &mut *self;
            let stage = &waiting.member.stage;
            let result = match &mut waiting.state {
                State::There(client) => {
                    let round = &mut waiting.round;
                    ready!(stage.poll_wait_for(cx, waiting.place, client, Phase::Closing, round))
                }
                State::Leaving(leaving) => return leaving.as_mut().poll(cx),
                State::Left => return Poll::Ready(()),
            };
            if let Err(failure) = result {
                waiting.member.fail(failure);
                return Poll::Ready(());
            }
            let stage = stage.clone();
            if let State::There(client) = std::mem::replace(&mut waiting.state, State::Left) {
                waiting.state = State::Leaving(Box::pin(async move { stage.leave(client).await }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With what the runtime adds, a task has 256 bytes; a few more, and it would have 384.
    #[test]
    fn one_that_waits_is_small() {
        assert!(size_of::<Waiting>() <= 96, "{}", size_of::<Waiting>());
    }
}

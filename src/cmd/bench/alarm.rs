//! Waiting for a point in time to within some µs. The runtime's own timers know only whole ms,
//! and would make every message at a low rate up to one ms late.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

/// The alarms of all connections of a thread: one timer of the system for all of them.
#[derive(Debug)]
pub(in crate::cmd) struct Alarms {
    timer: system::Timer,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When to wake which slot. Entries that a slot has moved away from are skipped.
    times: BinaryHeap<Reverse<(Instant, usize)>>,
    slots: Vec<Slot>,
    /// What the timer is set to.
    set: Option<Instant>,
}

#[derive(Debug, Default)]
struct Slot {
    at: Option<Instant>,
    waker: Option<Waker>,
}

/// One connection's alarm.
#[derive(Debug)]
pub(in crate::cmd) struct Alarm {
    alarms: Rc<Alarms>,
    slot: usize,
}

impl Alarms {
    /// None set. To be called within a runtime; [`run`](Self::run) has to run beside the waiting.
    ///
    /// # Errors
    /// If the system gives no timer.
    pub(in crate::cmd) fn new() -> io::Result<Alarms> {
        Ok(Alarms {
            timer: system::Timer::new()?,
            state: RefCell::default(),
        })
    }

    /// Wakes those whose time has come. Never ends.
    ///
    /// # Errors
    /// If the timer fails.
    pub(in crate::cmd) async fn run(&self) -> io::Result<()> {
        loop {
            self.timer.expired().await?;
            let mut state = self.state.borrow_mut();
            state.set = None;
            state.wake(Instant::now());
            self.set(&mut state)?;
        }
    }

    /// Sets the timer to the earliest time.
    fn set(&self, state: &mut State) -> io::Result<()> {
        let Some(&Reverse((at, _))) = state.times.peek() else {
            return Ok(());
        };
        if state.set.is_none_or(|set| at < set) {
            self.timer.set(at)?;
            state.set = Some(at);
        }
        Ok(())
    }
}

impl State {
    fn wake(&mut self, now: Instant) {
        while let Some(&Reverse((at, slot))) = self.times.peek() {
            if at > now {
                return;
            }
            self.times.pop();
            if let Some(slot) = self.slots.get_mut(slot)
                && slot.at == Some(at)
            {
                slot.at = None;
                if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            }
        }
    }
}

impl Alarm {
    /// A new one.
    pub(in crate::cmd) fn new(alarms: Rc<Alarms>) -> Alarm {
        let slot = {
            let mut state = alarms.state.borrow_mut();
            state.slots.push(Slot::default());
            state.slots.len() - 1
        };
        Alarm { alarms, slot }
    }

    /// Waits until then. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// If the timer fails.
    pub(in crate::cmd) async fn wait_until(&mut self, at: Instant) -> io::Result<()> {
        poll_fn(|cx| {
            if Instant::now() >= at {
                return Poll::Ready(Ok(()));
            }
            let mut state = self.alarms.state.borrow_mut();
            let state = &mut *state;
            if let Some(slot) = state.slots.get_mut(self.slot) {
                match &mut slot.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => slot.waker = Some(cx.waker().clone()),
                }
                if slot.at != Some(at) {
                    slot.at = Some(at);
                    state.times.push(Reverse((at, self.slot)));
                }
            }
            match self.alarms.set(state) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::time::Instant;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::net::unix::pipe::Receiver;

    const NEVER: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };

    /// A timer that is a file descriptor, so that the runtime waits for it as for sockets.
    ///
    /// It is read like a pipe, and tokio's pipe is the one safe way to give it a descriptor that
    /// it does not know: `AsyncFd` is unsafe from 1.54 on.
    #[derive(Debug)]
    pub(super) struct Timer(Receiver);

    impl Timer {
        pub(super) fn new() -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            Ok(Timer(Receiver::from_owned_fd_unchecked(fd)?))
        }

        pub(super) fn set(&self, at: Instant) -> io::Result<()> {
            // 0 would turn the timer off.
            let left = at
                .saturating_duration_since(Instant::now())
                .as_nanos()
                .max(1);
            let value = Timespec {
                tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(i64::MAX),
                // Below 10^9, which fits every type that systems use here.
                tv_nsec: (left % 1_000_000_000) as _,
            };
            let value = Itimerspec {
                it_interval: NEVER,
                it_value: value,
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value)?;
            Ok(())
        }

        pub(super) async fn expired(&self) -> io::Result<()> {
            // How often it has expired, in eight bytes.
            let mut count = [0; 8];
            loop {
                self.0.readable().await?;
                match self.0.try_read(&mut count) {
                    Ok(_) => return Ok(()),
                    // It was set again in between.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::cell::Cell;
    use std::io;
    use std::time::Instant;

    use tokio::sync::Notify;

    /// The runtime's timer: whole ms.
    #[derive(Debug)]
    pub(super) struct Timer {
        at: Cell<Option<Instant>>,
        changed: Notify,
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Timer> {
            Ok(Timer {
                at: Cell::new(None),
                changed: Notify::new(),
            })
        }

        pub(super) fn set(&self, at: Instant) -> io::Result<()> {
            self.at.set(Some(at));
            self.changed.notify_one();
            Ok(())
        }

        pub(super) async fn expired(&self) -> io::Result<()> {
            loop {
                let sleep = async {
                    match self.at.get() {
                        Some(at) => tokio::time::sleep_until(at.into()).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = sleep => {
                        self.at.set(None);
                        return Ok(());
                    }
                    () = self.changed.notified() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Rings(AtomicU32);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The clock is a parameter here, so that nothing depends on how busy this machine is.
    #[test]
    fn alarms_ring_when_their_time_has_come_and_only_then() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let rings: Vec<Arc<Rings>> = (0..4).map(|_| Arc::default()).collect();
        let mut state = State::default();
        for rings in &rings {
            state.slots.push(Slot {
                at: None,
                waker: Some(Waker::from(rings.clone())),
            });
        }
        let set = |state: &mut State, slot: usize, at| {
            state.slots[slot].at = Some(at);
            state.times.push(Reverse((at, slot)));
        };
        for (slot, at) in [(0, 30), (1, 10), (2, 20)] {
            set(&mut state, slot, ms(at));
        }
        // Given up and set anew, as a publisher does whenever an event comes first.
        set(&mut state, 3, ms(15));
        set(&mut state, 3, ms(25));
        let mut rang_at = |now| {
            state.wake(now);
            let rang = rings.iter().map(|rings| rings.0.swap(0, Ordering::Relaxed));
            rang.collect::<Vec<_>>()
        };
        for (at, rang) in [
            (0, [0, 0, 0, 0]),
            (10, [0, 1, 0, 0]),
            (19, [0, 0, 0, 0]),
            (20, [0, 0, 1, 0]),
            (100, [1, 0, 0, 1]),
            (200, [0, 0, 0, 0]),
        ] {
            assert_eq!(rang_at(ms(at)), rang, "{at}");
        }
    }

    /// With the system's timer: whatever else it does, it does not ring too early, and it rings.
    #[tokio::test]
    async fn nobody_is_woken_too_early() {
        let alarms = Rc::new(Alarms::new().unwrap());
        let start = Instant::now();
        let wait = async |ms: u64| {
            let mut alarm = Alarm::new(alarms.clone());
            let at = start + Duration::from_millis(ms);
            alarm.wait_until(at).await.unwrap();
            assert!(Instant::now() >= at, "{ms}");
        };
        tokio::select! {
            error = alarms.run() => panic!("{error:?}"),
            _ = async { tokio::join!(wait(30), wait(10), wait(0), wait(20)) } => {}
        }
    }
}

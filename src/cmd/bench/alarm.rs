//! Waiting for a point in time to within some µs. The runtime's own timers know only whole ms,
//! and would make every message at a low rate up to one ms late.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::shared::nanos;
use super::wheel::Wheel;

/// The alarms of all connections of a thread: one timer of the system for all of them.
#[derive(Debug)]
pub(in crate::cmd) struct Alarms {
    timer: system::Timer,
    /// Times are ns since then.
    start: Instant,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    wheel: Wheel,
    /// Whom to wake, by number of the timer.
    wakers: Vec<Option<Waker>>,
    /// Alarms that are no more: their timers are for others.
    free: Vec<u32>,
    /// What the timer is set to.
    set: Option<u64>,
}

/// One connection's alarm.
#[derive(Debug)]
pub(in crate::cmd) struct Alarm {
    alarms: Rc<Alarms>,
    number: u32,
}

impl Alarms {
    /// None set. To be called within a runtime; [`run`](Self::run) has to run beside the waiting.
    ///
    /// # Errors
    /// If the system gives no timer.
    pub(in crate::cmd) fn new() -> io::Result<Alarms> {
        let start = Instant::now();
        Ok(Alarms {
            timer: system::Timer::new(start)?,
            start,
            state: RefCell::new(State {
                wheel: Wheel::new(),
                wakers: Vec::new(),
                free: Vec::new(),
                set: None,
            }),
        })
    }

    /// Wakes those whose time has come. Never ends.
    ///
    /// # Errors
    /// If the timer fails.
    pub(in crate::cmd) async fn run(&self) -> io::Result<()> {
        loop {
            self.timer.expired().await?;
            let now = self.nanos(Instant::now());
            let mut state = self.state.borrow_mut();
            state.set = None;
            state.wake(now);
            self.set(&mut state)?;
        }
    }

    /// Sets the timer to the earliest time.
    fn set(&self, state: &mut State) -> io::Result<()> {
        let Some(at) = state.wheel.earliest() else {
            return Ok(());
        };
        if state.set.is_none_or(|set| at < set) {
            self.timer.set(at)?;
            state.set = Some(at);
        }
        Ok(())
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.start))
    }
}

impl State {
    fn add(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wheel.add()
        })
    }

    fn wake(&mut self, now: u64) {
        let State { wheel, wakers, .. } = self;
        wheel.expire(now, |number| {
            let waker = wakers.get_mut(number as usize).and_then(Option::take);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
    }
}

impl Alarm {
    /// A new one.
    pub(in crate::cmd) fn new(alarms: Rc<Alarms>) -> Alarm {
        let number = alarms.state.borrow_mut().add();
        Alarm { alarms, number }
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
            let at = self.alarms.nanos(at);
            let mut state = self.alarms.state.borrow_mut();
            match state.wakers.get_mut(self.number as usize) {
                Some(Some(waker)) => waker.clone_from(cx.waker()),
                Some(waker) => *waker = Some(cx.waker().clone()),
                None => {}
            }
            if state.wheel.is_set_to(self.number) != Some(at) {
                state.wheel.set(self.number, at);
            }
            match self.alarms.set(&mut state) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = self.alarms.state.borrow_mut();
        state.wheel.unset(self.number);
        if let Some(waker) = state.wakers.get_mut(self.number as usize) {
            *waker = None;
        }
        state.free.push(self.number);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::time::Instant;

    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
        clock_gettime, timerfd_create, timerfd_settime,
    };
    use tokio::net::unix::pipe::Receiver;

    const NEVER: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };

    /// A timer that is a file descriptor, so that the runtime waits for it as for sockets.
    ///
    /// It looks like a pipe, and tokio's pipe is the one safe way to give it a descriptor that
    /// it does not know: `AsyncFd` is unsafe from 1.54 on.
    #[derive(Debug)]
    pub(super) struct Timer {
        fd: Receiver,
        /// The start, as the timer's clock has it.
        start: Timespec,
    }

    impl Timer {
        pub(super) fn new(start: Instant) -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let (now, since) = (clock_gettime(ClockId::Monotonic), start.elapsed());
            let since = Timespec {
                tv_sec: i64::try_from(since.as_secs()).unwrap_or(0),
                tv_nsec: since.subsec_nanos() as _,
            };
            Ok(Timer {
                fd: Receiver::from_owned_fd_unchecked(fd)?,
                start: now.checked_sub(since).unwrap_or(now),
            })
        }

        /// Sets it to a time in ns since the start, whether that is still to come or not. What it
        /// was set to before does not come any more.
        pub(super) fn set(&self, at: u64) -> io::Result<()> {
            let at = Timespec {
                tv_sec: i64::try_from(at / 1_000_000_000).unwrap_or(i64::MAX),
                // Below 10^9, which fits every type that systems use here.
                tv_nsec: (at % 1_000_000_000) as _,
            };
            let value = Itimerspec {
                it_interval: NEVER,
                it_value: self.start.checked_add(at).unwrap_or(at),
            };
            timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &value)?;
            Ok(())
        }

        pub(super) async fn expired(&self) -> io::Result<()> {
            self.fd.readable().await?;
            // Setting it anew takes back that it has expired, so nobody has to read that. The runtime
            // hears of the next time when that comes, if it waits for it.
            let waits = || Err(io::ErrorKind::WouldBlock.into());
            match self.fd.try_io(waits) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                other => other,
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::cell::Cell;
    use std::io;
    use std::time::{Duration, Instant};

    use tokio::sync::Notify;

    /// The runtime's timer: whole ms.
    #[derive(Debug)]
    pub(super) struct Timer {
        start: Instant,
        at: Cell<Option<Instant>>,
        changed: Notify,
    }

    impl Timer {
        pub(super) fn new(start: Instant) -> io::Result<Timer> {
            Ok(Timer {
                start,
                at: Cell::new(None),
                changed: Notify::new(),
            })
        }

        /// Sets it to a time in ns since the start.
        pub(super) fn set(&self, at: u64) -> io::Result<()> {
            self.at
                .set(self.start.checked_add(Duration::from_nanos(at)));
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
    #[tokio::test]
    async fn alarms_ring_when_their_time_has_come_and_only_then() {
        let alarms = Rc::new(Alarms::new().unwrap());
        let ms = |ms: u64| ms * 1_000_000;
        let rings: Vec<Arc<Rings>> = (0..4).map(|_| Arc::default()).collect();
        let ringing: Vec<_> = rings.iter().map(|_| Alarm::new(alarms.clone())).collect();
        let set = |slot: usize, at| {
            let mut state = alarms.state.borrow_mut();
            let number = ringing[slot].number;
            state.wheel.set(number, ms(at));
            state.wakers[number as usize] = Some(Waker::from(rings[slot].clone()));
        };
        for (slot, at) in [(0, 30), (1, 10), (2, 20)] {
            set(slot, at);
        }
        // Given up and set anew, as a publisher does whenever an event comes first.
        set(3, 15);
        set(3, 25);
        let rang_at = |now| {
            alarms.state.borrow_mut().wake(now);
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
        // Those who leave ring no more, and the next have their place.
        set(1, 300);
        drop(ringing);
        assert_eq!(rang_at(ms(400)), [0, 0, 0, 0]);
        let next = Alarm::new(alarms.clone());
        assert!(next.number < 4 && alarms.state.borrow().wakers.len() == 4);
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

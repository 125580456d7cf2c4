//! SIGHUP: the configuration, the files that say who may do what, and those of TLS are read again,
//! and the log's are opened anew.

use tokio::sync::mpsc;

use super::access::{self, AccessPlan};
use super::configured::{Configured, Reading};
use super::hangup::{Hangup, Hangups};
use super::listening::tls_options;
use super::log::SharedLog;
use super::plan::{ListenerPlan, TlsPlan};
use crate::broker::{Config, Extras, Listener, Order, StoreError, TlsServer, Watch, serve_with};
use crate::cmd::Failure;
use crate::output::text::Safe;

/// Orders that may wait; most are lines of the log.
const WAITING: usize = 1024;

/// A broker whose files are read again.
pub(super) struct Service<W> {
    pub(super) listeners: Vec<Listener>,
    pub(super) config: Config,
    /// Its orders come from here.
    pub(super) extras: Extras,
    pub(super) watch: W,
    pub(super) log: SharedLog,
    pub(super) reload: Reload,
}

impl<W: Watch + 'static> Service<W> {
    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// The store's, which end the broker.
    pub(super) async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StoreError> {
        let (order, orders) = mpsc::channel(WAITING);
        self.log.borrow_mut().tell_through(order.clone());
        let extras = Extras {
            orders: Some(orders),
            ..self.extras
        };
        let serving = serve_with(self.listeners, self.config, extras, self.watch, shutdown);
        tokio::select! {
            served = serving => served,
            () = self.reload.run(self.log, order) => Ok(()),
        }
    }
}

/// What to read again.
pub(super) struct Reload {
    configured: Option<Configured>,
    /// As they are, to know a configuration with others.
    listeners: Vec<ListenerPlan>,
    access: Vec<AccessPlan>,
    tls: Vec<(TlsServer, TlsPlan)>,
    hangups: Hangups,
}

impl Reload {
    /// # Errors
    /// If the system does not give the signal.
    pub(super) fn new(
        configured: Option<Configured>,
        listeners: Vec<ListenerPlan>,
        access: Vec<AccessPlan>,
        tls: Vec<(TlsServer, TlsPlan)>,
    ) -> Result<Reload, Failure> {
        Ok(Reload {
            configured,
            listeners,
            access,
            tls,
            hangups: Hangups::new()?,
        })
    }

    /// Whether there is anything to read again.
    pub(super) fn has_files(&self) -> bool {
        let has_files = self.access.iter().any(AccessPlan::has_files);
        self.configured.is_some() || !self.tls.is_empty() || has_files
    }

    /// Reads everything whenever SIGHUP comes.
    async fn run(mut self, log: SharedLog, orders: mpsc::Sender<Order>) {
        loop {
            if self.hangups.next().await == Hangup::Gone {
                continue;
            }
            if !self.has_files() {
                log.borrow_mut().nothing_to_reload();
                continue;
            }
            if self.once(&log, &orders).await {
                log.borrow_mut().reloaded();
            }
        }
    }

    /// Reads everything. What is wrong is said, and does not count.
    async fn once(&mut self, log: &SharedLog, orders: &mpsc::Sender<Order>) -> bool {
        let mut is_good = true;
        let mut fail = |what: &dyn std::fmt::Display| {
            is_good = false;
            let line = format!("{what}; what was read before stays");
            log.borrow_mut().not_reloaded(line);
        };
        let reopened = log.borrow_mut().reload();
        if let Err(failure) = reopened {
            fail(&failure);
        }
        let mut limits = None;
        if let Some(configured) = &self.configured {
            match configured.read() {
                Ok(reading) => {
                    let renewed = log.borrow_mut().renew(&reading.log, reading.types);
                    if let Err(failure) = renewed {
                        fail(&failure);
                    }
                    log.borrow_mut().tell_through(orders.clone());
                    match is_same_shape(&self.listeners, &reading) {
                        true => limits = Some(self.take(reading)),
                        false => fail(&format_args!(
                            "{} has other listeners than at the start, which take a restart",
                            Safe(&configured.path.display().to_string())
                        )),
                    }
                }
                Err(failure) => fail(&failure),
            }
        }
        match access::load(&self.access) {
            Ok(access) => {
                // The broker has ended otherwise.
                let _ = orders.send(Order::Access(access)).await;
            }
            Err(failure) => fail(&failure),
        }
        if let Some(mut limits) = limits {
            limits.packets = log.borrow().wants_packets();
            let _ = orders.send(Order::Limits(Box::new(limits))).await;
        }
        for (server, plan) in &self.tls {
            if let Err(error) = server.reload(&tls_options(plan)) {
                fail(&format_args!("TLS: {error}"));
            }
        }
        is_good
    }

    /// What the configuration says now counts; its limits are left.
    fn take(&mut self, reading: Reading) -> Config {
        self.access = reading.planned.access;
        let listeners = reading.planned.listeners;
        let tls = listeners.iter().filter_map(|listener| listener.tls.clone());
        for ((_, old), new) in self.tls.iter_mut().zip(tls) {
            *old = new;
        }
        self.listeners = listeners;
        reading.planned.config
    }
}

/// Whether the listeners are where they were, and what they were.
fn is_same_shape(old: &[ListenerPlan], reading: &Reading) -> bool {
    let shape = |plan: &ListenerPlan| {
        let identity = plan.tls.as_ref().map(|tls| tls.identity);
        (
            plan.endpoint.clone(),
            plan.protocol,
            identity,
            plan.no_delay,
        )
    };
    let new = &reading.planned.listeners;
    old.iter().map(shape).eq(new.iter().map(shape))
}

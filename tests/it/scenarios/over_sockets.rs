//! The served broker as the place of a scenario: real sockets, and a clock that stands still but
//! where the scenario moves it. Broker and clients are on one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet};

use midge::broker::core::{ConnectionId, Peer};
use midge::broker::{Config, Extras, Listener, Order, Watch, serve_with};

use super::run::{Came, Place};

/// How long the system may take for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);
/// Turns of the runtime without news after which nothing more comes: a packet takes one from
/// reading to the connection that it is for, and one to its socket.
const QUIET_TURNS: usize = 6;
/// A wait is taken in so many steps, so that what is due in between happens in between.
const STEPS: u32 = 50;

pub(super) struct OverSockets {
    /// As long as it is held, the runtime does not move the clock by itself. Dropped first, since
    /// the runtime waits for it.
    _hold_clock: std::sync::mpsc::Sender<()>,
    runtime: Runtime,
    tasks: LocalSet,
    address: SocketAddr,
    clients: BTreeMap<u64, Client>,
    counts: Rc<RefCell<BTreeMap<u64, Counts>>>,
    next_connection: u64,
    came: Vec<(u64, Came)>,
    orders: mpsc::Sender<Order>,
    stop: Option<oneshot::Sender<()>>,
    broker: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Client {
    /// `None`: closed, by whichever side.
    stream: Option<TcpStream>,
    sent: usize,
    received: usize,
}

/// What the broker has seen of a connection.
#[derive(Debug, Default)]
struct Counts {
    received: usize,
    sent: usize,
    closed: bool,
}

struct Counting(Rc<RefCell<BTreeMap<u64, Counts>>>);

impl Counting {
    fn count(&self, connection: ConnectionId, add: impl FnOnce(&mut Counts)) {
        add(self.0.borrow_mut().entry(connection.0).or_default());
    }
}

impl Watch for Counting {
    fn opened(&mut self, connection: ConnectionId, _: &Peer) {
        self.count(connection, |_| {});
    }

    fn received(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.count(connection, |counts| counts.received += bytes.len());
    }

    fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.count(connection, |counts| counts.sent += bytes.len());
    }

    fn closed(&mut self, connection: ConnectionId, _: midge::mqtt::Side) {
        self.count(connection, |counts| counts.closed = true);
    }
}

impl OverSockets {
    pub(super) fn new(config: Config) -> OverSockets {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (hold_clock, held) = std::sync::mpsc::channel();
        runtime.spawn_blocking(move || {
            let _ = held.recv();
        });
        let tasks = LocalSet::new();
        let counts = Rc::new(RefCell::new(BTreeMap::new()));
        let (orders, new_orders) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let listener = runtime.block_on(Listener::bind("127.0.0.1", 0)).unwrap();
        let address = listener.address().unwrap();
        let watch = Counting(counts.clone());
        let broker = tasks.spawn_local(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            let extras = Extras {
                orders: Some(new_orders),
                ..Extras::default()
            };
            let served = serve_with(vec![listener], config, extras, watch, shutdown).await;
            served.unwrap();
        });
        OverSockets {
            runtime,
            tasks,
            address,
            clients: BTreeMap::new(),
            counts,
            next_connection: 0,
            came: Vec::new(),
            orders,
            stop: Some(stop),
            broker: Some(broker),
            _hold_clock: hold_clock,
        }
    }

    /// Lets the runtime turn until the broker has read what clients have sent, clients have read
    /// what it has sent, and nothing more comes of it.
    fn settle(&mut self) {
        let Self {
            runtime,
            tasks,
            clients,
            counts,
            came,
            ..
        } = self;
        let started = Instant::now();
        tasks.block_on(runtime, async {
            let mut quiet_turns = 0;
            while quiet_turns < QUIET_TURNS {
                assert!(started.elapsed() < PATIENCE, "{:?}", counts.borrow());
                let mut is_quiet = true;
                for (&id, client) in clients.iter_mut() {
                    is_quiet &= !client.read(id, came);
                    is_quiet &= client.is_settled(counts.borrow().get(&id));
                }
                quiet_turns = if is_quiet { quiet_turns + 1 } else { 0 };
                tokio::task::yield_now().await;
            }
        });
    }
}

impl Client {
    /// Whether something came.
    fn read(&mut self, id: u64, came: &mut Vec<(u64, Came)>) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        let mut buffer = [0; 4096];
        match stream.try_read(&mut buffer) {
            Ok(len) if len > 0 => {
                self.received += len;
                came.push((id, Came::Bytes(Bytes::copy_from_slice(&buffer[..len]))));
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Ok(_) | Err(_) => {
                self.stream = None;
                came.push((id, Came::Closed));
                true
            }
        }
    }

    fn is_settled(&self, counts: Option<&Counts>) -> bool {
        counts.is_some_and(|counts| match self.stream {
            Some(_) => counts.received == self.sent && counts.sent == self.received,
            None => counts.closed,
        })
    }
}

impl Place for OverSockets {
    fn open(&mut self) -> u64 {
        let id = self.next_connection;
        self.next_connection += 1;
        let stream = self
            .tasks
            .block_on(&self.runtime, TcpStream::connect(self.address))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        let client = Client {
            stream: Some(stream),
            ..Client::default()
        };
        self.clients.insert(id, client);
        self.settle();
        id
    }

    fn send(&mut self, connection: u64, bytes: &[u8]) {
        let client = self.clients.get_mut(&connection).unwrap();
        if let Some(stream) = &mut client.stream {
            let written = self.tasks.block_on(&self.runtime, stream.write_all(bytes));
            written.unwrap();
            client.sent += bytes.len();
        }
        self.settle();
    }

    fn close(&mut self, connection: u64) {
        self.clients.get_mut(&connection).unwrap().stream = None;
        self.settle();
    }

    fn stall(&mut self, _: u64) -> Result<(), String> {
        Err("this is for the core only: the system reads for a client that does not".into())
    }

    fn unstall(&mut self, _: u64) {}

    fn pass_time(&mut self, by: Duration) {
        let step = (by / STEPS).max(Duration::from_millis(1));
        // Deadlines are whole milliseconds.
        let step = Duration::from_millis(step.as_millis() as u64);
        let mut left = by;
        while !left.is_zero() {
            let now = step.min(left);
            left -= now;
            self.tasks
                .block_on(&self.runtime, tokio::time::advance(now));
            self.settle();
        }
    }

    fn set_access(&mut self, config: &Config) {
        let access = config.listeners.iter().map(|l| l.access.clone());
        let order = Order::Access(access.collect());
        self.orders.try_send(order).unwrap();
        self.settle();
    }

    fn come(&mut self) -> Vec<(u64, Came)> {
        std::mem::take(&mut self.came)
    }
}

impl Drop for OverSockets {
    fn drop(&mut self) {
        self.clients.clear();
        drop(self.stop.take());
        if let Some(broker) = self.broker.take()
            && !std::thread::panicking()
        {
            // Its last waits are short, and need a clock that moves.
            self.tasks.block_on(&self.runtime, async {
                let mut broker = broker;
                while !broker.is_finished() {
                    tokio::time::advance(Duration::from_millis(10)).await;
                    tokio::task::yield_now().await;
                }
                (&mut broker).await.unwrap();
            });
        }
    }
}

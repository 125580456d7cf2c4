//! A broker on a free port, in a thread of its own, for tests that want real sockets.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use midge::broker::{Config, Event, Listener, Watch, serve};
use tokio::sync::oneshot;

/// Runs until it is dropped.
pub(crate) struct TestBroker {
    pub(crate) address: SocketAddr,
    /// The name of each event.
    events: mpsc::Receiver<&'static str>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Passes on the names of events.
struct Names(mpsc::Sender<&'static str>);

impl Watch for Names {
    fn event(&mut self, event: &Event) {
        // Nobody may be listening any more.
        let _ = self.0.send(event.kind.name());
    }
}

impl TestBroker {
    pub(crate) fn start() -> TestBroker {
        TestBroker::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> TestBroker {
        let (stop, stopped) = oneshot::channel();
        let (tell, address) = mpsc::channel();
        let (tell_event, events) = mpsc::channel();
        let config = Config {
            events: true,
            ..config
        };
        let watch = Names(tell_event);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
                tell.send(listener.address().unwrap()).unwrap();
                let shutdown = async {
                    let _ = stopped.await;
                };
                serve(vec![listener], config, watch, shutdown).await;
            });
        });
        TestBroker {
            address: address.recv().unwrap(),
            events,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Waits until something happens that has this name, and that no call has waited for before.
    pub(crate) fn wait_for(&self, event: &str) {
        loop {
            let next = self.events.recv_timeout(Duration::from_secs(10));
            if next.unwrap_or_else(|_| panic!("waited for {event}")) == event {
                break;
            }
        }
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the broker panicked"
            );
        }
    }
}

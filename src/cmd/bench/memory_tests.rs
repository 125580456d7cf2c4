//! What connections allocate: counted on the thread of a worker, while it works with a real broker.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use tokio::sync::oneshot;

use super::plan::Plan;
use super::shared::Shared;
use super::worker;
use crate::broker::{Config, Listener, Watch, serve};
use crate::cli;

/// Longer than any of this takes on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(60);

struct Nobody;

impl Watch for Nobody {}

/// What a worker allocates from its first connection to its last.
fn allocated(args: &str) -> AllocationInfo {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, port) = mpsc::channel();
    let broker = thread::spawn(move || {
        crate::cmd::connect::runtime().unwrap().block_on(async {
            let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
            tell.send(listener.address().unwrap().port()).unwrap();
            let config = Config::default();
            serve(vec![listener], config, Nobody, async {
                drop(stopped.await)
            })
            .await;
        });
    });
    let args = format!(
        "-h 127.0.0.1 -p {} --workers 1 {args}",
        port.recv().unwrap()
    );
    let plan = Plan::new(&cli::Bench::from_words(&args), None).unwrap();
    let connections = plan.connections() as u64;
    let publishers = plan.publishers_here();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let shared = Arc::new(Shared::new(plan, tell));
    let worker = thread::spawn({
        let shared = shared.clone();
        move || {
            let mut result = None;
            let info = allocation_counter::measure(|| result = Some(worker::run(shared, 0)));
            result.unwrap().unwrap();
            info
        }
    });
    let conduct = async {
        let until = async |done: &dyn Fn() -> bool| {
            while !done() {
                shared.news.notified().await;
            }
        };
        until(&|| shared.sum(|own| &own.ready) >= connections).await;
        shared.start(Instant::now());
        until(&|| shared.sum(|own| &own.sent_all) >= publishers).await;
        shared.stop();
        until(&|| {
            shared.sum(|own| &own.finished) >= publishers
                && shared.sum(|own| &own.received) >= shared.sum(|own| &own.expected)
        })
        .await;
    };
    let runtime = crate::cmd::connect::runtime().unwrap();
    let conducted = runtime.block_on(async { tokio::time::timeout(PATIENCE, conduct).await });
    shared.close();
    while let Ok(told) = told.try_recv() {
        assert!(!matches!(told, super::shared::Told::Failed(_)), "{told:?}");
    }
    conducted.expect("it ends");
    let info = worker.join().unwrap();
    drop(stop);
    broker.join().unwrap();
    info
}

/// Allocations of so many more messages.
fn of_more_messages(args: &str) -> u64 {
    let of = |count| allocated(&format!("--count {count} {args}")).count_total;
    let few = of(5_000);
    of(25_000).saturating_sub(few)
}

/// 20,000 more messages: what grows is what comes with time and with readings, not with messages.
const OTHERS: u64 = 1_000;

#[test]
fn messages_are_not_allocated() {
    for args in [
        "-q 0 --subscribers 0",
        "-q 0 --rate 20k",
        "-q 1 --rate 20k -V 311",
        "-q 1",
        "-q 2",
        "-q 2 --rate 20k -V 5",
    ] {
        let more = of_more_messages(args);
        assert!(more < OTHERS, "{args}: {more} for 20,000 messages");
    }
}

/// Their payloads are pieces of something larger.
#[test]
fn messages_that_are_made_one_by_one_are_hardly_allocated() {
    for args in [
        "-q 0 --rate 20k --payload {seq}/{time}",
        "-q 1 --rate 20k --payload {rand:9}",
    ] {
        let more = of_more_messages(args);
        assert!(more < 2 * OTHERS, "{args}: {more} for 20,000 messages");
    }
}

/// Without what the allocator itself needs for each block, and without the kernel's part.
#[test]
fn an_idle_connection_is_small() {
    let of = |count: u32| {
        let args = format!("--publishers 0 --subscribers 0 --idle {count}");
        allocated(&args).bytes_max
    };
    let (few, many) = (of(100), of(300));
    let each = many.saturating_sub(few) / 200;
    println!("{each} bytes for each idle connection");
    assert!(each < 1_800, "{each}");
}

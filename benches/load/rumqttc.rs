//! rumqttc as an application uses it, for `benches/bench_load.sh`: `publish PORT COUNT QOS`,
//! `receive PORT COUNT` and `idle PORT COUNT`, which prints bytes of memory for each connection.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};

/// Unacknowledged messages, at most.
fn window() -> u16 {
    std::env::var("WINDOW").ok().and_then(|window| window.parse().ok()).unwrap_or(100)
}

fn options(port: u16, number: usize) -> MqttOptions {
    let mut options = MqttOptions::new(format!("rumqttc-{number}"), "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60)).set_inflight(window());
    options
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
    let (port, count, qos) = (number(1) as u16, number(2), number(3));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = async {
        match words[0].as_str() {
            "publish" => publish(port, count, qos).await,
            "receive" => receive(port, count).await,
            _ => idle(port, count).await,
        }
    };
    tokio::task::LocalSet::new().block_on(&runtime, local);
}

async fn publish(port: u16, count: usize, qos: usize) {
    let (client, mut events) = AsyncClient::new(options(port, 0), window().into());
    let level = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    tokio::task::spawn_local(async move {
        for _ in 0..count {
            client.publish("t", level, false, vec![0; 64]).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    let mut done = 0;
    while done < count {
        match events.poll().await.unwrap() {
            Event::Outgoing(Outgoing::Publish(_)) if qos == 0 => done += 1,
            Event::Incoming(Packet::PubAck(_)) => done += 1,
            _ => {}
        }
    }
}

async fn receive(port: u16, count: usize) {
    let (client, mut events) = AsyncClient::new(options(port, 0), 100);
    client.subscribe("t", QoS::AtMostOnce).await.unwrap();
    let mut seen = 0;
    while seen < count {
        if let Event::Incoming(Packet::Publish(_)) = events.poll().await.unwrap() {
            seen += 1;
        }
    }
}

async fn idle(port: u16, count: usize) {
    let before = resident();
    let mut all = Vec::new();
    for number in 0..count {
        let (client, mut events) = AsyncClient::new(options(port, number), 10);
        while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::ConnAck(_))) {}
        let poll = async move { while events.poll().await.is_ok() {} };
        all.push((client, tokio::task::spawn_local(poll)));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{}", (resident() - before) / count);
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    4096 * status.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
}

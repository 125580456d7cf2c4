//! The broker with the client libraries that applications use: Eclipse Paho for Python, MQTT.js over
//! TCP and WebSocket, and rumqttc. The scripts of the first two are in `tests/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Running, midge};

/// Where `.ci/run` has put what the scripts need.
fn installed(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: see .ci/run", path.display());
    path
}

/// Runs a script around a broker: its lines, each of which names something that worked.
fn around(listeners: &[&str], program: &Path, script: &str) -> Vec<String> {
    let mut command = midge(&["broker"]);
    for listener in listeners {
        command.args(["--listen", listener]);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    command.arg("--").arg(program).arg(script);
    let ended = Running::start(command).wait();
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.text().lines().map(str::to_owned).collect()
}

fn with(prefix: &str, lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with(prefix)).count()
}

#[test]
#[ignore = "needs paho-mqtt"]
fn paho() {
    let python = installed("python/bin/python");
    let lines = around(&["mqtt://127.0.0.1:0"], &python, "paho_client.py");
    assert_eq!(with("paho 3.1 ", &lines), 5, "{lines:?}");
    assert_eq!(with("paho 3.1.1 ", &lines), 5, "{lines:?}");
    assert_eq!(with("paho 5.0 ", &lines), 8, "{lines:?}");
}

#[test]
#[ignore = "needs MQTT.js"]
fn mqtt_js() {
    installed("node_modules/mqtt");
    let node = which("node");
    let listeners = ["mqtt://127.0.0.1:0", "ws://127.0.0.1:0"];
    let lines = around(&listeners, &node, "mqttjs_client.js");
    for transport in ["TCP", "WebSocket"] {
        for (version, count) in [("3.1", 5), ("3.1.1", 5), ("5.0", 7)] {
            let prefix = format!("MQTT.js {transport} {version} ");
            assert_eq!(with(&prefix, &lines), count, "{prefix}: {lines:?}");
        }
    }
}

fn which(name: &str) -> PathBuf {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", name])
        .output()
        .unwrap();
    assert!(found.status.success(), "{name} is not installed");
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

/// For 3.1.1 and 5.0, which in rumqttc are two modules with the same names.
macro_rules! every_qos_in_order {
    ($name:ident, $library:path, $qos:path, $packet:path) => {
        #[tokio::test]
        async fn $name() {
            use $library as library;
            use $packet as Packet;
            use $qos as QoS;
            let broker = crate::test_broker::TestBroker::start();
            let port = broker.address.port();
            let options = library::MqttOptions::new("rumqttc", "127.0.0.1", port);
            let (client, mut events) = library::AsyncClient::new(options, 10);
            client.subscribe("t/#", QoS::ExactlyOnce).await.unwrap();
            let publisher = async {
                for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    for number in 0..100 {
                        let (topic, payload) = (format!("t/{number}"), number.to_string());
                        client.publish(topic, qos, false, payload).await.unwrap();
                    }
                }
            };
            let receiver = async {
                let mut got = Vec::new();
                while got.len() < 300 {
                    let event = events.poll().await.unwrap();
                    if let library::Event::Incoming(Packet::Publish(publish)) = event {
                        let topic: &[u8] = publish.topic.as_ref();
                        let payload = publish.payload.to_vec();
                        got.push((publish.qos as usize, topic.to_vec(), payload));
                    }
                }
                got
            };
            let patience = std::time::Duration::from_secs(30);
            let both = async { tokio::join!(publisher, receiver).1 };
            let got = tokio::time::timeout(patience, both).await.unwrap();
            let expected = (0..3).flat_map(|qos| {
                let topic = |number| format!("t/{number}").into_bytes();
                (0..100).map(move |n| (qos, topic(n), n.to_string().into_bytes()))
            });
            assert_eq!(got, expected.collect::<Vec<_>>());
            client.disconnect().await.unwrap();
        }
    };
}

every_qos_in_order!(rumqttc_311, rumqttc, rumqttc::QoS, rumqttc::Packet);
every_qos_in_order!(
    rumqttc_5,
    rumqttc::v5,
    rumqttc::v5::mqttbytes::QoS,
    rumqttc::v5::mqttbytes::v5::Packet
);

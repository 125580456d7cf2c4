//! The broker with mosquitto's clients.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::test_broker::TestBroker;

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

fn mosquitto(program: &str, broker: &TestBroker, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-h", &broker.address.ip().to_string()])
        .args(["-p", &broker.address.port().to_string()])
        .args(arguments.split_whitespace());
    command
}

fn publish(broker: &TestBroker, arguments: &str) {
    let status = mosquitto("mosquitto_pub", broker, arguments)
        .status()
        .unwrap();
    assert!(status.success(), "mosquitto_pub {arguments}: {status}");
}

/// mosquitto_sub to its end: what it prints.
fn subscribe(broker: &TestBroker, arguments: &str) -> String {
    let output = mosquitto("mosquitto_sub", broker, arguments)
        .args(["-W", "10"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "mosquitto_sub {arguments}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A mosquitto_sub whose subscription is made.
struct Subscriber(Child);

impl Subscriber {
    fn start(broker: &TestBroker, arguments: &str) -> Subscriber {
        let process = mosquitto("mosquitto_sub", broker, arguments)
            .args(["-W", "10"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        broker.wait_for("subscribed");
        Subscriber(process)
    }

    /// What it prints until it ends by itself; to a pipe it prints all of it then.
    fn output(&mut self) -> String {
        let mut output = String::new();
        let mut stdout = self.0.stdout.take().unwrap();
        stdout.read_to_string(&mut output).unwrap();
        assert!(self.0.wait().unwrap().success());
        output
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn every_version_and_qos_passes() {
    let broker = TestBroker::start();
    for subscriber_version in VERSIONS {
        for publisher_version in VERSIONS {
            let mut subscriber = Subscriber::start(
                &broker,
                &format!("-V {subscriber_version} -t t/# -q 2 -C 3 -F %t,%p,%q,%r"),
            );
            for qos in 0..=2 {
                publish(
                    &broker,
                    &format!("-V {publisher_version} -t t/x -m hello -q {qos}"),
                );
            }
            let expected = "t/x,hello,0,0\nt/x,hello,1,0\nt/x,hello,2,0\n";
            assert_eq!(subscriber.output(), expected);
        }
    }
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn retained_messages() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        publish(&broker, &format!("-V {version} -t r -m kept -q 1 -r"));
        let got = subscribe(&broker, &format!("-V {version} -t r -C 1 -F %t,%p,%r"));
        assert_eq!(got, "r,kept,1\n");
    }
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn the_will_of_a_killed_client() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut watcher = Subscriber::start(&broker, "-t w -q 1 -C 1 -F %t,%p,%q");
        let will = "--will-topic w --will-payload gone --will-qos 1";
        drop(Subscriber::start(
            &broker,
            &format!("-V {version} -t x {will}"),
        ));
        assert_eq!(watcher.output(), "w,gone,1\n");
    }
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn a_session_keeps_what_comes_meanwhile() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let expiry = match version {
            "mqttv5" => "-x 60",
            _ => "",
        };
        let session = format!("-V {version} -i {version} -c {expiry} -t t -q 2");
        subscribe(&broker, &format!("{session} -E"));
        for qos in 1..=2 {
            publish(&broker, &format!("-t t -m {qos} -q {qos}"));
        }
        assert_eq!(subscribe(&broker, &format!("{session} -C 2")), "1\n2\n");
    }
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn properties_pass() {
    let broker = TestBroker::start();
    let mut subscriber = Subscriber::start(&broker, "-V mqttv5 -t t -C 1 -F %p,%C,%D,%R,%P,%F,%E");
    publish(
        &broker,
        "-V mqttv5 -t t -m x -D publish content-type c -D publish correlation-data d \
         -D publish response-topic r -D publish user-property a 1 \
         -D publish payload-format-indicator 1 -D publish message-expiry-interval 100",
    );
    assert_eq!(subscriber.output(), "x,c,d,r,a:1,1,100\n");
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn shared_subscriptions_divide_the_messages() {
    let broker = TestBroker::start();
    let mut first = Subscriber::start(&broker, "-V mqttv5 -t $share/g/t -C 1");
    let mut second = Subscriber::start(&broker, "-V mqttv5 -t $share/g/t -C 1");
    for payload in ["a", "b"] {
        publish(&broker, &format!("-t t -m {payload}"));
    }
    let mut got = [first.output(), second.output()];
    got.sort();
    assert_eq!(got, ["a\n", "b\n"]);
}

#[test]
#[ignore = "needs mosquitto's clients"]
fn a_request_finds_its_response() {
    let broker = TestBroker::start();
    let mut service = Subscriber::start(&broker, "-V mqttv5 -t request -C 1 -F %R");
    let mut request = Subscriber(
        mosquitto(
            "mosquitto_rr",
            &broker,
            "-V mqttv5 -t request -e response -m question -W 10",
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap(),
    );
    assert_eq!(service.output(), "response\n");
    publish(&broker, "-V mqttv5 -t response -m answer");
    assert_eq!(request.output(), "answer\n");
}

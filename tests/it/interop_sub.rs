//! `midge sub` for scripts, against mosquitto.
//!
//! Ignored by default: `cargo test -- --ignored` runs them where mosquitto is installed.

use std::process::Command;

use crate::interop_client::Mosquitto;
use crate::program::{Ended, run};

fn midge(broker: &Mosquitto, args: &[&str]) -> Ended {
    run(&[args, &["-h", "127.0.0.1", "-p", &broker.port]].concat())
}

#[test]
#[ignore = "needs mosquitto"]
fn retained_messages_come_and_are_cleared() {
    let broker = Mosquitto::start();
    for i in 0..300 {
        let topic = format!("r/{i}");
        midge(
            &broker,
            &["pub", "-r", "-t", &topic, "-m", "kept", "-q", "1"],
        )
        .expect(0, "");
    }
    for qos in ["0", "1", "2"] {
        for version in ["311", "5"] {
            let args = ["sub", "-t", "r/#", "--retained", "-q", qos, "-V", version];
            let ended = midge(&broker, &args);
            // mosquitto queues at most so many of QoS 1 and 2, beside those in flight.
            assert_eq!(ended.text().lines().count(), 300, "{args:?}");
            ended.expect(0, "");
        }
    }
    let args = [
        "sub",
        "-t",
        "r/#",
        "--retained",
        "--remove-retained",
        "-T",
        "r/7",
    ];
    assert_eq!(midge(&broker, &args).text().lines().count(), 299);
    let ended = midge(&broker, &["sub", "-t", "r/#", "--retained", "-v"]);
    assert_eq!(ended.text(), "r/7 kept\n");
}

#[test]
#[ignore = "needs mosquitto"]
fn a_count_leaves_the_rest_in_the_session() {
    let broker = Mosquitto::start();
    for qos in ["1", "2"] {
        let id = format!("c{qos}");
        let session = ["sub", "-i", &id, "-c", "-q", qos, "-t", "t"];
        let with = |args: &[&str]| midge(&broker, &[&session[..], args].concat());
        with(&["-E"]).expect(0, "");
        for payload in ["1", "2", "3", "4", "5"] {
            midge(&broker, &["pub", "-t", "t", "-m", payload, "-q", qos]).expect(0, "");
        }
        assert_eq!(with(&["-C", "2"]).text(), "1\n2\n", "QoS {qos}");
        assert_eq!(with(&["-C", "1"]).text(), "3\n", "QoS {qos}");
        assert_eq!(with(&["-C", "2", "-F", "%p"]).text(), "4\n5\n", "QoS {qos}");
        let gone = ["sub", "-i", &id, "-c", "-q", qos, "-U", "t", "-E"];
        midge(&broker, &gone).expect(0, "");
        midge(&broker, &["pub", "-t", "t", "-m", "lost", "-q", qos]).expect(0, "");
        let other = ["sub", "-i", &id, "-c", "-t", "other", "--idle", "300ms"];
        assert_eq!(midge(&broker, &other).text(), "");
    }
}

/// Theirs waits for the first live message, and prints the same.
#[test]
#[ignore = "needs mosquitto"]
fn retained_only_is_mosquittos() {
    let broker = Mosquitto::start();
    for topic in ["r/1", "r/2"] {
        midge(&broker, &["pub", "-r", "-t", topic, "-m", "kept"]).expect(0, "");
    }
    let args = ["-t", "r/#", "-t", "live", "--retained-only", "-v", "-i"];
    let start = |command: Command, id: &str| {
        let running = crate::program::Running::start(command);
        broker.wait_for(&format!("Sending SUBACK to {id}"));
        midge(&broker, &["pub", "-t", "live", "-m", "x"]).expect(0, "");
        running.wait()
    };
    let to = ["-h", "127.0.0.1", "-p", &broker.port];
    let mut theirs = Command::new("mosquitto_sub");
    theirs.args(args).arg("theirs").args(to);
    let ours = crate::program::midge(&[&["sub"], &args[..], &["ours"], &to].concat());
    let [theirs, ours] = [start(theirs, "theirs"), start(ours, "ours")];
    assert_eq!(ours.text(), theirs.text());
    assert_eq!((ours.code(), theirs.code()), (0, 0));
}

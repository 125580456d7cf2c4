//! What a verdict is about: a part of the capture, another version, what was before what.

use midge::mqtt::QoS::AtLeastOnce;
use midge::mqtt::Version;
use serde_json::Value;

use super::stage::{Actor, Broker, Role, record, replay};
use super::{recorded, summary};
use crate::interop_client::Mosquitto;
use crate::program::{Ended, run};

const PART: &str = "midge: only a part of the capture is played: of what clients were sent, the \
                    messages of this part to its subscriptions are compared\n";

fn differences(ended: &Ended) -> Vec<Value> {
    let lines = ended.text().lines();
    let values = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    values
        .filter(|value| value["record"] == "difference")
        .collect()
}

/// Nothing is missing that could not come, and nothing is waited for that will not.
#[test]
fn of_a_selection_what_comes_of_it_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    for version in [Version::V311, Version::V5] {
        let first = recorded(folder.path(), version);
        let again = folder.path().join("again.pcapng");
        let packets = run(&["decode", "--json", first.to_str().unwrap()]);
        let last = packets.text().lines().last().unwrap();
        let last: Value = serde_json::from_str(last).unwrap();
        let frames = last["frame"].as_u64().unwrap();
        let cuts: Vec<String> = (1..8).map(|i| format!("1-{}", frames * i / 8)).collect();
        let rests: Vec<String> = (1..8).map(|i| format!("{}-", frames * i / 8)).collect();
        let mut selections = vec![
            ["--client", "late"],
            ["--client", "keeper"],
            ["--client", "pub1"],
            ["--client", "watch"],
            ["--client", "worker1"],
            ["--stream", "0-2"],
            ["--stream", "2-"],
            ["--topic", "a/#"],
            ["--topic", "r/#"],
            ["--topic", "s/#"],
            ["--topic", "w/#"],
            ["--type", "PUBLISH"],
            ["--type", "SUBSCRIBE"],
            ["--from", "client"],
        ];
        selections.extend(cuts.iter().map(|frames| ["--frame", frames.as_str()]));
        selections.extend(rests.iter().map(|frames| ["--frame", frames.as_str()]));
        for selection in selections {
            let flags = [&["--verify", "--json", "--speed", "max"], &selection[..]].concat();
            let ended = replay(&first, &again, &[], &flags);
            let found = differences(&ended);
            assert!(found.is_empty(), "{version} {selection:?}: {found:#?}");
            ended.expect(0, PART);
            let summary = summary(ended.text());
            assert!(
                summary["verify"]["compared"].as_u64() > Some(0),
                "{summary}"
            );
            let given_up = summary["adaptations"].get("answers_given_up");
            assert_eq!(given_up, None, "{version} {selection:?}");
        }
    }
}

/// And what is lost of it is found.
#[test]
fn a_message_of_a_selection_that_is_lost_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let again = folder.path().join("again.pcapng");
    let flags = ["--verify", "--json", "--speed", "max", "--topic", "a/#"];
    let fault = "on=publish dir=out client=keeper nth=3 do=drop";
    let ended = replay(&first, &again, &["--fault", fault], &flags);
    assert_eq!(ended.code(), 5, "{ended:?}");
    let found = differences(&ended);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["captured"]["payload"]),
        (&"missing".into(), &"AtMostOnce-2".into())
    );
}

/// The same traffic in another version: what that cannot say is no difference.
#[test]
fn another_version_says_what_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let again = folder.path().join("again.pcapng");
    for (captured, now) in [(Version::V311, "5"), (Version::V5, "311")] {
        let first = recorded(folder.path(), captured);
        let flags = ["--verify", "--json", "--speed", "max", "-V", now];
        let ended = replay(&first, &again, &[], &flags);
        let found = differences(&ended);
        assert!(found.is_empty(), "{captured} as {now}: {found:#?}");
        ended.expect(0, "");
    }
}

/// A client that subscribes when the will of another is out, after a delay.
async fn late_will(port: u16) {
    let role = |id| Role::new(id, Version::V5);
    let mut watch = Actor::enter(port, role("watch")).await;
    watch.subscribe(&[("w/#", AtLeastOnce)]).await;
    let gone = Role {
        will: Some("w/gone"),
        will_delay: 1,
        ..role("gone")
    };
    Actor::enter(port, gone).await.vanish().await;
    watch.receive(1).await;
    let mut late = Actor::enter(port, role("late")).await;
    late.subscribe(&[("w/#", AtLeastOnce)]).await;
    // As the retained message that the will has become.
    late.receive(1).await;
    late.leave().await;
    watch.leave().await;
}

#[test]
fn who_subscribes_after_a_will_subscribes_after_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.pcapng");
    let again = folder.path().join("again.pcapng");
    record(&first, late_will);
    let flags = ["--verify", "--json", "--speed", "max"];
    let ended = replay(&first, &again, &[], &flags);
    assert_eq!(differences(&ended), Vec::<Value>::new());
    ended.expect(0, "");
    // It does not wait for ever, and says that it has waited.
    let fault = ["--fault", "on=publish dir=out client=watch do=drop"];
    let ended = replay(&first, &again, &fault, &flags);
    assert_eq!(ended.code(), 5, "{ended:?}");
    assert!(
        ended
            .stderr
            .starts_with("midge: the next client has waited ")
            && ended.stderr.contains(
                " s in vain for what the broker had sent by then in the capture: 1 message\n"
            ),
        "{}",
        ended.stderr
    );
}

/// What a broker has retained comes first, and is in no order with what follows: the second time
/// the retained message of the first time is there, as it was in the capture.
#[test]
fn a_retained_message_of_an_earlier_run_is_in_its_place() {
    let broker = Broker::start(&[]);
    repeated(&broker.port.to_string());
}

#[test]
#[ignore = "needs mosquitto"]
fn a_retained_message_of_an_earlier_run_is_in_its_place_by_mosquitto() {
    let broker = Mosquitto::start();
    repeated(&broker.port);
}

fn repeated(port: &str) {
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/captures/mosq20_v5_ip6.pcap"
    );
    let args = [
        "capture-replay",
        capture,
        "--verify",
        "--json",
        "--speed",
        "max",
    ];
    let args = [&args[..], &["-h", "127.0.0.1", "-p", port]].concat();
    assert_eq!(run(&args).code(), 5);
    for _ in 0..3 {
        let ended = run(&args);
        assert_eq!(differences(&ended), Vec::<Value>::new());
        ended.expect(0, "");
    }
}

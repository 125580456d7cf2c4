//! The flags, checked.

use super::sizes::Sizes;
use super::*;

fn plan(args: &str) -> Result<Plan, Failure> {
    Plan::new(&cli::Bench::from_words(args), None)
}

fn one(args: &str) -> Group {
    plan(args).unwrap().groups.remove(0)
}

#[test]
fn defaults() {
    let plan = plan("").unwrap();
    assert_eq!(plan.duration, Some(Duration::from_secs(10)));
    assert_eq!(plan.connections(), 2);
    let run = plan.run_name();
    let group = plan.group(0);
    assert_eq!(group.inflight, 20);
    assert_eq!(group.filter, format!("midge/bench/{run}/+"));
    let topics = group.topics.as_ref().unwrap();
    let name = topics.name(7, 0, &mut Random::new(0, 0)).unwrap();
    assert_eq!(name.as_str(), format!("midge/bench/{run}/7"));
    assert_eq!(plan.fan_out(0), 1);
}

#[test]
fn a_count_alone_has_no_time() {
    assert_eq!(plan("--count 7").unwrap().duration, None);
    let both = plan("--count 7 --duration 2").unwrap();
    assert_eq!(both.duration, Some(Duration::from_secs(2)));
}

#[test]
fn the_count_is_shared_out() {
    let group = one("--count 11 --publishers 4");
    let shares = [0, 1, 2, 3].map(|publisher| group.share(publisher));
    assert_eq!(shares, [Some(3), Some(3), Some(3), Some(2)]);
}

#[test]
fn shared_subscriptions_get_each_message_once() {
    for args in [
        "--subscribers 5 --share g -t a/{client}",
        "--subscribers 5 -t $share/g/a/{client}",
    ] {
        let plan = plan(args).unwrap();
        assert_eq!(plan.group(0).subscription, "$share/g/a/+", "{args}");
        assert_eq!(plan.fan_out(0), 1, "{args}");
    }
    assert_eq!(plan("--subscribers 5").unwrap().fan_out(0), 5);
}

#[test]
fn shards_of_one_run_have_one_name() {
    let name = |args: &str| plan(args).unwrap().run;
    let with = |more: &str| format!("--start-at +9s --publishers 8 {more}");
    assert_eq!(name(&with("--shard 0/4")), name(&with("--shard 3/4")));
    assert_ne!(name(&with("--shard 0/4")), name(&with("--shard 0/4 -q 1")));
    assert_eq!(name(&with("--run 00c0ffee")), 0xc0_ffee);
    assert_ne!(name(""), name(""));
    assert_eq!(plan(&with("--shard 1/4")).unwrap().connections(), 2);
}

#[test]
fn ramps() {
    let rate = |args| plan(args).unwrap().connect_rate;
    assert_eq!(rate("--idle 98 --ramp-up 2s"), Some(50.0));
    assert_eq!(rate("--connect-rate 10k/s"), Some(1e4));
    assert_eq!(rate(""), None);
}

#[test]
fn impossible_combinations_are_one_sentence() {
    for (args, part) in [
        ("--publishers 0 --subscribers 0", "nothing to do"),
        ("--publishers 0 --rate 5 --topic a", "--publishers is 0"),
        ("--publishers 0 --count 5 --topic a", "--publishers is 0"),
        ("--publishers 0", "give --topic"),
        ("--size 20", "take 21 bytes"),
        ("--size 64:1,20:1", "--size 20 is too small"),
        ("--size 268435455", "more than an MQTT packet takes"),
        ("--size x", "--size takes bytes as in"),
        ("--count 0", "--count takes 1 or more"),
        ("--duration 0", "--duration takes more than 0"),
        ("--duration 4d", "--duration takes at most 3d"),
        ("--duration 2d --warmup 2d", "take at most 3d together"),
        ("-q 3", "QoS of 0, 1 or 2"),
        ("-q 2 --inflight 0", "--inflight takes 1 to 65535"),
        ("--inflight 5", "QoS 0 has none"),
        (
            "-q 1 --rate 1M --inflight 1",
            "packet ids for 200000 at most",
        ),
        ("--rate 0", "--rate takes a rate"),
        ("--rate 9999M", "--rate takes from one message"),
        ("--rate-per-client x", "--rate-per-client takes a rate"),
        ("--rate 1000M --duration 1h", "is the limit"),
        ("--topic a/#", "not a topic to publish to"),
        ("--topic $share/a", "not a topic filter"),
        ("--topic a/{rand:0}", "{rand:N} takes"),
        ("--topics-per-client 3 -t a", "wants a {n} in the topic"),
        ("--share a/b -t a", "--share takes a name"),
        ("--share + -t a", "--share takes a name"),
        ("--publishers 16777217", "--publishers takes at most"),
        ("--reconnect-every 1s", "sessions that are kept"),
        ("--reconnect-every 0 --subscribers 0", "1ms or more"),
        ("--shard 4/4 --start-at +1", "--shard takes I/N"),
        ("--start-at 5", "is over for"),
        ("--run x", "--run takes 8 hexadecimal digits"),
        ("--workers 0", "--workers takes 1 to 1024"),
        (
            "-V 311 -D publish content-type x",
            "do not exist in MQTT 3.1.1",
        ),
    ] {
        let failure = plan(args).unwrap_err();
        assert_eq!(failure.exit.code(), 2, "{args}");
        assert!(failure.message.contains(part), "{args}: {failure}");
    }
}

#[test]
fn without_subscribers_any_size_will_do() {
    let group = one("--subscribers 0 --size 0");
    assert!(matches!(group.payload, Payload::Sizes(sizes) if sizes == Sizes::one(0)));
}

#[test]
fn subscribers_alone_may_have_a_filter() {
    let group = one("--publishers 0 --topic a/+/#");
    assert_eq!(group.subscription, "a/+/#");
}

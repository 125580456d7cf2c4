//! Scenarios that nobody wrote.

use std::time::Duration;

use proptest::prelude::*;

use midge::broker::Config;

use super::in_core::InCore;
use super::run::Run;

/// Lines that clients may send in any order, wrong ones among them.
const LINES: &[&str] = &[
    "CONNECT v5 session_expiry_interval=5 receive_maximum=2",
    "CONNECT v5 clean=0 session_expiry_interval=9 will=a:gone will.qos=1 will.will_delay_interval=3",
    "CONNECT v311 clean=0 keep_alive=2 will=a/b:gone will.retain",
    "CONNECT v311",
    "CONNECT v31 clean=0 id=z",
    "CONNECT v5 id=z clean=0 session_expiry_interval=4294967295 maximum_packet_size=40",
    "SUBSCRIBE 1 a@2 a/b@1 #@0 $share/g/a/+@2",
    "SUBSCRIBE 2 +/b@1 a/#@2",
    "SUBSCRIBE 3 a@2,nl,rap,rh=1 subscription_identifier=7",
    "UNSUBSCRIBE 4 a a/b $share/g/a/+",
    "PUBLISH a 0",
    "PUBLISH a/b 1 q1 id=1 retain",
    "PUBLISH a 2 q2 id=2",
    "PUBLISH a 2 q2 id=2 dup",
    "PUBLISH a/b '' q2 id=3 retain",
    "PUBLISH a/b 1 q1 id=4 message_expiry_interval=1 topic_alias=3 user_property=x:y",
    "PUBLISH '' 1 topic_alias=3",
    "PUBACK 1",
    "PUBACK 2",
    "PUBREC 1",
    "PUBREC 2",
    "PUBREC 1 0x80",
    "PUBREL 2",
    "PUBREL 3",
    "PUBCOMP 1",
    "PUBCOMP 2",
    "PINGREQ",
    "DISCONNECT",
    "DISCONNECT 0x04 session_expiry_interval=2",
    "AUTH 0x19 authentication_method=x",
    "closes",
    "stalls",
    "hex 36 02 00 00",
    "hex ff ff ff ff ff",
    "hex 30",
];

proptest! {
    /// Whatever clients do, the core neither panics nor acts on a connection that has ended, and
    /// every byte it sends is a packet that a client would take.
    #[test]
    fn any_script_gets_well_formed_answers(
        script in prop::collection::vec((0..4usize, 0..LINES.len() + 10, 0..4000u64), 1..200),
    ) {
        let config = Config { max_output: 200, max_queued_messages: 3, ..Config::default() };
        let mut run = Run::new(InCore::new(config, usize::MAX));
        for name in ["a", "b", "c", "d"] {
            run.input(name, LINES[0]).unwrap();
        }
        for (client, line, time) in script {
            let name = ["a", "b", "c", "d"][client];
            let result = match LINES.get(line) {
                Some(&"stalls") if run.stalls(name) => run.input(name, "reads"),
                Some(line) => run.input(name, line),
                None => run.pass_time(Duration::from_millis(time)),
            };
            prop_assert_eq!(result, Ok(()));
        }
    }
}

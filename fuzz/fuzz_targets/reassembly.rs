//! A known conversation, its segments cut, ordered, repeated and lost as the input says.
//!
//! Holds: if every byte was captured behind a handshake, the packets are those that were sent, each
//! once and in order; whatever was lost, every byte that is in the capture or known to be missing
//! is accounted for once and in order, and a whole packet is one that was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::capture::{Options, Packets, Record};
use midge::mqtt::Version;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/capture_generated/wire.rs"]
mod wire;

use wire::*;

fn talk(isn: [u32; 2]) -> Talk {
    let v = Version::V5;
    let mut client = vec![connect(v, "fuzz")];
    let mut server = vec![connack(v)];
    for i in 1..8u8 {
        client.push(publish(v, "plant/7/state", &vec![i; usize::from(i) * 9]));
        client.push(packet(0x32, &[&string("a/b")[..], &[0, i, 0], b"{}"].concat()));
        server.push(puback(i.into()));
    }
    client.push(publish(v, "large", &vec![0x30; 700]));
    client.push(DISCONNECT.to_vec());
    server.push(PINGRESP.to_vec());
    let mut talk = Talk::new(&client, &server);
    talk.isn = isn;
    talk
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&[flags, a, b, c, d], steps)) = bytes.split_first_chunk::<5>() else {
        return;
    };
    let isn = u32::from_be_bytes([a, b, c, d]);
    let talk = talk([isn, isn.rotate_left(7)]);
    let streams = [talk.stream(0), talk.stream(1)];
    let mut have = [vec![false; streams[0].len()], vec![false; streams[1].len()]];
    let mut capture = Capture::new(Link::Raw, MICRO);
    talk.handshake(&mut capture);
    // Each step is the sender and a range; at last, unless asked not to, all that is missing.
    let mut steps: Vec<Step> = steps
        .chunks_exact(4)
        .take(60)
        .map(|step| {
            let from = usize::from(step[0] & 1);
            let len = streams[from].len();
            let at = usize::from(u16::from_be_bytes([step[1], step[2]])) % len;
            let upto = (at + 1 + usize::from(step[3]) * (1 + usize::from(step[0] >> 5))).min(len);
            (from, at, upto)
        })
        .collect();
    if flags & 1 == 0 {
        let size = 40 + usize::from(flags) * 4;
        steps.extend(chunks(&talk, size));
    }
    for (from, start, end) in steps {
        talk.send(&mut capture, from, start, end);
        have[from][start..end].fill(true);
    }
    if flags & 2 == 0 {
        talk.fin(&mut capture);
    }
    let file = capture.file();
    let mut packets = Packets::new(&file[..], Options::default());
    let mut at = [0, 0];
    let mut found = [Vec::new(), Vec::new()];
    while let Some(record) = packets.next().expect("the file is whole") {
        let from = usize::from(record.at().src != talk.addrs[0]);
        assert_eq!(record.at().stream, 0);
        let start = at[from];
        match record {
            Record::Packet(packet) => {
                at[from] += packet.bytes.len();
                assert_eq!(packet.bytes, streams[from][start..at[from]]);
                if !packet.is_cut() {
                    assert!(talk.packets[from].iter().any(|sent| *sent == packet.bytes));
                    found[from].push(packet.bytes.to_vec());
                }
            }
            Record::Gap(gap) => {
                at[from] += gap.lost as usize;
                assert!(!have[from][start..at[from]].contains(&true));
            }
            Record::Skipped(skipped) => {
                at[from] += skipped.len as usize;
                assert!(!have[from][start..at[from]].contains(&false));
            }
            other => panic!("{other:?}"),
        }
    }
    for from in [0, 1] {
        if !have[from].contains(&false) && at[from] > 0 {
            assert_eq!(found[from], talk.packets[from]);
        }
    }
    if flags & 1 == 0 {
        assert_eq!(found, talk.packets);
    }
});

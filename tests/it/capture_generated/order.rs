//! Segments in any order and size, and repeated: the same packets.

use super::{wire::*, *};

#[test]
fn in_order() {
    let talk = Talk::usual();
    check("packet by packet", &talk, &packet_by_packet(&talk));
    for size in [1, 2, 3, 7, 100, 1448, 100_000] {
        check(
            &format!("segments of {size}"),
            &talk,
            &chunks(&talk, size.max(talk.stream(0).len() / 4000)),
        );
    }
}

#[test]
fn one_byte_per_segment() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "x"),
            publish(v, "t", &[0x30; 200]),
            DISCONNECT.to_vec(),
        ],
        &[connack(v)],
    );
    check("one byte per segment", &talk, &chunks(&talk, 1));
}

#[test]
fn retransmitted_and_overlapping() {
    let talk = Talk::usual();
    let steps = chunks(&talk, 500);
    let twice: Vec<Step> = steps.iter().flat_map(|step| [*step, *step]).collect();
    check("every segment twice", &talk, &twice);
    let again: Vec<Step> = steps.iter().chain(&steps).copied().collect();
    check("the whole stream twice", &talk, &again);
    let overlapping: Vec<Step> = steps
        .iter()
        .map(|&(from, start, end)| (from, start.saturating_sub(123), end))
        .collect();
    check(
        "each one begins before the end of the last",
        &talk,
        &overlapping,
    );
    let regrouped: Vec<Step> = chunks(&talk, 300)
        .into_iter()
        .flat_map(|step| [step, (step.0, 0, step.2)])
        .collect();
    check("sent again in larger segments", &talk, &regrouped);
}

#[test]
fn out_of_order() {
    let talk = Talk::usual();
    let mut steps = chunks(&talk, 500);
    steps.chunks_mut(2).for_each(<[Step]>::reverse);
    check("neighbours swapped", &talk, &steps);
    let mut steps = chunks(&talk, 500);
    steps.reverse();
    check("all backwards", &talk, &steps);
    let mut steps = chunks(&talk, 500);
    steps.rotate_left(1);
    check("the first one last", &talk, &steps);
    let mut overlapping: Vec<Step> = chunks(&talk, 500)
        .into_iter()
        .map(|(from, start, end)| (from, start.saturating_sub(77), end))
        .collect();
    overlapping.reverse();
    check("backwards and overlapping", &talk, &overlapping);
}

#[test]
fn sequence_numbers_wrap() {
    for before in [0, 1, 5, 21, 400, 10_000] {
        let mut talk = Talk::usual();
        talk.isn = [u32::MAX - before, u32::MAX - before / 8];
        check(&format!("wrap after {before}"), &talk, &chunks(&talk, 250));
        let mut steps = chunks(&talk, 250);
        steps.chunks_mut(3).for_each(<[Step]>::reverse);
        check(&format!("wrap after {before}, out of order"), &talk, &steps);
    }
}

#[test]
fn keep_alive_probes_carry_no_data() {
    let talk = Talk::usual();
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    talk.handshake(&mut capture);
    let mut truth = Vec::new();
    for (from, start, end) in packet_by_packet(&talk) {
        let frame = talk.send(&mut capture, from, start, end);
        truth.push((
            talk.addrs[from],
            frame,
            talk.stream(from)[start..end].to_vec(),
        ));
        // One byte before what comes next, with garbage in it.
        let seq = talk.isn[from].wrapping_add(end as u32);
        capture.segment(talk.ends(from), seq, talk.isn[1 - from] + 1, ACK, &[0xee]);
    }
    talk.fin(&mut capture);
    assert_truth("probes", &read(&capture), &truth);
}

proptest! {
    #[test]
    fn any_cut_order_and_repetition_gives_the_same_packets(
        steps in schedule(&small_talk()),
        isn in any::<[u32; 2]>(),
    ) {
        let mut talk = small_talk();
        talk.isn = isn;
        check("any order", &talk, &steps);
    }
}

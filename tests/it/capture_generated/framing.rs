//! Packets of strange forms and sizes.

use super::{wire::*, *};

#[test]
fn malformed_packets_come_by_their_length() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "bad"),
            packet(0x36, b"\x00\x01tx"), // QoS 3
            packet(0x00, b"zero"),
            packet(0xf0, b"fifteen"),
            packet(0x82, b""),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    check("malformed", &talk, &packet_by_packet(&talk));
    check("malformed, split", &talk, &chunks(&talk, 2));
}

#[test]
fn an_endless_remaining_length_ends_one_direction() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "bad"),
            vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2, 3],
            PINGREQ.to_vec(),
        ],
        &[connack(v), PINGRESP.to_vec()],
    );
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&talk, &packet_by_packet(&talk), &mut capture);
    let records = read(&capture);
    assert_eq!(packets(&records).len(), 3, "{records:?}");
    let skipped: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Skipped(skipped) => Some((skipped.len, skipped.at.from)),
            _ => None,
        })
        .collect();
    assert_eq!(skipped, [(11, Some(Side::Client))]);
}

#[test]
fn an_oversized_packet_is_cut_at_the_limit() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "big"),
            publish(v, "t", &[7; 9000]),
            PINGREQ.to_vec(),
        ],
        &[connack(v)],
    );
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play(&talk, &chunks(&talk, 1000), &mut capture);
    let options = Options {
        max_packet: 2000,
        ..Options::default()
    };
    let (records, ..) = read_with(&capture.file(), options);
    let client: Vec<_> = packets(&records)
        .into_iter()
        .filter(|p| p.at.src == talk.addrs[0])
        .collect();
    let [_, big, ping] = client[..] else {
        panic!("{records:?}")
    };
    assert_eq!(
        (big.bytes.len(), big.announced_len),
        (2000, talk.packets[0][1].len())
    );
    assert_eq!(ping.bytes, PINGREQ[..]);
}

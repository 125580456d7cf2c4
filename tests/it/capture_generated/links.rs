//! Every link layer, IP version and order of pieces: the same packets.

use super::{pack::*, wire::*, *};

/// A connection as IP packets, and what must be found in which of them.
fn packets_of(v6: bool) -> (Vec<Vec<u8>>, Vec<Truth>) {
    let v = Version::V311;
    let mut talk = Talk::new(
        &[
            connect(v, "links"),
            publish(v, "a/b", &[b'x'; 1_100]),
            publish_qos1("a/c", 7, b"0123456789"),
            DISCONNECT.to_vec(),
        ],
        &[connack(v), puback(7)],
    );
    if v6 {
        talk.addrs = [
            "[2001:db8::1]:40000".parse().unwrap(),
            "[2001:db8::2]:1883".parse().unwrap(),
        ];
    }
    let mut capture = Capture::new(Link::Raw, MICRO);
    let truth = play(&talk, &chunks(&talk, 700), &mut capture);
    (capture.frames, truth)
}

/// Frames in the order of `order`, each the packet and the piece of it that it has. The truth
/// moves to the frame by which all pieces of a packet have come.
fn reorder(
    packets: &[Vec<Vec<u8>>],
    order: &[(usize, usize)],
    truth: &[Truth],
) -> (Vec<Vec<u8>>, Vec<Truth>) {
    let mut frames = Vec::new();
    let mut missing: Vec<Vec<bool>> = packets.iter().map(|p| vec![true; p.len()]).collect();
    let mut whole_at = vec![0; packets.len()];
    for &(packet, piece) in order {
        frames.push(packets[packet][piece].clone());
        missing[packet][piece] = false;
        if whole_at[packet] == 0 && !missing[packet].contains(&true) {
            whole_at[packet] = frames.len() as u64;
        }
    }
    let truth = truth
        .iter()
        .map(|(sender, frame, bytes)| (*sender, whole_at[*frame as usize - 1], bytes.clone()))
        .collect();
    (frames, truth)
}

type Order = fn(&[Vec<Vec<u8>>]) -> Vec<(usize, usize)>;

fn each(packets: &[Vec<Vec<u8>>]) -> impl Iterator<Item = (usize, usize)> {
    let all = |(i, p): (usize, &Vec<Vec<u8>>)| (0..p.len()).map(move |k| (i, k));
    packets.iter().enumerate().flat_map(all)
}

/// The packets become whole in their order in all of them.
const ORDERS: &[(&str, Order)] = &[
    ("in order", |packets| each(packets).collect()),
    ("backwards", |packets| {
        let back = |(i, k): (usize, usize)| (i, packets[i].len() - 1 - k);
        each(packets).map(back).collect()
    }),
    ("the first one last", |packets| {
        let turned = |(i, k): (usize, usize)| (i, (k + 1) % packets[i].len());
        each(packets).map(turned).collect()
    }),
    ("each one twice", |packets| {
        each(packets).flat_map(|one| [one, one]).collect()
    }),
    ("all of a packet twice", |packets| {
        let twice = |i: usize| (0..2 * packets[i].len()).map(move |k| (i, k));
        (0..packets.len())
            .flat_map(twice)
            .map(|(i, k)| (i, k % packets[i].len()))
            .collect()
    }),
    ("all but the last pieces first", |packets| {
        let (last, others): (Vec<_>, Vec<_>) =
            each(packets).partition(|(i, k)| k + 1 == packets[*i].len());
        [others, last].concat()
    }),
];

fn check_file(what: &str, file: &[u8], frames: usize, truth: &[Truth]) -> Stats {
    let (records, error, stats) = read_with(file, Options::default());
    assert!(error.is_none(), "{what}: {error:?}");
    assert_truth(what, &records, truth);
    for packet in packets(&records) {
        let time = packet.at.time.unwrap();
        assert_eq!(time.nanos, packet.at.frame as i64 * 1_000_000, "{what}");
    }
    assert_eq!(stats.frames, frames as u64, "{what}");
    let sorted = stats.tcp + stats.udp + stats.fragments + stats.other + stats.damaged;
    assert_eq!(sorted, stats.frames, "{what}");
    assert_eq!(
        (stats.damaged, stats.other, stats.incomplete),
        (0, 0, 0),
        "{what}"
    );
    stats
}

#[test]
fn every_link_layer_file_format_ip_version_and_order_of_pieces() {
    for v6 in [false, true] {
        let (ips, truth) = packets_of(v6);
        for size in [usize::MAX / 8 * 8, 512, 32] {
            let cut: Vec<_> = (ips.iter().enumerate())
                .map(|(i, ip)| pieces(ip, i as u16 + 1, size))
                .collect();
            for (order_name, order) in ORDERS {
                let (pieces, truth) = reorder(&cut, &order(&cut), &truth);
                for (layer, link, frame) in LAYERS {
                    let what = format!("{layer}, v6 {v6}, pieces of {size} {order_name}");
                    let frames: Vec<_> = pieces.iter().map(|ip| frame(ip)).collect();
                    let file = pcapng(v6, *link, &frames);
                    let stats = check_file(&what, &file, frames.len(), &truth);
                    assert_eq!(stats.fragments > 0, size < 600, "{what}");
                }
                let frames: Vec<_> = pieces.iter().map(|ip| LAYERS[0].2(ip)).collect();
                for variant in PCAPS {
                    let what = format!("{}, v6 {v6}, pieces of {size} {order_name}", variant.0);
                    let file = pcap(variant, 1, &frames);
                    check_file(&what, &file, frames.len(), &truth);
                }
            }
        }
    }
}

/// A tunnel whose own packets are in pieces, in each of which is no inner header.
#[test]
fn pieces_of_a_tunnel() {
    let (ips, truth) = packets_of(false);
    for name in ["IP in IP", "GRE", "VXLAN"] {
        let (_, link, frame) = LAYERS.iter().find(|layer| layer.0 == name).unwrap();
        let head = if *link == 1 { 14 } else { 0 };
        let cut: Vec<_> = (ips.iter().enumerate())
            .map(|(i, ip)| {
                let outer = frame(ip);
                let (head, outer) = outer.split_at(head);
                let pieces = pieces(outer, i as u16, 64);
                pieces.iter().map(|piece| [head, piece].concat()).collect()
            })
            .collect::<Vec<Vec<_>>>();
        for (order_name, order) in ORDERS {
            let (frames, truth) = reorder(&cut, &order(&cut), &truth);
            let what = format!("{name} {order_name}");
            check_file(&what, &pcapng(false, *link, &frames), frames.len(), &truth);
        }
    }
}

#[test]
fn a_missing_piece_is_a_gap_and_nothing_is_invented() {
    let (ips, truth) = packets_of(false);
    let cut: Vec<_> = (ips.iter().enumerate())
        .map(|(i, ip)| pieces(ip, i as u16 + 1, 256))
        .collect();
    // The packet with the middle of the large PUBLISH: the second segment of the client.
    let (victim, lost) = (4, ips[4].len() - 52);
    for missing in 0..cut[victim].len() {
        let mut order: Vec<_> = each(&cut).collect();
        order.retain(|one| *one != (victim, missing));
        let (frames, _) = reorder(&cut, &order, &truth);
        let (records, error, stats) = read_with(&pcapng(false, 101, &frames), Options::default());
        assert!(error.is_none());
        assert_eq!(stats.incomplete, 1);
        let [gap] = gaps(&records)[..] else {
            panic!("{records:?}")
        };
        assert_eq!(gap.lost, lost as u64);
        for packet in packets(&records) {
            let (_, _, whole) = truth
                .iter()
                .find(|one| one.0 == packet.at.src && one.2.starts_with(&packet.bytes))
                .expect("a packet that was sent");
            assert_eq!(packet.announced_len, whole.len());
            assert_eq!(packet.is_cut(), packet.bytes.len() < whole.len());
        }
    }
}

/// What a host writes that leaves the cutting to its network card.
#[test]
fn segments_with_a_length_of_zero() {
    for v6 in [false, true] {
        let (mut ips, truth) = packets_of(v6);
        for ip in &mut ips {
            // Ethernet padding would count as payload: only what has some is sent like that.
            if ip.len() > 90 {
                let at = if v6 { 4 } else { 2 };
                ip[at..at + 2].fill(0);
            }
        }
        check_file("no length", &pcapng(false, 101, &ips), ips.len(), &truth);
    }
}

/// Hop-by-hop options, routing, destination options and authentication before the segment.
#[test]
fn extension_headers() {
    let (mut ips, truth) = packets_of(true);
    let headers = [
        &[43, 0, 5, 2, 0, 0, 1, 0][..], // hop-by-hop; then routing
        &[60, 0, 0, 0, 0, 0, 0, 0],     // then destination options
        &[51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // then authentication
        &[6, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9], // then TCP
    ]
    .concat();
    for ip in &mut ips {
        ip.splice(40..40, headers.iter().copied());
        ip[6] = 0;
        let len = (ip.len() - 40) as u16;
        ip[4..6].copy_from_slice(&len.to_be_bytes());
    }
    check_file("extended", &pcapng(false, 101, &ips), ips.len(), &truth);
    // The same in pieces: what extends the packet is in the first one.
    let cut: Vec<_> = (ips.iter().enumerate())
        .map(|(i, ip)| pieces(ip, i as u16, 16))
        .collect();
    for (order_name, order) in ORDERS {
        let (frames, truth) = reorder(&cut, &order(&cut), &truth);
        check_file(
            order_name,
            &pcapng(false, 101, &frames),
            frames.len(),
            &truth,
        );
    }
}

#[test]
fn an_unknown_link_type_is_told() {
    let (ips, _) = packets_of(false);
    let (records, error, stats) = read_with(&pcapng(false, 105, &ips), Options::default());
    assert!(records.is_empty() && error.is_none());
    assert_eq!(stats.unknown_link, ips.len() as u64);
    assert_eq!(stats.unknown_link_type.map(|link| link.0), Some(105));
}

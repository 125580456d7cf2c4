use proptest::prelude::*;

use super::*;
use crate::capture::record::Timestamp;

/// A piece of a packet: identification, offset, bytes, and whether more follow.
#[derive(Debug, Clone)]
struct Piece {
    id: u32,
    offset: usize,
    bytes: Vec<u8>,
    more: bool,
}

/// Byte `i` of packet `id`.
fn payload(id: u32, len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i * 7 + i / 251) as u8 ^ id as u8)
        .collect()
}

fn piece(id: u32, len: usize, from: usize, to: usize) -> Piece {
    Piece {
        id,
        offset: from,
        bytes: payload(id, len)[from..to].to_vec(),
        more: to < len,
    }
}

fn place(frame: u64, seconds: i64) -> Place {
    Place {
        frame,
        time: Some(Timestamp {
            nanos: seconds * 1_000_000_000,
            digits: 6,
        }),
    }
}

fn take(defragmenter: &mut Defragmenter, piece: &Piece, place: Place) -> Option<Vec<u8>> {
    let packet = IpPacket {
        src: [10, 0, 0, 1].into(),
        dst: [10, 0, 0, 2].into(),
        protocol: 17,
        payload: &piece.bytes,
        missing: 0,
        fragment: Some(Fragment {
            id: piece.id,
            offset: piece.offset,
            more: piece.more,
        }),
    };
    let whole = defragmenter.take(&packet, place)?;
    assert_eq!(whole.packet().protocol, 17);
    assert_eq!(whole.packet().src, packet.src);
    Some(whole.packet().payload.to_vec())
}

/// All that became whole, each with the index of the piece that did it.
fn all(defragmenter: &mut Defragmenter, pieces: &[Piece]) -> Vec<(usize, Vec<u8>)> {
    let whole = |(i, piece)| Some((i, take(defragmenter, piece, place(i as u64 + 1, 0))?));
    pieces.iter().enumerate().filter_map(whole).collect()
}

proptest! {
    #[test]
    fn any_order_repetition_and_overlap_gives_each_packet_once(
        lens in prop::collection::vec(9_usize..600, 1..5),
        step in 1_usize..40,
        overlap in 0_usize..3,
        again in 0_usize..4,
        seed in any::<u64>(),
    ) {
        let mut pieces = Vec::new();
        for (id, len) in lens.iter().enumerate() {
            for from in (0..*len).step_by(step * 8) {
                let from_before = from.saturating_sub(overlap * 8);
                let to = (from + step * 8).min(*len);
                for _ in 0..=(from + again) % 3 {
                    pieces.push(piece(id as u32, *len, from_before, to));
                }
            }
        }
        // A shuffle that shrinks: multiplicative steps through the list.
        let mut state = seed | 1;
        for i in (1..pieces.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pieces.swap(i, (state >> 33) as usize % (i + 1));
        }
        let mut defragmenter = Defragmenter::new();
        let found = all(&mut defragmenter, &pieces);
        // A packet is whole with the piece that has the last of its units.
        let mut expected = Vec::new();
        for (id, len) in lens.iter().enumerate() {
            let mut have = vec![false; *len];
            for (i, piece) in pieces.iter().enumerate().filter(|(_, p)| p.id as usize == id) {
                have[piece.offset..piece.offset + piece.bytes.len()].fill(true);
                if have.iter().all(|have| *have) {
                    expected.push((i, payload(id as u32, *len)));
                    break;
                }
            }
        }
        expected.sort();
        prop_assert_eq!(found, expected);
        defragmenter.finish();
        prop_assert_eq!(defragmenter.given_up(), 0);
        prop_assert_eq!(defragmenter.held, 0);
    }
}

#[test]
fn what_came_first_stays() {
    let other = Piece {
        bytes: vec![0xee; 24],
        ..piece(1, 100, 8, 32)
    };
    let pieces = [
        piece(1, 100, 0, 16),
        other,
        piece(1, 100, 16, 64),
        piece(1, 100, 64, 100),
    ];
    let mut expected = payload(1, 100);
    expected[16..32].fill(0xee);
    assert_eq!(all(&mut Defragmenter::new(), &pieces), [(3, expected)]);
}

#[test]
fn a_missing_piece_gives_nothing_and_is_counted() {
    let mut defragmenter = Defragmenter::new();
    assert_eq!(
        all(
            &mut defragmenter,
            &[piece(1, 100, 0, 16), piece(1, 100, 24, 100)]
        ),
        []
    );
    assert_eq!(defragmenter.given_up(), 0);
    // Seconds later the same identification is another packet.
    assert_eq!(
        take(&mut defragmenter, &piece(1, 40, 16, 40), place(3, 31)),
        None
    );
    assert_eq!(defragmenter.given_up(), 1);
    assert_eq!(
        take(&mut defragmenter, &piece(1, 40, 0, 16), place(4, 31)),
        Some(payload(1, 40))
    );
    // The same without times.
    let at = |frame| Place { frame, time: None };
    assert_eq!(take(&mut defragmenter, &piece(2, 40, 0, 16), at(5)), None);
    let later = at(5 + MAX_FRAMES + 1);
    assert_eq!(take(&mut defragmenter, &piece(2, 40, 16, 40), later), None);
    assert_eq!(defragmenter.given_up(), 2);
    defragmenter.finish();
    assert_eq!((defragmenter.given_up(), defragmenter.held), (3, 0));
}

#[test]
fn pieces_that_contradict_each_other_give_nothing() {
    for pieces in [
        // Over the end.
        vec![
            piece(1, 100, 40, 80),
            piece(1, 48, 40, 48),
            piece(1, 100, 0, 40),
        ],
        // Over all that a packet can have.
        vec![Piece {
            offset: 65_528,
            ..piece(1, 100, 0, 96)
        }],
    ] {
        let mut defragmenter = Defragmenter::new();
        assert_eq!(all(&mut defragmenter, &pieces), []);
        defragmenter.finish();
        assert!(defragmenter.given_up() > 0);
        assert_eq!(defragmenter.held, 0);
    }
}

#[test]
fn the_oldest_go_first_when_there_are_too_many() {
    let mut defragmenter = Defragmenter::new();
    let n = 5_000;
    for id in 0..n {
        let first = piece(id, 2_000, 0, 1_200);
        assert_eq!(take(&mut defragmenter, &first, place(id.into(), 0)), None);
        assert!(defragmenter.held <= MAX_HELD);
    }
    let rest = |id| piece(id, 2_000, 1_200, 2_000);
    let at = place(n.into(), 0);
    assert_eq!(take(&mut defragmenter, &rest(0), at), None);
    assert_eq!(
        take(&mut defragmenter, &rest(n - 1), at),
        Some(payload(n - 1, 2_000))
    );
    assert!(defragmenter.given_up() > 1_000);
    // A single small piece may lie far behind.
    for id in 0..5_000 {
        let far = piece(id, 65_000, 64_000, 64_008);
        assert_eq!(take(&mut defragmenter, &far, at), None);
        assert!(defragmenter.held <= MAX_HELD);
    }
}

#[test]
fn what_the_snapshot_length_cut_is_missing() {
    let mut defragmenter = Defragmenter::new();
    let bytes = payload(1, 100);
    let packet = |payload, missing, offset, more| IpPacket {
        src: [10, 0, 0, 1].into(),
        dst: [10, 0, 0, 2].into(),
        protocol: 17,
        payload,
        missing,
        fragment: Some(Fragment {
            id: 1,
            offset,
            more,
        }),
    };
    let at = place(1, 0);
    assert_eq!(
        defragmenter.take(&packet(&bytes[..30], 10, 0, true), at),
        None
    );
    assert_eq!(
        defragmenter.take(&packet(&bytes[40..50], 50, 40, false), at),
        None
    );
    // The same again, not cut.
    assert_eq!(
        defragmenter.take(&packet(&bytes[40..], 0, 40, false), at),
        None
    );
    let whole = defragmenter.take(&packet(&bytes[..40], 0, 0, true), at);
    assert_eq!(whole.unwrap().packet().payload, bytes);
}

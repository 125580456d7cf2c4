use super::*;

fn place(frame: u64) -> Place {
    Place { frame, time: None }
}

fn record(len: usize) -> Vec<u8> {
    let mut record = vec![23, 3, 3, (len >> 8) as u8, len as u8];
    record.resize(5 + len, 0xee);
    record
}

/// Lengths of bodies; lost bytes are negative.
fn pieces(records: &mut Records, last: bool) -> Vec<i64> {
    std::iter::from_fn(|| records.next(last))
        .map(|piece| match piece {
            Piece::Record(record) => {
                assert_eq!(record.body.len(), record.header.body_len());
                record.body.len() as i64
            }
            Piece::Lost { bytes, .. } => -(bytes as i64),
        })
        .collect()
}

#[test]
fn any_cut_gives_the_same_records_with_their_frames() {
    let bytes = [record(1), record(300), record(16_640), record(7)].concat();
    for size in [1, 4, 5, 6, 100, bytes.len()] {
        let mut records = Records::default();
        let mut found = Vec::new();
        for (i, chunk) in bytes.chunks(size).enumerate() {
            records.push(chunk, place(i as u64));
            while let Some(Piece::Record(record)) = records.next(false) {
                found.push((record.body.len(), record.place.frame));
            }
        }
        let mut end = 0;
        let expected = [1, 300, 16_640, 7].map(|len| {
            end += 5 + len;
            (len, ((end - 1) / size) as u64)
        });
        assert_eq!(found, expected, "{size}");
    }
}

#[test]
fn a_hole_inside_of_a_record_costs_only_that_record() {
    let bytes = [record(100), record(200)].concat();
    for (from, to) in [(5, 6), (50, 60), (99, 105)] {
        let mut records = Records::default();
        records.push(&bytes[..from], place(1));
        assert_eq!(pieces(&mut records, false), [0; 0]);
        assert_eq!(records.gap(Lost::exactly((to - from) as u64)), to as u64);
        records.push(&bytes[to..], place(2));
        let mut expected = vec![-(105 - to as i64), 200];
        expected.retain(|len| *len != 0);
        assert_eq!(pieces(&mut records, true), expected, "{from}..{to}");
    }
}

#[test]
fn behind_a_hole_across_records_the_next_boundary_is_found() {
    let bytes = [record(100), record(200), record(300), record(4)].concat();
    for (from, to) in [(50, 110), (3, 4), (0, 1), (105, 200), (80, 309)] {
        let mut records = Records::default();
        records.push(&bytes[..from], place(1));
        let whole = from / 105;
        assert_eq!(pieces(&mut records, false), vec![100; whole]);
        records.gap(Lost::exactly((to - from) as u64));
        let mut found = Vec::new();
        for byte in &bytes[to..] {
            records.push(&[*byte], place(2));
            found.extend(pieces(&mut records, false));
        }
        found.extend(pieces(&mut records, true));
        found.retain(|len| *len > 0);
        let expected: Vec<i64> = [(0, 100), (105, 200), (310, 300), (615, 4)]
            .into_iter()
            .filter(|(start, _)| *start >= to)
            .map(|(_, len)| len)
            .collect();
        assert_eq!(found, expected, "{from}..{to}");
    }
}

#[test]
fn what_only_looks_like_a_header_is_passed_over() {
    // A header whose record would end where no other begins, in front of true ones.
    let bytes = [&[9, 23, 3, 3, 0, 50, 1, 1][..], &record(100), &record(8)].concat();
    let mut records = Records::default();
    records.search();
    records.push(&bytes, place(1));
    assert_eq!(pieces(&mut records, false), [-8, 100, 8]);
    // One that would be longer than what comes.
    let bytes = [&[23, 3, 3, 0x40, 0][..], &record(100)].concat();
    let mut records = Records::default();
    records.search();
    records.push(&bytes, place(1));
    assert_eq!(pieces(&mut records, false), [0; 0]);
    assert_eq!(pieces(&mut records, true), [-5, 100]);
}

#[test]
fn three_records_in_a_row_are_no_accident() {
    let three = [&[1, 2, 3][..], &record(9), &record(8), &record(7)].concat();
    for len in 0..=three.len() {
        let mut records = Records::default();
        records.push(&three[..len], place(1));
        let expected = (len == three.len()).then_some(true);
        assert_eq!(records.is_chain(), expected, "{len}");
    }
    let mut records = Records::default();
    for _ in 0..=MAX_SEARCH / 1000 {
        assert_eq!(records.is_chain(), None);
        records.push(&[23; 1000], place(1));
    }
    assert_eq!(records.is_chain(), Some(false));
}

#[test]
fn searching_holds_no_more_than_a_record() {
    let mut records = Records::default();
    records.search();
    for _ in 0..1000 {
        records.push(&[[7; 100], [23; 100], [3; 100]].concat(), place(1));
        while records.next(false).is_some() {}
        assert!(records.tape.len() < 17_000);
    }
}

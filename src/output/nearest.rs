//! What somebody may have meant who wrote a name that is none.

/// How many letters a name may be off and still be meant.
const MOST: usize = 2;

/// The known name that is nearest, if one is near.
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= MOST)
        .map(|(_, known)| known)
}

/// How many letters have to be put in, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&b) {
            let best = (*cell + 1)
                .min(left + 1)
                .min(diagonal + usize::from(a != *b));
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_word() {
        for (name, meant) in [
            ("hots", Some("host")),
            ("publisher", Some("publishers")),
            ("rate", Some("rate")),
            ("speed", None),
            ("", None),
        ] {
            let known = ["host", "publishers", "rate"];
            assert_eq!(nearest(name, known.into_iter()), meant, "{name}");
        }
    }
}

//! What is in flight, by Packet Identifier: a table without hashing.
//!
//! Identifiers count up, so those in use mostly lie close together. Each has the slot that its
//! lowest bits name, and one whose slot is taken is passed over by those who choose identifiers.

/// Slots of the smallest table.
const FEWEST: usize = 4;

/// Slots with which every identifier has its own.
const MOST: usize = 1 << 16;

/// Values by Packet Identifier.
#[derive(Debug)]
pub(super) struct Window<T> {
    /// None, or a power of two.
    slots: Vec<Option<(u16, T)>>,
    len: usize,
}

impl<T> Window<T> {
    /// Empty, without memory.
    pub(super) const fn new() -> Window<T> {
        Window {
            slots: Vec::new(),
            len: 0,
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The value of this identifier.
    #[inline]
    pub(super) fn get(&self, id: u16) -> Option<&T> {
        match self.slots.get(self.at(id))? {
            Some((own, value)) if *own == id => Some(value),
            _ => None,
        }
    }

    /// The value of this identifier, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, id: u16) -> Option<&mut T> {
        let at = self.at(id);
        match self.slots.get_mut(at)? {
            Some((own, value)) if *own == id => Some(value),
            _ => None,
        }
    }

    /// All values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten().map(|(_, value)| value)
    }

    /// Whether the slot of this identifier is free.
    #[inline]
    pub(super) fn has_room(&self, id: u16) -> bool {
        matches!(self.slots.get(self.at(id)), Some(None))
    }

    /// Whether half of the slots are taken: then it is better to [`grow`](Self::grow) than to pass
    /// over identifiers.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.len >= self.slots.len() / 2
    }

    /// Doubles the slots; `false` if every identifier has its own.
    pub(super) fn grow(&mut self) -> bool {
        let slots = (self.slots.len() * 2).max(FEWEST);
        if slots > MOST {
            return false;
        }
        let mut more = Vec::with_capacity(slots);
        more.resize_with(slots, || None);
        let old = std::mem::replace(&mut self.slots, more);
        for (id, value) in old.into_iter().flatten() {
            let at = self.at(id);
            // Those that had different slots have different ones now.
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Some((id, value));
            }
        }
        true
    }

    /// Adds a value, with as many more slots as it takes to find room.
    #[inline]
    pub(super) fn insert(&mut self, id: u16, value: T) {
        while !self.has_room(id) && self.get(id).is_none() && self.grow() {}
        let at = self.at(id);
        if let Some(slot) = self.slots.get_mut(at)
            && slot.replace((id, value)).is_none()
        {
            self.len += 1;
        }
    }

    /// Takes the value of this identifier.
    #[inline]
    pub(super) fn remove(&mut self, id: u16) -> Option<T> {
        self.get(id)?;
        let at = self.at(id);
        let (_, value) = self.slots.get_mut(at)?.take()?;
        self.len -= 1;
        Some(value)
    }

    /// Drops the value of this identifier where it is.
    #[inline]
    pub(super) fn clear(&mut self, id: u16) {
        let at = self.at(id);
        if let Some(slot) = self.slots.get_mut(at)
            && slot.as_ref().is_some_and(|(own, _)| *own == id)
        {
            *slot = None;
            self.len -= 1;
        }
    }

    #[inline]
    fn at(&self, id: u16) -> usize {
        usize::from(id) & self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map of the standard library, with identifiers that share their lowest bits.
        #[test]
        fn a_window_is_a_map(steps in prop::collection::vec((any::<bool>(), 0..24_u16, 0..3_u8), 0..200)) {
            let mut window = Window::new();
            let mut map = BTreeMap::new();
            for (number, (is_insert, id, high)) in steps.into_iter().enumerate() {
                let id = id << (5 * high) | id;
                match is_insert {
                    true => {
                        window.insert(id, number);
                        map.insert(id, number);
                    }
                    false if number % 2 == 0 => {
                        window.clear(id);
                        map.remove(&id);
                    }
                    false => prop_assert_eq!(window.remove(id), map.remove(&id)),
                }
                prop_assert_eq!(window.len(), map.len());
                prop_assert_eq!(window.get(id), map.get(&id));
                prop_assert_eq!(window.get_mut(id), map.get_mut(&id));
                let mut values: Vec<_> = window.values().copied().collect();
                values.sort_unstable();
                let mut expected: Vec<_> = map.values().copied().collect();
                expected.sort_unstable();
                prop_assert_eq!(values, expected);
            }
        }
    }

    #[test]
    fn every_identifier_has_room_at_last() {
        let mut window = Window::new();
        for id in 1..=u16::MAX {
            window.insert(id, id);
        }
        assert_eq!(window.len(), 65_535);
        assert!((1..=u16::MAX).all(|id| window.get(id) == Some(&id)));
        assert!(!window.grow());
    }
}

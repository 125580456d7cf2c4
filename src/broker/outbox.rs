//! The bytes that wait for one connection's network.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Buf, Bytes, BytesMut};

/// Packets up to this size are copied behind each other, so that one write takes many.
const COPY_UP_TO: usize = 4 << 10;
/// How much is gathered for one write.
const GATHER: usize = 64 << 10;

/// Shared by the task that owns the socket and whoever sends to it, on one thread.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: RefCell<Waiting>,
    closing: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Full or large chunks, before `open`.
    chunks: VecDeque<Bytes>,
    open: BytesMut,
}

impl Outbox {
    /// Adds at the end. Whether nothing waited before: then the task may sleep, and wants to be
    /// woken.
    pub(super) fn push(&self, bytes: Bytes) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let was_empty = waiting.chunks.is_empty() && waiting.open.is_empty();
        if bytes.len() <= COPY_UP_TO && waiting.open.len() < GATHER {
            waiting.open.extend_from_slice(&bytes);
            return was_empty;
        }
        if !waiting.open.is_empty() {
            let full = std::mem::take(&mut waiting.open).freeze();
            waiting.chunks.push_back(full);
        }
        match bytes.len() <= COPY_UP_TO {
            true => waiting.open.extend_from_slice(&bytes),
            false => waiting.chunks.push_back(bytes),
        }
        was_empty
    }

    /// Nothing comes any more; what waits is still sent.
    pub(super) fn close(&self) {
        self.closing.set(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Takes the next bytes to write.
    pub(super) fn take_chunk(&self) -> Option<Bytes> {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(chunk) = waiting.chunks.pop_front() {
            return Some(chunk);
        }
        // An idle connection keeps no buffer.
        let open = std::mem::take(&mut waiting.open);
        (!open.is_empty()).then(|| open.freeze())
    }

    /// Puts back what a write has left of a chunk.
    pub(super) fn put_back(&self, mut chunk: Bytes, written: usize) {
        chunk.advance(written);
        if !chunk.is_empty() {
            self.waiting.borrow_mut().chunks.push_front(chunk);
        }
    }

    /// Remembers whom [`wake`](Self::wake) wakes.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut own = self.waker.borrow_mut();
        if !own.as_ref().is_some_and(|own| own.will_wake(waker)) {
            *own = Some(waker.clone());
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_whatever_the_sizes() {
        let outbox = Outbox::default();
        let mut expected = Vec::new();
        for (i, len) in [10, 5_000, 1, 4_096, 70_000, 3, 3].into_iter().enumerate() {
            let bytes = vec![i as u8; len];
            expected.extend_from_slice(&bytes);
            outbox.push(bytes.into());
        }
        for _ in 0..40 {
            let bytes = vec![9; 4_000];
            expected.extend_from_slice(&bytes);
            outbox.push(bytes.into());
        }
        let mut sent = Vec::new();
        while let Some(chunk) = outbox.take_chunk() {
            let written = chunk.len().min(999);
            sent.extend_from_slice(&chunk[..written]);
            outbox.put_back(chunk, written);
        }
        assert!(sent == expected);
    }
}

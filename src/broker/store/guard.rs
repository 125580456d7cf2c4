//! redb takes a file at its word, and panics where the bytes make no sense.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is an answer, and nothing to print.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// It did.
#[derive(Debug)]
pub(super) struct Panicked;

/// Does what may meet a damaged file. What it works on is not to be used after a panic.
pub(super) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                print(info);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(was_guarded);
    done.map_err(|_| Panicked)
}

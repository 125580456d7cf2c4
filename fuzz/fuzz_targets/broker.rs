//! Clients against the broker's core: those that keep to the standard get what the model says,
//! those that do not break nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/broker_model/mod.rs"]
mod broker_model;

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else {
        return;
    };
    let result = match kind % 2 {
        0 => broker_model::run(bytes),
        _ => broker_model::run_noise(bytes),
    };
    if let Err(problem) = result {
        panic!("{problem}");
    }
});

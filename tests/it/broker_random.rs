//! Random runs of clients against the broker's core and the model of what it owes them.

use std::fmt;

use proptest::prelude::*;

use crate::broker_model::{run, run_noise};

/// The bytes of a run, short in a failure.
struct Run(Vec<u8>);

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

fn any_run() -> impl Strategy<Value = Run> {
    prop::collection::vec(any::<u8>(), 0..2_500).prop_map(Run)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn clients_get_what_they_are_owed(bytes in any_run()) {
        let result = run(&bytes.0);
        prop_assert!(result.is_ok(), "{}", result.unwrap_err());
    }

    #[test]
    fn clients_without_manners_break_nothing(bytes in any_run()) {
        let result = run_noise(&bytes.0);
        prop_assert!(result.is_ok(), "{}", result.unwrap_err());
    }
}

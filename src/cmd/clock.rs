//! The time of day, for what is recorded.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::capture::Timestamp;

/// Now, as a capture has it.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp {
        nanos: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        digits: 9,
    }
}

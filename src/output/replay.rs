//! What `midge capture-replay` says: the plan, what clients were sent, differences and the summary; as
//! text, and as JSON objects.

mod difference;
mod found;
mod received;
mod summary;

use serde::ser::{Serialize, Serializer};

pub use difference::{
    At, Difference, End, Kind, Of, Seen, SentMessage, write_difference_json, write_difference_text,
};
pub use found::{Count, Found, Skips, listed, not_zero};
pub use received::{Received, write_received_json, write_received_text};
pub use summary::{Lateness, Played, Summary, Verdict, write_json, write_text};

/// An object with these keys, in this order.
struct Counted<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Counted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

//! One file or folder per subcommand: what was typed ([`cli`](crate::cli)) becomes a validated
//! plan, the plan runs, the result becomes an exit code.

pub mod decode;
mod exit;
mod version;

pub use exit::{Exit, Failure};

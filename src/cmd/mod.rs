//! One file or folder per subcommand: what was typed ([`cli`](crate::cli)) becomes a validated
//! plan, the plan runs, the result becomes an exit code.

pub mod bench;
pub mod broker;
pub mod capture_replay;
mod clock;
mod comparison;
pub mod connect;
pub mod decode;
pub mod duration;
pub mod embedded;
mod exit;
mod flags_file;
pub mod mosquitto;
mod note;
pub mod publish;
mod rate;
mod reason_code;
pub mod request;
mod sealed;
mod signals;
mod size;
pub mod subscribe;
mod typed_bytes;
mod version;
mod whole_file;

pub use exit::{Exit, Failure};
pub use note::{be_silent, note};

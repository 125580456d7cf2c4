//! What can be wrong with a capture file. Every error names the place and what was found there.

/// Why a capture cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The input could not be read.
    #[error("cannot read the capture after byte {offset}: {source}")]
    Io {
        /// Bytes of the file that were read before.
        offset: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is not a single byte.
    #[error("the capture is empty (0 bytes)")]
    Empty,
    /// The first bytes are no magic of pcap or pcapng.
    #[error("not a pcap or pcapng capture: it begins with {found}")]
    NotACapture {
        /// The first bytes as hex digits.
        found: String,
    },
    /// The file ends inside of something. What was whole has been delivered before.
    #[error(
        "the capture is cut: {what} at byte {offset} needs {needed} bytes, the file has {found}"
    )]
    Cut {
        /// The thing that is cut, e.g. `the record of frame 17`.
        what: String,
        /// Where it starts in the file.
        offset: u64,
        /// Bytes it takes (or at least takes, if its length itself is cut).
        needed: u64,
        /// Bytes of it that are there.
        found: u64,
    },
    /// A length or a field that cannot be.
    #[error("the capture is damaged at byte {offset}: {what}")]
    Damaged {
        /// Where the damaged thing starts in the file.
        offset: u64,
        /// What is wrong, with the value found.
        what: String,
    },
}

//! What can be wrong with a capture file. Every error names the place and what was found there.

/// Why a capture cannot be read (any further).
///
/// Offsets are those of the capture itself: in a compressed file, of what comes out of it, if it is
/// not said otherwise.
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
    /// The first bytes are no magic of pcap or pcapng, nor of a compression that is read.
    #[error("not a pcap or pcapng capture: it begins with {found}")]
    NotACapture {
        /// The first bytes as hex digits, and what they are if that is known.
        found: String,
    },
    /// The file is compressed, and what is in it is no capture.
    #[error("not a pcap or pcapng capture: what is in the {format} data begins with {found}")]
    NotACaptureInside {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// The first bytes as hex digits, and what they are if that is known; `nothing`.
        found: String,
    },
    /// The file is compressed more than once.
    #[error(
        "the {format} data holds {inside} data again: only one layer of compression is read; \
         decompress it once first"
    )]
    Nested {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// The compression inside.
        inside: &'static str,
    },
    /// Compressed data that ends before its end. What was whole has been delivered before.
    #[error("the {format} data is cut: it ends after {read} bytes, in the middle of the capture")]
    CompressedCut {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Bytes of the compressed file.
        read: u64,
    },
    /// Compressed data that cannot be decompressed any further.
    #[error("the {format} data is damaged at about byte {at} of the file: {what}")]
    CompressedDamaged {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Bytes of the compressed file that were used.
        at: u64,
        /// What the decompressor said.
        what: String,
    },
    /// Compressed data that becomes a lot, and no frames.
    #[error("the {format} data is a bomb: over {limit} bytes came out of it without any frame")]
    Bomb {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// How many bytes are believed.
        limit: u64,
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

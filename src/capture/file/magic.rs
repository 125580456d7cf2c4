//! What a file is, by its first bytes.

/// What midge reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pcap(Pcap),
    Pcapng,
    Compressed(Compression),
}

/// The variant of pcap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pcap {
    pub(super) big_endian: bool,
    pub(super) nanoseconds: bool,
    /// Alexey Kuznetzov's format: each record has 8 more bytes of header.
    pub(super) modified: bool,
}

/// How a capture is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// The name, for messages.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// The kind of a file that begins like this. The magics of pcap are those that libpcap reads; it
/// knows more by name (`a1b234cd`, `a12b3c4d`) and refuses them.
pub(super) fn kind(magic: [u8; 4]) -> Option<Kind> {
    let pcap = |big_endian, nanoseconds, modified| {
        Some(Kind::Pcap(Pcap {
            big_endian,
            nanoseconds,
            modified,
        }))
    };
    match magic {
        [0x0a, 0x0d, 0x0d, 0x0a] => Some(Kind::Pcapng),
        [0xa1, 0xb2, 0xc3, 0xd4] => pcap(true, false, false),
        [0xd4, 0xc3, 0xb2, 0xa1] => pcap(false, false, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => pcap(true, true, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => pcap(false, true, false),
        [0xa1, 0xb2, 0xcd, 0x34] => pcap(true, false, true),
        [0x34, 0xcd, 0xb2, 0xa1] => pcap(false, false, true),
        // Deflate is the only method that RFC 1952 has.
        [0x1f, 0x8b, 8, _] => Some(Kind::Compressed(Compression::Gzip)),
        // A frame, or a skippable frame in front of it (RFC 8878 sections 3.1.1 and 3.1.2).
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Some(Kind::Compressed(Compression::Zstd))
        }
        _ => None,
    }
}

/// What people give for a capture, and what to do with it.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\xfd7zXZ\0", "xz data; decompress it first: xz -dc"),
    (b"BZh", "bzip2 data; decompress it first: bzip2 -dc"),
    (
        b"\x04\x22\x4d\x18",
        "lz4 data; decompress it first: lz4 -dc",
    ),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (
        b"snoop\0\0\0",
        "a snoop capture; convert it first: editcap -F pcap",
    ),
    (
        b"RTSS",
        "a Network Monitor capture; convert it first: editcap -F pcap",
    ),
    (
        b"GMBU",
        "a Network Monitor capture; convert it first: editcap -F pcap",
    ),
    (
        b"TRSNIFF data",
        "a Sniffer capture; convert it first: editcap -F pcap",
    ),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
];

/// How many bytes [`describe`] looks at.
pub(super) const DESCRIBED: usize = 12;

/// What a file that begins with `bytes` is, with the remedy, if it is a known format that is not
/// read.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    let is_it = |(magic, _): &&(&[u8], _)| bytes.starts_with(magic);
    OTHERS.iter().find(is_it).map(|(_, name)| *name)
}

/// The first bytes as hex digits, with the name of the format if it is a known one.
pub(super) fn describe(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes.get(..8).unwrap_or(bytes));
    match other(bytes) {
        Some(name) => format!("{digits} ({name})"),
        None => digits,
    }
}

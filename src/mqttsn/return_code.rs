//! Return codes (5.3.10).

/// A return code. An open number: 0x04 to 0xff are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReturnCode(pub u8);

impl ReturnCode {
    /// Accepted.
    pub const ACCEPTED: ReturnCode = ReturnCode(0);
    /// Rejected: congestion. The client waits before it tries again.
    pub const CONGESTION: ReturnCode = ReturnCode(1);
    /// Rejected: invalid topic id. The client registers the topic again.
    pub const INVALID_TOPIC_ID: ReturnCode = ReturnCode(2);
    /// Rejected: not supported.
    pub const NOT_SUPPORTED: ReturnCode = ReturnCode(3);

    /// The standard's name; `None` for reserved codes.
    pub const fn name(self) -> Option<&'static str> {
        match self.0 {
            0 => Some("Accepted"),
            1 => Some("Rejected: congestion"),
            2 => Some("Rejected: invalid topic ID"),
            3 => Some("Rejected: not supported"),
            _ => None,
        }
    }
}

//! The record layer: headers (RFC 8446, 5.1; RFC 5246, 6.2.1).

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// What TLS 1.2 allows to be added to 2^14 bytes; TLS 1.3 allows less.
pub(super) const MAX_BODY: usize = (1 << 14) + 2048;

/// The 5 bytes before each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) content_type: u8,
    pub(super) version: [u8; 2],
    len: u16,
}

impl Header {
    /// Its own length in bytes.
    pub(super) const LEN: usize = 5;

    /// The header at the start of `bytes`. `Ok(None)`: more bytes will tell.
    ///
    /// # Errors
    /// If there can be none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, NoRecord> {
        let is_possible = match *bytes {
            [] => true,
            [kind] => is_content_type(kind),
            [kind, major] => is_content_type(kind) && major == 3,
            [kind, major, minor, ..] => is_content_type(kind) && major == 3 && minor <= 4,
        };
        if !is_possible {
            return Err(NoRecord);
        }
        let [content_type, major, minor, high, rest @ ..] = bytes else {
            return Ok(None);
        };
        if usize::from(*high) << 8 > MAX_BODY {
            return Err(NoRecord);
        }
        let Some(low) = rest.first() else {
            return Ok(None);
        };
        let len = u16::from_be_bytes([*high, *low]);
        // Nothing but application data may be empty, and that is never sealed so.
        if len == 0 || usize::from(len) > MAX_BODY {
            return Err(NoRecord);
        }
        Ok(Some(Header {
            content_type: *content_type,
            version: [*major, *minor],
            len,
        }))
    }

    /// Bytes of the record without its header.
    pub(super) fn body_len(self) -> usize {
        usize::from(self.len)
    }

    /// Bytes of the record with its header.
    pub(super) fn record_len(self) -> usize {
        Header::LEN + self.body_len()
    }

    pub(super) fn bytes(self) -> [u8; 5] {
        let [major, minor] = self.version;
        let [high, low] = self.len.to_be_bytes();
        [self.content_type, major, minor, high, low]
    }
}

/// The bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRecord;

fn is_content_type(byte: u8) -> bool {
    (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_byte_by_byte() {
        let bytes = [23, 3, 3, 0x40, 0x10];
        for len in 0..5 {
            assert_eq!(Header::parse(&bytes[..len]), Ok(None), "{len}");
        }
        let header = Header::parse(&bytes).unwrap().unwrap();
        assert_eq!((header.body_len(), header.record_len()), (0x4010, 0x4015));
        assert_eq!(header.bytes(), bytes);
    }

    #[test]
    fn what_is_no_header_is_seen_early() {
        for bytes in [
            &[0x10][..],
            &[25],
            &[22, 2],
            &[22, 3, 5],
            &[22, 3, 1, 0x49],
            &[22, 3, 1, 0x48, 1],
            &[22, 3, 1, 0, 0],
        ] {
            assert_eq!(Header::parse(bytes), Err(NoRecord), "{bytes:?}");
        }
    }
}

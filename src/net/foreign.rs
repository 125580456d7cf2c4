//! Telling from the first bytes of an answer that it speaks another protocol than was spoken to it.

/// Who answers speaks something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Plain text was sent to a TLS port.
    #[error(
        "this port speaks TLS, and the connection is plain: use mqtts:// or wss://, or --cafile"
    )]
    Tls,
    /// Something else than HTTP was sent to an HTTP port.
    #[error("this port speaks HTTP: for MQTT over WebSocket use ws:// or wss://, or --ws")]
    Http,
}

impl Foreign {
    /// What these first bytes of an answer are, if it is nothing that MQTT could be.
    pub fn recognize(answer: &[u8]) -> Option<Foreign> {
        match answer {
            // A TLS record (RFC 8446, 5.1): an alert or a piece of a handshake, version 3.0 to 3.4.
            [0x15 | 0x16, 0x03, 0..=4, ..] => Some(Foreign::Tls),
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Foreign::Http),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        assert_eq!(
            Foreign::recognize(b"\x15\x03\x01\x00\x02\x02\x46"),
            Some(Foreign::Tls)
        );
        assert_eq!(
            Foreign::recognize(b"HTTP/1.1 400 Bad Request\r\n"),
            Some(Foreign::Http)
        );
        // A CONNACK, and nothing at all.
        assert_eq!(Foreign::recognize(b"\x20\x02\x00\x00"), None);
        assert_eq!(Foreign::recognize(b""), None);
    }
}

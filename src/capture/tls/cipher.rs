//! Opens sealed records: AES-GCM and ChaCha20-Poly1305, of TLS 1.2 and of TLS 1.3.

use std::fmt;

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};

use super::{
    record::Header,
    schedule::{IV_LEN, Keys},
    suite::{Method, TlsVersion},
};

/// The authentication tag of every supported cipher.
const TAG_LEN: usize = 16;

/// The part of the nonce that GCM in TLS 1.2 sends with each record.
const EXPLICIT_NONCE_LEN: usize = 8;

/// What opens the records of one direction, as long as its keys are in use.
pub(super) struct Cipher {
    key: LessSafeKey,
    iv: [u8; IV_LEN],
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// RFC 8446, 5.2 and 5.3.
    Tls13,
    /// RFC 5288: the first 4 bytes of the nonce are fixed, the others are sent.
    Tls12Explicit,
    /// RFC 7905: the nonce is made as in TLS 1.3.
    Tls12,
}

/// A record that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) content_type: u8,
    /// Bytes of its content.
    pub(super) len: usize,
}

impl Cipher {
    /// `None` if the keys have not the length that the cipher takes.
    pub(super) fn new(method: Method, keys: &Keys) -> Option<Cipher> {
        let key = UnboundKey::new(method.aead.algorithm(), &keys.key).ok()?;
        let mut iv = [0; IV_LEN];
        iv.get_mut(..keys.iv.len())?.copy_from_slice(&keys.iv);
        Some(Cipher {
            key: LessSafeKey::new(key),
            iv,
            form: match (method.version, keys.iv.len()) {
                (TlsVersion::TLS13, _) => Form::Tls13,
                (_, IV_LEN) => Form::Tls12,
                _ => Form::Tls12Explicit,
            },
        })
    }

    /// Bytes that a record with nothing in it has on the wire, header included.
    pub(super) fn min_record(&self) -> u64 {
        let overhead = match self.form {
            Form::Tls13 => 1 + TAG_LEN,
            Form::Tls12 => TAG_LEN,
            Form::Tls12Explicit => EXPLICIT_NONCE_LEN + TAG_LEN,
        };
        (Header::LEN + overhead) as u64
    }

    /// Opens the record with this sequence number; `None` if it does not authenticate. Its content
    /// is what `scratch` begins with afterwards.
    pub(super) fn open(
        &self,
        seq: u64,
        header: Header,
        body: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Option<Opened> {
        let (explicit, sealed) = match self.form {
            Form::Tls12Explicit => body.split_at_checked(EXPLICIT_NONCE_LEN)?,
            Form::Tls12 | Form::Tls13 => body.split_at_checked(0)?,
        };
        let content_len = sealed.len().checked_sub(TAG_LEN)?;
        let mut nonce = self.iv;
        let counter = nonce.last_chunk_mut::<8>()?;
        match self.form {
            Form::Tls12Explicit => counter.copy_from_slice(explicit),
            Form::Tls12 | Form::Tls13 => {
                *counter = (u64::from_be_bytes(*counter) ^ seq).to_be_bytes();
            }
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        scratch.clear();
        scratch.extend_from_slice(sealed);
        let content = match self.form {
            Form::Tls13 => self
                .key
                .open_in_place(nonce, Aad::from(header.bytes()), scratch),
            Form::Tls12 | Form::Tls12Explicit => {
                let aad = tls12_aad(seq, header, u16::try_from(content_len).ok()?);
                self.key.open_in_place(nonce, Aad::from(aad), scratch)
            }
        }
        .ok()?;
        if self.form != Form::Tls13 {
            return Some(Opened {
                content_type: header.content_type,
                len: content.len(),
            });
        }
        // TLSInnerPlaintext: content, type, zeros.
        let len = content.iter().rposition(|byte| *byte != 0)?;
        Some(Opened {
            content_type: *content.get(len)?,
            len,
        })
    }
}

/// Sequence number, type, version, length of the content (RFC 5246, 6.2.3.3).
fn tls12_aad(seq: u64, header: Header, content_len: u16) -> [u8; 13] {
    let mut aad = [0; 13];
    let (counter, rest) = aad.split_at_mut(8);
    counter.copy_from_slice(&seq.to_be_bytes());
    let [h, l] = content_len.to_be_bytes();
    let [major, minor] = header.version;
    rest.copy_from_slice(&[header.content_type, major, minor, h, l]);
    aad
}

/// Keys are not shown.
impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher")
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

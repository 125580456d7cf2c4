//! From the secrets of a key log to keys and initialisation vectors: HKDF-Expand-Label of TLS 1.3
//! and the PRF of TLS 1.2.

use ring::{hkdf, hmac};

use super::{
    secrets::Secret,
    suite::{Aead, Hash, Method},
};

/// Bytes of an initialisation vector of TLS 1.3, and of ChaCha20-Poly1305 in TLS 1.2.
pub(super) const IV_LEN: usize = 12;

/// The part of the nonce that GCM in TLS 1.2 does not send (RFC 5288, 3).
const SALT_LEN: usize = 4;

/// What seals the records of one direction.
pub(super) struct Keys {
    /// As many bytes as the cipher takes.
    pub(super) key: Vec<u8>,
    /// [`IV_LEN`] bytes, or with GCM in TLS 1.2 only the first 4 of the nonce.
    pub(super) iv: Vec<u8>,
}

/// The keys of a traffic secret (RFC 8446, 7.3). `None` if the secret has not the length of the
/// suite's hash.
pub(super) fn traffic_keys(method: Method, secret: &Secret) -> Option<Keys> {
    Some(Keys {
        key: expand_label(
            method.hash,
            secret.bytes(),
            b"key",
            method.aead.algorithm().key_len(),
        )?,
        iv: expand_label(method.hash, secret.bytes(), b"iv", IV_LEN)?,
    })
}

/// The secret that a KeyUpdate leads to (RFC 8446, 7.2).
pub(super) fn next_secret(hash: Hash, secret: &Secret) -> Option<Secret> {
    Secret::new(&expand_label(
        hash,
        secret.bytes(),
        b"traffic upd",
        hash.len(),
    )?)
}

/// The keys of the client and of the server from a master secret (RFC 5246, 6.3).
pub(super) fn tls12_keys(
    method: Method,
    master: &Secret,
    client_random: &[u8; 32],
    server_random: &[u8; 32],
) -> (Keys, Keys) {
    let key_len = method.aead.algorithm().key_len();
    let iv_len = match method.aead {
        Aead::Aes128Gcm | Aead::Aes256Gcm => SALT_LEN,
        Aead::ChaCha20Poly1305 => IV_LEN,
    };
    let seed = [&b"key expansion"[..], server_random, client_random].concat();
    let block = prf(method.hash, master.bytes(), &seed, 2 * (key_len + iv_len));
    let (keys, ivs) = block.split_at(2 * key_len);
    let (client_key, server_key) = keys.split_at(key_len);
    let (client_iv, server_iv) = ivs.split_at(iv_len);
    let of = |key: &[u8], iv: &[u8]| Keys {
        key: key.to_vec(),
        iv: iv.to_vec(),
    };
    (of(client_key, client_iv), of(server_key, server_iv))
}

/// HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
fn expand_label(hash: Hash, secret: &[u8], label: &[u8], len: usize) -> Option<Vec<u8>> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    if secret.len() != hash.len() {
        return None;
    }
    let label_len = u8::try_from(6 + label.len()).ok()?;
    let len_bytes = u16::try_from(len).ok()?.to_be_bytes();
    let info: [&[u8]; 5] = [&len_bytes, &[label_len], b"tls13 ", label, &[0]];
    let mut bytes = vec![0; len];
    hkdf::Prk::new_less_safe(hash.hkdf(), secret)
        .expand(&info, Len(len))
        .and_then(|okm| okm.fill(&mut bytes))
        .ok()?;
    Some(bytes)
}

/// The PRF of TLS 1.2: `P_hash` (RFC 5246, 5). `seed`: the label and the seed.
fn prf(hash: Hash, secret: &[u8], seed: &[u8], len: usize) -> Vec<u8> {
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut bytes = Vec::with_capacity(len + hash.len());
    let mut a = hmac::sign(&key, seed);
    while bytes.len() < len {
        let mut context = hmac::Context::with_key(&key);
        context.update(a.as_ref());
        context.update(seed);
        bytes.extend_from_slice(context.sign().as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests;

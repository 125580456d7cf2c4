//! Cipher suites and versions: their names, and how the records of the supported ones are sealed.

use std::fmt;

use ring::{aead, digest, hkdf, hmac};

/// A version of TLS as it stands in a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// TLS 1.2, RFC 5246.
    pub const TLS12: TlsVersion = TlsVersion(0x0303);
    /// TLS 1.3, RFC 8446.
    pub const TLS13: TlsVersion = TlsVersion(0x0304);
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0300 => f.write_str("SSL 3.0"),
            0x0301 => f.write_str("TLS 1.0"),
            0x0302 => f.write_str("TLS 1.1"),
            0x0303 => f.write_str("TLS 1.2"),
            0x0304 => f.write_str("TLS 1.3"),
            other => write!(f, "TLS version {other:#06x}"),
        }
    }
}

/// A cipher suite by its number in the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// Its name in the registry, if it is one that is common.
    pub fn name(self) -> Option<&'static str> {
        SUITES
            .iter()
            .find(|(number, ..)| *number == self.0)
            .map(|(_, name, _)| *name)
    }

    /// How its records are sealed; `None` if they cannot be opened here.
    pub(super) fn method(self) -> Option<Method> {
        SUITES
            .iter()
            .find(|(number, ..)| *number == self.0)
            .and_then(|(.., method)| *method)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "cipher suite {:#06x}", self.0),
        }
    }
}

/// The hash of a key schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    pub(super) fn len(self) -> usize {
        match self {
            Hash::Sha256 => digest::SHA256_OUTPUT_LEN,
            Hash::Sha384 => digest::SHA384_OUTPUT_LEN,
        }
    }

    pub(super) fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Hash::Sha256 => hkdf::HKDF_SHA256,
            Hash::Sha384 => hkdf::HKDF_SHA384,
        }
    }

    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
        }
    }
}

/// The cipher of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    pub(super) fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Aead::Aes128Gcm => &aead::AES_128_GCM,
            Aead::Aes256Gcm => &aead::AES_256_GCM,
            Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

/// How records are sealed, and how their keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) version: TlsVersion,
    pub(super) aead: Aead,
    pub(super) hash: Hash,
}

const fn method(version: TlsVersion, aead: Aead, hash: Hash) -> Option<Method> {
    Some(Method {
        version,
        aead,
        hash,
    })
}

const A128: Option<Method> = method(TlsVersion::TLS12, Aead::Aes128Gcm, Hash::Sha256);
const A256: Option<Method> = method(TlsVersion::TLS12, Aead::Aes256Gcm, Hash::Sha384);
const CHACHA: Option<Method> = method(TlsVersion::TLS12, Aead::ChaCha20Poly1305, Hash::Sha256);

/// Number, name, and the method where the suite is supported.
#[rustfmt::skip]
const SUITES: &[(u16, &str, Option<Method>)] = &[
    (0x1301, "TLS_AES_128_GCM_SHA256", method(TlsVersion::TLS13, Aead::Aes128Gcm, Hash::Sha256)),
    (0x1302, "TLS_AES_256_GCM_SHA384", method(TlsVersion::TLS13, Aead::Aes256Gcm, Hash::Sha384)),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256", method(TlsVersion::TLS13, Aead::ChaCha20Poly1305, Hash::Sha256)),
    (0x1304, "TLS_AES_128_CCM_SHA256", None),
    (0x1305, "TLS_AES_128_CCM_8_SHA256", None),
    // RFC 5288 and 5289: the PRF has the hash of the name.
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", A128),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", A256),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", A128),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", A256),
    (0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", A128),
    (0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", A256),
    (0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", A128),
    (0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", A256),
    (0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", A128),
    (0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", A256),
    (0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", A128),
    (0x00ad, "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384", A256),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", A128),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", A256),
    (0xc02d, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", A128),
    (0xc02e, "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", A256),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", A128),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", A256),
    (0xc031, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", A128),
    (0xc032, "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", A256),
    // RFC 8442.
    (0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", A128),
    (0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", A256),
    // RFC 7905.
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    (0xccae, "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256", CHACHA),
    // Common ones that are not supported, so that they can be named.
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA", None),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", None),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", None),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", None),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", None),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", None),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", None),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", None),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", None),
    (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", None),
    (0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA", None),
    (0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA", None),
    (0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256", None),
    (0x00af, "TLS_PSK_WITH_AES_256_CBC_SHA384", None),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", None),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", None),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", None),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", None),
    (0xc09c, "TLS_RSA_WITH_AES_128_CCM", None),
    (0xc09d, "TLS_RSA_WITH_AES_256_CCM", None),
    (0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", None),
    (0xc0a4, "TLS_PSK_WITH_AES_128_CCM", None),
    (0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8", None),
    (0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", None),
    (0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", None),
    (0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", None),
    (0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_there_once_and_names_tell_the_method() {
        for (i, (number, name, method)) in SUITES.iter().enumerate() {
            assert!(SUITES[..i].iter().all(|(other, ..)| other != number));
            let Some(method) = method else { continue };
            assert_eq!(
                method.version == TlsVersion::TLS13,
                !name.contains("_WITH_"),
                "{name}"
            );
            let hash = match method.hash {
                Hash::Sha256 => "_SHA256",
                Hash::Sha384 => "_SHA384",
            };
            let aead = match method.aead {
                Aead::Aes128Gcm => "AES_128_GCM",
                Aead::Aes256Gcm => "AES_256_GCM",
                Aead::ChaCha20Poly1305 => "CHACHA20_POLY1305",
            };
            assert!(name.ends_with(hash) && name.contains(aead), "{name}");
        }
    }

    #[test]
    fn what_has_no_name_is_shown_as_hex() {
        assert_eq!(CipherSuite(0x1302).to_string(), "TLS_AES_256_GCM_SHA384");
        assert_eq!(CipherSuite(0xfafa).to_string(), "cipher suite 0xfafa");
        assert_eq!(TlsVersion::TLS13.to_string(), "TLS 1.3");
        assert_eq!(TlsVersion(0x7f1c).to_string(), "TLS version 0x7f1c");
    }
}

//! Password hashes as mosquitto writes them: `$6$SALT$HASH` is one round of SHA-512 over password
//! and salt, `$7$ITERATIONS$SALT$HASH` is PBKDF2 with HMAC-SHA512 (RFC 8018, 5.2); salt and hash
//! in base64.

use std::fmt;
use std::num::NonZeroU32;

use data_encoding::BASE64;
use ring::digest::{SHA512, SHA512_OUTPUT_LEN};
use ring::pbkdf2;
use subtle::ConstantTimeEq;

/// Bytes of salt in a new hash, as in mosquitto.
pub const SALT_LEN: usize = 12;
/// The most iterations that are taken; about ten seconds for one password.
const MAX_ITERATIONS: u32 = 10_000_000;

/// How a password becomes a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `$6$`
    Sha512,
    /// `$7$`
    Pbkdf2(NonZeroU32),
}

impl Algorithm {
    /// What mosquitto 2.0 makes unless it is told otherwise.
    pub const DEFAULT: Algorithm = Algorithm::Pbkdf2(NonZeroU32::new(101).expect("not zero"));
}

/// A salted hash of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    algorithm: Algorithm,
    salt: Box<[u8]>,
    digest: [u8; SHA512_OUTPUT_LEN],
}

/// Why a text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// It does not begin with `$`.
    #[error("the password is not hashed")]
    Plain,
    /// It does, and goes on with something that is not known here.
    #[error("the hash is of another kind than $6$ and $7$")]
    Kind,
    /// Not so many parts.
    #[error("the hash is not $6$SALT$HASH or $7$ITERATIONS$SALT$HASH")]
    Form,
    /// Salt or hash.
    #[error("salt or hash is not base64")]
    Base64,
    /// Of the hash.
    #[error("the hash has {0} bytes, and SHA-512 has 64")]
    Length(usize),
    /// 0, too many, or no number.
    #[error("the number of iterations is not 1 to 10000000")]
    Iterations,
}

impl Hash {
    /// Hashes a password.
    pub fn new(password: &[u8], algorithm: Algorithm, salt: [u8; SALT_LEN]) -> Hash {
        Hash {
            algorithm,
            salt: salt.into(),
            digest: digest(password, algorithm, &salt),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    /// If it is not such a text.
    pub fn parse(text: &str) -> Result<Hash, HashError> {
        let parts: Vec<&str> = text
            .strip_prefix('$')
            .ok_or(HashError::Plain)?
            .split('$')
            .collect();
        let (algorithm, salt, digest) = match parts.as_slice() {
            ["6", salt, digest] => (Algorithm::Sha512, salt, digest),
            ["7", iterations, salt, digest] => {
                let iterations = iterations
                    .parse()
                    .ok()
                    .filter(|&iterations| iterations <= MAX_ITERATIONS)
                    .and_then(NonZeroU32::new)
                    .ok_or(HashError::Iterations)?;
                (Algorithm::Pbkdf2(iterations), salt, digest)
            }
            ["6" | "7", ..] => return Err(HashError::Form),
            _ => return Err(HashError::Kind),
        };
        let decode = |text: &str| BASE64.decode(text.as_bytes()).ok();
        let salt = decode(salt).ok_or(HashError::Base64)?;
        let digest = decode(digest).ok_or(HashError::Base64)?;
        Ok(Hash {
            algorithm,
            salt: salt.into(),
            digest: digest
                .try_into()
                .map_err(|digest: Vec<u8>| HashError::Length(digest.len()))?,
        })
    }

    /// Whether this is the password; takes the same time whatever is wrong with it.
    pub fn verify(&self, password: &[u8]) -> bool {
        let digest = digest(password, self.algorithm, &self.salt);
        digest.ct_eq(&self.digest).into()
    }
}

fn digest(password: &[u8], algorithm: Algorithm, salt: &[u8]) -> [u8; SHA512_OUTPUT_LEN] {
    let mut digest = [0; SHA512_OUTPUT_LEN];
    match algorithm {
        Algorithm::Sha512 => {
            let mut context = ring::digest::Context::new(&SHA512);
            context.update(password);
            context.update(salt);
            digest.copy_from_slice(context.finish().as_ref());
        }
        Algorithm::Pbkdf2(iterations) => {
            let hmac = pbkdf2::PBKDF2_HMAC_SHA512;
            pbkdf2::derive(hmac, iterations, salt, password, &mut digest);
        }
    }
    digest
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            Algorithm::Sha512 => f.write_str("$6$")?,
            Algorithm::Pbkdf2(iterations) => write!(f, "$7${iterations}$")?,
        }
        let salt = BASE64.encode(&self.salt);
        write!(f, "{salt}${}", BASE64.encode(&self.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by mosquitto_passwd 2.0.11.
    const PBKDF2: &str = "$7$101$mmXx1zrR/WUK5CqI$30nyvZ9ltJul1w8waevdNbh50ch7u+0XwSfdEwMoufiX1vwmak0aQcyeIAGJEOnpQIojjn+lXUJl+/VE/AiLoQ==";
    const SHA: &str = "$6$UQEsh45nlDwmnYsC$+SeEdtz461NIV9yNCI2/a4XXu2gP4nAp3wjFrMSJiDj3HQMVa9LzTf4QTAti2B2N/BjvitaMBe74mVBrn7bBMw==";

    #[test]
    fn hashes_of_mosquitto_passwd() {
        for (text, password) in [(PBKDF2, "secret"), (SHA, "hunter2")] {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.verify(password.as_bytes()));
            for wrong in ["", "Secret", "secret ", "hunter22"] {
                assert!(!hash.verify(wrong.as_bytes()), "{wrong}");
            }
            assert_eq!(hash.to_string(), text);
        }
    }

    #[test]
    fn what_is_made_is_read() {
        for algorithm in [Algorithm::Sha512, Algorithm::DEFAULT] {
            let hash = Hash::new(b"p\0w", algorithm, [9; SALT_LEN]);
            assert_eq!(Hash::parse(&hash.to_string()), Ok(hash.clone()));
            assert!(hash.verify(b"p\0w"));
            assert!(!hash.verify(b"p"));
        }
    }

    #[test]
    fn what_is_no_hash() {
        for (text, error) in [
            ("", HashError::Plain),
            ("secret", HashError::Plain),
            ("$1$a$b", HashError::Kind),
            ("$argon2id$v=19$m=1,t=1,p=1$YQ==$YQ==", HashError::Kind),
            ("$6$YQ==", HashError::Form),
            ("$7$YQ==$YQ==", HashError::Form),
            ("$6$a$YQ==", HashError::Base64),
            ("$6$YQ==$YQ==", HashError::Length(1)),
            ("$7$0$YQ==$YQ==", HashError::Iterations),
            ("$7$x$YQ==$YQ==", HashError::Iterations),
            ("$7$10000001$YQ==$YQ==", HashError::Iterations),
        ] {
            assert_eq!(Hash::parse(text), Err(error), "{text}");
        }
    }
}

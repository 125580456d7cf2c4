//! Cipher suites by their names in OpenSSL and in the RFCs.

use tokio_rustls::rustls::crypto::ring::ALL_CIPHER_SUITES;
use tokio_rustls::rustls::{CipherSuite, SupportedCipherSuite};

/// OpenSSL's names; the names in the RFCs are rustls's own, with `TLS13_` in front for 1.3.
const NAMES: &[(&str, CipherSuite)] = &[
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Classes in OpenSSL's lists that hold every suite there is here.
const EVERY: &[&str] = &["DEFAULT", "ALL", "HIGH", "SECURE", "ECDHE", "EECDH", "AEAD"];

/// The suites that a list names, in its order; parts are divided by `:`, `,` or spaces. As in
/// OpenSSL, a list that names no suite of TLS 1.3 leaves those as they are, and `!X` and `-X` take
/// X away, which may be something that is not here at all.
///
/// # Errors
/// The part that names nothing, or the whole list if nothing is left.
pub(super) fn parse(list: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let is_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
    let mut removed = Vec::new();
    let parts = list.split([':', ',', ' ']).filter(|part| !part.is_empty());
    for part in parts {
        if let Some(name) = part.strip_prefix(['!', '-']) {
            removed.extend(find(name));
        } else if EVERY.iter().any(|class| class.eq_ignore_ascii_case(part)) {
            let new = ALL_CIPHER_SUITES.iter().filter(|suite| !is_13(suite));
            chosen.extend(new.copied());
        } else if let Some(suite) = find(part) {
            chosen.push(suite);
        } else if !part.starts_with('@') {
            return Err(part.to_owned());
        }
    }
    if !chosen.iter().any(is_13) {
        chosen.extend(ALL_CIPHER_SUITES.iter().filter(|suite| is_13(suite)));
    }
    let mut suites: Vec<SupportedCipherSuite> = Vec::new();
    for suite in chosen {
        if !suites.contains(&suite) && !removed.contains(&suite) {
            suites.push(suite);
        }
    }
    match suites.is_empty() {
        true => Err(list.to_owned()),
        false => Ok(suites),
    }
}

/// Every name, for the sentence about one that is wrong.
pub(super) fn names() -> String {
    let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn find(name: &str) -> Option<SupportedCipherSuite> {
    let openssl = NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    ALL_CIPHER_SUITES
        .iter()
        .find(|suite| {
            let id = suite.suite();
            openssl.is_some_and(|(_, wanted)| *wanted == id)
                || id.as_str().is_some_and(|n| n.eq_ignore_ascii_case(name))
        })
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(list: &str) -> Vec<CipherSuite> {
        parse(list).unwrap().iter().map(|s| s.suite()).collect()
    }

    #[test]
    fn every_suite_has_a_name() {
        assert_eq!(NAMES.len(), ALL_CIPHER_SUITES.len());
        for (name, suite) in NAMES {
            assert_eq!(find(name).unwrap().suite(), *suite);
        }
    }

    #[test]
    fn a_list_of_12_leaves_13_alone() {
        let got = suites("ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(got[0], CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        assert_eq!(got.len(), 4);
        assert_eq!(
            suites("TLS_AES_128_GCM_SHA256"),
            [CipherSuite::TLS13_AES_128_GCM_SHA256]
        );
    }

    #[test]
    fn classes_and_what_they_leave_out() {
        assert_eq!(suites("HIGH:!aNULL:!MD5:@STRENGTH").len(), NAMES.len());
        let got = suites("DEFAULT:!ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(got.len(), NAMES.len() - 1);
    }

    #[test]
    fn what_is_no_suite() {
        assert_eq!(parse("HIGH:RC4-MD5").unwrap_err(), "RC4-MD5");
    }
}

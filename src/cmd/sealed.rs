//! What is said of TLS connections that cannot be read.

use crate::capture::{SealReason, Sealed};

/// One sentence for stderr. `no_keys`: what to say of missing keys.
pub(super) fn sentence(sealed: &Sealed, no_keys: &str) -> String {
    let at = &sealed.at;
    let what = match sealed.version {
        Some(version) => version.to_string(),
        None => "TLS".to_owned(),
    };
    let details: Vec<String> = [
        sealed.suite.map(|suite| suite.to_string()),
        sealed
            .server_name
            .as_ref()
            .map(|name| format!("server name {name}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let details = match details.is_empty() {
        true => String::new(),
        false => format!(" ({})", details.join(", ")),
    };
    let why = match sealed.reason {
        SealReason::NoKeys => no_keys,
        SealReason::KeysDoNotFit => "the keys that are known for it do not fit",
        SealReason::NoHandshake => "the hellos that tell its keys are not in the capture",
        SealReason::UnsupportedSuite => "only AES-GCM and ChaCha20-Poly1305 can be decrypted",
        SealReason::UnsupportedVersion => "only TLS 1.2 and TLS 1.3 can be decrypted",
    };
    format!(
        "stream {}, {} -> {}, is {what}{details} and {why}",
        at.stream, at.src, at.dst
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CipherSuite, Location, TlsVersion};

    #[test]
    fn a_sentence_says_what_is_known() {
        let mut sealed = Sealed {
            at: Location {
                frame: 9,
                time: None,
                stream: 3,
                src: "10.0.0.1:50000".parse().unwrap(),
                dst: "[::1]:8883".parse().unwrap(),
                from: None,
                transport: "tls",
            },
            version: Some(TlsVersion::TLS13),
            suite: Some(CipherSuite(0x1302)),
            server_name: Some("broker.example".into()),
            reason: SealReason::NoKeys,
        };
        assert_eq!(
            sentence(&sealed, "its keys are not known: give --keylog FILE"),
            "stream 3, 10.0.0.1:50000 -> [::1]:8883, is TLS 1.3 (TLS_AES_256_GCM_SHA384, server \
             name broker.example) and its keys are not known: give --keylog FILE"
        );
        sealed.version = None;
        sealed.suite = None;
        sealed.server_name = None;
        sealed.reason = SealReason::NoHandshake;
        assert_eq!(
            sentence(&sealed, ""),
            "stream 3, 10.0.0.1:50000 -> [::1]:8883, is TLS and the hellos that tell its keys are \
             not in the capture"
        );
    }
}

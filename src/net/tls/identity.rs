//! Our certificate, if we have one, and whether the server has asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::sign::CertifiedKey;

/// Answers a server's question for a certificate.
#[derive(Debug)]
pub(super) struct Identity {
    key: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl Identity {
    pub(super) fn new(key: Option<Arc<CertifiedKey>>) -> Identity {
        Identity {
            key,
            asked: AtomicBool::new(false),
        }
    }

    /// Whether there is a certificate to give.
    pub(super) fn is_given(&self) -> bool {
        self.key.is_some()
    }

    /// Whether a server has asked since [`forget`](Self::forget).
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn forget(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        // Whatever the server hints at: it shall say itself what it does not like.
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.is_given()
    }
}

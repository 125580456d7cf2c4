//! TLS (RFC 8446, RFC 5246), by rustls.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | [`TlsOptions`] and the files they name, made into a [`Tls`] |
//! | `ciphers` | cipher suites by their names in OpenSSL and in the RFCs |
//! | `verify` | what the server's certificate is held to |
//! | `identity` | our certificate, and whether the server has asked for one |
//! | `keylog` | secrets for Wireshark |
//! | `error` | [`TlsError`]: why a handshake fails |
//! | `stream` | the bytes |
//! | `pass` | writing to what a stream is wrapped around |
//! | `server` | [`TlsServer`]: the other side of it |
//! | `subject` | the names in a client's certificate |
//! | `throwaway` | certificates for one run |

mod ciphers;
mod error;
mod identity;
mod keylog;
mod options;
mod pass;
mod server;
mod stream;
mod subject;
mod throwaway;
mod verify;

pub use error::TlsError;
pub use options::{TlsOptions, TlsSetupError, TlsVersion};
pub(super) use server::TlsServerStream;
pub use server::{TlsServer, TlsServerError, TlsServerOptions};
pub(super) use stream::TlsStream;
use subject::Subject;
pub use throwaway::{Throwaway, ThrowawayError};

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use self::error::Evidence;
use self::identity::Identity;
use self::stream::Sniffer;
use super::{Foreign, Stream};

/// How to do TLS: made once, from [`TlsOptions`], for any number of connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    identity: Arc<Identity>,
}

impl Tls {
    /// Does the handshake with `host`, a name or an address.
    pub(super) async fn connect(&self, host: &str, stream: Stream) -> Result<TlsStream, TlsError> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| TlsError::NoName(host.to_owned()))?;
        // A question of another connection does not count; of two at the same time, it may.
        self.identity.forget();
        let connector = TlsConnector::from(self.config.clone());
        let connecting = connector.connect(name, Sniffer::new(stream));
        match connecting.into_fallible().await {
            Ok(stream) => Ok(TlsStream::new(stream, self.identity.clone())),
            Err((error, sniffer)) => Err(Evidence {
                identity: &self.identity,
                answer: sniffer.first_bytes(),
            }
            .explain(error)),
        }
    }

    /// Whether a server that listens here answers a handshake with TLS, whatever it says in it.
    pub(super) async fn is_spoken_by(stream: Stream) -> bool {
        let Ok(config) = options::builder().map(|builder| {
            builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        }) else {
            return false;
        };
        let Ok(name) = ServerName::try_from("localhost") else {
            return false;
        };
        let connector = TlsConnector::from(Arc::new(config));
        let connecting = connector.connect(name, Sniffer::new(stream));
        let answer = match connecting.into_fallible().await {
            Ok(stream) => stream.into_inner().0.first_bytes(),
            Err((_, sniffer)) => sniffer.first_bytes(),
        };
        Foreign::recognize(&answer) == Some(Foreign::Tls)
    }
}

/// Without what is secret in it.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

//! TLS on the server's side: its files made into a [`TlsServer`], the handshake, and the bytes.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateRevocationListDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, RootCertStore, ServerConfig,
};
use tokio_rustls::server;

use super::error::{client_fault, words};
use super::options::{Called, certified_key, named_certificates, no_use, pem_error};
use super::pass::pass_writes;
use super::{Subject, TlsSetupError, TlsVersion};
use crate::net::Stream;
use crate::net::error::brief;

const SERVER: Called = Called {
    certificate: "the server certificate",
    key: "the server key",
};
const CRL: &str = "the list of revoked certificates";

/// What a server's TLS is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsServerOptions {
    /// The server's certificate with its chain (PEM).
    pub certificate: PathBuf,
    /// Its key, not encrypted (PEM).
    pub key: PathBuf,
    /// Those whose signature makes a client's certificate good (PEM).
    pub ca_file: Option<PathBuf>,
    /// The same in the files of a folder.
    pub ca_dir: Option<PathBuf>,
    /// Whether a client must have a certificate; otherwise it is not asked for one. Needs
    /// `ca_file` or `ca_dir`.
    pub require_certificate: bool,
    /// Certificates that are good no more (PEM); only with `require_certificate`.
    pub crl_file: Option<PathBuf>,
    /// The oldest version to accept.
    pub min_version: TlsVersion,
}

impl TlsServerOptions {
    /// With this certificate and key, without certificates of clients.
    pub fn new(certificate: PathBuf, key: PathBuf) -> TlsServerOptions {
        TlsServerOptions {
            certificate,
            key,
            ca_file: None,
            ca_dir: None,
            require_certificate: false,
            crl_file: None,
            min_version: TlsVersion::V12,
        }
    }
}

/// A server's side of TLS, for any number of connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsServer {
    /// Locked for as long as it takes to copy a pointer.
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl TlsServer {
    /// Reads the files and gets everything ready.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(options: &TlsServerOptions) -> Result<TlsServer, TlsSetupError> {
        let config = RwLock::new(config(options)?);
        Ok(TlsServer {
            config: Arc::new(config),
        })
    }

    /// Reads the files again, for this server and all clones of it. Connections stay as they are.
    ///
    /// # Errors
    /// [`TlsSetupError`]; then nothing changes.
    pub fn reload(&self, options: &TlsServerOptions) -> Result<(), TlsSetupError> {
        let new = config(options)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Does the handshake with a client, which may take for ever.
    pub(in crate::net) async fn accept(
        &self,
        stream: Stream,
    ) -> Result<TlsServerStream, TlsServerError> {
        match TlsAcceptor::from(self.config()).accept(stream).await {
            Ok(inner) => Ok(TlsServerStream { inner }),
            Err(error) => Err(TlsServerError::new(error)),
        }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.clone()
    }
}

fn config(options: &TlsServerOptions) -> Result<Arc<ServerConfig>, TlsSetupError> {
    let provider = Arc::new(ring::default_provider());
    let key = certified_key(SERVER, &options.certificate, &options.key, &provider)?;
    let (ca_file, ca_dir) = (options.ca_file.as_deref(), options.ca_dir.as_deref());
    // A file that cannot be read is told of, used or not.
    let named = named_certificates(ca_file, ca_dir)?;
    let verifier = match (options.require_certificate, ca_file.or(ca_dir)) {
        (true, Some(path)) => {
            let mut roots = RootCertStore::empty();
            if roots.add_parsable_certificates(named).0 == 0 {
                return Err(no_use(path));
            }
            let content = |path: &PathBuf, error: &dyn fmt::Display| TlsSetupError::Content {
                what: CRL,
                path: path.clone(),
                problem: error.to_string(),
            };
            let mut builder =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            if let Some(path) = &options.crl_file {
                let lists = CertificateRevocationListDer::pem_file_iter(path)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(|error| pem_error(CRL, path, error))?;
                if lists.is_empty() {
                    return Err(content(path, &"there is none in it (PEM)"));
                }
                // As OpenSSL does it: the client's own certificate must be on a list's watch,
                // and the list be of today.
                builder = builder
                    .with_crls(lists)
                    .only_check_end_entity_revocation()
                    .enforce_revocation_expiration();
            }
            let file = options.crl_file.as_ref().or(options.ca_file.as_ref());
            builder.build().map_err(|error| match file {
                Some(file) => content(file, &error),
                None => TlsSetupError::NothingLeft,
            })?
        }
        _ => Arc::new(NoClientAuth),
    };
    let versions = match options.min_version {
        TlsVersion::V12 => &[&TLS13, &TLS12][..],
        TlsVersion::V13 => &[&TLS13],
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|_| TlsSetupError::NothingLeft)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Ok(Arc::new(config))
}

/// Without what is secret in it.
impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// Why a client's TLS handshake fails.
#[derive(Debug, thiserror::Error)]
pub enum TlsServerError {
    /// It has no certificate, and must.
    #[error("the client has no certificate")]
    NoCertificate,
    /// Its certificate is on the list of those that are good no more.
    #[error("the client's certificate is revoked")]
    Revoked,
    /// Something else is wrong with its certificate.
    #[error("the client's certificate cannot be accepted: {0}")]
    BadCertificate(String),
    /// The client does not trust ours.
    #[error("the client does not accept the broker's certificate: {0}")]
    Distrusted(String),
    /// What the client speaks is not TLS.
    #[error("the client does not speak TLS")]
    NotTls,
    /// The client hung up.
    #[error("the client closed the connection during the TLS handshake")]
    Closed,
    /// Something else.
    #[error("TLS fails: {0}")]
    Other(Error),
    /// The connection broke.
    #[error("the connection broke during the TLS handshake: {}", brief(.0))]
    Io(io::Error),
}

impl TlsServerError {
    fn new(error: io::Error) -> TlsServerError {
        match error.downcast::<Error>() {
            Ok(Error::NoCertificatesPresented) => TlsServerError::NoCertificate,
            Ok(Error::InvalidCertificate(CertificateError::Revoked)) => TlsServerError::Revoked,
            Ok(Error::InvalidCertificate(error)) => {
                TlsServerError::BadCertificate(client_fault(&error))
            }
            Ok(Error::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::UnsupportedCertificate),
            )) => TlsServerError::Distrusted(words(alert)),
            Ok(Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            )) => TlsServerError::NotTls,
            Ok(error) => TlsServerError::Other(error),
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => TlsServerError::Closed,
                _ => TlsServerError::Io(error),
            },
        }
    }
}

/// A client's TLS connection after its handshake.
#[derive(Debug)]
pub struct TlsServerStream {
    inner: server::TlsStream<Stream>,
}

impl TlsServerStream {
    /// Of the client's certificate, if it was asked for one.
    pub(in crate::net) fn subject(&self) -> Option<Subject> {
        let (_, session) = self.inner.get_ref();
        Subject::of(session.peer_certificates()?.first()?)
    }
}

impl AsyncRead for TlsServerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.get_mut().inner).poll_read(cx, buf));
        Poll::Ready(match read {
            // Many clients leave without the end mark of TLS (RFC 8446, 6.1); MQTT has its own.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        })
    }
}

pass_writes!(TlsServerStream, inner);

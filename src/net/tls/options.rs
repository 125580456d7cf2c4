//! What a user wants of TLS, and the files that it names, made into a [`Tls`].

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_native_certs::{CertificateResult, ErrorKind};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    self, ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion, WantsVerifier,
};

use super::identity::Identity;
use super::keylog::KeyLogFile;
use super::verify::Verifier;
use super::{Tls, ciphers};
use crate::net::error::brief;

/// What a user wants of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// Trust what the system trusts.
    pub system_roots: bool,
    /// Trust the certificates in this file (PEM).
    pub ca_file: Option<PathBuf>,
    /// Trust the certificates in the files of this folder (PEM).
    pub ca_dir: Option<PathBuf>,
    /// Our certificate with its chain, and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Protocols to offer by ALPN (RFC 7301).
    pub alpn: Vec<String>,
    /// The oldest version to accept.
    pub min_version: TlsVersion,
    /// The newest version to offer.
    pub max_version: TlsVersion,
    /// Cipher suites by their names, divided by `:`.
    pub ciphers: Option<String>,
    /// Whether the certificate must be for the name that was connected to.
    pub check_name: bool,
    /// A file that the secrets of the connections are appended to.
    pub key_log: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V12,
    /// RFC 8446.
    V13,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A file cannot be read or written.
    #[error("{what} {}: {}", .path.display(), brief(.source))]
    File {
        /// What the file is for.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file has not in it what it should.
    #[error("{what} {}: {problem}", .path.display())]
    Content {
        /// What the file is for.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The system has no certificates to trust.
    #[error("the system has no certificates to trust{}: name some with --cafile or --capath", .0)]
    NoSystemRoots(String),
    /// A list of cipher suites names what is not there.
    #[error("'{}' is not a cipher suite that midge has: {}", .0.escape_debug(), ciphers::names())]
    Cipher(String),
    /// Versions and cipher suites leave nothing.
    #[error("no cipher suite is left for these TLS versions")]
    NothingLeft,
}

impl Default for TlsOptions {
    /// TLS 1.2 and 1.3, trusting nobody yet.
    fn default() -> TlsOptions {
        TlsOptions {
            system_roots: false,
            ca_file: None,
            ca_dir: None,
            identity: None,
            alpn: Vec::new(),
            min_version: TlsVersion::V12,
            max_version: TlsVersion::V13,
            ciphers: None,
            check_name: true,
            key_log: None,
        }
    }
}

impl Tls {
    /// Reads the files and gets everything ready.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(options: &TlsOptions) -> Result<Tls, TlsSetupError> {
        let mut provider = ring::default_provider();
        if let Some(list) = &options.ciphers {
            provider.cipher_suites = ciphers::parse(list).map_err(TlsSetupError::Cipher)?;
        }
        let versions: Vec<_> = [(TlsVersion::V13, &TLS13), (TlsVersion::V12, &TLS12)]
            .into_iter()
            .filter(|(version, _)| (options.min_version..=options.max_version).contains(version))
            .map(|(_, version)| version)
            .collect();
        let named = named_certificates(options.ca_file.as_deref(), options.ca_dir.as_deref())?;
        let verifier = Verifier {
            roots: Arc::new(roots(options, &named)?),
            named,
            check_name: options.check_name,
            algorithms: provider.signature_verification_algorithms,
        };
        let key = match &options.identity {
            Some((certificate, key)) => Some(Arc::new(certified_key(
                CLIENT,
                certificate,
                key,
                &provider,
            )?)),
            None => None,
        };
        let identity = Arc::new(Identity::new(key));
        let mut config = builder_with(provider, &versions)
            .map_err(|_| TlsSetupError::NothingLeft)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(identity.clone());
        config.alpn_protocols = options
            .alpn
            .iter()
            .map(|p| p.clone().into_bytes())
            .collect();
        if let Some(path) = &options.key_log {
            config.key_log = Arc::new(KeyLogFile::new(open_log(path)?));
        }
        Ok(Tls {
            config: Arc::new(config),
            identity,
        })
    }
}

type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;

/// With everything that there is.
pub(super) fn builder() -> Result<Builder, rustls::Error> {
    builder_with(ring::default_provider(), &[&TLS13, &TLS12])
}

fn builder_with(
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Builder, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions)
}

/// The certificates of the file and the folder.
pub(super) fn named_certificates(
    file: Option<&Path>,
    dir: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let mut certificates = Vec::new();
    let file = file.map(|path| ("the CA file", path));
    let dir = dir.map(|path| ("the CA folder", path));
    for (what, path) in file.into_iter().chain(dir) {
        let (as_file, as_dir) = match what {
            "the CA file" => (Some(path), None),
            _ => (None, Some(path)),
        };
        let CertificateResult { certs, errors, .. } =
            rustls_native_certs::load_certs_from_paths(as_file, as_dir);
        if certs.is_empty() {
            let content = |problem: String| TlsSetupError::Content {
                what,
                path: path.to_owned(),
                problem,
            };
            return Err(match errors.into_iter().next().map(|error| error.kind) {
                Some(ErrorKind::Io { inner, path }) => TlsSetupError::File {
                    what,
                    path,
                    source: inner,
                },
                Some(ErrorKind::Pem(error)) => content(error.to_string()),
                Some(ErrorKind::Os(error)) => content(error.to_string()),
                Some(_) | None => content("there is no certificate in it (PEM)".to_owned()),
            });
        }
        certificates.extend(certs);
    }
    Ok(certificates)
}

fn roots(
    options: &TlsOptions,
    named: &[CertificateDer<'static>],
) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(named.iter().cloned());
    if roots.is_empty()
        && let Some(path) = options.ca_file.as_ref().or(options.ca_dir.as_ref())
    {
        return Err(no_use(path));
    }
    if options.system_roots {
        let CertificateResult { certs, errors, .. } = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(certs);
        if added == 0 && roots.is_empty() {
            let why = errors.first().map(|error| format!(" ({error})"));
            return Err(TlsSetupError::NoSystemRoots(why.unwrap_or_default()));
        }
    }
    Ok(roots)
}

/// There are certificates, and none that can be an authority's.
pub(super) fn no_use(path: &Path) -> TlsSetupError {
    TlsSetupError::Content {
        what: "the CA file",
        path: path.to_owned(),
        problem: "no certificate in it can be used".to_owned(),
    }
}

/// What a certificate and its key are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Called {
    pub(super) certificate: &'static str,
    pub(super) key: &'static str,
}

const CLIENT: Called = Called {
    certificate: "the client certificate",
    key: "the client key",
};

/// Our certificate and its key, which must belong together.
pub(super) fn certified_key(
    called: Called,
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsSetupError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem_error(called.certificate, certificate, error))?;
    if chain.is_empty() {
        return Err(pem_error(
            called.certificate,
            certificate,
            pem::Error::NoItemsFound,
        ));
    }
    let der = PrivateKeyDer::from_pem_file(key).map_err(|error| match is_encrypted(key) {
        true => TlsSetupError::Content {
            what: called.key,
            path: key.to_owned(),
            problem: "it is encrypted, which midge cannot read: `openssl pkey` writes it plain"
                .to_owned(),
        },
        false => pem_error(called.key, key, error),
    })?;
    CertifiedKey::from_der(chain, der, provider).map_err(|error| TlsSetupError::Content {
        what: called.key,
        path: key.to_owned(),
        problem: match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("it does not belong to {}", called.certificate)
            }
            error => format!("it cannot be used: {error}"),
        },
    })
}

fn is_encrypted(key: &Path) -> bool {
    std::fs::read_to_string(key).is_ok_and(|text| text.contains("ENCRYPTED"))
}

pub(super) fn pem_error(what: &'static str, path: &Path, error: pem::Error) -> TlsSetupError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsSetupError::File { what, path, source },
        pem::Error::NoItemsFound => TlsSetupError::Content {
            what,
            path,
            problem: "there is none in it (PEM)".to_owned(),
        },
        error => TlsSetupError::Content {
            what,
            path,
            problem: error.to_string(),
        },
    }
}

/// For its owner only, since it opens what was secret.
fn open_log(path: &Path) -> Result<File, TlsSetupError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| TlsSetupError::File {
        what: "the TLS key log",
        path: path.to_owned(),
        source,
    })
}

//! Certificates for one run: an authority, the server's, and one for a client.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// First line of each file, without a dash, which some readers take for the begin of PEM. A file
/// that begins in another way is somebody else's.
const MARK: &str = "# Made by midge for one run; it is overwritten by the next.\n";

/// The name of the client in its certificate.
const CLIENT: &str = "client";

/// Files with certificates and keys (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throwaway {
    /// The authority that has signed the others.
    pub ca: PathBuf,
    /// The server's certificate.
    pub server_certificate: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// A client's certificate, with the Common Name `client`.
    pub client_certificate: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
}

/// Why they cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ThrowawayError {
    /// There is a file of that name, and midge has not made it.
    #[error(
        "{} is there already and not made by midge: name an empty folder, or one that is not there",
        .0.display()
    )]
    Taken(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl Throwaway {
    /// Their names in the folder `dir`. Nothing is made yet.
    pub fn in_folder(dir: &Path) -> Throwaway {
        Throwaway {
            ca: dir.join("ca.pem"),
            server_certificate: dir.join("server.pem"),
            server_key: dir.join("server.key"),
            client_certificate: dir.join("client.pem"),
            client_key: dir.join("client.key"),
        }
    }

    /// Makes them, and their folder if it is not there; those that an earlier run has made are
    /// overwritten. The server's certificate is for `names`, names and addresses.
    ///
    /// The authority's key is kept nowhere, so nothing else can ever be signed with it.
    ///
    /// # Errors
    /// [`ThrowawayError`].
    pub fn make(&self, names: Vec<String>) -> Result<(), ThrowawayError> {
        // All of them before the first is overwritten.
        for path in self.files() {
            if is_foreign(path) {
                return Err(ThrowawayError::Taken(path.clone()));
            }
        }
        if let Some(dir) = self.ca.parent() {
            fs::create_dir_all(dir).map_err(|source| ThrowawayError::Write {
                path: dir.to_owned(),
                source,
            })?;
        }
        let mut authority = params("midge throwaway CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        write(&self.ca, &authority.pem(), 0o644)?;
        let mut server = params(names.first().map_or("localhost", String::as_str));
        server.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut client = params(CLIENT);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        for (mut params, certificate, key) in [
            (server, &self.server_certificate, &self.server_key),
            (client, &self.client_certificate, &self.client_key),
        ] {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.use_authority_key_identifier_extension = true;
            let own = KeyPair::generate()?;
            let signed = params.signed_by(&own, &authority)?;
            write(certificate, &signed.pem(), 0o644)?;
            write(key, &own.serialize_pem(), 0o600)?;
        }
        Ok(())
    }

    fn files(&self) -> [&PathBuf; 5] {
        [
            &self.ca,
            &self.server_certificate,
            &self.server_key,
            &self.client_certificate,
            &self.client_key,
        ]
    }
}

/// Valid from long ago, for clocks that are wrong, until long after any run.
fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    (params.distinguished_name).push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    params
}

/// Whether the file is there and not ours.
fn is_foreign(path: &Path) -> bool {
    match fs::read(path) {
        Ok(content) => !content.starts_with(MARK.as_bytes()),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn write(path: &Path, pem: &str, mode: u32) -> Result<(), ThrowawayError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
        .open(path)
        .and_then(|mut file| file.write_all([MARK, pem].concat().as_bytes()))
        .map_err(|source| ThrowawayError::Write {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new").join("deep");
        let names = || vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let files = Throwaway::in_folder(&dir);
        files.make(names()).unwrap();
        let first = fs::read(&files.ca).unwrap();
        files.make(names()).unwrap();
        assert_ne!(fs::read(&files.ca).unwrap(), first);
        fs::write(&files.client_key, "-----BEGIN PRIVATE KEY-----").unwrap();
        let first = fs::read(&files.ca).unwrap();
        match files.make(names()) {
            Err(ThrowawayError::Taken(path)) => assert_eq!(path, files.client_key),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&files.ca).unwrap(), first);
    }
}

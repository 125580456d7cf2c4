//! A unix socket and its file.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// A listening unix socket, whose file goes with it.
#[derive(Debug)]
pub(super) struct UnixSocket {
    socket: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    /// Listens at `path`. The file of a broker that is gone is replaced, and nothing else.
    pub(super) async fn bind(path: &Path) -> io::Result<UnixSocket> {
        let socket = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path).await => {
                fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            result => result?,
        };
        Ok(UnixSocket {
            socket,
            path: path.to_owned(),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.socket.accept().await?.0)
    }
}

/// Whether it is a socket that nobody listens on.
async fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refuses = || async {
        let error = UnixStream::connect(path).await.err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    is_socket && refuses().await
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = fs::remove_file(&self.path);
    }
}

//! Secrets of connections in NSS's format, which Wireshark reads, and `midge decode` too.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use tokio_rustls::rustls::KeyLog;

/// Appends each secret to a file as a line of its own.
#[derive(Debug)]
pub(super) struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    pub(super) fn new(file: File) -> KeyLogFile {
        KeyLogFile(Mutex::new(file))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!(
            "{label} {} {}\n",
            hex::encode(client_random),
            hex::encode(secret)
        );
        if let Ok(mut file) = self.0.lock() {
            // A full disk must not end a connection.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

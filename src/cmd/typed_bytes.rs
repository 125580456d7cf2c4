//! Words of the command line where they stand for bytes: payloads, passwords, binary properties.

use std::ffi::{OsStr, OsString};

use super::Failure;

/// The bytes of a word: on unix whatever was typed, elsewhere that of its UTF-8.
pub(super) fn bytes(word: &OsStr) -> Option<&[u8]> {
    match cfg!(unix) {
        // There they are the system's own.
        true => Some(word.as_encoded_bytes()),
        false => word.to_str().map(str::as_bytes),
    }
}

/// The same for the value of a flag.
///
/// # Errors
/// Wrong usage, on systems where a word that is not Unicode has no bytes.
pub(super) fn bytes_of<'w>(flag: &str, word: &'w OsStr) -> Result<&'w [u8], Failure> {
    bytes(word).ok_or_else(|| {
        Failure::usage(format!(
            "what stands behind {flag} is not Unicode, and this system has no bytes for it: give \
             it in a file"
        ))
    })
}

/// The word of bytes that stand in a file; elsewhere than on unix, what is not UTF-8 is replaced.
#[cfg(unix)]
pub(super) fn word(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
pub(super) fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

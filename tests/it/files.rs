//! The files that tests read.

use std::path::{Path, PathBuf};

/// The files of a folder of `tests` that end in one of `extensions`, by name.
pub(crate) fn of(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| extensions.iter().any(|e| end == *e))
        })
        .collect();
    files.sort();
    files
}

/// Every capture.
pub(crate) fn captures() -> Vec<PathBuf> {
    let captures = of("captures", &["pcap", "pcapng"]);
    assert_eq!(captures.len(), 29);
    captures
}

/// Their names without the folder.
pub(crate) fn capture_names() -> Vec<String> {
    captures()
        .iter()
        .map(|path| name(path).to_owned())
        .collect()
}

/// A file's name without its folder.
pub(crate) fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

//! Files that are there as a whole or not at all: written beside their place, then put there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file in the making. Nothing is left of it if it is dropped.
#[derive(Debug)]
pub(super) struct WholeFile {
    path: PathBuf,
    beside: NamedTempFile,
}

/// Who may read a new file. One that is there keeps its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever may read other new files.
    Usual,
}

impl WholeFile {
    /// Begins one at this path.
    ///
    /// # Errors
    /// If it could not be put there: no such folder, no permission, or something there that is no
    /// file.
    pub(super) fn begin(path: &Path, readers: Readers) -> io::Result<WholeFile> {
        let path = behind_links(path);
        let old = fs::metadata(&path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Err(io::Error::other("it is there and no regular file"));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".midge-");
        #[cfg(unix)]
        if readers == Readers::Usual {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = readers;
        let folder = folder.unwrap_or(Path::new("."));
        // The library's own error names a file that nobody knows.
        fs::metadata(folder)?;
        let beside = builder.tempfile_in(folder)?;
        if let Some(old) = old {
            keep_owner(beside.as_file(), &old)?;
            beside.as_file().set_permissions(old.permissions())?;
        }
        Ok(WholeFile { path, beside })
    }

    /// Puts it in its place with what `write` writes.
    ///
    /// # Errors
    /// Those of the file and of `write`; then what was there is as it was.
    pub(super) fn finish(
        mut self,
        write: impl FnOnce(&mut io::BufWriter<&mut fs::File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = io::BufWriter::new(self.beside.as_file_mut());
        write(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        self.beside.as_file().sync_all()?;
        self.beside
            .persist(&self.path)
            .map_err(|error| error.error)?;
        Ok(())
    }
}

/// What a link stands for, also where nothing is there yet.
fn behind_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match (fs::read_link(path), path.parent()) {
        (Ok(target), Some(folder)) => folder.join(target),
        (Ok(target), None) => target,
        (Err(_), _) => path.to_owned(),
    })
}

#[cfg(unix)]
fn keep_owner(file: &fs::File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    match (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        true => Ok(()),
        false => fchown(file, Some(old.uid()), Some(old.gid())),
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let begin = || WholeFile::begin(&path, Readers::Usual).unwrap();
        drop(begin());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        begin().finish(|out| out.write_all(b"one")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let failed = begin().finish(|out| {
            out.write_all(b"tw")?;
            Err(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_a_file_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none/f")] {
            assert!(WholeFile::begin(&path, Readers::Owner).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("f"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = WholeFile::begin(&link, Readers::Usual).unwrap();
        file.finish(|out| out.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        // One that leads to what is not there yet.
        fs::remove_file(&path).unwrap();
        let file = WholeFile::begin(&link, Readers::Usual).unwrap();
        file.finish(|out| out.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

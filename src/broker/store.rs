//! The store: the records of the core's journal in a file, so that a broker that is killed finds
//! them again. What the records mean is the core's affair.
//!
//! A batch is one transaction of redb, which a kill leaves whole or undone. The file is written to
//! in place, and what the system has taken survives the process; whether it also survives the
//! machine is [`Sync`].

mod guard;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, Durability, ReadableTable, StorageBackend, StorageError,
    TableDefinition, TableError,
};

use self::guard::{Panicked, guard};
use super::core::{Change, Config, Core, RestoreError, Time};

/// What the table is called in the file, and so how others may know it.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("midge broker");
/// Changes whenever a record does.
const FORMAT: u8 = 1;
/// Under this key, which no record has.
const FORMAT_KEY: &[u8] = b"";
/// Pages that are kept in memory.
const CACHE: usize = 16 << 20;

/// When what is written counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// The system has it: it outlives the process, however that ends. When the machine fails, the
    /// file may be found broken.
    #[default]
    Never,
    /// The disk has it (fsync for each batch): it outlives the machine, too.
    Always,
}

/// Why there is no store, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{} is in use by another process; two brokers cannot share a store", .0.display())]
    InUse(PathBuf),
    /// It holds something else.
    #[error("{} is no store of midge and is left as it is; name another file", .0.display())]
    Foreign(PathBuf),
    /// It is damaged, and nothing of it can be trusted.
    #[error("the store {} is damaged ({why}); without it, in a new file, the broker begins with nothing", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Another version has written it.
    #[error("the store {} has format {found}, and this version of midge reads format {FORMAT}", .path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// The format that it has.
        found: u8,
    },
    /// What happens can no longer be kept.
    #[error("cannot write to the store {}: {why}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}

impl StoreError {
    fn senseless(path: &Path) -> StoreError {
        StoreError::Damaged {
            path: path.to_owned(),
            why: "it is cut off, or its parts do not fit together".to_owned(),
        }
    }
}

/// An open store; while it is open, no other process can open it.
#[derive(Debug)]
pub struct Store {
    /// None once redb has panicked: even to drop it may be too much then.
    database: Option<Database>,
    path: PathBuf,
}

impl Store {
    /// Opens a store, or makes one where there is no file or an empty one.
    ///
    /// # Errors
    /// If the file cannot be opened or is not a store that this version can use.
    pub fn open(path: &Path, sync: Sync) -> Result<Store, StoreError> {
        let cannot_open = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(cannot_open(io::Error::other("it is no regular file")));
        }
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) if file.metadata().map_err(cannot_open)?.len() > 0 => file,
            Ok(_) => return Store::create(path, sync),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Store::create(path, sync);
            }
            Err(error) => return Err(cannot_open(error)),
        };
        let mut store = Store {
            database: Some(open_database(file, path, sync)?),
            path: path.to_owned(),
        };
        match store.format()? {
            Some(FORMAT) => Ok(store),
            Some(found) => Err(StoreError::Format {
                path: store.path,
                found,
            }),
            None => Err(StoreError::Foreign(store.path)),
        }
    }

    /// Beside its place first, so that it is there as a whole or not at all.
    fn create(path: &Path, sync: Sync) -> Result<Store, StoreError> {
        let cannot_open = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        std::fs::metadata(folder).map_err(cannot_open)?;
        let beside = tempfile::Builder::new()
            .prefix(".midge-store-")
            .tempfile_in(folder)
            // Its own name, which nobody has asked for, stands in the rest of the error.
            .map_err(|error| cannot_open(error.kind().into()))?;
        let file = beside.reopen().map_err(cannot_open)?;
        let mut store = Store {
            database: Some(open_database(file, path, sync)?),
            path: path.to_owned(),
        };
        store.commit(&[Change {
            key: FORMAT_KEY.to_vec(),
            value: Some(vec![FORMAT]),
        }])?;
        beside
            .persist(path)
            .map_err(|error| cannot_open(error.error))?;
        Ok(store)
    }

    /// `None`: there is none, so it is not ours.
    fn format(&mut self) -> Result<Option<u8>, StoreError> {
        self.guarded(Store::read_format)?
    }

    fn read_format(&self) -> Result<Option<u8>, StoreError> {
        let damaged = |error: redb::Error| self.damaged(error);
        let read = self
            .database()?
            .begin_read()
            .map_err(|e| damaged(e.into()))?;
        let table = match read.open_table(RECORDS) {
            Ok(table) => table,
            Err(TableError::Storage(error)) => return Err(damaged(error.into())),
            Err(_) => return Ok(None),
        };
        let value = table.get(FORMAT_KEY).map_err(|e| damaged(e.into()))?;
        Ok(value.and_then(|value| value.value().first().copied()))
    }

    /// A core that goes on where the store stands; `now` is the time that it counts in.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn restore(&mut self, config: Config, now: Time) -> Result<Core, StoreError> {
        self.guarded(|store| store.read(config, now))?
    }

    fn read(&self, config: Config, now: Time) -> Result<Core, StoreError> {
        let damaged = |error: redb::Error| self.damaged(error);
        let read = self
            .database()?
            .begin_read()
            .map_err(|e| damaged(e.into()))?;
        let table = read.open_table(RECORDS).map_err(|e| damaged(e.into()))?;
        let all = table.iter().map_err(|e| damaged(e.into()))?;
        let mut failed = None;
        let records = all.map_while(|record| match record {
            Ok((key, value)) => Some((key.value().to_vec(), value.value().to_vec())),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let records = records.filter(|(key, _)| key != FORMAT_KEY);
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let core = Core::restore(config, now, wall.saturating_sub(now), records);
        match (core, failed) {
            (_, Some(error)) => Err(damaged(error.into())),
            (Err(RestoreError { key, .. }), None) => Err(StoreError::Damaged {
                path: self.path.clone(),
                why: format!("a record cannot be read: {key}"),
            }),
            (Ok(core), None) => Ok(core),
        }
    }

    /// Keeps a batch: all of it, or after an error or a kill none of it.
    ///
    /// # Errors
    /// If the file cannot be written, e.g. since the disk is full.
    pub fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.guarded(|store| {
            let committed = commit(store.database()?, changes);
            committed.map_err(|error| StoreError::Write {
                path: store.path.clone(),
                why: error.0.to_string(),
            })
        })?
    }

    fn database(&self) -> Result<&Database, StoreError> {
        self.database
            .as_ref()
            .ok_or_else(|| StoreError::senseless(&self.path))
    }

    /// Where redb panics, the file is damaged.
    fn guarded<T>(&mut self, work: impl FnOnce(&Store) -> T) -> Result<T, StoreError> {
        guard(|| work(self)).map_err(|Panicked| {
            // It may panic again, and the process ends soon.
            std::mem::forget(self.database.take());
            StoreError::senseless(&self.path)
        })
    }

    fn damaged(&self, error: redb::Error) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }
}

fn commit(database: &Database, changes: &[Change]) -> Result<(), CommitFailed> {
    let mut write = database.begin_write()?;
    // What that means is up to the backend, see `Unsynced`.
    write.set_durability(Durability::Immediate);
    {
        let mut table = write.open_table(RECORDS)?;
        for change in changes {
            let key = change.key.as_slice();
            match &change.value {
                Some(value) => drop(table.insert(key, value.as_slice())?),
                None => drop(table.remove(key)?),
            }
        }
    }
    Ok(write.commit()?)
}

/// One of the errors of a transaction, in redb's words.
struct CommitFailed(Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for CommitFailed {
    fn from(error: E) -> CommitFailed {
        CommitFailed(Box::new(error.into()))
    }
}

fn open_database(file: File, path: &Path, sync: Sync) -> Result<Database, StoreError> {
    let path = || path.to_owned();
    let open = || {
        let file = FileBackend::new(file)?;
        let mut builder = Database::builder();
        builder
            .set_cache_size(CACHE)
            .create_with_file_format_v3(true);
        match sync {
            Sync::Never => builder.create_with_backend(Unsynced(file)),
            Sync::Always => builder.create_with_backend(file),
        }
    };
    let opened = guard(open).map_err(|Panicked| StoreError::senseless(&path()))?;
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path()),
        DatabaseError::UpgradeRequired(_) => StoreError::Foreign(path()),
        DatabaseError::Storage(StorageError::Io(source)) => match source.kind() {
            // How redb says that it is no file of its own.
            io::ErrorKind::InvalidData => StoreError::Foreign(path()),
            _ => StoreError::Open {
                path: path(),
                source,
            },
        },
        error => StoreError::Damaged {
            path: path(),
            why: error.to_string(),
        },
    })
}

/// A file of which the system need not say when the disk has it.
#[derive(Debug)]
struct Unsynced(FileBackend);

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.0.read(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self, _eventual: bool) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &[u8], value: &[u8]) -> Change {
        Change {
            key: key.to_vec(),
            value: Some(value.to_vec()),
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Store::open(&path, Sync::Never).unwrap();
        assert!(matches!(
            Store::open(&path, Sync::Never),
            Err(StoreError::InUse(_))
        ));
        drop(store);
        Store::open(&path, Sync::Always).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_empty_file_becomes_a_store_and_another_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, "").unwrap();
        Store::open(&path, Sync::Never).unwrap();
        for content in ["x", "something else", &"long ".repeat(100_000)] {
            let path = folder.path().join("other");
            std::fs::write(&path, content).unwrap();
            let opened = Store::open(&path, Sync::Never);
            assert!(matches!(opened, Err(StoreError::Foreign(_))), "{opened:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        let path = folder.path().join("another database");
        Database::create(&path).unwrap();
        let opened = Store::open(&path, Sync::Never);
        assert!(matches!(opened, Err(StoreError::Foreign(_))), "{opened:?}");
    }

    #[test]
    fn a_store_of_another_version_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Store::open(&path, Sync::Never).unwrap();
        store.commit(&[change(FORMAT_KEY, &[7])]).unwrap();
        drop(store);
        let error = Store::open(&path, Sync::Never).unwrap_err().to_string();
        assert!(
            error.ends_with("has format 7, and this version of midge reads format 1"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Store::open(Path::new("/not/there"), Sync::Never)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot open /not/there: "), "{error}");
    }

    /// Cut off anywhere, or with any byte changed: an error, or what was committed.
    #[test]
    fn damage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Store::open(&path, Sync::Never).unwrap();
        let some = (0..200u32).map(|i| change(&[b"x", &i.to_be_bytes()[..]].concat(), &[7; 300]));
        store.commit(&some.collect::<Vec<_>>()).unwrap();
        drop(store);
        let whole = std::fs::read(&path).unwrap();
        let try_it = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            // That they are unknown records does not matter here.
            if let Ok(mut store) = Store::open(&path, Sync::Never) {
                let _ = store.restore(Config::default(), Time::ZERO);
                let _ = store.commit(&[change(b"y", b"y")]);
            }
        };
        for eighths in 1..8 {
            try_it(&whole[..whole.len() * eighths / 8]);
            assert!(Store::open(&path, Sync::Never).is_err(), "{eighths}/8");
        }
        let mut bytes = whole.clone();
        for at in (0..512)
            .step_by(3)
            .chain((512..whole.len()).step_by(whole.len() / 100))
        {
            bytes[at] ^= 0xff;
            try_it(&bytes);
            bytes[at] ^= 0xff;
        }
    }

    #[test]
    fn an_unknown_record_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("store"), Sync::Never).unwrap();
        store.commit(&[change(b"?", b"?")]).unwrap();
        let restored = store.restore(Config::default(), Time::ZERO);
        assert!(
            matches!(restored, Err(StoreError::Damaged { .. })),
            "{restored:?}"
        );
    }
}

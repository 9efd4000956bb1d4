//! The store that comes along: one file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Builder, Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::presence::totals::Totals;
use crate::store::contract::{RoomKey, Store, StoreError};
use crate::store::file::backend::BehindHeader;
use crate::store::file::disk::Disk;
use crate::store::file::error::FileStoreError;
use crate::store::file::header::{HEADER, Kind, OfDay};

mod backend;
mod disk;
pub(crate) mod error;
mod header;
#[cfg(test)]
mod properties;
mod tables;
#[cfg(test)]
mod tests;

/// Pages of the file in memory.
const CACHE: usize = 8 << 20;
const MAX_ROOMS: usize = 250_000;

/// A [`Store`] that is one file.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    max_rooms: usize,
    cache: usize,
    disk: Arc<Disk>,
    /// `None` after something went wrong, until it is opened again. Locked for moments only: what is begun
    /// here goes on without it.
    database: RwLock<Option<Database>>,
    /// Held by whoever changes the file, or opens it again.
    writing: Mutex<Writing>,
}

#[derive(Debug, Default)]
struct Writing {
    /// Of the secret that is kept.
    day: Option<u64>,
    /// How many rooms were forgotten for want of room.
    forgotten: u64,
}

impl FileStore {
    /// Opens this file, and makes it if it is not there; its folder has to be.
    ///
    /// # Errors
    ///
    /// If it can't be used, with what to do about it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileStoreError> {
        Self::open_with(path.as_ref(), CACHE)
    }

    fn open_with(path: &Path, cache: usize) -> Result<Self, FileStoreError> {
        let disk = Arc::new(Disk::new(lock(path)?));
        let io = |source| FileStoreError::opening(path, source);
        let database = match header::kind(&disk).map_err(io)? {
            Kind::Store => open(path, &disk, cache)?,
            Kind::New => make(path, &disk, cache)?,
            Kind::Newer(format) => {
                return Err(FileStoreError::Newer { path: path.to_owned(), format });
            }
            Kind::Foreign => return Err(FileStoreError::NotAStore { path: path.to_owned() }),
            Kind::Damaged => return Err(FileStoreError::damaged(path, "its header")),
        };
        let day = OfDay::read(&disk).map_err(io)?.map(|of_day| of_day.day);
        Ok(Self {
            path: path.to_owned(),
            max_rooms: MAX_ROOMS,
            cache,
            disk,
            database: RwLock::new(Some(database)),
            writing: Mutex::new(Writing { day, ..Writing::default() }),
        })
    }

    /// Keeps so many rooms at most: 250,000, if not said otherwise. Beyond that those go that were not changed
    /// for the longest time, and a warning in the log says so.
    #[must_use]
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.max_rooms = rooms;
        self
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this with what is kept.
    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, FileStoreError> {
        let work = || {
            let transaction = self.begin_read()?;
            work(&transaction).map_err(|error| FileStoreError::redb(&self.path, error))
        };
        self.guarded(work).inspect_err(|_| {
            // Whoever writes right now will fail, too, and see to it.
            if let Ok(_writing) = self.writing.try_lock() {
                self.close();
            }
        })
    }

    fn begin_read(&self) -> Result<ReadTransaction, FileStoreError> {
        let begin = || {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            database.as_ref().map(ReadableDatabase::begin_read)
        };
        let begun = match begin() {
            Some(begun) => begun,
            None => {
                let busy = || io::Error::other("the store is being opened again after an error");
                let writing =
                    self.writing.try_lock().map_err(|_| FileStoreError::io(&self.path, busy()))?;
                self.reopen()?;
                drop(writing);
                begin().ok_or_else(|| FileStoreError::io(&self.path, busy()))?
            }
        };
        begun.map_err(|error| FileStoreError::redb(&self.path, error.into()))
    }

    /// Does all of this to what is kept, or nothing.
    fn write<T>(
        &self,
        _writing: &mut Writing,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, FileStoreError> {
        let redb = |error| FileStoreError::redb(&self.path, error);
        if self.disk.is_gone() {
            return Err(FileStoreError::Gone { path: self.path.clone() });
        }
        let mut tried = None;
        let done = self.guarded(|| {
            self.reopen()?;
            let transaction = {
                let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
                let database = database.as_ref().expect("it is open");
                database.begin_write().map_err(|error| redb(error.into()))?
            };
            let batch = tables::begin(&transaction).map_err(redb)?;
            let result = work(&transaction).map_err(redb)?;
            tried = Some((batch, result));
            transaction.commit().map_err(|error| redb(error.into()))
        });
        let Err(error) = done else {
            return Ok(tried.expect("it is done").1);
        };
        // redb does nothing more after an error, and an error of a commit doesn't say whether it is done.
        self.close();
        if let Some((batch, result)) = tried
            && self.reopen().is_ok()
            && self.read(tables::batches).is_ok_and(|batches| batches == batch)
        {
            return Ok(result);
        }
        Err(error)
    }

    fn reopen(&self) -> Result<(), FileStoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            *database = Some(open(&self.path, &self.disk, self.cache)?);
        }
        Ok(())
    }

    fn close(&self) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        // After a panic another one may follow.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }

    fn guarded<T>(
        &self,
        work: impl FnOnce() -> Result<T, FileStoreError>,
    ) -> Result<T, FileStoreError> {
        guarded(&self.path, work)
    }
}

impl Store for FileStore {
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        Ok(self.read(|transaction| tables::load(transaction, room))?)
    }

    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
        let mut writing = self.writing();
        let (day, max_rooms) = (writing.day, self.max_rooms);
        let forgotten = self.write(&mut writing, |transaction| {
            tables::save(transaction, changes, day, max_rooms)
        })?;
        let before = writing.forgotten;
        writing.forgotten += forgotten;
        // Not in each batch from now on: when it has become twice as much.
        if writing.forgotten.checked_ilog2() != before.checked_ilog2() {
            tracing::warn!(
                rooms = writing.forgotten,
                max_rooms,
                "totals of rooms were forgotten, of those first that were not changed for long: \
                 FileStore::max_rooms says how many are kept"
            );
        }
        Ok(())
    }

    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
        Ok(self.read(|transaction| tables::for_each(transaction, each))?)
    }

    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        let io = |source| FileStoreError::io(&self.path, source);
        let mut writing = self.writing();
        let kept = OfDay::read(&self.disk).map_err(io)?.filter(|kept| kept.day == day);
        let of_day = match kept {
            Some(kept) if kept.is_alone => return Ok(kept.secret),
            Some(kept) => kept,
            None => {
                // First of all, and where it was: it needs no space, so a full disk keeps no secret.
                let of_day = OfDay { day, secret: new, is_alone: false };
                of_day.write(&self.disk).map_err(io)?;
                of_day
            }
        };
        writing.day = Some(day);
        self.write(&mut writing, tables::forget_people)?;
        OfDay { is_alone: true, ..of_day }.write(&self.disk).map_err(io)?;
        Ok(of_day.secret)
    }
}

impl Drop for FileStore {
    /// Does not wait for the disk: what has been saved is there.
    fn drop(&mut self) {
        self.disk.end();
        self.close();
    }
}

/// Opens a file, or makes it, for nobody else.
fn lock(path: &Path) -> Result<File, FileStoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // It is about visitors.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let io = |source| FileStoreError::opening(path, source);
    let file = options.open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(FileStoreError::NotAFile { path: path.to_owned() });
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FileStoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn make(path: &Path, disk: &Arc<Disk>, cache: usize) -> Result<Database, FileStoreError> {
    let io = |source| FileStoreError::opening(path, source);
    header::begin(disk).map_err(io)?;
    let database = build(path, disk, cache)?;
    tables::make(&database).map_err(|error| FileStoreError::redb(path, error))?;
    header::finish(disk).map_err(io)?;
    // So that the file is still in its folder after a power failure.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // A folder that may not be read can't be synced.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(database)
}

fn open(path: &Path, disk: &Arc<Disk>, cache: usize) -> Result<Database, FileStoreError> {
    let len = disk.len().map_err(|source| FileStoreError::io(path, source))?;
    // redb would begin anew.
    if len <= HEADER {
        return Err(FileStoreError::damaged(path, "it is cut off"));
    }
    build(path, disk, cache)
}

fn build(path: &Path, disk: &Arc<Disk>, cache: usize) -> Result<Database, FileStoreError> {
    guarded(path, || {
        let redb = |error| FileStoreError::redb(path, error);
        let mut builder = Builder::new();
        builder.set_cache_size(cache);
        // Otherwise redb trusts what it reads, and panics if it is wrong.
        builder.set_check_integrity_on_open(true);
        builder
            .create_with_backend(BehindHeader::new(disk.clone()))
            .map_err(|error| redb(error.into()))
    })
}

/// redb may panic when a file is damaged.
fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, FileStoreError>,
) -> Result<T, FileStoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(FileStoreError::damaged(path, text.unwrap_or("redb panicked")))
    })
}

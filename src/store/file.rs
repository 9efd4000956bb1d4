//! The store that comes along: one file.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use redb::{Database, ReadTransaction, ReadableDatabase, TransactionError, WriteTransaction};

use crate::presence::totals::Totals;
use crate::store::contract::{RoomKey, Store, StoreError};
use crate::store::file::disk::Disk;
use crate::store::file::error::FileStoreError;
use crate::store::file::header::{Kind, OfDay};
use crate::store::file::open::{guarded, lock, make, open};

mod backend;
mod disk;
pub(crate) mod error;
mod header;
mod open;
#[cfg(test)]
mod properties;
mod tables;
#[cfg(test)]
mod tests;

/// Pages of the file in memory.
const CACHE: usize = 8 << 20;
const MAX_ROOMS: usize = 250_000;

/// A [`Store`] that is one file, on a disk of this machine.
///
/// ```no_run
/// use tower_livebadge::{Badge, FileStore, LiveBadgeLayer};
///
/// let badges = LiveBadgeLayer::builder()
///     .badge("/online.png", Badge::online())
///     .store(FileStore::open("totals")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One process has it at a time. Of a process that is killed, or a machine that loses power, there is what was
/// last saved, whole.
///
/// **Errors while it runs** leave what was there before. It goes on by itself as soon as it can: when a full disk
/// has space again, when a failing one works again, when a sound copy was put over a damaged file. A file that was
/// deleted is not made again before the process is started again.
///
/// **Whatever the file has become**, nothing in it ends the process, and no wrong number comes of it: everything is
/// checked when the file is opened, and each page again when it is read later.
///
/// **Privacy:** who came today is kept as hashes, under a secret of that day. The secret of the day before is
/// overwritten in the file. What the disk, the file system, or a backup has copied is out of reach. The file is
/// made so that only its owner reads it.
///
/// **How much, how fast:** 100,000 rooms take 70 MB, and 140 MB if 20 people came to each today. To open them takes a
/// third of a second, as all of it is read, after a kill as after anything else; to save 1,000 of them a tenth; to
/// load one 0.03 ms, while others are saved, too. In memory it takes some 10 MB, and 2 MB for each GB of the file.
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

    fn try_writing(&self) -> Option<MutexGuard<'_, Writing>> {
        match self.writing.try_lock() {
            Ok(writing) => Some(writing),
            Err(TryLockError::Poisoned(writing)) => Some(writing.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Does this with what is kept.
    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, FileStoreError> {
        // Nothing is wrong with the rest.
        let mut is_sound = false;
        let done = guarded(&self.path, || {
            let Some(begun) = self.begin_read()? else {
                is_sound = true;
                let busy = io::Error::other("it is being opened again after an error");
                return Err(FileStoreError::io(&self.path, busy));
            };
            begun.map_err(redb::Error::from).and_then(|begun| work(&begun)).map_err(|error| {
                is_sound = matches!(error, redb::Error::Corrupted(_));
                FileStoreError::redb(&self.path, error)
            })
        });
        // Whoever writes right now will fail, too, and see to it.
        if done.is_err()
            && !is_sound
            && let Some(_writing) = self.try_writing()
        {
            self.close();
        }
        done
    }

    /// `None` while somebody else opens it again.
    fn begin_read(
        &self,
    ) -> Result<Option<Result<ReadTransaction, TransactionError>>, FileStoreError> {
        let begin = || {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            database.as_ref().map(ReadableDatabase::begin_read)
        };
        let begun = begin();
        if begun.is_none()
            && let Some(_writing) = self.try_writing()
        {
            self.reopen()?;
            return Ok(begin());
        }
        Ok(begun)
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
        let done = guarded(&self.path, || {
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
        let mut panic = None;
        let mut guarded = |room, totals| {
            panic = catch_unwind(AssertUnwindSafe(|| each(room, totals))).err();
            panic.is_none()
        };
        let done = self.read(|transaction| tables::for_each(transaction, &mut guarded));
        // It is not redb's.
        panic.map_or(Ok(done?), |panic| resume_unwind(panic))
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

//! How a file is opened, and made.

use std::fs::{File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database};

use crate::store::file::backend::BehindHeader;
use crate::store::file::disk::Disk;
use crate::store::file::error::FileStoreError;
use crate::store::file::header::{self, HEADER};
use crate::store::file::tables;

/// Opens a file, or makes it, for nobody else.
pub(crate) fn lock(path: &Path) -> Result<File, FileStoreError> {
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

/// Makes a store in a file that holds none.
pub(crate) fn make(
    path: &Path,
    disk: &Arc<Disk>,
    cache: usize,
) -> Result<Database, FileStoreError> {
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

/// Opens the one that is in a file.
pub(crate) fn open(
    path: &Path,
    disk: &Arc<Disk>,
    cache: usize,
) -> Result<Database, FileStoreError> {
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
pub(crate) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, FileStoreError>,
) -> Result<T, FileStoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(FileStoreError::damaged(path, text.unwrap_or("redb panicked")))
    })
}

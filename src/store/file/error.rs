//! Why a file is no store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a [`FileStore`](crate::FileStore) can't be opened, read, or written; its text says what to do.
///
/// `Debug` says the same, so that a `main` that ends with it shows what to do.
#[derive(Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// Another process has it open, or this one, twice.
    #[error(
        "{} is in use: another process has it open, or this one has opened it twice; give each process, and \
         each layer, a file of its own",
        path.display()
    )]
    InUse {
        /// Of the file.
        path: PathBuf,
    },
    /// The folder that the file would be in is not there.
    #[error("{}: there is no such folder; make it first", path.display())]
    NoFolder {
        /// Of the file.
        path: PathBuf,
    },
    /// It is a folder, a device, or anything else that is no file.
    #[error("{} is not a file; give the path of one, which is made if it is not there", path.display())]
    NotAFile {
        /// Of what is there.
        path: PathBuf,
    },
    /// The file, its folder, or the whole file system may not be written.
    #[error(
        "{} can't be written ({source}); let the user that this process runs as read and write it, and its folder \
         if it is yet to be made",
        path.display()
    )]
    NotWritable {
        /// Of the file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Something else is in the file; it is left as it is.
    #[error(
        "{} is no store of tower-livebadge, and was left as it is; give another path, or move it away",
        path.display()
    )]
    NotAStore {
        /// Of the file.
        path: PathBuf,
    },
    /// A newer version of this crate has written it.
    #[error(
        "{} was written by a newer version of tower-livebadge (its format is {format}, and this one knows up to \
         {}); use that version, or another file",
        path.display(),
        crate::store::file::header::FORMAT
    )]
    Newer {
        /// Of the file.
        path: PathBuf,
        /// The version of the file's format.
        format: u32,
    },
    /// It was a store, and has been cut off or changed by something else.
    #[error(
        "{} is damaged ({reason}); bring back a copy of it, or move it away, and totals begin anew",
        path.display()
    )]
    Damaged {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It has been deleted, or another file was put in its place, since it was opened.
    #[error(
        "{} was deleted or replaced while it was in use, and nothing is kept any more; restart the process",
        path.display()
    )]
    Gone {
        /// Of what was the file.
        path: PathBuf,
    },
    /// The operating system can't read or write it now: the disk is full, or failing.
    #[error("{}: {source}", path.display())]
    Io {
        /// Of the file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl fmt::Debug for FileStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FileStoreError {
    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, UnexpectedEof};
        let owned = path.to_owned();
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem => Self::NotWritable { path: owned, source },
            UnexpectedEof => Self::damaged(path, "it is cut off"),
            _ => Self::Io { path: owned, source },
        }
    }

    /// While a file is opened for the first time, or made.
    pub(crate) fn opening(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
        let owned = path.to_owned();
        match source.kind() {
            IsADirectory => Self::NotAFile { path: owned },
            // Windows calls it a want of permission.
            _ if path.is_dir() => Self::NotAFile { path: owned },
            NotFound | NotADirectory => Self::NoFolder { path: owned },
            _ => Self::io(path, source),
        }
    }

    pub(crate) fn redb(path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
                Self::io(path, source)
            }
            error => Self::damaged(path, error),
        }
    }
}

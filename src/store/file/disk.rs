//! Where the bytes are: one file, of which redb sees what is behind our header.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

/// Ours; redb's begin behind it.
pub(crate) const HEADER: u64 = 4096;

/// A file that is read and written at places, by many threads.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    is_over: AtomicBool,
    #[cfg(test)]
    pub(crate) faults: faults::Faults,
}

impl Disk {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            is_over: AtomicBool::new(false),
            #[cfg(test)]
            faults: Default::default(),
        }
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.check(false)?;
        Ok(self.file.metadata()?.len())
    }

    pub(crate) fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.check(false)?;
        read_exact_at(&self.file, bytes, at)
    }

    pub(crate) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.check(true)?;
        write_all_at(&self.file, bytes, at)
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        self.check(true)?;
        self.file.set_len(len)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.check(true)?;
        self.file.sync_data()
    }

    /// With its length, and whatever else there is to it.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.check(true)?;
        self.file.sync_all()
    }

    /// Whether nobody will find it again: writing it still works, but to no end.
    pub(crate) fn is_gone(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
        }
        // Elsewhere an open file can't be deleted.
        #[cfg(not(unix))]
        false
    }

    /// From now on nothing is read or written.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    fn check(&self, _writes: bool) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check(_writes)?;
        match self.is_over.load(Ordering::Acquire) {
            true => Err(io::Error::other("the store is closed")),
            false => Ok(()),
        }
    }
}

/// What redb takes for the whole file.
#[derive(Debug)]
pub(crate) struct BehindHeader(pub(crate) Arc<Disk>);

impl StorageBackend for BehindHeader {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len()?.saturating_sub(HEADER))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(out, place(offset)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(place(len)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(data, place(offset)?)
    }
}

/// A damaged file may lead redb anywhere.
fn place(offset: u64) -> io::Result<u64> {
    let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
    offset.checked_add(HEADER).filter(|place| i64::try_from(*place).is_ok()).ok_or_else(end)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => (bytes, at) = (&mut bytes[read..], at + read as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => (bytes, at) = (&bytes[written..], at + written as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
compile_error!(
    "the feature `store` needs files that are read and written at places: Unix or Windows"
);

#[cfg(test)]
pub(crate) mod faults {
    use std::io;
    use std::sync::Mutex;
    use std::time::Duration;

    /// What is wrong with a disk, for tests.
    #[derive(Debug, Default)]
    pub(crate) struct Faults(pub(crate) Mutex<Fault>);

    #[derive(Debug, Default)]
    pub(crate) enum Fault {
        #[default]
        None,
        /// After so many more writes, every one fails.
        Writes(usize),
        /// So much for reads.
        Reads(usize),
        /// What is written takes long.
        Slow(Duration),
    }

    impl Faults {
        pub(crate) fn set(&self, fault: Fault) {
            *self.0.lock().unwrap() = fault;
        }

        pub(super) fn check(&self, writes: bool) -> io::Result<()> {
            let mut fault = self.0.lock().unwrap();
            let left = match (&mut *fault, writes) {
                (Fault::Writes(left), true) | (Fault::Reads(left), false) => left,
                (Fault::Slow(time), true) => {
                    let time = *time;
                    drop(fault);
                    std::thread::sleep(time);
                    return Ok(());
                }
                _ => return Ok(()),
            };
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Err(io::Error::from(io::ErrorKind::StorageFull)),
            }
            Ok(())
        }
    }
}

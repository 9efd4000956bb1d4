//! Where the bytes are: one file.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

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

    /// From now on nothing is read or written, and others may have it: a child that is just being started may
    /// have a copy of its descriptor.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        let _ = self.file.unlock();
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
    use std::sync::{Condvar, Mutex};

    /// What is wrong with a disk, for tests.
    #[derive(Debug, Default)]
    pub(crate) struct Faults {
        fault: Mutex<(Fault, bool)>,
        changed: Condvar,
    }

    #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        #[default]
        None,
        /// After so many more writes, so many fail.
        Writes(usize, usize),
        /// So much for reads.
        Reads(usize, usize),
        /// Nothing is written before the fault is another.
        Held,
    }

    impl Faults {
        pub(crate) fn set(&self, fault: Fault) {
            *self.fault.lock().unwrap() = (fault, false);
            self.changed.notify_all();
        }

        /// What is left of it.
        pub(crate) fn get(&self) -> Fault {
            self.fault.lock().unwrap().0
        }

        /// Returns once somebody is held.
        pub(crate) fn wait(&self) {
            drop(self.changed.wait_while(self.fault.lock().unwrap(), |(_, is_held)| !*is_held));
        }

        pub(super) fn check(&self, writes: bool) -> io::Result<()> {
            let mut fault = self.fault.lock().unwrap();
            let (after, times) = match (&mut fault.0, writes) {
                (Fault::Writes(after, times), true) | (Fault::Reads(after, times), false) => {
                    (after, times)
                }
                (Fault::Held, true) => {
                    fault.1 = true;
                    self.changed.notify_all();
                    drop(self.changed.wait_while(fault, |(fault, _)| *fault == Fault::Held));
                    return Ok(());
                }
                _ => return Ok(()),
            };
            match (after.checked_sub(1), times.checked_sub(1)) {
                (Some(fewer), _) => *after = fewer,
                (None, Some(fewer)) => {
                    *times = fewer;
                    return Err(io::Error::from(io::ErrorKind::StorageFull));
                }
                (None, None) => {}
            }
            Ok(())
        }
    }
}

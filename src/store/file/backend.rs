//! What redb takes for its file: what is behind our header.

use std::io;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

use crate::store::file::disk::Disk;
use crate::store::file::header::HEADER;

const PAGE: usize = 4096;

/// Gives redb nothing that it has not written, or seen before.
///
/// It looks at all of the file's checksums when it opens it, and at none afterwards. What it makes of pages that
/// have changed since (a disk that fails, a copy put back over the file) is anything up to the end of the process:
/// it panics, and again while it cleans up. So there is a checksum of each page here, and the error that redb
/// gets instead makes it be opened again, and look.
#[derive(Debug)]
pub(crate) struct BehindHeader {
    disk: Arc<Disk>,
    /// One for each page that is known.
    sums: Mutex<Vec<Option<NonZeroU64>>>,
}

impl BehindHeader {
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self { disk, sums: Mutex::default() }
    }

    /// Calls this with what is known of each page that is all there.
    fn each_sum(
        &self,
        offset: u64,
        bytes: &[u8],
        mut each: impl FnMut(&mut Option<NonZeroU64>, NonZeroU64),
    ) {
        let skipped = (offset.next_multiple_of(PAGE as u64) - offset) as usize;
        let pages = bytes.get(skipped..).unwrap_or_default().chunks_exact(PAGE);
        let new: Vec<_> = pages.map(sum).collect();
        let first = offset.div_ceil(PAGE as u64) as usize;
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if sums.len() < first + new.len() {
            sums.resize(first + new.len(), None);
        }
        sums[first..].iter_mut().zip(new).for_each(|(old, new)| each(old, new));
    }

    /// Nothing is known of pages from the one that this is in to the one that that is in.
    fn forget(&self, from: u64, to: u64) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let to = sums.len().min(to.div_ceil(PAGE as u64) as usize);
        let from = to.min((from / PAGE as u64) as usize);
        sums[from..to].fill(None);
    }
}

impl StorageBackend for BehindHeader {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.len()?.saturating_sub(HEADER))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(out, place(offset)?)?;
        let mut is_sound = true;
        self.each_sum(offset, out, |old, new| is_sound &= *old.get_or_insert(new) == new);
        let why = "something else has written it";
        if is_sound { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, why)) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.forget(len, u64::MAX);
        self.disk.set_len(place(len)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.forget(offset, offset.saturating_add(data.len() as u64));
        self.disk.write(data, place(offset)?)?;
        self.each_sum(offset, data, |old, new| *old = Some(new));
        Ok(())
    }
}

/// Of bytes of redb's in the file.
fn place(offset: u64) -> io::Result<u64> {
    // A damaged file may lead redb anywhere.
    let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
    offset.checked_add(HEADER).filter(|place| i64::try_from(*place).is_ok()).ok_or_else(end)
}

/// Any bit that flips makes it another one. It holds nothing up, as one against malice would.
fn sum(page: &[u8]) -> NonZeroU64 {
    let (words, _) = page.as_chunks();
    let sum = words.iter().fold(1, |sum: u64, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    NonZeroU64::new(sum).unwrap_or(NonZeroU64::MIN)
}

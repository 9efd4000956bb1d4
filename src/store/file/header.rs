//! The first 4 KB of the file: what it is, and the secret of the day.
//!
//! The secret has a place of its own, which is overwritten. redb never overwrites: what it has freed stays in
//! the file until something else happens to be put there.

use std::hash::Hasher;
use std::io;

use siphasher::sip::SipHasher24;

use crate::store::file::disk::Disk;

/// So long is it; redb's bytes begin behind it.
pub(crate) const HEADER: u64 = 4096;
/// The version of the format that is written.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: [u8; 16] = *b"tower-livebadge\0";
/// The format, with the lowest byte first.
const FORMAT_AT: usize = 16;
const STATE_AT: usize = 24;
/// Far from each other: no bit that flips makes a store one that may be made anew.
const BEING_MADE: [u8; 8] = *b"making..";
const READY: [u8; 8] = *b"ready!!!";
/// A sector of its own, which disks write whole or not at all.
const SECRET_AT: u64 = 512;
const SECRET_LEN: usize = 40;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing yet, or the process was killed while it was made.
    New,
    Store,
    Newer(u32),
    Foreign,
    Damaged,
}

pub(crate) fn kind(disk: &Disk) -> io::Result<Kind> {
    let len = disk.len()?;
    let mut bytes = vec![0; len.min(HEADER) as usize];
    disk.read(&mut bytes, 0)?;
    // A power failure may leave zeros.
    if len == 0 || len == HEADER && bytes.iter().all(|byte| *byte == 0) {
        return Ok(Kind::New);
    }
    if !bytes.starts_with(&MAGIC) {
        return Ok(Kind::Foreign);
    }
    if len <= HEADER && new().starts_with(&bytes) {
        return Ok(Kind::New);
    }
    if bytes.len() < HEADER as usize {
        return Ok(Kind::Damaged);
    }
    let format = u32::from_le_bytes(word(&bytes, FORMAT_AT));
    Ok(match word(&bytes, STATE_AT) {
        _ if format > FORMAT => Kind::Newer(format),
        _ if format < FORMAT => Kind::Damaged,
        BEING_MADE => Kind::New,
        READY => Kind::Store,
        _ => Kind::Damaged,
    })
}

/// Begins to make a store, in the place of whatever is there.
pub(crate) fn begin(disk: &Disk) -> io::Result<()> {
    disk.set_len(0)?;
    disk.write(&new(), 0)?;
    disk.sync_all()
}

/// It is made.
pub(crate) fn finish(disk: &Disk) -> io::Result<()> {
    disk.write(&READY, STATE_AT as u64)?;
    disk.sync_all()
}

fn new() -> Vec<u8> {
    let mut bytes = vec![0; HEADER as usize];
    bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    bytes[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[STATE_AT..STATE_AT + 8].copy_from_slice(&BEING_MADE);
    bytes
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut word = [0; N];
    word.copy_from_slice(&bytes[at..at + N]);
    word
}

/// The secret of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfDay {
    pub(crate) day: u64,
    pub(crate) secret: [u8; 16],
    /// Whether people of other days are gone.
    pub(crate) is_alone: bool,
}

impl OfDay {
    /// `None` if there is none, or if it was not written whole.
    pub(crate) fn read(disk: &Disk) -> io::Result<Option<Self>> {
        let mut bytes = [0; SECRET_LEN];
        disk.read(&mut bytes, SECRET_AT)?;
        let of_day = Self {
            day: u64::from_le_bytes(word(&bytes, 0)),
            secret: word(&bytes, 8),
            is_alone: bytes[24] == 1,
        };
        Ok((of_day.bytes() == bytes).then_some(of_day))
    }

    /// Over the one that was there.
    pub(crate) fn write(&self, disk: &Disk) -> io::Result<()> {
        disk.write(&self.bytes(), SECRET_AT)?;
        disk.sync()
    }

    fn bytes(&self) -> [u8; SECRET_LEN] {
        let mut bytes = [0; SECRET_LEN];
        bytes[..8].copy_from_slice(&self.day.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.secret);
        bytes[24] = self.is_alone.into();
        // To be sure that it is whole, not that nobody has made it up.
        let mut hasher = SipHasher24::new_with_key(&MAGIC);
        hasher.write(&bytes[..32]);
        bytes[32..].copy_from_slice(&hasher.finish().to_le_bytes());
        bytes
    }
}

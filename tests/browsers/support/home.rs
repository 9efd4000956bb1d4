//! A folder for everything that a browser writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

/// Removed on drop, even if programs that are being killed still write into it for a moment.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("there is a folder for temporary files").keep())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for _ in 0..40 {
            if std::fs::remove_dir_all(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}

//! The locks of what takes part in the models of threads: in these tests they are loom's, which tries
//! every order in which threads can take them.

#[cfg(all(test, livebadge_loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, livebadge_loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

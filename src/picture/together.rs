//! Stills of one picture that are asked for at the same time are drawn once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

/// What is being made for somebody, for whoever else wants it.
#[derive(Debug)]
pub(crate) struct Together<K, T>(Mutex<HashMap<K, Weak<OnceCell<T>>>>);

impl<K: Eq + Hash + Clone, T: Clone> Together<K, T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// What `make` makes, once for all who wait for it. If it fails for one, or that one goes, the next
    /// one tries. Returns also whether it was made for this one.
    pub(crate) async fn make<E>(
        &self,
        key: &K,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<(T, bool), E> {
        let mut share = Share { together: self, key, cell: Some(self.cell(key)) };
        let cell = share.cell.get_or_insert_default();
        let mut is_made_here = false;
        let init = async {
            is_made_here = true;
            make().await
        };
        let made = cell.get_or_try_init(|| init).await?.clone();
        Ok((made, is_made_here))
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<T>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = cells.get(key).and_then(Weak::upgrade) {
            return cell;
        }
        let cell = Arc::new(OnceCell::new());
        cells.insert(key.clone(), Arc::downgrade(&cell));
        cell
    }
}

/// Somebody's share in what is being made; the last one who goes leaves nothing behind.
struct Share<'a, K: Eq + Hash, T> {
    together: &'a Together<K, T>,
    key: &'a K,
    /// `None` once it is given back.
    cell: Option<Arc<OnceCell<T>>>,
}

impl<K: Eq + Hash, T> Drop for Share<'_, K, T> {
    fn drop(&mut self) {
        let mut cells = self.together.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.cell = None;
        if cells.get(self.key).is_some_and(|cell| cell.strong_count() == 0) {
            cells.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use futures_util::future::{join, join_all};

    use super::*;

    #[tokio::test]
    async fn what_many_want_is_made_once() {
        let (together, made) = (Together::<u8, u32>::new(), Cell::new(0));
        let make = |key: u8| {
            let (together, made) = (&together, &made);
            async move {
                let make = async || {
                    made.set(made.get() + 1);
                    tokio::task::yield_now().await;
                    Ok::<_, ()>(u32::from(key))
                };
                together.make(&key, make).await.unwrap()
            }
        };
        let (ones, two) = join(join_all((0..10).map(|_| make(1))), make(2)).await;
        assert_eq!((ones.iter().filter(|one| one.1).count(), made.get()), (1, 2));
        assert!(ones.iter().all(|one| one.0 == 1) && two == (2, true));
        assert!(together.0.lock().unwrap().is_empty(), "nothing is left behind");
        make(1).await;
        assert_eq!(made.get(), 3);
    }

    #[tokio::test]
    async fn the_next_one_tries_if_one_fails_or_goes() {
        let together = Together::<u8, u32>::new();
        let fails = together.make(&1, async || Err(()));
        let works = together.make(&1, async || Ok::<_, ()>(7));
        assert_eq!(join(fails, works).await, (Err(()), Ok((7, true))));

        let mut goes = Box::pin(together.make(&1, async || pending::<Result<u32, ()>>().await));
        assert!(futures_util::poll!(&mut goes).is_pending());
        let mut waits = Box::pin(together.make(&1, async || ready(Ok::<_, ()>(8)).await));
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(goes);
        assert_eq!(waits.await, Ok((8, true)));

        let mut goes = Box::pin(together.make(&2, async || pending::<Result<u32, ()>>().await));
        assert!(futures_util::poll!(&mut goes).is_pending());
        drop(goes);
        assert!(together.0.lock().unwrap().is_empty(), "nothing is left behind");
    }
}

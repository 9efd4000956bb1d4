//! The threads that pictures are drawn on: as many as there are processors, begun when there is
//! something to draw, ended with whoever owns them.
//!
//! Not the runtime's own: their stacks are too small for deeply nested SVG, and with always the same
//! few threads the allocator keeps the memory of few drawings (glibc keeps some for each thread).

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A nesting that overflows 2 MiB of stack (654 `<svg>`, 577 `<tspan>`) fits, within 64 KiB of text.
const STACK: usize = 8 * 1024 * 1024;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
pub(crate) struct Threads {
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    begun: Mutex<usize>,
    most: usize,
}

impl Threads {
    pub(crate) fn new() -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let most = thread::available_parallelism().map_or(1, usize::from);
        Self { jobs, waiting, begun: Mutex::new(0), most }
    }

    /// Runs this when there is a thread for it. It must not panic.
    ///
    /// # Errors
    ///
    /// If there is no thread at all, and none can be made.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.begin_one_more()?;
        // Can't fail: `waiting` is held here, too.
        let _ = self.jobs.send(Box::new(job));
        Ok(())
    }

    fn begin_one_more(&self) -> io::Result<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if *begun == self.most {
            return Ok(());
        }
        let waiting = self.waiting.clone();
        let thread = roomy().spawn(move || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                match next {
                    Ok(job) => job(),
                    Err(_) => return,
                }
            }
        });
        match thread {
            Ok(_) => *begun += 1,
            Err(error) if *begun == 0 => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }
}

/// A thread with enough stack for a drawing.
pub(crate) fn roomy() -> thread::Builder {
    thread::Builder::new().name("livebadge-draw".into()).stack_size(STACK)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    #[test]
    fn jobs_run_on_as_many_threads_as_there_are_processors() {
        let threads = Threads::new();
        let (sender, seen) = channel();
        let together = Arc::new(Barrier::new(threads.most));
        for _ in 0..threads.most * 10 {
            let (sender, together) = (sender.clone(), together.clone());
            let job = move || {
                together.wait(); // ends only if all of them run at the same time
                sender.send(thread::current().id()).unwrap();
            };
            threads.run(job).unwrap();
        }
        let next = || seen.recv_timeout(Duration::from_secs(10)).unwrap();
        let ids: HashSet<_> = (0..threads.most * 10).map(|_| next()).collect();
        assert_eq!(ids.len(), threads.most);
    }

    #[test]
    fn threads_end_with_their_owner() {
        let threads = Threads::new();
        let waiting = Arc::downgrade(&threads.waiting);
        threads.run(|| {}).unwrap();
        drop(threads);
        let mut patience = (0..1000).map(|_| thread::sleep(Duration::from_millis(10)));
        assert!(patience.any(|()| waiting.upgrade().is_none()));
    }
}

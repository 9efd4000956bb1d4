//! The threads that pictures are drawn on: as many as there are processors, begun when there is
//! something to draw, ended with whoever owns them.
//!
//! Not the runtime's own: their stacks are too small for deeply nested SVG, and with always the same
//! few threads the allocator keeps the memory of few drawings (glibc keeps some for each thread).
//!
//! There are three lanes. Live pictures go first, and where there are two threads or more, one of them is
//! always free for them: neither stills of a thousand rooms nor a dozen styles of one room, which few
//! look at, hold up what everybody looks at.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::PaintError;

/// A nesting that overflows 2 MiB of stack (654 `<svg>`, 577 `<tspan>`) fits, within 64 KiB of text.
const STACK: usize = 8 * 1024 * 1024;
/// Whoever comes when so many stills wait would wait for long.
const MAX_WAITING_STILLS: usize = 64;
/// A still that waits for longer is not drawn, and its client is told while it still listens: GitHub's
/// image proxy gives up after 10 seconds.
const STILLS_WAIT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A stream's, for all of its viewers.
    Live,
    /// The same in a style that few look at.
    Aside,
    /// One answer's.
    Still,
}

/// Why a job is not run.
#[derive(Debug)]
pub(crate) enum NotRun {
    /// Too many stills wait already.
    Busy,
    /// There is no thread at all, and none can be made.
    NoThread(io::Error),
}

#[derive(Debug)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
    most: usize,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    has_news: Condvar,
    /// How many jobs of other lanes than the first may be under way at a time.
    most_others: usize,
}

#[derive(Default)]
struct Queue {
    live: VecDeque<Job>,
    aside: VecDeque<Job>,
    /// Each with when it came.
    stills: VecDeque<(Instant, Job)>,
    others_under_way: usize,
    begun: usize,
    /// The owner is gone.
    is_over: bool,
}

impl Threads {
    pub(crate) fn new() -> Self {
        Self::at_most(thread::available_parallelism().map_or(1, usize::from))
    }

    fn at_most(most: usize) -> Self {
        let most_others = most.saturating_sub(1).max(1);
        let (queue, has_news) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { queue, has_news, most_others }), most }
    }

    /// Runs this when there is a thread for it; it was asked for then. It must not panic. A still whose turn does not come in time
    /// is dropped.
    pub(crate) fn run(
        &self,
        lane: Lane,
        came: Instant,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), NotRun> {
        let mut queue = self.shared.queue();
        if lane == Lane::Still && queue.stills.len() >= MAX_WAITING_STILLS {
            return Err(NotRun::Busy);
        }
        self.begin_one_more(&mut queue).map_err(NotRun::NoThread)?;
        match lane {
            Lane::Live => queue.live.push_back(Box::new(job)),
            Lane::Aside => queue.aside.push_back(Box::new(job)),
            Lane::Still => queue.stills.push_back((came, Box::new(job))),
        }
        drop(queue);
        self.shared.has_news.notify_one();
        Ok(())
    }

    fn begin_one_more(&self, queue: &mut Queue) -> io::Result<()> {
        if queue.begun == self.most {
            return Ok(());
        }
        let shared = self.shared.clone();
        match roomy().spawn(move || shared.work()) {
            Ok(_) => queue.begun += 1,
            Err(error) if queue.begun == 0 => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.queue().is_over = true;
        self.shared.has_news.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does until there is nothing left, and nothing can come.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            queue.send_away_late_stills(Instant::now());
            if let Some(job) = queue.live.pop_front() {
                drop(queue);
                job();
                queue = self.queue();
            } else if let Some(job) = queue.next_other(self.most_others) {
                drop(queue);
                job();
                queue = self.queue();
                queue.others_under_way -= 1;
            } else if queue.is_over {
                return;
            } else {
                queue = self.has_news.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Queue {
    /// Whoever waits for such a job learns that it is gone.
    fn send_away_late_stills(&mut self, now: Instant) {
        let is_late = |came: &Instant| now.saturating_duration_since(*came) > STILLS_WAIT;
        while self.stills.front().is_some_and(|(came, _)| is_late(came)) {
            self.stills.pop_front();
        }
    }

    fn next_other(&mut self, most: usize) -> Option<Job> {
        if self.others_under_way >= most {
            return None;
        }
        let still = |stills: &mut VecDeque<(Instant, Job)>| Some(stills.pop_front()?.1);
        let job = self.aside.pop_front().or_else(|| still(&mut self.stills))?;
        self.others_under_way += 1;
        Some(job)
    }
}

/// Waits for what `draw` does on a thread with enough stack.
pub(crate) fn on_a_roomy_stack<T: Send>(
    draw: impl FnOnce() -> Result<T, PaintError> + Send,
) -> Result<T, PaintError> {
    thread::scope(|scope| {
        let thread = roomy().spawn_scoped(scope, draw).map_err(PaintError::Thread)?;
        thread.join().unwrap_or(Err(PaintError::Panicked))
    })
}

/// A thread with enough stack for a drawing.
fn roomy() -> thread::Builder {
    thread::Builder::new().name("livebadge-draw".into()).stack_size(STACK)
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { live, stills, begun, .. } = self;
        write!(f, "Queue({} live, {} stills, {begun} threads)", live.len(), stills.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::sync::mpsc::{Receiver, Sender, channel};

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn live_jobs_run_on_as_many_threads_as_there_are_processors() {
        let threads = Threads::new();
        let (sender, seen) = channel();
        let together = Arc::new(Barrier::new(threads.most));
        for _ in 0..threads.most * 10 {
            let (sender, together) = (sender.clone(), together.clone());
            let job = move || {
                together.wait(); // ends only if all of them run at the same time
                sender.send(thread::current().id()).unwrap();
            };
            threads.run(Lane::Live, Instant::now(), job).unwrap();
        }
        let next = || seen.recv_timeout(PATIENCE).unwrap();
        let ids: HashSet<_> = (0..threads.most * 10).map(|_| next()).collect();
        assert_eq!(ids.len(), threads.most);
    }

    /// Stills that last until the sender is dropped; the receiver hears of each that has begun.
    fn endless_stills(threads: &Threads, count: usize) -> (Sender<()>, Receiver<()>) {
        let ((end, ended), (begin, begun)) = (channel::<()>(), channel());
        let ended = Arc::new(Mutex::new(ended));
        for _ in 0..count {
            let (ended, begin) = (ended.clone(), begin.clone());
            let job = move || {
                begin.send(()).unwrap();
                let _ = ended.lock().unwrap().recv();
            };
            threads.run(Lane::Still, Instant::now(), job).unwrap();
        }
        (end, begun)
    }

    #[test]
    fn a_still_whose_turn_does_not_come_in_time_is_dropped() {
        let mut queue = Queue::default();
        let (sender, ran) = channel();
        let now = Instant::now();
        for came in [now - STILLS_WAIT * 2, now - STILLS_WAIT, now] {
            let sender = sender.clone();
            queue.stills.push_back((came, Box::new(move || sender.send(came).unwrap())));
        }
        queue.send_away_late_stills(now);
        drop(sender);
        std::iter::from_fn(|| queue.next_other(9)).for_each(|job| job());
        assert_eq!(ran.iter().collect::<Vec<_>>(), [now - STILLS_WAIT, now]);
    }

    #[test]
    fn one_thread_is_always_free_of_stills() {
        for most in [2, 3, 8] {
            let threads = Threads::at_most(most);
            let (end, begun) = endless_stills(&threads, most + 5);
            (1..most).for_each(|_| begun.recv_timeout(PATIENCE).unwrap());
            // Those that run can't end, and yet:
            for _ in 0..3 {
                let (done, is_done) = channel();
                threads.run(Lane::Live, Instant::now(), move || done.send(()).unwrap()).unwrap();
                is_done.recv_timeout(PATIENCE).unwrap();
            }
            assert!(begun.try_recv().is_err(), "{most} stills at a time");
            drop(end);
            (0..6).for_each(|_| begun.recv_timeout(PATIENCE).unwrap());
        }
    }

    #[test]
    fn on_one_thread_a_live_job_waits_for_one_still_at_most() {
        let threads = Threads::at_most(1);
        let (end, begun) = endless_stills(&threads, 1);
        begun.recv_timeout(PATIENCE).unwrap();
        let (sender, order) = channel();
        for job in ["still", "still", "live", "live"] {
            let sender = sender.clone();
            let lane = if job == "live" { Lane::Live } else { Lane::Still };
            threads.run(lane, Instant::now(), move || sender.send(job).unwrap()).unwrap();
        }
        drop(end);
        let order: Vec<_> = (0..4).map(|_| order.recv_timeout(PATIENCE).unwrap()).collect();
        assert_eq!(order, ["live", "live", "still", "still"]);
    }

    #[test]
    fn so_many_stills_wait_and_no_more() {
        let threads = Threads::at_most(2);
        let (end, begun) = endless_stills(&threads, 1);
        begun.recv_timeout(PATIENCE).unwrap();
        let waiting = endless_stills(&threads, MAX_WAITING_STILLS);
        assert!(matches!(threads.run(Lane::Still, Instant::now(), || {}), Err(NotRun::Busy)));
        // What is live is never refused.
        let (done, is_done) = channel();
        for _ in 0..MAX_WAITING_STILLS * 2 {
            let done = done.clone();
            threads.run(Lane::Live, Instant::now(), move || done.send(()).unwrap()).unwrap();
        }
        (0..MAX_WAITING_STILLS * 2).for_each(|_| is_done.recv_timeout(PATIENCE).unwrap());
        // They come, once there is a place.
        drop((end, waiting.0));
        (0..MAX_WAITING_STILLS).for_each(|_| waiting.1.recv_timeout(PATIENCE).unwrap());
    }

    #[test]
    fn threads_end_with_their_owner() {
        let threads = Threads::at_most(3);
        let shared = Arc::downgrade(&threads.shared);
        for lane in [Lane::Live, Lane::Still, Lane::Still] {
            threads.run(lane, Instant::now(), || {}).unwrap();
        }
        drop(threads);
        let mut patience = (0..1000).map(|_| thread::sleep(Duration::from_millis(10)));
        assert!(patience.any(|()| shared.upgrade().is_none()));
    }

    #[test]
    fn what_few_look_at_comes_after_what_many_do_and_before_stills() {
        let threads = Threads::at_most(1);
        let (go, wait) = channel::<()>();
        threads.run(Lane::Live, Instant::now(), move || wait.recv().unwrap()).unwrap();
        let (sender, order) = channel();
        for (name, lane) in [("still", Lane::Still), ("aside", Lane::Aside), ("live", Lane::Live)] {
            let sender = sender.clone();
            threads.run(lane, Instant::now(), move || sender.send(name).unwrap()).unwrap();
        }
        go.send(()).unwrap();
        let order: Vec<_> = (0..3).map(|_| order.recv_timeout(PATIENCE).unwrap()).collect();
        assert_eq!(order, ["live", "aside", "still"]);
    }

    #[test]
    fn one_thread_is_free_for_live_jobs_whatever_others_there_are() {
        let threads = Threads::at_most(2);
        let (go, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for lane in [Lane::Aside, Lane::Still, Lane::Aside] {
            let wait = wait.clone();
            threads.run(lane, Instant::now(), move || _ = wait.lock().unwrap().recv()).unwrap();
        }
        let (sender, live) = channel();
        threads.run(Lane::Live, Instant::now(), move || sender.send(()).unwrap()).unwrap();
        live.recv_timeout(PATIENCE).unwrap();
        drop(go);
    }
}

//! Any order of what happens to a stage, against a definition of what must follow.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Wake;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

type Numbers = Stage<u32, usize>;

/// What a viewer is told, as the definition says it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Show(u32),
    Beat,
    End,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter {
        starts_round: bool,
    },
    Poll(usize),
    Leave(usize),
    EndRound {
        with_picture: bool,
    },
    Beat,
    Sweep,
    /// Those who came so many steps ago, or earlier.
    Retire(u64),
    /// From so many steps on, or never.
    Idle(Option<u64>),
    Close,
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// One viewer, and what it must see.
struct Viewer {
    number: usize,
    ticket: Ticket,
    since: Instant,
    /// The first round that ends after it came is its own.
    waits_for_round: bool,
    is_retired: bool,
    seen: u32,
    /// A heartbeat, since it was told something.
    is_beaten: bool,
    /// Since its last poll, if that told nothing.
    waits: Option<Arc<Wakes>>,
    /// Sweeps that found it not waiting, since its last poll.
    missed: u32,
}

impl Viewer {
    /// What a poll must tell.
    fn due(&self, newest: u32, is_closed: bool) -> Told {
        let ends = is_closed || self.is_retired;
        if self.seen == 0 && !ends && (newest == 0 || self.waits_for_round) {
            return Told::Nothing;
        }
        match (self.seen < newest, ends, self.is_beaten) {
            (true, ..) => Told::Show(newest),
            (false, true, _) => Told::End,
            (false, false, true) => Told::Beat,
            (false, false, false) => Told::Nothing,
        }
    }

    fn is_woken(&self) -> bool {
        self.waits.as_ref().is_none_or(|wakes| wakes.0.load(Relaxed) > 0)
    }

    fn is_missing(&self) -> bool {
        self.missed >= 3
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|starts_round| Step::Enter { starts_round }),
        8 => any::<usize>().prop_map(Step::Poll),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<bool>().prop_map(|with_picture| Step::EndRound { with_picture }),
        2 => Just(Step::Beat),
        4 => Just(Step::Sweep),
        1 => (0..20u64).prop_map(Step::Retire),
        2 => prop::option::of(0..4u64).prop_map(Step::Idle),
    ];
    // Most are never closed before the end.
    let close = prop::option::weighted(0.2, any::<prop::sample::Index>());
    (prop::collection::vec(step, 0..100), close).prop_map(|(mut steps, close)| {
        if let Some(close) = close {
            steps.insert(close.index(steps.len() + 1), Step::Close);
        }
        steps
    })
}

// What the stage is asked, in the definition's words.

fn poll(stage: &Numbers, ticket: &Ticket, wakes: &Arc<Wakes>) -> (Told, bool) {
    let waker = Waker::from(wakes.clone());
    let (cue, was_missing) = stage.poll(ticket, &mut Context::from_waker(&waker));
    let told = match cue {
        Poll::Ready(Cue::Show(number)) => Told::Show(*number),
        Poll::Ready(Cue::Beat) => Told::Beat,
        Poll::Ready(Cue::End(_)) => Told::End,
        Poll::Pending => Told::Nothing,
    };
    (told, was_missing.is_some())
}

fn leave(stage: &Numbers, ticket: Ticket) -> bool {
    stage.leave(ticket).1.is_none()
}

fn sweep(stage: &Numbers) -> Vec<usize> {
    let mut missing = Vec::new();
    stage.sweep(|viewer, _| missing.push(*viewer));
    missing.sort_unstable();
    missing
}

/// A stage, and what is known of it.
struct Play {
    stage: Numbers,
    now: Instant,
    newest: u32,
    idle_from: Option<Instant>,
    is_closed: bool,
    viewers: Vec<Viewer>,
    come: usize,
}

impl Play {
    fn new() -> Self {
        Self {
            stage: Numbers::new(),
            now: Instant::now() + Duration::from_secs(60),
            newest: 0,
            idle_from: None,
            is_closed: false,
            viewers: Vec::new(),
            come: 0,
        }
    }

    fn step(&mut self, step: Step) {
        self.now += Duration::from_secs(1);
        let seconds = Duration::from_secs;
        let nth = |nth: usize| nth.checked_rem(self.viewers.len());
        match step {
            Step::Enter { starts_round } => self.enter(starts_round),
            Step::Poll(number) => {
                if let Some(nth) = nth(number) {
                    self.poll(nth);
                }
            }
            Step::Leave(number) => {
                if let Some(nth) = nth(number) {
                    self.leave(nth);
                }
            }
            Step::EndRound { with_picture } => {
                self.newest += u32::from(with_picture);
                self.stage.end_round(with_picture.then(|| Arc::new(self.newest)));
                self.viewers.iter_mut().for_each(|viewer| viewer.waits_for_round = false);
            }
            Step::Beat => {
                self.stage.beat();
                self.viewers.iter_mut().for_each(|viewer| viewer.is_beaten = true);
            }
            Step::Sweep => self.sweep(),
            Step::Retire(ago) => {
                let before = self.now - seconds(ago);
                self.stage.retire(before);
                let viewers = self.viewers.iter_mut();
                viewers.for_each(|viewer| viewer.is_retired |= viewer.since < before);
            }
            Step::Idle(from) => {
                self.idle_from = from.map(|from| self.now + seconds(from));
                self.stage.set_idle_from(self.idle_from);
            }
            Step::Close => {
                self.stage.close(LeaveReason::Shutdown);
                self.is_closed = true;
            }
        }
    }

    fn enter(&mut self, starts_round: bool) {
        let (number, since) = (self.come, self.now);
        self.come += 1;
        self.viewers.push(Viewer {
            number,
            ticket: self.stage.enter(number, starts_round, since),
            since,
            waits_for_round: starts_round && self.idle_from.is_some_and(|from| from <= since),
            is_retired: false,
            seen: 0,
            is_beaten: false,
            waits: None,
            missed: 0,
        });
    }

    fn poll(&mut self, nth: usize) -> Told {
        let viewer = &mut self.viewers[nth];
        let wakes = Arc::default();
        let (told, was_missing) = poll(&self.stage, &viewer.ticket, &wakes);
        assert_eq!(told, viewer.due(self.newest, self.is_closed), "viewer {}", viewer.number);
        assert_eq!(was_missing, viewer.is_missing(), "viewer {}", viewer.number);
        viewer.missed = 0;
        viewer.waits = (told == Told::Nothing).then_some(wakes);
        if let Told::Show(number) = told {
            assert!(number > viewer.seen, "pictures only get newer");
            viewer.seen = number;
        }
        if matches!(told, Told::Show(_) | Told::Beat) {
            viewer.is_beaten = false;
        }
        told
    }

    fn leave(&mut self, nth: usize) {
        let viewer = self.viewers.swap_remove(nth);
        let is_missing = viewer.is_missing();
        assert_eq!(leave(&self.stage, viewer.ticket), is_missing, "viewer {}", viewer.number);
    }

    fn sweep(&mut self) {
        let mut missing = Vec::new();
        for viewer in self.viewers.iter_mut().filter(|viewer| viewer.is_woken()) {
            viewer.missed += 1;
            // Told once, and not again before it has polled.
            if viewer.missed == 3 {
                missing.push(viewer.number);
            }
        }
        missing.sort_unstable();
        assert_eq!(sweep(&self.stage), missing);
    }

    /// What holds after every step: who waits has been woken once if there is something to do, and
    /// otherwise not at all.
    fn check(&self) {
        assert_eq!(self.stage.is_empty(), self.viewers.is_empty());
        for viewer in &self.viewers {
            if let Some(wakes) = &viewer.waits {
                let is_due = viewer.due(self.newest, self.is_closed) != Told::Nothing;
                let wakes = wakes.0.load(Relaxed);
                assert_eq!(wakes, usize::from(is_due), "wakes of viewer {}", viewer.number);
            }
        }
    }

    /// Everybody is shown the newest picture, then the end, and then nothing else any more.
    fn end(mut self) {
        self.step(Step::Close);
        self.check();
        for nth in 0..self.viewers.len() {
            if self.viewers[nth].seen < self.newest {
                assert_eq!(self.poll(nth), Told::Show(self.newest));
            }
            assert_eq!((self.poll(nth), self.poll(nth)), (Told::End, Told::End));
        }
        while !self.viewers.is_empty() {
            self.leave(0);
        }
        assert!(self.stage.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_stage_does_as_the_definition_says(steps in steps()) {
        let mut play = Play::new();
        for step in steps {
            play.step(step);
            play.check();
        }
        play.end();
    }
}

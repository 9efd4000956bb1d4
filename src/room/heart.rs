//! When a room beats, and what that does: dead connections fail, and those who don't read are uncounted.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::room::opened::{Room, Survey};
use crate::room::screen::Screen;
use crate::stream::frame::Frame;

/// A part that stays open collects heartbeats in the browser's memory. After this many (an hour at
/// 12 bytes every 5 s: 9 KB) the picture is sent anew.
const BEATS_IN_A_PART: u32 = 720;

/// The first beat is late by this part of the time between two of them at most.
const STEPS: u32 = 16;

#[derive(Debug)]
pub(crate) struct Heart {
    pub(crate) next: Instant,
    beats: u32,
    /// This process stood still, and its viewers may have waited for it.
    was_paused: bool,
}

impl Heart {
    pub(crate) fn new(room: &Room, is_one_of_many: bool) -> Self {
        let every = room.recipe.settings.heartbeat();
        let next = Instant::now() + every;
        let next = if is_one_of_many { together(next, every) } else { next };
        Self { next, beats: 0, was_paused: false }
    }

    /// The room's task wakes, which it was to do then at the latest.
    pub(crate) fn wakes(&mut self, now: Instant, at_latest: Instant, room: &Room) {
        self.was_paused |= now > at_latest + room.recipe.settings.heartbeat() / 2;
    }

    /// Beats on these screens; `frame` is what is shown on one.
    pub(crate) fn beat(
        &mut self,
        room: &Room,
        survey: &Survey,
        frame: impl Fn(&Screen) -> Option<Arc<Frame>>,
    ) {
        let (now, was_paused) = (Instant::now(), std::mem::take(&mut self.was_paused));
        let every = room.recipe.settings.heartbeat();
        // In step, so that those who beat together go on so, whatever they have missed.
        let missed = now.saturating_duration_since(self.next).as_nanos() / every.as_nanos();
        self.next += every.saturating_mul(missed as u32 + 1);
        self.beats = (self.beats + 1) % BEATS_IN_A_PART;
        for screen in &survey.screens {
            if !was_paused {
                room.sweep(screen);
            }
            let age = screen.recipe.settings.max_age;
            if let Some(before) = age.and_then(|age| now.checked_sub(age)) {
                screen.stage.retire(before);
            }
            match frame(screen).filter(|_| self.beats == 0) {
                Some(frame) => screen.stage.end_round(Some(frame)),
                None => screen.stage.beat(),
            }
        }
    }
}

/// When to beat instead: a little later, as others do. Each by itself, ten thousand rooms would wake the process two
/// thousand times a second, for one room each.
fn together(next: Instant, every: Duration) -> Instant {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

    let step = (every / STEPS).max(Duration::from_millis(1));
    let over = next.saturating_duration_since(*BEGINNING).as_nanos() % step.as_nanos();
    next + (step - Duration::from_nanos(over as u64))
}

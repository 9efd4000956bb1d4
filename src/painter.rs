//! A room's one task: it waits for a change, paces, paints once for all viewers, keeps the last good
//! picture, and beats the heart.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::error::PaintError;
use crate::frame::Frame;
use crate::observer::Paint;
use crate::presence::Counts;
use crate::reporter::Reporter;
use crate::room::{Look, Room};
use crate::values::Values;

/// A part that stays open collects heartbeats in the browser's memory. After this many (an hour at
/// 12 bytes every 5 s: 9 KB) the picture is sent anew.
const MAX_BEATS_IN_A_PART: u32 = 720;

#[derive(Debug)]
pub(crate) struct Painter {
    room: Arc<Room>,
    reporter: Arc<Reporter>,
    values: Vec<Box<dyn Values>>,
    /// What is on the stage, and the text that it was drawn from.
    shown: Option<(Arc<str>, Arc<Frame>)>,
    counts: Counts,
    /// Something has changed since the last round.
    is_due: bool,
    next_paint: Instant,
    next_beat: Instant,
    next_sweep: Instant,
    beats_in_part: u32,
}

impl Painter {
    pub(crate) fn new(room: Arc<Room>, reporter: Arc<Reporter>) -> Self {
        let now = Instant::now();
        Self {
            values: room.recipe.picture.values.clone(),
            shown: None,
            counts: Counts::default(),
            is_due: true,
            next_paint: now,
            next_beat: now + room.recipe.heartbeat,
            next_sweep: now + room.recipe.heartbeat,
            beats_in_part: 0,
            room,
            reporter,
        }
    }

    /// Returns when nobody is here; may be called again.
    pub(crate) async fn paint_until_empty(&mut self, shutdown: &CancellationToken) {
        loop {
            // From here on a newcomer can't be sure to be part of the next round.
            self.room.stage.set_idle_from(None);
            let look = self.room.look();
            self.tell(&look);
            if look.is_empty {
                return;
            }
            if shutdown.is_cancelled() {
                return self.close().await;
            }
            let now = Instant::now();
            if self.is_due && now >= self.next_paint {
                self.paint().await;
                continue;
            }
            if now >= self.next_beat {
                self.beat(now);
            }
            if now >= self.next_sweep {
                self.sweep(now);
            }
            self.rest(&look, shutdown).await;
        }
    }

    /// Sleeps until there is something to do.
    async fn rest(&mut self, look: &Look, shutdown: &CancellationToken) {
        let mut wake_at = self.next_beat.min(self.next_sweep);
        if let Some(expiry) = look.next_expiry {
            wake_at = wake_at.min(expiry);
        }
        if self.is_due {
            wake_at = wake_at.min(self.next_paint);
        } else {
            self.room.stage.set_idle_from(Some(self.next_paint));
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.room.changed.notified() => {}
            () = any_changed(&mut self.values) => self.is_due = true,
            () = sleep_until(wake_at) => {}
        }
        let now = Instant::now();
        if now > wake_at + self.room.recipe.heartbeat / 2 {
            // This process was paused, and the viewers may not have been: give them time to come.
            self.next_sweep = now + self.room.recipe.heartbeat;
        }
    }

    fn tell(&mut self, look: &Look) {
        self.reporter.tell(&self.room.path, look);
        if look.counts != self.counts {
            self.counts = look.counts;
            self.reporter.changed(&self.room.path, look.counts);
            self.is_due = true;
        }
        // Even if the counts are what they were: a newcomer waits for the round's end.
        self.is_due |= !look.news.is_empty();
    }

    /// One round: the newest state becomes a picture, unless it looks as before.
    async fn paint(&mut self) {
        self.is_due = false;
        let started = Instant::now();
        let painted = self.try_paint().await;
        let now = Instant::now();
        let frame = match painted {
            Ok(None) => {
                self.room.stage.end_round(None);
                return;
            }
            Ok(Some((svg, frame, cached))) => {
                let bytes = frame.png().len();
                self.reporter.painted(&self.room, &Paint { bytes, took: now - started, cached });
                let changed =
                    self.shown.as_ref().is_none_or(|(_, shown)| shown.png() != frame.png());
                let frame = Arc::new(frame);
                self.shown = Some((svg, frame.clone()));
                changed.then_some(frame)
            }
            Err(error) => {
                self.reporter.paint_failed(&self.room, &error);
                self.blank_if_nothing_is_shown()
            }
        };
        // From the start: the time that drawing takes does not lower the rate.
        self.next_paint = started + self.room.recipe.interval;
        if frame.is_some() {
            self.next_beat = now + self.room.recipe.heartbeat;
            self.beats_in_part = 0;
        }
        self.room.stage.end_round(frame);
    }

    /// `None` if the text is the one that is shown.
    async fn try_paint(&mut self) -> Result<Option<(Arc<str>, Frame, bool)>, PaintError> {
        let recipe = &self.room.recipe;
        let svg = recipe.picture.fill(self.counts, &self.room.params, &mut self.values)?;
        if self.shown.as_ref().is_some_and(|(shown, _)| *shown == svg) {
            return Ok(None);
        }
        let drawing = recipe.picture.drawing(svg.clone());
        let cached = drawing.is_cached();
        let frame = Frame::new(recipe.multipart.clone(), &drawing.finish().await?);
        Ok(Some((svg, frame, cached)))
    }

    fn blank_if_nothing_is_shown(&mut self) -> Option<Arc<Frame>> {
        if self.shown.is_some() {
            return None;
        }
        let recipe = &self.room.recipe;
        let blank = Arc::new(Frame::new(recipe.multipart.clone(), &recipe.blank));
        self.shown = Some(("".into(), blank.clone()));
        Some(blank)
    }

    fn beat(&mut self, now: Instant) {
        self.next_beat = now + self.room.recipe.heartbeat;
        self.beats_in_part += 1;
        match &self.shown {
            Some((_, frame)) if self.beats_in_part > MAX_BEATS_IN_A_PART => {
                self.beats_in_part = 0;
                self.room.stage.end_round(Some(frame.clone()));
            }
            _ => self.room.stage.beat(),
        }
    }

    fn sweep(&mut self, now: Instant) {
        self.room.sweep();
        self.next_sweep = now + self.room.recipe.heartbeat;
    }

    /// Ends all streams, and waits until they are gone.
    async fn close(&mut self) {
        // What came last stays on screens, so it is not left out because its turn is yet to come; and
        // a stream that ends without a picture crashes WebKitGTK 2.50.
        self.paint().await;
        self.room.stage.close();
        loop {
            let look = self.room.look();
            self.tell(&look);
            if look.is_empty {
                return;
            }
            // The end of a leave grace is no news: look again some time.
            let again =
                look.next_expiry.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                () = self.room.changed.notified() => {}
                () = sleep_until(again) => {}
            }
        }
    }
}

/// Waits for the first change of any of these.
async fn any_changed(values: &mut [Box<dyn Values>]) {
    let mut changes: Vec<_> = values.iter_mut().map(|values| values.changed()).collect();
    std::future::poll_fn(|cx| {
        let ready = changes.iter_mut().any(|change| change.as_mut().poll(cx).is_ready());
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

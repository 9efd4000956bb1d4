//! A room's one task: it waits for a change, paces, paints once for all viewers, keeps the last good
//! picture, and beats the heart.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use minijinja::value::Value;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::error::PaintError;
use crate::observe::observer::Paint;
use crate::picture::paint::Picture;
use crate::picture::threads::Lane;
use crate::picture::values::Values;
use crate::presence::counts::Snapshot;
use crate::room::opened::{Room, Screen, Survey, Variant};
use crate::room::reporter::Reporter;
use crate::stream::frame::Frame;

/// A part that stays open collects heartbeats in the browser's memory. After this many (an hour at
/// 12 bytes every 5 s: 9 KB) the picture is sent anew.
const BEATS_IN_A_PART: u32 = 720;

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Painter {
    room: Arc<Room>,
    reporter: Arc<Reporter>,
    /// The values of each badge that is shown here.
    values: HashMap<usize, Vec<Box<dyn Values>>>,
    /// What each screen shows.
    shown: HashMap<Variant, Shown>,
    snapshot: Snapshot,
    /// Something has changed since the last round.
    is_due: bool,
    next_paint: Instant,
    next_beat: Instant,
    last_round: Instant,
    beats: u32,
    /// This process stood still, and its viewers may have waited for it.
    was_paused: bool,
}

/// A picture, and what it was drawn from.
#[derive(Debug)]
struct Shown {
    picture: Arc<Picture>,
    svg: Arc<str>,
    frame: Arc<Frame>,
}

impl Painter {
    pub(crate) fn new(room: Arc<Room>, reporter: Arc<Reporter>) -> Self {
        let now = Instant::now();
        Self {
            values: HashMap::new(),
            shown: HashMap::new(),
            snapshot: Snapshot::default(),
            is_due: true,
            next_paint: now,
            next_beat: now + room.recipe.settings.heartbeat,
            last_round: now,
            beats: 0,
            was_paused: false,
            room,
            reporter,
        }
    }

    /// Returns when nobody is here; may be called again.
    pub(crate) async fn paint_until_empty(&mut self, shutdown: &CancellationToken) {
        loop {
            let look = self.look();
            if look.is_empty {
                return;
            }
            if shutdown.is_cancelled() {
                return self.close().await;
            }
            let now = Instant::now();
            if look.tick().is_some_and(|tick| now >= self.last_round + tick) {
                self.is_due = true;
            }
            let is_turn = self.is_due && now >= self.next_paint;
            let is_new = |screen: &&Arc<Screen>| !self.shown.contains_key(&screen.variant);
            let to_paint: Vec<_> =
                look.screens.iter().filter(|screen| is_turn || is_new(screen)).cloned().collect();
            // Out of turn only new screens get a picture. What the values have become meanwhile is
            // then still due for the others.
            self.is_due = if is_turn { false } else { self.is_due || !to_paint.is_empty() };
            if !to_paint.is_empty() {
                let has_painted = self.paint(&to_paint).await;
                if is_turn {
                    self.last_round = now;
                    // From the start: the time that drawing takes does not lower the rate. To have
                    // found nothing new costs little, so it takes less of the next change's time.
                    let interval = self.room.recipe.settings.interval();
                    self.next_paint = now + if has_painted { interval } else { interval / 10 };
                }
                continue;
            }
            if now >= self.next_beat {
                self.beat(&look, now);
            }
            self.rest(&look, shutdown).await;
        }
    }

    /// Sees what is, and tells of it.
    fn look(&mut self) -> Survey {
        let mut look = self.room.look();
        self.reporter.tell(&self.room.path, &look.news);
        let before = std::mem::replace(&mut self.snapshot, std::mem::take(&mut look.snapshot));
        if self.snapshot.counts != before.counts && !self.room.shows_others() {
            let (from, to) = (before.counts.visitors, self.snapshot.counts.visitors);
            self.room.recipe.picture.meter.visitors_change(from, to);
            self.reporter.changed(&self.room.path, self.snapshot.counts);
        }
        self.is_due |= self.snapshot.differs_from(&before);
        // Even if the counts are what they were: a newcomer waits for the round's end.
        self.is_due |= !look.news.is_empty();
        let is_up =
            |is_it: &dyn Fn(&Variant) -> bool| look.screens.iter().any(|s| is_it(&s.variant));
        self.shown.retain(|variant, shown| {
            let is_up = is_up(&|up| up == variant);
            if !is_up {
                shown.picture.forget(shown.svg.clone(), variant.style);
            }
            is_up
        });
        self.values.retain(|badge, _| is_up(&|up| up.badge == *badge));
        for screen in &look.screens {
            let values = || screen.recipe.picture.values.clone();
            self.values.entry(screen.variant.badge).or_insert_with(values);
        }
        look
    }

    /// Sleeps until there is something to do.
    async fn rest(&mut self, look: &Survey, shutdown: &CancellationToken) {
        let mut wake_at = self.next_beat;
        if let Some(expiry) = look.next_expiry {
            wake_at = wake_at.min(expiry);
        }
        if self.is_due {
            wake_at = wake_at.min(self.next_paint);
        } else {
            if let Some(tick) = look.tick() {
                wake_at = wake_at.min(self.last_round + tick);
            }
            set_idle_from(look, Some(self.next_paint));
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.room.changed.notified() => {}
            () = any_changed(&mut self.values) => self.is_due = true,
            () = sleep_until(wake_at) => {}
        }
        // From here on a newcomer can't be sure to be part of the next round.
        set_idle_from(look, None);
        self.was_paused |= Instant::now() > wake_at + self.room.recipe.settings.heartbeat / 2;
    }

    /// One round: the newest state becomes a picture on each screen, unless it looks as before.
    /// Returns whether it differs anywhere.
    async fn paint(&mut self, screens: &[Arc<Screen>]) -> bool {
        tracing::trace!(screens = screens.len(), "painting");
        let take = |(badge, values): (&usize, &mut Vec<_>)| (*badge, Picture::take(values));
        let values: HashMap<usize, _> = self.values.iter_mut().map(take).collect();
        let mut has_painted = false;
        for screen in screens {
            let started = Instant::now();
            let painted = match values.get(&screen.variant.badge) {
                Some(Ok(values)) => self.paint_screen(screen, values).await,
                _ => Err(PaintError::Panicked),
            };
            let frame = match painted {
                Ok(Some((frame, cached))) => {
                    has_painted = true;
                    let (bytes, took) = (frame.picture().len(), started.elapsed());
                    self.reporter.painted(&self.room, &Paint { bytes, took, cached });
                    Some(frame)
                }
                Ok(None) => None,
                Err(error) => {
                    has_painted = true;
                    self.reporter.paint_failed(&self.room, &error);
                    self.blank(screen).await
                }
            };
            screen.stage.end_round(frame);
        }
        has_painted
    }

    /// A newer picture, and whether it came from the cache; `None` if there is nothing new to see.
    async fn paint_screen(
        &mut self,
        screen: &Screen,
        values: &[Value],
    ) -> Result<Option<(Arc<Frame>, bool)>, PaintError> {
        let picture = &screen.recipe.picture;
        let drawing =
            picture.fill(&self.snapshot, &self.room.params, values, screen.variant.style)?;
        let shown = self.shown.get(&screen.variant);
        if shown.is_some_and(|shown| shown.svg == drawing.svg) {
            return Ok(None);
        }
        let svg = drawing.svg.clone();
        let painting = picture.paint(drawing, Lane::Live);
        let cached = painting.is_cached();
        let bytes = painting.finish().await?;
        let looks_new = shown.is_none_or(|shown| shown.frame.picture() != bytes);
        let frame = self.show(screen, svg, &bytes);
        Ok(looks_new.then_some((frame, cached)))
    }

    /// What to show where a picture failed: the last one stays, or nothing in its size.
    async fn blank(&mut self, screen: &Screen) -> Option<Arc<Frame>> {
        if self.shown.contains_key(&screen.variant) {
            return None;
        }
        let recipe = &screen.recipe;
        let (picture, style) = (&recipe.picture, screen.variant.style);
        let blank = picture.blank(recipe.size, style, picture.format).finish().await;
        let blank = blank.unwrap_or_default(); // the runtime is going down
        Some(self.show(screen, "".into(), &blank))
    }

    fn show(&mut self, screen: &Screen, svg: Arc<str>, picture: &[u8]) -> Arc<Frame> {
        let recipe = &screen.recipe;
        let frame = Frame::new(recipe.multipart.clone(), recipe.picture.format, picture);
        let frame = Arc::new(frame);
        self.shown.insert(
            screen.variant,
            Shown { picture: recipe.picture.clone(), svg, frame: frame.clone() },
        );
        frame
    }

    fn beat(&mut self, look: &Survey, now: Instant) {
        let was_paused = std::mem::take(&mut self.was_paused);
        self.next_beat = now + self.room.recipe.settings.heartbeat;
        self.beats = (self.beats + 1) % BEATS_IN_A_PART;
        for screen in &look.screens {
            if !was_paused {
                self.room.sweep(screen);
            }
            match self.shown.get(&screen.variant) {
                Some(shown) if self.beats == 0 => screen.stage.end_round(Some(shown.frame.clone())),
                _ => screen.stage.beat(),
            }
        }
    }

    /// Ends all streams, and waits until they are gone.
    async fn close(&mut self) {
        loop {
            let look = self.look();
            if look.is_empty {
                return;
            }
            // What came last stays on screens, so it is not left out because its turn is yet to
            // come; and a stream that ends without a picture crashes WebKitGTK 2.50.
            self.paint(&look.screens).await;
            look.screens.iter().for_each(|screen| screen.stage.close());
            // The end of a leave grace is no news.
            let expiry = look.next_expiry.unwrap_or_else(|| Instant::now() + NEVER);
            tokio::select! {
                () = self.room.changed.notified() => {}
                () = sleep_until(expiry) => {}
            }
        }
    }
}

impl Drop for Painter {
    /// If the runtime is shut down, there may be visitors left.
    fn drop(&mut self) {
        if !self.room.shows_others() {
            let visitors = self.snapshot.counts.visitors;
            self.room.recipe.picture.meter.visitors_change(visitors, 0);
        }
    }
}

fn set_idle_from(look: &Survey, from: Option<Instant>) {
    look.screens.iter().for_each(|screen| screen.stage.set_idle_from(from));
}

/// Waits for the first change of any of these.
async fn any_changed(values: &mut HashMap<usize, Vec<Box<dyn Values>>>) {
    let mut changes: Vec<_> =
        values.values_mut().flatten().map(|values| values.changed()).collect();
    std::future::poll_fn(|cx| {
        let ready = changes.iter_mut().any(|change| change.as_mut().poll(cx).is_ready());
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

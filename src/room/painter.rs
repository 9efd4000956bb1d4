//! A room's one task: it waits for a change, paces, has pictures painted once for all viewers, keeps the
//! last good ones, and beats the heart.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::badge::data::Data;
use crate::error::PaintError;
use crate::observe::observer::Paint;
use crate::picture::values::RoomValues;
use crate::presence::counts::Snapshot;
use crate::presence::leaving::LeaveReason;
use crate::room::beyond::Beyond;
use crate::room::canvas::{Canvas, Drawing, Finished};
use crate::room::opened::{Room, Survey};
use crate::room::reporter::Reporter;
use crate::room::screen::Screen;
use crate::room::ticker::Ticker;
use crate::stream::frame::Frame;
use crate::stream::framing::Medium;

/// A part that stays open collects heartbeats in the browser's memory. After this many (an hour at
/// 12 bytes every 5 s: 9 KB) the picture is sent anew.
const BEATS_IN_A_PART: u32 = 720;

/// Between two tries to draw when there was no thread to draw on.
const RETRY: Duration = Duration::from_secs(2);

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Painter {
    room: Arc<Room>,
    reporter: Arc<Reporter>,
    beyond: Beyond,
    /// The values of each badge that is shown here.
    values: HashMap<usize, RoomValues>,
    /// By the numbers of their screens.
    canvases: HashMap<u64, Canvas>,
    /// At most one of each canvas: a style that takes long delays no other.
    drawings: FuturesUnordered<Drawing>,
    snapshot: Snapshot,
    /// Something has changed since the last round.
    is_due: bool,
    next_paint: Instant,
    next_beat: Instant,
    ticker: Ticker,
    /// When to try again what could not be drawn, although nothing has changed.
    retry_at: Option<Instant>,
    beats: u32,
    /// Since when somebody has been here.
    occupied_since: Option<Instant>,
    /// This process stood still, and its viewers may have waited for it.
    was_paused: bool,
}

impl Painter {
    pub(crate) fn new(room: Arc<Room>, reporter: Arc<Reporter>, beyond: Beyond) -> Self {
        let now = Instant::now();
        Self {
            values: HashMap::new(),
            canvases: HashMap::new(),
            drawings: FuturesUnordered::new(),
            snapshot: Snapshot::default(),
            is_due: true,
            next_paint: now,
            next_beat: now + room.recipe.settings.heartbeat(),
            ticker: Ticker::new(room.recipe.picture.clock.clone(), now),
            retry_at: None,
            beats: 0,
            occupied_since: None,
            was_paused: false,
            room,
            reporter,
            beyond,
        }
    }

    /// Returns when nobody is here; may be called again.
    pub(crate) async fn paint_until_empty(&mut self, shutdown: &CancellationToken) {
        loop {
            let survey = self.survey();
            if survey.is_empty {
                return self.drawings.clear();
            }
            if shutdown.is_cancelled() {
                return self.end().await;
            }
            if survey.open().any(|screen| screen.is_to_close()) {
                let is_to_close = |screen: &&Arc<Screen>| screen.is_to_close();
                self.close(survey.open().filter(is_to_close), LeaveReason::RoomClosed).await;
                continue;
            }
            let now = Instant::now();
            // At its time, whatever came before: waiting would be wrong about the time.
            let has_ticked = self.ticker.has_ticked(&survey);
            if has_ticked || self.ticker.next_look(&survey).is_some_and(|at| now >= at) {
                self.is_due = true;
            }
            if self.retry_at.take_if(|at| now >= *at).is_some() {
                self.is_due = true;
            }
            let is_turn = self.is_due && (has_ticked || now >= self.next_paint);
            let is_new = |screen: &Arc<Screen>| !self.canvases.contains_key(&screen.number);
            let ranked = survey.open().enumerate();
            let to_paint: Vec<_> = ranked.filter(|(_, screen)| is_turn || is_new(screen)).collect();
            // Out of turn only new screens get a picture. What the values have become meanwhile is
            // then still due for the others.
            self.is_due = if is_turn { false } else { self.is_due || !to_paint.is_empty() };
            if !to_paint.is_empty() {
                if is_turn {
                    self.ticker.begin_round(now);
                }
                let paints = self.paint(&to_paint);
                if is_turn {
                    // From the start: the time that drawing takes does not lower the rate. To have
                    // found nothing new costs little, so it takes less of the next change's time.
                    let interval = self.room.recipe.settings.interval();
                    self.next_paint = now + if paints { interval } else { interval / 10 };
                }
            }
            if now >= self.next_beat {
                self.beat(&survey, now);
            }
            self.rest(&survey, shutdown).await;
        }
    }

    /// Sees what is, and tells of it.
    fn survey(&mut self) -> Survey {
        let mut survey = self.room.survey();
        let news = std::mem::take(&mut survey.news);
        // Even if the counts are what they were: a newcomer waits for the round's end.
        let has_news = !news.is_empty();
        self.is_due |= has_news;
        self.reporter.tell(&self.room.path, news);
        let before = std::mem::replace(&mut self.snapshot, std::mem::take(&mut survey.snapshot));
        if self.snapshot.here != before.here && !self.room.shows_others() {
            let (from, to) = (before.here.visitors, self.snapshot.here.visitors);
            self.room.recipe.picture.meter.visitors_change(from, to);
            self.tell_occupancy();
        }
        if self.snapshot.counts != before.counts && !self.room.shows_others() {
            self.reporter.changed(&self.room.path, self.snapshot.counts.clone());
        }
        self.beyond.note(&self.room, has_news, &before, &self.snapshot);
        self.is_due |= self.snapshot.differs_from(&before);
        self.canvases.retain(|number, canvas| {
            let is_up = survey.open().any(|up| up.number == *number);
            if !is_up {
                canvas.forget();
            }
            is_up
        });
        self.values.retain(|badge, _| survey.open().any(|up| up.variant.badge == *badge));
        for screen in survey.open() {
            let values = || screen.recipe.picture.values_of(&self.room.params);
            self.values.entry(screen.variant.badge).or_insert_with(values);
        }
        let told = self.room.stale.keep(|badge| self.values.contains_key(&badge));
        told.into_iter().for_each(|is_stale| self.reporter.stale(&self.room.path, is_stale));
        survey
    }

    /// Tells of a room's first visitor, and of its last.
    fn tell_occupancy(&mut self) {
        let Self { room, reporter, snapshot, occupied_since, .. } = self;
        match (snapshot.here.visitors, *occupied_since) {
            (1.., None) => {
                *occupied_since = Some(Instant::now());
                reporter.occupied(&room.path, snapshot.counts.clone());
            }
            (0, Some(since)) => {
                *occupied_since = None;
                reporter.vacated(&room.path, since.elapsed());
            }
            _ => {}
        }
    }

    /// Sleeps until there is something to do.
    async fn rest(&mut self, survey: &Survey, shutdown: &CancellationToken) {
        let mut wake_at = self.next_beat;
        let tick = self.ticker.next_tick(survey);
        for at in [survey.next_expiry, self.retry_at, tick].into_iter().flatten() {
            wake_at = wake_at.min(at);
        }
        if self.is_due {
            wake_at = wake_at.min(self.next_paint);
        } else {
            if let Some(at) = self.ticker.next_look(survey) {
                wake_at = wake_at.min(at);
            }
            let is_drawing = |screen: &&Arc<Screen>| {
                self.canvases.get(&screen.number).is_some_and(Canvas::is_drawing)
            };
            let idle = survey.open().filter(|screen| !is_drawing(screen));
            idle.for_each(|screen| screen.stage.set_idle_from(Some(self.next_paint)));
        }
        // Before there is a picture there is nobody to beat for, and nothing to be paced.
        let has_begun = self.canvases.values().any(Canvas::has_begun);
        let finished = tokio::select! {
            () = shutdown.cancelled() => None,
            () = self.room.changed.notified() => None,
            () = any_changed(&mut self.values) => {
                self.is_due = true;
                None
            }
            Some(finished) = self.drawings.next() => Some(finished),
            () = sleep_until(wake_at), if has_begun || self.drawings.is_empty() => None,
        };
        // From here on a newcomer can't be sure to be part of the next round.
        survey.open().for_each(|screen| screen.stage.set_idle_from(None));
        self.was_paused |= Instant::now() > wake_at + self.room.recipe.settings.heartbeat() / 2;
        if let Some(finished) = finished {
            self.finish(finished);
        }
    }

    /// One round: the newest state becomes a picture on each of these screens, unless it looks as before;
    /// each comes with its rank. Returns whether it differs anywhere.
    fn paint(&mut self, screens: &[(usize, &Arc<Screen>)]) -> bool {
        tracing::trace!(screens = screens.len(), "painting");
        let take = |(badge, values): (&usize, &mut RoomValues)| (*badge, values.take());
        let values: HashMap<usize, _> = self.values.iter_mut().map(take).collect();
        for (badge, taken) in &values {
            let told =
                taken.as_ref().ok().and_then(|taken| self.room.stale.see(*badge, taken.is_stale));
            told.into_iter().for_each(|is_stale| self.reporter.stale(&self.room.path, is_stale));
        }
        let mut paints = false;
        for &(nth, screen) in screens {
            let canvas = self.canvases.entry(screen.number).or_default();
            let (picture, style) = (&screen.recipe.picture, &screen.variant.style);
            let (snapshot, params) = (&self.snapshot, &self.room.params);
            let values = values.get(&screen.variant.badge).and_then(|taken| taken.as_ref().ok());
            let is_stale = self.room.stale.has(screen.variant.badge);
            let frame = match screen.variant.medium {
                Medium::Picture => None,
                Medium::Data => {
                    let says = screen.recipe.says(&self.room.recipe);
                    let line = Data::json(snapshot, says, is_stale);
                    Some(canvas.write(&line, Frame::data))
                }
                Medium::Words => {
                    let said = values.ok_or(PaintError::Panicked);
                    let said =
                        said.and_then(|values| picture.page_text(snapshot, params, values, style));
                    if let Err(error) = &said {
                        self.reporter.paint_failed(&screen.recipe, &self.room.path, error);
                    }
                    Some(canvas.say(said.ok(), &snapshot.counts))
                }
            };
            if let Some(frame) = frame {
                paints |= frame.is_some();
                screen.stage.end_round(frame);
                continue;
            }
            if canvas.is_drawing() {
                canvas.is_stale = true;
                continue;
            }
            let filled = match values {
                Some(values) => picture.fill(snapshot, params, values, style),
                None => Err(PaintError::Panicked),
            };
            if filled.as_ref().is_ok_and(|drawing| canvas.shows(drawing)) {
                screen.stage.end_round(None);
                continue;
            }
            paints = true;
            match canvas.begin(screen, filled, screen.lane(nth)) {
                Ok(finished) => self.finish(finished),
                Err(drawing) => self.drawings.push(drawing),
            }
        }
        paints
    }

    /// A picture is there, or has failed: the round ends on its screen.
    fn finish(&mut self, finished: Finished) {
        let Some(canvas) = self.canvases.get_mut(&finished.screen.number) else { return };
        // What was left out meanwhile has its turn when the pace allows.
        self.is_due |= std::mem::take(&mut canvas.is_stale);
        let Finished { ref screen, cached, started, .. } = finished;
        let (screen, path) = (screen.clone(), &self.room.path);
        let frame = match canvas.end(finished) {
            Ok(frame) => {
                if let Some(frame) = &frame {
                    let (bytes, took) = (frame.size(), started.elapsed());
                    let (path, counts) = (path.clone(), self.room.crowd.counts());
                    self.reporter.painted(&Paint { path, counts, bytes, took, cached });
                }
                frame
            }
            Err((error, frame)) => {
                if let PaintError::Thread(_) = error {
                    self.retry_at = Some(Instant::now() + RETRY);
                }
                self.reporter.paint_failed(&screen.recipe, path, &error);
                frame
            }
        };
        screen.stage.end_round(frame);
    }

    fn beat(&mut self, survey: &Survey, now: Instant) {
        let was_paused = std::mem::take(&mut self.was_paused);
        self.next_beat = now + self.room.recipe.settings.heartbeat();
        self.beats = (self.beats + 1) % BEATS_IN_A_PART;
        for screen in &survey.screens {
            if !was_paused {
                self.room.sweep(screen);
            }
            let age = screen.recipe.settings.max_age;
            if let Some(before) = age.and_then(|age| now.checked_sub(age)) {
                screen.stage.retire(before);
            }
            match self.canvases.get(&screen.number).and_then(Canvas::frame) {
                Some(frame) if self.beats == 0 => screen.stage.end_round(Some(frame)),
                _ => screen.stage.beat(),
            }
        }
    }

    /// Shows the newest picture on these screens, and ends their viewers' streams.
    ///
    /// What came last stays on screens, so it is not left out because its turn is yet to come; and a
    /// stream that ends without a picture crashes WebKitGTK 2.50.
    async fn close<'a>(
        &mut self,
        screens: impl Iterator<Item = &'a Arc<Screen>>,
        reason: LeaveReason,
    ) {
        let screens: Vec<_> = screens.enumerate().collect();
        let is_behind = |painter: &Self| {
            let canvas = |screen: &Screen| painter.canvases.get(&screen.number);
            screens.iter().any(|(_, screen)| canvas(screen).is_some_and(|canvas| canvas.is_stale))
        };
        loop {
            self.paint(&screens);
            let was_behind = is_behind(self);
            while let Some(finished) = self.drawings.next().await {
                self.finish(finished);
            }
            if !was_behind {
                break;
            }
        }
        screens.iter().for_each(|(_, screen)| screen.close(reason.clone()));
    }

    /// Ends all streams, and waits until they are gone. What is shown is what was there when it began:
    /// it is not painted again while they go.
    async fn end(&mut self) {
        loop {
            let survey = self.survey();
            if survey.is_empty {
                return;
            }
            if survey.open().next().is_some() {
                self.close(survey.open(), LeaveReason::Shutdown).await;
            }
            // The end of a leave grace is no news.
            let expiry = survey.next_expiry.unwrap_or_else(|| Instant::now() + NEVER);
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
            let visitors = self.snapshot.here.visitors;
            self.room.recipe.picture.meter.visitors_change(visitors, 0);
        }
    }
}

/// Waits for the first change of any of these.
async fn any_changed(values: &mut HashMap<usize, RoomValues>) {
    let mut changes: Vec<_> =
        values.values_mut().map(|values| Box::pin(values.changed())).collect();
    std::future::poll_fn(|cx| {
        let ready = changes.iter_mut().any(|change| change.as_mut().poll(cx).is_ready());
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

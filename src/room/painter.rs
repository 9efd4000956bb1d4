//! A room's one task: it waits for a change, paces, has pictures painted once for all viewers, keeps the
//! last good ones, and beats the heart.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::badge::data::Data;
use crate::error::PaintError;
use crate::observe::observer::Paint;
use crate::presence::calendar::is_another;
use crate::presence::counts::{Gist, Snapshot};
use crate::presence::leaving::LeaveReason;
use crate::room::beyond::Beyond;
use crate::room::canvas::{Canvases, Drawing, Finished, next};
use crate::room::heart::Heart;
use crate::room::opened::{Room, Survey};
use crate::room::rush::Rush;
use crate::room::screen::Screen;
use crate::room::ticker::Ticker;
use crate::room::watching::Watching;
use crate::stream::frame::Frame;
use crate::stream::framing::Medium;

/// Between two tries to draw when there was no thread to draw on.
const RETRY: Duration = Duration::from_secs(2);

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Painter {
    room: Arc<Room>,
    beyond: Arc<Beyond>,
    values: Watching,
    canvases: Canvases,
    /// At most one of each canvas: a style that takes long delays no other.
    drawings: Vec<Drawing>,
    /// Of what was seen last. The rest of that is not kept: of rooms that are at rest there are many.
    gist: Gist,
    /// Something has changed since the last round.
    is_due: bool,
    /// The same, other than who is here.
    has_other_cause: bool,
    rush: Rush,
    next_paint: Instant,
    heart: Heart,
    ticker: Ticker,
    /// When to try again what could not be drawn, although nothing has changed.
    retry_at: Option<Instant>,
    /// Since when somebody has been here.
    occupied_since: Option<Instant>,
}

impl Painter {
    pub(crate) fn new(room: Arc<Room>, beyond: Arc<Beyond>, is_one_of_many: bool) -> Self {
        let now = Instant::now();
        Self {
            values: Watching::default(),
            canvases: Canvases::default(),
            drawings: Vec::new(),
            gist: Gist::default(),
            is_due: true,
            has_other_cause: false,
            rush: Rush::new(now),
            next_paint: now,
            heart: Heart::new(&room, is_one_of_many),
            ticker: Ticker::new(&room.recipe.picture.clock, now),
            retry_at: None,
            occupied_since: None,
            room,
            beyond,
        }
    }

    /// Returns when nobody is here; may be called again.
    pub(crate) async fn paint_until_empty(&mut self, shutdown: &CancellationToken) {
        loop {
            let (survey, snapshot) = self.survey();
            if survey.is_empty {
                return self.drawings.clear();
            }
            // What comes once is in a box: the task is as large as the largest of what it awaits.
            if shutdown.is_cancelled() {
                return Box::pin(self.end()).await;
            }
            if survey.open().any(|screen| screen.is_to_close()) {
                let is_to_close = |screen: &&Arc<Screen>| screen.is_to_close();
                let screens = survey.open().filter(is_to_close);
                Box::pin(self.close(screens, &snapshot, LeaveReason::RoomClosed)).await;
                continue;
            }
            self.do_what_is_due(&survey, &snapshot);
            drop(snapshot);
            self.rest(&survey).await;
        }
    }

    fn do_what_is_due(&mut self, survey: &Survey, snapshot: &Snapshot) {
        let (now, clock) = (Instant::now(), &self.room.recipe.picture.clock);
        // At its time, whatever came before: waiting would be wrong about the time.
        let has_ticked = self.ticker.has_ticked(clock, survey);
        let is_to_look = self.ticker.next_look(survey).is_some_and(|at| now >= at);
        let is_retry = self.retry_at.take_if(|at| now >= *at).is_some();
        self.has_other_cause |= has_ticked || is_to_look || is_retry;
        self.is_due |= self.has_other_cause;
        let mut is_turn = self.is_due && (has_ticked || now >= self.next_paint);
        if is_turn && self.rush.goes_on(now) && !self.has_other_cause {
            is_turn = false;
            self.next_paint = self.rush.end().min(now + self.room.recipe.settings.interval());
            // Whoever waits for the round has what there is.
            let idle = self.canvases.idle(survey.open());
            idle.for_each(|screen| screen.stage.end_round(None));
        }
        let is_new = |screen: &Arc<Screen>| self.canvases.of(screen).is_none();
        let ranked = survey.open().enumerate();
        let to_paint: Vec<_> = ranked.filter(|(_, screen)| is_turn || is_new(screen)).collect();
        // Out of turn only new screens get a picture. What the values have become meanwhile is
        // then still due for the others.
        self.is_due = if is_turn { false } else { self.is_due || !to_paint.is_empty() };
        self.has_other_cause &= !is_turn;
        if !to_paint.is_empty() {
            if is_turn {
                self.ticker.begin_round(&self.room.recipe.picture.clock, now);
                self.rush.begin_round(now);
            }
            let paints = self.paint(&to_paint, snapshot);
            if is_turn {
                // From the start: the time that drawing takes does not lower the rate. To have
                // found nothing new costs little, so it takes less of the next change's time.
                let interval = self.room.recipe.settings.interval();
                self.next_paint = now + if paints { interval } else { interval / 10 };
            }
        }
        if now >= self.heart.next {
            self.beat(survey);
        }
    }

    /// Sees what is, and tells of it.
    fn survey(&mut self) -> (Survey, Box<Snapshot>) {
        let (survey, snapshot, news) = self.room.survey();
        // Even if the counts are what they were: a newcomer waits for the round's end.
        let has_news = !news.is_empty();
        self.rush.note(news.len(), Instant::now());
        self.is_due |= has_news;
        self.beyond.reporter.tell(&self.room.path, news);
        let before = std::mem::replace(&mut self.gist, snapshot.gist());
        if self.gist.here != before.here && !self.room.shows_others() {
            let (from, to) = (before.here.visitors, self.gist.here.visitors);
            self.room.recipe.picture.meter.visitors_change(from, to);
            self.tell_occupancy();
        }
        if self.gist.counts != before.counts && !self.room.shows_others() {
            self.beyond.reporter.changed(&self.room.path, self.gist.counts.clone());
        }
        self.beyond.note(&self.room, has_news, &before, &self.gist);
        self.is_due |= self.gist != before;
        self.canvases.only(survey.open());
        self.values.only(survey.open(), &self.room.id.params);
        let told = self.room.stale.keep(|badge| self.values.has(badge));
        told.into_iter().for_each(|is_stale| self.beyond.reporter.stale(&self.room.path, is_stale));
        (survey, snapshot)
    }

    /// Tells of a room's first visitor, and of its last.
    fn tell_occupancy(&mut self) {
        let Self { room, beyond, gist, occupied_since, .. } = self;
        let reporter = &beyond.reporter;
        match (gist.here.visitors, *occupied_since) {
            (1.., None) => {
                *occupied_since = Some(Instant::now());
                reporter.occupied(&room.path, gist.counts.clone());
            }
            (0, Some(since)) => {
                *occupied_since = None;
                reporter.vacated(&room.path, since.elapsed());
            }
            _ => {}
        }
    }

    /// Sleeps until there is something to do other than to beat.
    async fn rest(&mut self, survey: &Survey) {
        if !self.is_due {
            let idle = self.canvases.idle(survey.open());
            idle.for_each(|screen| screen.stage.set_idle_from(Some(self.next_paint)));
        }
        loop {
            let look_at = self.next_look(survey);
            let wake_at = look_at.map_or(self.heart.next, |at| at.min(self.heart.next));
            let woken = self.wake(wake_at).await;
            let now = Instant::now();
            self.heart.wakes(now, wake_at, &self.room);
            let is_to_look = || {
                let today = self.room.recipe.settings.calendar.today();
                look_at.is_some_and(|at| at <= now) || is_another(self.gist.day, today)
            };
            match woken {
                Woken::Time if now >= self.heart.next && !is_to_look() => {
                    self.beat(survey);
                    continue;
                }
                Woken::Time | Woken::Change => {}
                Woken::Values => {
                    self.is_due = true;
                    self.has_other_cause = true;
                }
                Woken::Drawing(finished) => self.finish(finished),
            }
            break;
        }
        // From here on a newcomer can't be sure to be part of the next round.
        survey.open().for_each(|screen| screen.stage.set_idle_from(None));
    }

    /// When there is something to look at, although nothing may have happened.
    fn next_look(&self, survey: &Survey) -> Option<Instant> {
        let tick = self.ticker.next_tick(&self.room.recipe.picture.clock, survey);
        let next_look = self.ticker.next_look(survey).filter(|_| !self.is_due);
        let next_paint = self.is_due.then_some(self.next_paint);
        [survey.next_expiry, self.retry_at, tick, next_look, next_paint].into_iter().flatten().min()
    }

    /// Sleeps until something happens.
    async fn wake(&mut self, at_latest: Instant) -> Woken {
        let Self { room, values, drawings, canvases, .. } = self;
        // Before there is a picture there is nobody to beat for, and nothing to be paced.
        let sleeps = canvases.have_begun() || drawings.is_empty();
        let mut sleep = pin!(sleeps.then(|| sleep_until(at_latest)));
        let mut values = values.may_change().then(|| Box::pin(values.changed()));
        poll_fn(|cx| {
            // First: there are only so many of them, whatever else goes on.
            if let Some(finished) = next(drawings, cx) {
                return Poll::Ready(Woken::Drawing(finished));
            }
            if room.bell().poll(cx).is_ready() {
                return Poll::Ready(Woken::Change);
            }
            if values.as_mut().is_some_and(|values| values.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(Woken::Values);
            }
            match sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).map(|()| Woken::Time),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn beat(&mut self, survey: &Survey) {
        let Self { room, heart, canvases, .. } = self;
        heart.beat(room, survey, |screen| canvases.of(screen)?.frame());
    }

    /// One round: the newest state becomes a picture on each of these screens, unless it looks as before;
    /// each comes with its rank. Returns whether it differs anywhere.
    fn paint(&mut self, screens: &[(usize, &Arc<Screen>)], snapshot: &Snapshot) -> bool {
        tracing::trace!(screens = screens.len(), "painting");
        let all_taken = self.values.take();
        for (badge, is_stale) in all_taken.staleness() {
            let told = self.room.stale.see(badge, is_stale);
            told.into_iter()
                .for_each(|is_stale| self.beyond.reporter.stale(&self.room.path, is_stale));
        }
        let mut paints = false;
        for &(nth, screen) in screens {
            let canvas = self.canvases.put_up(screen);
            let (picture, style) = (&screen.recipe.picture, &screen.variant.style);
            let (values, params) = (all_taken.of(screen.variant.badge), &self.room.id.params);
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
                        self.beyond.reporter.paint_failed(&screen.recipe, &self.room.path, error);
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
        let Some(canvas) = self.canvases.of_mut(&finished.screen) else { return };
        // What was left out meanwhile has its turn when the pace allows.
        self.is_due |= std::mem::take(&mut canvas.is_stale);
        let Finished { ref screen, cached, started, .. } = finished;
        let (screen, path) = (screen.clone(), &self.room.path);
        let frame = match canvas.end(finished) {
            Ok(frame) => {
                if let Some(frame) = &frame {
                    let (bytes, took) = (frame.size(), started.elapsed());
                    let (path, counts) = (path.clone(), self.gist.counts.clone());
                    self.beyond.reporter.painted(&Paint { path, counts, bytes, took, cached });
                }
                frame
            }
            Err((error, frame)) => {
                if let PaintError::Thread(_) = error {
                    self.retry_at = Some(Instant::now() + RETRY);
                }
                self.beyond.reporter.paint_failed(&screen.recipe, path, &error);
                frame
            }
        };
        screen.stage.end_round(frame);
    }

    /// Shows the newest picture on these screens, and ends their viewers' streams.
    ///
    /// What came last stays on screens, so it is not left out because its turn is yet to come; and a
    /// stream that ends without a picture crashes WebKitGTK 2.50.
    async fn close<'a>(
        &mut self,
        screens: impl Iterator<Item = &'a Arc<Screen>>,
        snapshot: &Snapshot,
        reason: LeaveReason,
    ) {
        let screens: Vec<_> = screens.enumerate().collect();
        let is_behind = |painter: &Self| {
            let canvas = |screen: &Screen| painter.canvases.of(screen);
            screens.iter().any(|(_, screen)| canvas(screen).is_some_and(|canvas| canvas.is_stale))
        };
        loop {
            self.paint(&screens, snapshot);
            let was_behind = is_behind(self);
            while !self.drawings.is_empty() {
                let drawings = &mut self.drawings;
                let finished = poll_fn(|cx| next(drawings, cx).map_or(Poll::Pending, Poll::Ready));
                let finished = finished.await;
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
            let (survey, snapshot) = self.survey();
            if survey.is_empty {
                return;
            }
            if survey.open().next().is_some() {
                self.close(survey.open(), &snapshot, LeaveReason::Shutdown).await;
            }
            // The end of a leave grace is no news.
            let expiry = survey.next_expiry.unwrap_or_else(|| Instant::now() + NEVER);
            // An error says that nothing has changed until then.
            let _ = timeout_at(expiry, self.room.bell().heard()).await;
        }
    }
}

impl Drop for Painter {
    /// If the runtime is shut down, there may be visitors left.
    fn drop(&mut self) {
        if !self.room.shows_others() {
            let visitors = self.gist.here.visitors;
            self.room.recipe.picture.meter.visitors_change(visitors, 0);
        }
    }
}

/// By what a room's task has been woken.
enum Woken {
    /// Somebody came or went, or all are to go.
    Change,
    Drawing(Finished),
    Values,
    Time,
}

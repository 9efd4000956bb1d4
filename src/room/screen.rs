//! Where one variant of a room's picture is shown, and as what somebody looks at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::badge::recipe::Recipe;
use crate::observe::meter::Meter;
use crate::picture::threads::Lane;
use crate::presence::leaving::LeaveReason;
use crate::presence::people::Who;
use crate::request::style::Style;
use crate::stream::frame::Frame;
use crate::stream::framing::Medium;
use crate::stream::stage::Stage;

/// Which badge's picture or data of a room, and in which style.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) badge: usize,
    pub(crate) style: Style,
    pub(crate) medium: Medium,
}

/// As what a viewer is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// Looks on, and is not counted.
    Uncounted,
    Counted(Option<Arc<Who>>),
}

/// Where one variant is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Among those that its room has had: one that was closed and its successor show the same variant.
    pub(crate) number: u64,
    pub(crate) variant: Variant,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) stage: Stage<Frame, Watcher>,
    /// How many of its viewers are counted: the more there are, the sooner it is painted.
    counted: AtomicUsize,
    /// Its viewers are to be sent away; whoever comes is sent to another one.
    is_to_close: AtomicBool,
    is_closed: AtomicBool,
}

impl Screen {
    pub(crate) fn new(number: u64, variant: Variant, recipe: Arc<Recipe>) -> Self {
        Self {
            number,
            variant,
            recipe,
            stage: Stage::new(),
            counted: AtomicUsize::new(0),
            is_to_close: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.recipe.picture.meter
    }

    pub(crate) fn counted(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }

    /// As the n-th by its viewers: those that most people look at go first; a dozen styles that somebody asks
    /// for wait for them.
    pub(crate) fn lane(&self, nth: usize) -> Lane {
        const FEW: usize = 4;
        if nth == 0 || nth < FEW && self.counted() > 0 { Lane::Live } else { Lane::Aside }
    }

    /// Asks the painter to close it, once it has shown the newest picture there.
    pub(crate) fn ask_to_close(&self) {
        self.is_to_close.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_to_close(&self) -> bool {
        self.is_to_close.load(Ordering::Relaxed)
    }

    /// Whether somebody who comes may look here.
    pub(crate) fn takes_newcomers(&self) -> bool {
        !self.is_to_close() && !self.is_closed()
    }

    /// Ends the streams of its viewers.
    pub(crate) fn close(&self, reason: LeaveReason) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.stage.close(reason);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// A viewer has come.
    pub(crate) fn opens_for(&self, watcher: &Watcher) {
        self.meter().viewers_change(1);
        if *watcher != Watcher::Uncounted {
            self.counted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same viewer has gone.
    pub(crate) fn closes_for(&self, watcher: &Watcher) {
        self.meter().viewers_change(-1);
        if *watcher != Watcher::Uncounted {
            self.counted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

//! The builder, and the layer that it builds.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tower_layer::Layer;

use crate::badge::builder::Badge;
use crate::badge::check::check;
use crate::badge::names;
use crate::badge::own_urls::Detours;
use crate::badge::recipe::Recipe;
use crate::badge::set::{self, Access, Entry};
use crate::badge::timing;
use crate::error::{BuildError, BuildErrorKind};
use crate::nodes::bus::Bus;
use crate::nodes::link::Link;
use crate::nodes::value::{Shareable, SharedValue};
use crate::observe::observer::{NodesChange, Observer, Unobserved};
use crate::picture::fonts::{Fonts, Unusable};
use crate::picture::images::Images;
use crate::picture::raster::Raster;
use crate::presence::calendar::Calendar;
use crate::presence::clock::Clock;
use crate::presence::crowd::Crowd;
use crate::presence::tokens::Tokens;
#[cfg(feature = "time")]
use crate::presence::zone::Zone;
use crate::request::pseudonym::Blind;
use crate::room::admission::Admission;
use crate::room::archive::{Archive, Keeping};
use crate::room::nodes::Nodes;
use crate::room::registry::Registry;
use crate::room::reporter::Reporter;
use crate::serve::dispatch::Dispatch;
use crate::serve::dispatch::Traffic;
use crate::serve::handle::Handle;
use crate::serve::not_found::NotFound;
use crate::serve::service::LiveBadge;
use crate::store::contract::Store;
use crate::stream::multipart::Multipart;

/// For how long what another node has said holds.
const DEFAULT_LEASE: Duration = Duration::from_secs(10);
/// A node may miss two beats; and who vanished is not to be seen for ever.
const LEASES: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(3600);

/// Answers the configured paths with live pictures, and leaves everything else to the inner service.
///
/// Cheap to clone; all clones, the services made from them and their handles are one: they share
/// rooms, counts and limits.
///
/// Add it to the outermost router, after all routes and the fallback, so that it sees every request;
/// layers that are added later are outside of it, and most of them don't mind (see the
/// [front page](crate#where-the-layer-goes)).
#[derive(Debug, Clone)]
pub struct LiveBadgeLayer {
    badges: Arc<Dispatch>,
}

impl LiveBadgeLayer {
    /// Begins a layer without badges.
    pub fn builder() -> LiveBadgeLayerBuilder {
        LiveBadgeLayerBuilder {
            badges: Vec::new(),
            fonts: Vec::new(),
            #[cfg(feature = "images")]
            images: Vec::new(),
            max_viewers: None,
            max_rooms: 10_000,
            observer: Box::new(Unobserved),
            calendar: Calendar::default(),
            #[cfg(feature = "time")]
            zone: None,
            store: None,
            bus: None,
            lease: DEFAULT_LEASE,
            shared: Vec::new(),
        }
    }

    /// What the application uses to look at its rooms, to answer from its own handlers, and to end
    /// all streams.
    pub fn handle(&self) -> Handle {
        Handle::new(self.badges.clone())
    }

    /// The badges as a plain service, to be mounted on a route.
    ///
    /// It answers 404 for every path that is no badge's.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    /// let app: Router = Router::new().nest_service("/badges", badges.into_service());
    /// // now at /badges/online.png
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn into_service(self) -> LiveBadge<NotFound> {
        self.layer(NotFound)
    }
}

impl<S> Layer<S> for LiveBadgeLayer {
    type Service = LiveBadge<S>;

    fn layer(&self, inner: S) -> LiveBadge<S> {
        LiveBadge::new(inner, self.badges.clone())
    }
}

/// Builds a [`LiveBadgeLayer`].
#[must_use = "a builder does nothing until build() is called"]
pub struct LiveBadgeLayerBuilder {
    badges: Vec<Entry>,
    fonts: Vec<Vec<u8>>,
    #[cfg(feature = "images")]
    images: Vec<(String, Vec<u8>)>,
    max_viewers: Option<usize>,
    max_rooms: usize,
    observer: Box<dyn Observer>,
    calendar: Calendar,
    #[cfg(feature = "time")]
    zone: Option<String>,
    store: Option<Box<dyn Store>>,
    bus: Option<Box<dyn Bus>>,
    lease: Duration,
    shared: Vec<Arc<dyn Shareable>>,
}

impl LiveBadgeLayerBuilder {
    /// Adds a badge at a path, in axum's syntax: `/online.png`, `/rooms/{room}/online.png`,
    /// `/files/{*path}`; and with more than that has: `/t/{id}.png`, `/@{user}`, `/badge-{id}.png`.
    ///
    /// There is at most one parameter between two slashes, and what is around it stays as it is: at
    /// `/t/a.b.png` the `id` is `a.b`.
    ///
    /// If two paths match, the one with more text of its own goes first: `/t/online.png` before
    /// `/t/{id}.png` before `/t/{id}`.
    ///
    /// axum 0.8's own router differs in two things: it refuses text after a parameter, so
    /// `/t/{id}.png` can't be a route of it (the layer sees such a request all the same, and
    /// [`into_service`](LiveBadgeLayer::into_service) can be nested at `/t`), and it takes an empty
    /// parameter in the middle of a path: `/rooms//online.png` is no room here.
    ///
    /// Every set of parameter values is a room of its own, with its own count and picture. Values
    /// are percent-decoded; one of no or more than 64 characters, or with control characters, names no
    /// room, and its request is left to the inner service.
    pub fn badge(mut self, path: impl Into<String>, badge: Badge) -> Self {
        self.badges.push(Entry { path: path.into(), badge, access: Access::Requests });
        self
    }

    /// Adds a badge for [`RoomHandle::respond`](crate::RoomHandle::respond) alone: no request reaches it by its path, which
    /// therefore begins without a slash, as in `articles/{id}`.
    pub fn unrouted(mut self, path: impl Into<String>, badge: Badge) -> Self {
        self.badges.push(Entry { path: path.into(), badge, access: Access::HandleOnly });
        self
    }

    /// Adds a font (TrueType or OpenType) that templates can name by its family.
    ///
    /// The embedded DejaVu Sans, or else the first font added here, is what templates get that name
    /// none, or a generic family. What that lacks, and nothing else, is drawn in the first of the others
    /// that has it: letters of another script, emoji. A machine's own fonts are not used.
    ///
    /// Letters are outlines, in one colour or several (COLR, SVG). Bitmaps, which most emoji fonts have, are drawn with
    /// the feature `images`.
    pub fn font(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.fonts.push(data.into());
        self
    }

    /// Adds an image, PNG or JPEG, that templates can show by its name (letters, digits, `-`, `_`, `.`),
    /// and looks as their [logo](crate::Look::logo_image).
    ///
    /// At most 1 MiB and 1,000,000 pixels: every picture that shows it decodes it.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// # let png = resvg::tiny_skia::Pixmap::new(40, 40).unwrap().encode_png().unwrap();
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40">
    ///   <image href="image:cat" width="40" height="40"/>
    ///   <text x="48" y="26" font-size="16">{{ visitors }}</text>
    /// </svg>"#;
    /// let badges = LiveBadgeLayer::builder()
    ///     .image("cat", png) // include_bytes!("cat.png")
    ///     .badge("/cat.png", Badge::svg(svg))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    #[cfg(feature = "images")]
    pub fn image(mut self, name: impl Into<String>, png_or_jpeg: impl Into<Vec<u8>>) -> Self {
        self.images.push((name.into(), png_or_jpeg.into()));
        self
    }

    /// The most streams that may be open at a time, in all rooms together, or `None` for no limit, which
    /// is the default; whoever comes then gets one whole picture.
    pub fn max_viewers(mut self, streams: impl Into<Option<usize>>) -> Self {
        self.max_viewers = streams.into();
        self
    }

    /// The most rooms that may be open at a time; whoever asks for another one gets one whole
    /// picture.
    ///
    /// Default: 10,000.
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.max_rooms = rooms;
        self
    }

    /// Is told what happens.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// What time it is, for badges that show `now`, instead of the machine's own clock.
    ///
    /// For tests, in which time is paused or leaps, and for demonstrations.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    /// let began = tokio::time::Instant::now();
    /// let look = Look::countdown("2100 begins in", new_year, "it has begun");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/2100.png", Badge::look(look))
    ///     .clock(move || new_year - Duration::from_secs(10) + began.elapsed())
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.calendar.clock = Clock::of(now);
        self
    }

    /// Keeps totals where they outlive the process: of every room of every badge, whether or not its template
    /// shows any.
    ///
    /// What was kept is there again when a room is opened, or asked for. What changes is saved within a second,
    /// when a room is freed, and before [`Handle::shutdown`](crate::Handle::shutdown) returns: a process that
    /// is killed loses a second at most. No request and no picture waits while something is saved, and none
    /// for longer than half a second until something is read.
    ///
    /// ```
    /// use tower_livebadge::{Badge, FileStore, LiveBadgeLayer, Look};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&folder)?;
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/visits.svg", Badge::look(Look::visits()))
    ///     .store(FileStore::open("livebadge.redb")?)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Several nodes use one that they share (`RedisStore`, or a [`SharedStore`](crate::SharedStore) of yours): it adds
    /// up what comes to each.
    ///
    /// Default: none; totals are forgotten with the process.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Counts with the other nodes of the site: the processes, on this machine or others, that serve the same badges.
    ///
    /// Every picture, and all data, show how many there are on all of them. Somebody who has a tab on each of two
    /// nodes is two streams and, with a [visitor key](crate::Badge::visitors), one visitor: exactly as long as up to
    /// 1,024 people are in the room, and beyond that within some 1.6 % (two thirds of all times within 0.8 %). Joins
    /// are seen on the other nodes within 0.1 s, as a rule.
    ///
    /// Nodes that can't be reached don't matter to the badges: who is here is counted as ever, and who was there
    /// for the length of a [lease](Self::lease). They are tried again without end. No request and no picture
    /// waits for any of that.
    ///
    /// [`build`](Self::build) waits half a second at most for the first connection. Who came while there was none, on this
    /// node and on another, counts as two until one of them has left.
    ///
    /// Names, limits, and values that are not [shared](Self::share) are each node's own, and so is what has been
    /// (peaks are those of all nodes that were seen here), unless they share a [store](Self::store).
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, LocalBus};
    ///
    /// let bus = LocalBus::new(); // RedisBus::open("redis://127.0.0.1")?
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/online.png", Badge::online())
    ///     .nodes(bus)
    ///     .build()?;
    /// assert!(badges.handle().nodes().unwrap().peers.is_empty());
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    ///
    /// Default: this is the only node.
    pub fn nodes(mut self, bus: impl Bus) -> Self {
        self.bus = Some(Box::new(bus));
        self
    }

    /// This value is the same on all [nodes](Self::nodes), as [`SharedValue`] says.
    ///
    /// A value belongs to one layer; without other nodes it is a value like any other.
    pub fn share<T>(mut self, value: &SharedValue<T>) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.shared.push(value.shareable());
        self
    }

    /// For how long what another [node](Self::nodes) has said holds, although it is not heard any more: from 3
    /// seconds to an hour.
    ///
    /// A node speaks once a second. One that is shut down says so ([`Handle::shutdown`](crate::Handle::shutdown)); this is for those that are
    /// killed, or cut off.
    ///
    /// Default: 10 seconds.
    ///
    /// # Errors
    ///
    /// Beyond these bounds, [`build`](Self::build) says so.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Where days begin at midnight, for what is counted today: `"Europe/Berlin"`, or an offset such as
    /// `"+02:00"`.
    ///
    /// Default: UTC.
    ///
    /// # Errors
    ///
    /// If there is no such zone, [`build`](Self::build) says so.
    #[cfg(feature = "time")]
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Checks everything and builds the layer.
    ///
    /// Every template is filled and drawn some times, which takes a few milliseconds each.
    ///
    /// # Errors
    ///
    /// If anything is wrong with a path, a template, a font or a setting: see [`BuildError`].
    pub fn build(self) -> Result<LiveBadgeLayer, BuildError> {
        let fonts = Fonts::new(self.fonts);
        let fonts = fonts
            .map_err(|Unusable { position, reason }| BuildErrorKind::Font { position, reason });
        let fonts = fonts.map_err(BuildError::of_layer)?;
        #[allow(unused_mut, reason = "without the feature there are none")]
        let mut images = Images::default();
        #[cfg(feature = "images")]
        for (name, data) in self.images {
            let added = images.add(&name, data);
            let added = added.map_err(|reason| BuildErrorKind::NamedImage { name, reason });
            added.map_err(BuildError::of_layer)?;
        }
        let raster = Arc::new(Raster::new(fonts, images));
        let paths = set::paths(&self.badges)?;
        let hosts = set::hosts(&self.badges)?;
        let totalled = set::totalled(&self.badges)?;
        #[cfg_attr(not(feature = "time"), allow(unused_mut, reason = "days are those of UTC"))]
        let mut calendar = self.calendar;
        #[cfg(feature = "time")]
        if let Some(zone) = self.zone {
            let zone = Zone::find(&zone).map_err(|reason| BuildErrorKind::TimeZone { reason });
            calendar.zone = Some(zone.map_err(BuildError::of_layer)?);
        }
        let calendar = Arc::new(calendar);
        let mut recipes = Vec::new();
        for (Entry { path, mut badge, .. }, host) in self.badges.into_iter().zip(hosts) {
            badge.settings.calendar = calendar.clone();
            let mut recipe = check(&path, badge, host, &raster)?;
            recipe.remembers |= self.store.is_some();
            recipes.push(recipe);
        }
        for shown in 0..recipes.len() {
            let host = recipes[shown].host;
            timing::check_pace(&recipes[shown], &recipes[host])?;
            recipes[host].remembers |= recipes[shown].remembers;
            recipes[shown].is_gated = is_gated(&recipes, shown, &totalled);
            recipes[shown].multipart = Arc::new(Multipart::new(recipes[shown].corp()));
            recipes[shown].counts = totalled.iter().all(|(total, _)| *total != host);
        }
        names::check(&recipes, &totalled)?;
        for (number, of) in totalled {
            let crowd = Arc::new(Crowd::total(recipes[of].settings.grace(), calendar.clone()));
            recipes[number].total = Some(crowd.clone());
            recipes[of].totals.push(crowd);
        }
        let reporter = Arc::new(Reporter::new(self.observer));
        let shutdown = CancellationToken::new();
        let tokens = Arc::new(Tokens::new(calendar.today()));
        let archive = self.store.map(|store| {
            let read = || {
                let (tokens, calendar) = (tokens.clone(), calendar.clone());
                let keeping = Keeping::new(store, tokens, calendar, reporter.clone())?;
                Archive::new(keeping, recipes.iter()).map(Arc::new)
            };
            // Whoever builds the layer may be inside of a runtime, which a store may not like.
            std::thread::scope(|scope| scope.spawn(read).join())
                .unwrap_or_else(|_| Err("the store panicked".into()))
        });
        let archive = archive.transpose().map_err(|reason| BuildErrorKind::Store { reason });
        let archive = archive.map_err(BuildError::of_layer)?;
        if self.bus.is_some() && !LEASES.contains(&self.lease) {
            return Err(BuildError::of_layer(BuildErrorKind::Lease { lease: self.lease }));
        }
        let nodes = self.bus.map(|bus| {
            let told = reporter.clone();
            let hook = Box::new(move |change: &NodesChange<'_>| told.nodes_changed(change));
            let link =
                Link::start(bus, self.lease, self.shared, tokens.clone(), calendar.clone(), hook);
            link.map(|link| Arc::new(Nodes::new(link, &recipes)))
        });
        let nodes = nodes.transpose().map_err(|reason| BuildErrorKind::Nodes { reason });
        let nodes = nodes.map_err(BuildError::of_layer)?;
        let registry =
            Registry::new(self.max_rooms, reporter.clone(), archive, nodes, shutdown.clone());
        let admission = Admission::new(self.max_viewers.unwrap_or(usize::MAX), shutdown);
        let badges = Dispatch {
            recipes: recipes.into_iter().map(Arc::new).collect(),
            paths,
            registry: Arc::new(registry),
            reporter,
            blind: Blind::new(),
            tokens,
            calendar,
            admission,
            detours: Detours::default(),
            traffic: Traffic::default(),
        };
        Ok(LiveBadgeLayer { badges: Arc::new(badges) })
    }
}

/// Whether the inner service is asked before this badge is shown: as it says, or as the badge says
/// whose rooms or total it shows.
fn is_gated(recipes: &[Recipe], badge: usize, totalled: &[(usize, usize)]) -> bool {
    let host = recipes[badge].host;
    let of = totalled.iter().find(|(total, _)| *total == host).map_or(host, |(_, of)| *of);
    let says = |badge: usize| recipes[badge].settings.gated;
    says(badge).or(says(host)).or(says(of)).unwrap_or(false)
}

impl fmt::Debug for LiveBadgeLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveBadgeLayerBuilder")
            .field("badges", &self.badges)
            .field("fonts", &self.fonts.len())
            .field("max_viewers", &self.max_viewers)
            .field("max_rooms", &self.max_rooms)
            .finish_non_exhaustive()
    }
}

//! The recipe for a badge as the application writes it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::request::Parts;
use serde::Serialize;
use tokio::sync::watch;

use crate::badge::own_urls::OwnUrls;
use crate::badge::reply::Reply;
use crate::badge::settings::{Settings, UnknownRoom, WhenFull};
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::values::{self, Source};
use crate::request::cookie::VisitorCookie;
use crate::request::key::VisitorKey;
use crate::request::params::Params;

/// A live picture: its template, its values, who counts, and how often it may change.
///
/// # Slots
///
/// The template is SVG with slots in the syntax of [minijinja] (which is Jinja2's). What fills them:
///
/// | slot | what it is |
/// | --- | --- |
/// | `{{ streams }}` | open streams in the room: tabs, windows, embedded images |
/// | `{{ visitors }}` | distinct visitors in the room (see [`visitors`](Self::visitors)) |
/// | `{{ params.room }}` | the path's `{room}` |
/// | `{{ theme }}` | `dark` for `?theme=dark`, else `light` |
/// | `{{ query.label }}` | what `?label=` says, if the badge has such a [slot](Self::query_slot) |
/// | `{{ peak }}` | the most visitors at once so far |
/// | `{{ peak_today }}` | the same since midnight |
/// | `{{ joins }}` | how often a visitor has come |
/// | `{{ today }}` | the same since midnight |
/// | `{{ visitors_today }}` | how many different visitors have come since midnight (see [`Records`](crate::Records::visitors_today)) |
/// | `{{ days }}` | a list: how often a visitor has come on each of the last 30 days, oldest first, today last |
/// | `{{ since_change }}` | for how many seconds the number of visitors has been what it is |
/// | `{{ recent }}` | a list: the most visitors in each ten seconds of the last ten minutes, oldest first |
/// | `{{ people }}` | a list: who is there by [name](Self::named), oldest first, each with `name`, `initials`, `color` (white can be read on it) and `since` (seconds); at most [so many](Self::max_people) |
/// | `{{ guests }}` | how many visitors have no name |
/// | `{{ more }}` | how many with a name are not in `people` |
/// | `{{ rooms }}` | of a [total](Self::total_of): how many rooms there are |
/// | `{{ now }}` | the time: whole seconds since 1970, UTC; redrawn as often as [`every`](Self::every) says |
/// | `{{ stale }}` | whether the source of the application's values is gone or silent (see [`stale_after`](Self::stale_after)) |
/// | any other | the application's own values (see [`values`](Self::values) and [`values_of`](Self::values_of)), which can't have one of these names |
///
/// What has been in a room is kept after its last viewer has left if a template shows it, for about
/// 10,000 rooms; then those that were left first are forgotten, so let [`rooms`](Self::rooms) decide
/// which there are. A [store](crate::LiveBadgeLayerBuilder::store) keeps it over restarts, and of more rooms.
/// Midnight is that of UTC, or of the layer's time zone (`LiveBadgeLayerBuilder::time_zone`, feature `time`).
///
/// # Filters and functions
///
/// Those of minijinja, and for `{{ visitors | filter }}`:
///
/// | | |
/// | --- | --- |
/// | `compact` | `950`, `1.2k`, `34k`, `5.6M` |
/// | `group` | `1,234,567`; another separator with `group(" ")` |
/// | `pad(4)` | `0042` |
/// | `listed(" and ")` | of a list of people or texts: `Anna, Ben and 3 guests`; other marks than commas with `listed("和", "、")` |
/// | `duration` | of seconds: `45 s`, `3 min`, `2 h`, `5 d` |
/// | `hms` | of seconds: `00:45`, `02:03:04`, `1 d 02:03:04` |
/// | `date("%H:%M:%S", "Europe/Berlin")` | of a time: as `strftime` writes it, in a time zone or at an offset such as `"+02:00"`; without one in UTC (feature `time`) |
/// | `until`, `since` | of a time: how many seconds from now until then, rounded up, and from then until now; 0 if it is the other way round (feature `time`) |
/// | `plural("en", one="visitor", other="visitors")` | the form for a number in a language, by Unicode's CLDR (feature `plurals`) |
/// | `text_width(text, 11)` | how many CSS pixels wide a text is drawn in that size, rounded up; also with `family="…"` and letter `spacing=1.5` |
///
/// A time is a number of seconds since 1970, such as `now`, or a text as RFC 3339 has it:
/// `2027-01-31T12:00:00Z`.
///
/// Every string that fills a slot, also one within a list or map, is escaped, stripped of what XML
/// can't hold, and cut at [`max_value_chars`](Self::max_value_chars). Of lists and maps, 10,000
/// items, 1,000,000 characters and 16 levels are taken. A template may take 500,000 steps for a
/// picture (about one for each tag, operator, filter, and 64 bytes of text), and can't read files or
/// networks.
///
/// Everything is checked when the layer is built: with nobody, with few and with very many
/// visitors, with the numbers that the template itself names, and for light and dark pages.
///
/// ```
/// use std::time::Duration;
/// use tower_livebadge::{Badge, LiveBadgeLayer};
///
/// let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40">
///   <rect width="200" height="40" rx="8" fill="#234"/>
///   <text x="100" y="26" text-anchor="middle" font-family="sans-serif" font-size="16" fill="#fff">
///     {{ visitors }} in {{ params.room }}
///   </text>
/// </svg>"##;
/// let badges = LiveBadgeLayer::builder()
///     .badge("/rooms/{room}/online.png", Badge::svg(svg).leave_grace(Duration::from_secs(3)))
///     .build()?;
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
///
/// [minijinja]: https://docs.rs/minijinja
#[derive(Clone)]
#[must_use = "a badge does nothing until a layer is built with it"]
pub struct Badge {
    pub(crate) svg: String,
    pub(crate) values: Vec<Source>,
    /// What a parameter is tried with when the badge is checked.
    pub(crate) examples: Vec<(String, String)>,
    pub(crate) max_value_chars: usize,
    pub(crate) scale: f32,
    pub(crate) format: Format,
    pub(crate) look: Option<Look>,
    /// What a query may fill, and what fills it otherwise.
    pub(crate) query_slots: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    /// What a page of it says.
    pub(crate) page_text: Option<String>,
    /// The path of the badge whose rooms it shows.
    pub(crate) rooms_of: Option<String>,
    /// The path of the badge of whose rooms it shows the total.
    pub(crate) total_of: Option<String>,
    pub(crate) settings: Settings,
}

/// # The picture
impl Badge {
    /// A badge in the style of shields.io, 88 × 20 CSS pixels: "online | 12".
    pub fn online() -> Self {
        let message = "{{ visitors if visitors < 100000 else visitors | compact }}";
        Self::look(Look::flat("online").message(message).width(88.0))
    }

    /// A badge with one of the ready looks.
    ///
    /// A [`scale`](Self::scale) of 2 draws it sharp on most screens, so state its height in the
    /// page: `<img height="20">`.
    pub fn look(look: Look) -> Self {
        Self { look: Some(look.clone()), ..Self::svg(look.svg()) }
    }

    /// A badge drawn from this SVG text with slots.
    pub fn svg(template: impl Into<String>) -> Self {
        Self {
            svg: template.into(),
            values: Vec::new(),
            examples: Vec::new(),
            max_value_chars: 256,
            scale: 2.0,
            format: Format::Png,
            look: None,
            query_slots: Vec::new(),
            headers: Vec::new(),
            page_text: None,
            rooms_of: None,
            total_of: None,
            settings: Settings::default(),
        }
    }

    /// Shows values of the application, and shows them anew whenever they change.
    ///
    /// The fields of a struct or map become slots: `{{ load }}` for `struct Cpu { load: f32 }`. Any
    /// other value becomes `{{ value }}`. May be called several times, for values with different
    /// slots. When the sender is dropped, the last values stay, and are [stale](Self::stale_after): who
    /// has values that never change keeps their sender.
    ///
    /// ```
    /// use tokio::sync::watch;
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Queue { waiting: usize }
    ///
    /// let (queue, receiver) = watch::channel(Queue { waiting: 0 });
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20">
    ///   <text x="4" y="14" font-size="11">{{ waiting }} waiting</text>
    /// </svg>"#;
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/queue.png", Badge::svg(svg).values(receiver))
    ///     .build()?;
    ///
    /// queue.send_replace(Queue { waiting: 7 }); // every viewer sees it within milliseconds
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn values<T>(mut self, values: watch::Receiver<T>) -> Self
    where
        T: Serialize + Send + Sync + 'static,
    {
        self.values.push(values::watched(values));
        self
    }

    /// Shows values that each room has for itself, and shows them anew whenever they change.
    ///
    /// Called with the room's [`Params`] when somebody opens the room; what it returns is dropped
    /// when the room is freed. Stills and [`Data`](crate::Data) call it for each answer, so that
    /// rooms that nobody watches have them, too; and [`build`](crate::LiveBadgeLayerBuilder::build)
    /// calls it with the [examples](Self::example) of the parameters, to learn which slots there are.
    /// It should be quick: look a receiver up, or make one and fill it from a task. If it panics,
    /// that is a [`PaintError`](crate::PaintError), and it is called again two seconds later.
    ///
    /// If all senders of what it has returned are dropped, the values are [stale](Self::stale_after), and it
    /// is called again every two seconds until there is a sender: a source that was ended and begun anew
    /// comes back.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Arc;
    /// use tokio::sync::watch;
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// #[derive(Clone, Default, serde::Serialize)]
    /// struct Poll { yes: usize, no: usize }
    ///
    /// let polls: Arc<HashMap<String, watch::Sender<Poll>>> = Arc::default();
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20">
    ///   <text x="4" y="14" font-size="11">{{ yes }} : {{ no }}</text>
    /// </svg>"#;
    /// let badge = Badge::svg(svg).values_of(move |params| {
    ///     let poll = params.get("id").and_then(|id| polls.get(id));
    ///     poll.map_or_else(|| watch::channel(Poll::default()).1, |poll| poll.subscribe())
    /// });
    /// let badges = LiveBadgeLayer::builder().badge("/polls/{id}.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn values_of<T, F>(mut self, of_room: F) -> Self
    where
        T: Serialize + Send + Sync + 'static,
        F: Fn(&Params) -> watch::Receiver<T> + Send + Sync + 'static,
    {
        self.values.push(values::per_room(of_room));
        self
    }

    /// Values are stale if their source has sent nothing for longer than this, a second or more.
    ///
    /// Default: never for that.
    ///
    /// They are stale in any case once all senders are gone. Then `{{ stale }}` is true, ready looks are
    /// half transparent, JSON, events and lines have `"stale":true`, and the observer is
    /// [told](crate::Observer::on_stale). Whatever is sent, equal or not, ends it. Of a source that is gone
    /// nothing can come, but [`values_of`](Self::values_of) is asked for a new one.
    ///
    /// What was sent while nobody looked counts from when somebody looks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tokio::sync::watch;
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let (thermometer, degrees) = watch::channel(21);
    /// let look = Look::flat("in here").number("{{ value }}").message("{{ value }} °C");
    /// let badge = Badge::look(look).values(degrees).stale_after(Duration::from_secs(90));
    /// let badges = LiveBadgeLayer::builder().badge("/degrees.png", badge).build()?;
    ///
    /// thermometer.send_replace(21); // once a minute, so that everybody sees that it is still read
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn stale_after(mut self, age: Duration) -> Self {
        self.settings.stale_after = Some(age);
        self
    }

    /// What a parameter of the path looks like: the badge is tried with it when it is built.
    ///
    /// Default: `room`.
    ///
    /// May be called several times, for several parameters.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20">
    ///   <text x="4" y="14" font-size="11">{{ visitors }} of {{ params.seats | int }}</text>
    /// </svg>"#;
    /// let badge = Badge::svg(svg).example("seats", "24"); // "room" is no number
    /// let badges = LiveBadgeLayer::builder().badge("/bus/{seats}/on.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn example(mut self, param: impl Into<String>, value: impl Into<String>) -> Self {
        self.examples.push((param.into(), value.into()));
        self
    }

    /// Lets a page fill a slot by its URL: `{{ query.label }}` is what `?label=` says, at most 64
    /// characters, or this.
    ///
    /// It is a part of how a picture is asked for, as `?theme=` is: all who watch a room are counted
    /// together, whatever their URLs say. Other people can write such URLs, too, but only they see it. A
    /// room has at most 64 such pictures at a time; whoever asks for another one then sees what the badge
    /// itself fills its slots with.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let look = Look::flat("{{ query.label }}");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/online.png", Badge::look(look).query_slot("label", "online"))
    ///     .build()?; // now /online.png?label=readers
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn query_slot(mut self, name: impl Into<String>, default: impl Into<String>) -> Self {
        self.query_slots.push((name.into(), default.into()));
        self
    }

    /// How the pictures are encoded.
    ///
    /// Default: [`Format::Png`].
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How many pixels a CSS pixel gets, 0.1 to 8.
    ///
    /// Default: 2, which is sharp on most screens; state the CSS size in the page (`<img width="88"
    /// height="20">`). A page can ask for another one with `?scale=3`, from 1 to 4.
    pub fn scale(mut self, scale: f32) -> Self {
        self.scale = scale;
        self
    }

    /// The longest string, in characters, that may fill a slot; longer ones are cut and end in `…`.
    ///
    /// Default: 256.
    ///
    /// The time to draw text grows with the square of its length.
    pub fn max_value_chars(mut self, chars: usize) -> Self {
        self.max_value_chars = chars;
        self
    }
}

/// # The page: picture and words in a frame
impl Badge {
    /// What the page says in words that can be read aloud, searched and copied: a template with the slots of
    /// the picture. The page is `?format=page`, for an `<iframe>` (see [`Embed::iframe`](crate::Embed::iframe)).
    ///
    /// Default: the label and the message of the badge's [`Look`], as in "5 online"; of any other badge the
    /// number of visitors.
    ///
    /// It is plain text of one line: markup in it is shown as it is written, and what is behind 1,000
    /// characters is cut.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// let badge = Badge::online().page_text("{{ visitors }} are reading this");
    /// let badges = LiveBadgeLayer::builder().badge("/online.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn page_text(mut self, template: impl Into<String>) -> Self {
        self.page_text = Some(template.into());
        self
    }

    /// Whether the page shows the picture above its words.
    ///
    /// Default: yes.
    ///
    /// The picture is a second stream of the same viewer, who is counted once; over HTTP/1.1 it takes a
    /// second one of the six connections that a browser opens to a host.
    pub fn page_picture(mut self, page_picture: bool) -> Self {
        self.settings.page_picture = page_picture;
        self
    }
}

/// # People: who is counted
impl Badge {
    /// Counts people instead of tabs: requests with equal keys are one visitor.
    ///
    /// May be called several times: the first that finds a key decides, so the most certain one comes
    /// first, such as the session, then a cookie, then the address.
    ///
    /// A key that the client can choose freely, such as a header that no proxy of yours sets, lets one
    /// client be many visitors. `None` is a visitor of its own, as is every request by default. The module
    /// [`visitor`](crate::visitor) has ready keys: a cookie, a header, an address, the logged-in user.
    ///
    /// ```
    /// use tower_livebadge::{Badge, VisitorKey, visitor};
    ///
    /// let badge = Badge::online().visitors(|request| {
    ///     request.headers.get("x-user").map(VisitorKey::new)
    /// });
    /// let badge = badge.visitors(visitor::cookie("session")); // of those without that header
    /// ```
    pub fn visitors<F>(mut self, key: F) -> Self
    where
        F: Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static,
    {
        self.settings.keys.push(Arc::new(key));
        self
    }

    /// Counts people instead of tabs by a cookie of this name, which the badge itself sets where
    /// nothing else tells [`visitors`](Self::visitors) apart: a random number for a year, `HttpOnly` and
    /// `SameSite=Lax`, or as a [`VisitorCookie`] says.
    ///
    /// For sites without sessions. Browsers don't send such a cookie from pages of other sites; there
    /// every view is a visitor. Two badges on a new visitor's first page may set it twice, and count
    /// two visitors until the next one. Some laws want visitors to be asked first.
    ///
    /// ```
    /// use tower_livebadge::Badge;
    ///
    /// let badge = Badge::online().visitor_cookie("viewer");
    /// ```
    pub fn visitor_cookie(mut self, cookie: impl Into<VisitorCookie>) -> Self {
        let cookie = cookie.into();
        let given = cookie.clone();
        self = self.visitors(move |request| given.key(&request.headers));
        self.settings.sets_cookie = Some(cookie);
        self
    }

    /// Says what somebody is called, or that it is a guest: for pictures that show who is there.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// /// What a layer outside of the badges has put into the request.
    /// #[derive(Clone)]
    /// struct Session { user: String }
    ///
    /// let badge = Badge::look(Look::sentence("reading this"))
    ///     .named(|request| request.extensions.get::<Session>().map(|session| session.user.clone()));
    /// let badges = LiveBadgeLayer::builder().badge("/who.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    ///
    /// What puts the session there must be a layer outside of this one: with axum, one that is added later.
    ///
    /// Asked once for each stream. Many tabs of somebody with a [key](Self::visitors) are one visitor, whose
    /// name is what the newest of its streams said, also if that was none. Who has no key but a name is
    /// known by that: two people of one name are then one visitor.
    ///
    /// A name is at most 32 characters (the end of a longer one is `…`), without control characters, signs of
    /// direction and whatever else is not to be seen, and with single blanks; one of nothing is none. It is
    /// forgotten with its visitor. Everybody who may load the badge may read it: see
    /// [`gated`](Self::gated).
    ///
    /// What no font that is loaded can draw is an empty box in the picture: add [fonts](crate::LiveBadgeLayerBuilder::font)
    /// for the scripts that your people write.
    ///
    /// A badge with [`rooms_of`](Self::rooms_of) or [`total_of`](Self::total_of) shows the names that the
    /// other one says, so both should tell [visitors](Self::visitors) apart alike.
    pub fn named<F>(mut self, name: F) -> Self
    where
        F: Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.settings.name = Some(Arc::new(name));
        self
    }

    /// How many of those with a [name](Self::named) this badge shows by it, 1 to 100; the others are
    /// `{{ more }}`.
    ///
    /// Default: 20.
    ///
    /// ```
    /// use tower_livebadge::{Badge, Look};
    ///
    /// let few = Badge::look(Look::people())
    ///     .named(|request| Some(request.headers.get("x-user")?.to_str().ok()?.to_owned()))
    ///     .max_people(5); // and "+18"
    /// ```
    pub fn max_people(mut self, people: usize) -> Self {
        self.settings.max_people = Some(people);
        self
    }

    /// Says in the [`Data`](crate::Data) of this badge who is there: `?format=json` then has
    /// `"people":[{"name":"Anna"}],"guests":2`.
    ///
    /// Default: off, because scripts of other sites can read data, while of pictures they see nothing. To
    /// data of a [`Look`] all visitors are then guests.
    ///
    /// ```
    /// use tower_livebadge::Badge;
    ///
    /// let badge = Badge::online()
    ///     .named(|request| Some(request.headers.get("x-user")?.to_str().ok()?.to_owned()))
    ///     .names_in_data(true);
    /// ```
    pub fn names_in_data(mut self, names_in_data: bool) -> Self {
        self.settings.names_in_data = names_in_data;
        self
    }

    /// Counts tabs again: nothing tells visitors apart, as by default (but [names](Self::named), if they
    /// have some).
    pub fn no_visitors(mut self) -> Self {
        self.settings.keys.clear();
        self.settings.sets_cookie = None;
        self
    }

    /// Decides who is counted; everybody else looks on.
    ///
    /// Default: everybody but those who ask with `?uncounted`.
    ///
    /// ```
    /// use tower_livebadge::Badge;
    ///
    /// // Ourselves not.
    /// let badge = Badge::online().count_if(|request| !request.headers.contains_key("x-staff"));
    /// ```
    pub fn count_if<F>(mut self, is_counted: F) -> Self
    where
        F: Fn(&Parts) -> bool + Send + Sync + 'static,
    {
        self.settings.counted_if = Some(Arc::new(is_counted));
        self
    }

    /// How long somebody who left stays a visitor, at most an hour, so that reloads and page
    /// changes don't make the number flicker.
    ///
    /// Default: 3 s for visitors with a [key](Self::visitors), not at all for the others, who may
    /// well be other people.
    ///
    /// With a grace, visitors without a key are as many as there were at once within that time.
    /// Streams are not affected: they end when they end.
    pub fn leave_grace(mut self, grace: Duration) -> Self {
        self.settings.leave_grace = Some(grace);
        self
    }
}

/// # Rooms and admission: what there is, and who may enter
impl Badge {
    /// Decides which rooms there are, by their parameters.
    ///
    /// Default: all.
    ///
    /// A request for another one is for [`unknown_room`](Self::unknown_room) to answer. Where it
    /// takes the application's own code to know, see [`gated`](Self::gated).
    ///
    /// ```
    /// use tower_livebadge::Badge;
    ///
    /// let badge = Badge::online().rooms(|params| {
    ///     matches!(params.get("room"), Some("lobby" | "garden"))
    /// });
    /// ```
    pub fn rooms<F>(mut self, is_room: F) -> Self
    where
        F: Fn(&Params) -> bool + Send + Sync + 'static,
    {
        self.settings.is_room = Arc::new(is_room);
        self
    }

    /// What becomes of a request for a room that is none.
    ///
    /// Default: [`UnknownRoom::Inner`].
    pub fn unknown_room(mut self, unknown_room: UnknownRoom) -> Self {
        self.settings.unknown_room = unknown_room;
        self
    }

    /// Shows the rooms of the badge at this path instead of rooms of its own: another look of the
    /// same people.
    ///
    /// The path must have the same parameters as the badge's own.
    ///
    /// Who watches either is counted in the room that both show; with `count_if(|_| false)`, this
    /// badge looks without being counted. Pace, heartbeat and grace are those of the other badge, and
    /// so is which rooms there are, and how many may be in one unless this badge says otherwise.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// # let card = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#;
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/rooms/{room}/online.png", Badge::online())
    ///     .badge("/rooms/{room}/card.png", Badge::svg(card).rooms_of("/rooms/{room}/online.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn rooms_of(mut self, path: impl Into<String>) -> Self {
        self.rooms_of = Some(path.into());
        self
    }

    /// Shows how many there are in all rooms of the badge at this path together.
    ///
    /// Somebody with a [key](Self::visitors) who is in two of them is two streams and one visitor.
    /// `{{ rooms }}` is how many rooms are open, even if somebody only looks on. Who watches the
    /// total is not counted by that, and the leave grace is that of the other badge.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let total = Look::flat("online").message("{{ visitors }} in {{ rooms }} rooms");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/rooms/{room}/online.png", Badge::online())
    ///     .badge("/online.png", Badge::look(total).total_of("/rooms/{room}/online.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn total_of(mut self, path: impl Into<String>) -> Self {
        self.total_of = Some(path.into());
        self
    }

    /// Asks the inner service first: only if it answers with success (2xx) does the request get the
    /// badge, otherwise that answer.
    ///
    /// So the application's own rules decide, such as who is logged in and which rooms there are.
    /// A place is taken only after that, so who waits at a login keeps nobody out. Pages of other sites
    /// don't get the picture (`Cross-Origin-Resource-Policy: same-site`; see [`header`](Self::header)).
    ///
    /// Default: off, and for a badge that shows another one's rooms or total as that one says, so that
    /// the number behind a gate is not shown in front of it: the inner service is then asked for this
    /// badge's own path.
    ///
    /// Cookies that the inner service sets are passed on; its body is dropped.
    pub fn gated(mut self, gated: bool) -> Self {
        self.settings.gated = Some(gated);
        self
    }

    /// The most streams in one room, or `None` for no limit, which is the default; who comes then
    /// gets a still.
    ///
    /// Those who look on without being counted have the same number of places of their own.
    pub fn max_per_room(mut self, streams: impl Into<Option<usize>>) -> Self {
        self.settings.max_per_room = streams.into();
        self
    }

    /// The most streams of one visitor with a [key](Self::visitors) in all rooms of this badge, or
    /// `None` for no limit, which is the default; who opens another one gets a still.
    ///
    /// Over HTTP/1.1 a browser opens six connections to a host, and each live image holds one. With
    /// a limit of 3 or 4, somebody with many tabs can still load pages.
    pub fn max_per_visitor(mut self, streams: impl Into<Option<usize>>) -> Self {
        self.settings.max_per_visitor = streams.into();
        self
    }

    /// What somebody gets for whom there is no stream left.
    ///
    /// Default: [`WhenFull::Still`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.settings.when_full = when_full;
        self
    }
}

/// # Dispatch: what a request gets
impl Badge {
    /// Decides what a request gets, instead of [`Reply::for_request`].
    ///
    /// ```
    /// use tower_livebadge::{Badge, Reply};
    ///
    /// // Our own screens get the stream, whatever they say they accept.
    /// let badge = Badge::online().reply(|request| {
    ///     if request.headers.contains_key("x-wall-display") {
    ///         Reply::Stream
    ///     } else {
    ///         Reply::for_request(request)
    ///     }
    /// });
    /// ```
    pub fn reply<F>(mut self, reply: F) -> Self
    where
        F: Fn(&Parts) -> Reply + Send + Sync + 'static,
    {
        self.settings.reply_to = Some(Arc::new(reply));
        self
    }

    /// Answers with pictures in the badge's own [`format`](Self::format) alone: no
    /// [`Data`](crate::Data), and no `?format=svg`, which shows what the filled template says
    /// beside what it draws.
    ///
    /// Default: off.
    pub fn pictures_only(mut self, pictures_only: bool) -> Self {
        self.settings.pictures_only = pictures_only;
        self
    }

    /// Whom to send to a URL of its own for each view.
    ///
    /// Default: [`OwnUrls::Firefox`].
    pub fn own_urls(mut self, own_urls: OwnUrls) -> Self {
        self.settings.own_urls = own_urls;
        self
    }

    /// Adds a header of the application's own to every answer of this badge, in the place of the one that
    /// it has by itself.
    ///
    /// `Cache-Control` is for stills and data alone: a stream is never to be kept. Headers that say how
    /// a body is to be read, such as `Content-Type`, can't be given, and each only once.
    ///
    /// ```
    /// use tower_livebadge::Badge;
    ///
    /// let badge = Badge::online()
    ///     .header("cache-control", "max-age=30") // a CDN may keep stills for that long
    ///     .header("cross-origin-resource-policy", "same-origin");
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// # Pace: when something is sent
impl Badge {
    /// The most pictures per second, 0.001 to 1000.
    ///
    /// Default: 10.
    ///
    /// A change after a quiet time is shown at once; further ones wait until the time between two
    /// pictures is over, and the last one is never lost.
    pub fn max_rate(mut self, per_second: f64) -> Self {
        self.settings.max_rate = Some(per_second);
        self
    }

    /// How long a stream may be silent, 10 ms to an hour, before 12 bytes prove that somebody is
    /// there.
    ///
    /// Default: 5 s.
    ///
    /// This is what notices viewers that went without a word, and it keeps proxies from closing an
    /// idle stream (nginx does after 60 s).
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.settings.heartbeat = Some(every);
        self
    }

    /// Redraws the picture in step with the wall clock as long as somebody looks: at the multiples of this
    /// duration, a second to a day, since the beginning of 1970, UTC. So with a second, each time at the
    /// full second, and with a minute at the full minute.
    ///
    /// Default: not at all, and a second for [`Look::countdown`] and for clocks. A template that shows
    /// `now` needs it.
    ///
    /// It is drawn at its time even if another picture was sent just before; the next change then waits as
    /// the [pace](Self::max_rate) says, which must not be slower than this. If the clock is set, or the
    /// process was paused, one picture shows what is right then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="160" height="20">
    ///   <text x="4" y="14" font-size="11">{{ now | date("%H:%M:%S", "Europe/Berlin") }}</text>
    /// </svg>"#;
    /// let badge = Badge::svg(svg).every(Duration::from_secs(1));
    /// let badges = LiveBadgeLayer::builder().badge("/clock.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn every(mut self, every: Duration) -> Self {
        self.settings.every = Some(every);
        self
    }

    /// Ends what [`every`](Self::every) begins: from this time on, rounded up to a second, `now` stands
    /// still and nothing is redrawn for it.
    ///
    /// Default: never, and its own end for [`Look::countdown`].
    ///
    /// The last picture is drawn at this time, and stays.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// // Seconds since 1970: 2100-01-01.
    /// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="160" height="20">
    ///   <text x="4" y="14" font-size="11">{{ (4102444800 - now) | hms }}</text>
    /// </svg>"#;
    /// let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    /// let badge = Badge::svg(svg).every(Duration::from_secs(1)).until(end);
    /// let badges = LiveBadgeLayer::builder().badge("/century.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn until(mut self, end: SystemTime) -> Self {
        self.settings.until = Some(end);
        self
    }

    /// Ends streams that are older than this, at least a second, at the next heartbeat; the viewer
    /// keeps the last picture.
    ///
    /// Default: `None`, never.
    ///
    /// For places where nobody tells the server that a viewer has left. Behind node-http-proxy 1.18
    /// (webpack's and older Vite's development servers) a stream goes on for hours after its page has
    /// been closed, because that proxy reads on.
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.settings.max_age = age.into();
        self
    }
}

impl fmt::Debug for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Badge")
            .field("scale", &self.scale)
            .field("format", &self.format)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

//! The recipe for a badge as the application writes it, and what becomes of it when it is checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use minijinja::value::Value;
use serde::Serialize;
use tokio::sync::watch;

use crate::error::BuildError;
use crate::format::Format;
use crate::multipart::Multipart;
use crate::negotiate::{OwnUrls, Reply};
use crate::picture::Picture;
use crate::presence::Counts;
use crate::raster::{CheckError, Flaw, Raster, Size};
use crate::recipe::{Recipe, ReplyTo, VisitorOf};
use crate::style::{Style, Theme};
use crate::template::{self, Params, Template};
use crate::values::{self, Values};
use crate::visitor::VisitorKey;

/// A live picture: its template, its values, who counts, and how often it may change.
///
/// The template is SVG with slots in the syntax of [minijinja] (which is Jinja2's). What fills them:
///
/// | slot | what it is |
/// | --- | --- |
/// | `{{ streams }}` | open streams in the room: tabs, windows, embedded images |
/// | `{{ visitors }}` | distinct visitors in the room (see [`visitors`](Self::visitors)) |
/// | `{{ params.room }}` | the path's `{room}` |
/// | `{{ theme }}` | `dark` for `?theme=dark`, else `light` |
/// | any other | the application's own values (see [`values`](Self::values)) |
///
/// Everything that fills a slot is escaped, stripped of what XML can't hold, and cut at
/// [`max_value_chars`](Self::max_value_chars). Templates are part of the program: they are trusted
/// not to take forever, but they can't read files or networks.
///
/// Everything is checked when the layer is built.
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
    svg: String,
    values: Vec<Box<dyn Values>>,
    scale: f32,
    max_rate: f64,
    heartbeat: Duration,
    leave_grace: Duration,
    max_value_chars: usize,
    visitor_of: VisitorOf,
    reply_to: ReplyTo,
    gated: bool,
    format: Format,
    own_urls: OwnUrls,
}

impl Badge {
    /// A badge in the style of shields.io, 88 × 20 CSS pixels: "online | 12".
    pub fn online() -> Self {
        Self::svg(include_str!("online.svg"))
    }

    /// A badge drawn from this SVG text with slots.
    pub fn svg(template: impl Into<String>) -> Self {
        Self {
            svg: template.into(),
            values: Vec::new(),
            scale: 2.0,
            max_rate: 10.0,
            heartbeat: Duration::from_secs(5),
            leave_grace: Duration::ZERO,
            max_value_chars: 256,
            visitor_of: Arc::new(|_| None),
            reply_to: Arc::new(Reply::for_request),
            gated: false,
            format: Format::Png,
            own_urls: OwnUrls::Firefox,
        }
    }

    /// Shows values of the application, and shows them anew whenever they change.
    ///
    /// The fields of a struct or map become slots: `{{ load }}` for `struct Cpu { load: f32 }`. Any
    /// other value becomes `{{ value }}`. May be called several times, for values with different
    /// slots. When the sender is dropped, the last values stay.
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

    /// How many pixels a CSS pixel gets, 0.1 to 8. Default: 2, which is sharp on most screens; state
    /// the CSS size in the page (`<img width="88" height="20">`). A page can ask for another one with
    /// `?scale=3`, from 1 to 4.
    pub fn scale(mut self, scale: f32) -> Self {
        self.scale = scale;
        self
    }

    /// The most pictures per second, 0.001 to 1000. Default: 10.
    ///
    /// A change after a quiet time is shown at once; further ones wait until the time between two
    /// pictures is over, and the last one is never lost.
    pub fn max_rate(mut self, per_second: f64) -> Self {
        self.max_rate = per_second;
        self
    }

    /// How long a stream may be silent, 10 ms to an hour, before 12 bytes prove that somebody is
    /// there. Default: 5 s.
    ///
    /// This is what notices viewers that went without a word, and it keeps proxies from closing an
    /// idle stream (nginx does after 60 s).
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every;
        self
    }

    /// How long somebody who left stays a visitor, at most an hour, so that reloads and page changes
    /// don't make the number flicker. Default: not at all.
    ///
    /// Streams are not affected: they end when they end.
    pub fn leave_grace(mut self, grace: Duration) -> Self {
        self.leave_grace = grace;
        self
    }

    /// The longest string, in characters, that may fill a slot; longer ones are cut and end in `…`.
    /// Default: 256.
    ///
    /// The time to draw text grows with the square of its length.
    pub fn max_value_chars(mut self, chars: usize) -> Self {
        self.max_value_chars = chars;
        self
    }

    /// Counts people instead of tabs: requests with equal keys are one visitor.
    ///
    /// `None` is a visitor of its own, as is every request by default.
    ///
    /// ```
    /// use tower_livebadge::{Badge, VisitorKey};
    ///
    /// let badge = Badge::online().visitors(|request| {
    ///     request.headers.get("x-user").map(VisitorKey::new)
    /// });
    /// ```
    pub fn visitors<F>(mut self, key: F) -> Self
    where
        F: Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static,
    {
        self.visitor_of = Arc::new(key);
        self
    }

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
        self.reply_to = Arc::new(reply);
        self
    }

    /// Asks the inner service first: only if it answers with success (2xx) does the request get the
    /// badge, otherwise that answer.
    ///
    /// So the application's own rules decide, such as who is logged in and which rooms there are.
    /// Cookies that the inner service sets are passed on; its body is dropped.
    pub fn gated(mut self) -> Self {
        self.gated = true;
        self
    }

    /// How the pictures are encoded. Default: [`Format::Png`].
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Whom to send to a URL of its own for each view. Default: [`OwnUrls::Firefox`].
    pub fn own_urls(mut self, own_urls: OwnUrls) -> Self {
        self.own_urls = own_urls;
        self
    }

    /// Checks everything that could be wrong with the badge at this path.
    pub(crate) fn check(
        self,
        path: &str,
        raster: &Arc<Raster>,
        multipart: &Arc<Multipart>,
    ) -> Result<Recipe, BuildError> {
        self.check_settings(path)?;
        let template = Template::parse(self.svg, self.max_value_chars)
            .map_err(|error| BuildError::Template { path: path.into(), source: Box::new(error) })?;
        let current: Vec<Value> = self.values.clone().iter_mut().map(|v| v.take()).collect();
        let names = param_names(path);
        check_slots(path, &template, &names, &current)?;
        let picture = Picture {
            template,
            values: self.values,
            format: self.format,
            style: Style::new(Theme::Light, self.scale),
            raster: raster.clone(),
        };
        let params = names.iter().map(|name| ((*name).into(), "room".into())).collect();
        Ok(Recipe {
            size: check_drawing(path, &picture, &params)?,
            picture,
            multipart: multipart.clone(),
            interval: Duration::from_secs_f64(self.max_rate.recip()),
            heartbeat: self.heartbeat,
            leave_grace: self.leave_grace,
            visitor_of: self.visitor_of,
            reply_to: self.reply_to,
            gated: self.gated,
            own_urls: self.own_urls,
        })
    }

    fn check_settings(&self, path: &str) -> Result<(), BuildError> {
        let hour = Duration::from_secs(3600);
        let setting = if !(0.1..=8.0).contains(&self.scale) {
            ("scale", "takes 0.1 to 8")
        } else if !(0.001..=1000.0).contains(&self.max_rate) {
            ("max_rate", "takes 0.001 to 1000 pictures per second")
        } else if !(Duration::from_millis(10)..=hour).contains(&self.heartbeat) {
            ("heartbeat", "takes 10 ms to an hour")
        } else if self.leave_grace > hour {
            ("leave_grace", "takes at most an hour")
        } else if self.max_value_chars == 0 {
            ("max_value_chars", "takes 1 or more")
        } else {
            return Ok(());
        };
        Err(BuildError::Setting { path: path.into(), setting: setting.0, reason: setting.1 })
    }
}

fn check_slots(
    path: &str,
    template: &Template,
    params: &[&str],
    values: &[Value],
) -> Result<(), BuildError> {
    let mut taken: Vec<String> = template::OWN_SLOTS.map(str::to_owned).into();
    for slot in values.iter().flat_map(template::slots_of) {
        if taken.contains(&slot) {
            return Err(BuildError::SlotTaken { path: path.into(), slot });
        }
        taken.push(slot);
    }
    match template.unknown_slots(params, values).into_iter().next() {
        None => Ok(()),
        Some(slot) => {
            let known = template::known_slots(params, values);
            Err(BuildError::UnknownSlot { path: path.into(), slot, known })
        }
    }
}

/// Draws the badge for nobody, for one and for some, as a room can be, for light and dark pages.
/// Returns its size for nobody.
fn check_drawing(path: &str, picture: &Picture, params: &Params) -> Result<Size, BuildError> {
    let mut size = Size { width: 0.0, height: 0.0 };
    for (theme, count) in
        [Theme::Dark, Theme::Light].into_iter().flat_map(|theme| [23, 1, 0].map(|n| (theme, n)))
    {
        let counts = Counts { streams: count, visitors: count };
        let drawing = picture.fill_once(counts, params, picture.style.with_theme(theme));
        let drawing = drawing.map_err(CheckError::Paint);
        let checked = drawing.and_then(|drawing| picture.raster.check(&drawing));
        let path = path.to_owned();
        size = checked.map_err(|error| match error {
            CheckError::Paint(source) => BuildError::Paint { path, source },
            CheckError::Flaw(Flaw::Family { families }) => {
                BuildError::FontFamily { path, families }
            }
            CheckError::Flaw(Flaw::Glyph { character }) => BuildError::Glyph { path, character },
            CheckError::Flaw(Flaw::Image { href }) => BuildError::Image { path, href },
        })?;
    }
    Ok(size)
}

/// `["room"]` for `/rooms/{room}/online.png`. Braces that stand for themselves are doubled.
fn param_names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = path;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        if let Some(literal) = inside.strip_prefix('{') {
            rest = literal;
            continue;
        }
        let Some(close) = inside.find('}') else { break };
        names.push(inside[..close].trim_start_matches('*'));
        rest = &inside[close + 1..];
    }
    names
}

impl fmt::Debug for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Badge")
            .field("scale", &self.scale)
            .field("max_rate", &self.max_rate)
            .field("heartbeat", &self.heartbeat)
            .field("leave_grace", &self.leave_grace)
            .field("gated", &self.gated)
            .finish_non_exhaustive()
    }
}

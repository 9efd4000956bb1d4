//! Ready looks: what they are called, and what can be chosen about them.

use std::time::{Duration, SystemTime};

use crate::presence::clock::since_1970;

/// A ready look for a badge, as people know them from shields.io, or from clocks and cars.
///
/// ```
/// use tower_livebadge::{Badge, Look};
///
/// let badge = Badge::look(
///     Look::flat("readers")
///         .message("{{ visitors | compact }}")
///         .message_from(0, "nobody")
///         .message_from(1, "{{ visitors }}")
///         .color("lightgrey")
///         .color_from(1, "brightgreen")
///         .color_from(100, "orange"),
/// );
/// ```
///
/// Labels, messages, numbers and colours are templates with the slots of a
/// [`Badge`](crate::Badge#slots): `"{{ params.room }}"`. Colours are the opaque ones of CSS, and
/// shields.io's by their names: `brightgreen`, `green`, `yellowgreen`, `yellow`, `orange`, `red`, `blue`, `grey`,
/// `lightgrey`; a template that becomes none is grey, and a warning in the log. A picture is as wide as its texts, in the fonts that draw them, unless it has a fixed
/// [`width`](Self::width). Label and message keep to their own halves, in any script.
///
/// What can be chosen depends on the design; the rest is an error when the layer is built:
///
/// | | label | message | color | label_color | logo | width | font_family |
/// | --- | --- | --- | --- | --- | --- | --- | --- |
/// | flat, flat_square, plastic, for_the_badge | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
/// | social | ✓ | ✓ | | | ✓ | ✓ | ✓ |
/// | seven_segment | | | ✓ | | | | |
/// | odometer | | | ✓ | | | | ✓ |
/// | sparkline, days | ✓ | ✓ | ✓ | | | | ✓ |
/// | people | | | | | | | ✓ |
/// | sentence | ✓ | ✓ | | | | ✓ | ✓ |
/// | visits, today_and_total, countdown, clock | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
/// | digital_clock | | ✓ | ✓ | | | | |
///
/// While the source of a badge's [values](crate::Badge::values) is gone or silent, a look is half
/// transparent: see [`stale_after`](crate::Badge::stale_after).
#[derive(Debug, Clone)]
#[must_use = "a look is for Badge::look"]
pub struct Look {
    pub(super) design: Design,
    /// Of designs that have cells for them.
    pub(super) digits: u32,
    pub(super) label: String,
    pub(super) number: String,
    /// Each from a number on, in the order of these.
    pub(super) messages: Vec<(f64, String)>,
    /// What a page says of it, where "12 visits today" is not all.
    pub(super) said: Option<String>,
    pub(super) colors: Vec<(f64, String)>,
    pub(super) label_color: Option<String>,
    pub(super) logo: Option<String>,
    /// The name of an image.
    pub(super) logo_image: Option<String>,
    pub(super) logo_color: Option<String>,
    pub(super) font_family: Option<String>,
    pub(super) width: Option<f32>,
    /// How often it is drawn anew unless the badge says, as it shows the time.
    pub(crate) every: Option<Duration>,
    /// Until when.
    pub(crate) until: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Design {
    Flat,
    FlatSquare,
    Plastic,
    ForTheBadge,
    Social,
    SevenSegment,
    Odometer,
    Sparkline,
    Days,
    People,
    Sentence,
    #[cfg_attr(not(feature = "time"), expect(dead_code, reason = "it has a time to show"))]
    DigitalClock,
}

impl Look {
    /// Shields.io's standard, 20 CSS pixels high: rounded, with a slight gradient.
    pub fn flat(label: impl Into<String>) -> Self {
        Self::new(Design::Flat, label.into())
    }

    /// The same without rounding and gradient.
    pub fn flat_square(label: impl Into<String>) -> Self {
        Self::new(Design::FlatSquare, label.into())
    }

    /// Shields.io's older standard, 18 CSS pixels high: glossy.
    pub fn plastic(label: impl Into<String>) -> Self {
        Self::new(Design::Plastic, label.into())
    }

    /// 28 CSS pixels high, in spaced capitals.
    pub fn for_the_badge(label: impl Into<String>) -> Self {
        Self::new(Design::ForTheBadge, label.into())
    }

    /// A button with a bubble, 20 CSS pixels high.
    ///
    /// It has no colours.
    pub fn social(label: impl Into<String>) -> Self {
        Self::new(Design::Social, label.into())
    }

    /// A display of 1 to 12 digits, 40 CSS pixels high, that shows the [`number`](Self::number).
    ///
    /// A longer one gets more digits, a negative one a sign, and what is no number dashes.
    pub fn seven_segment(digits: u32) -> Self {
        Self { digits, ..Self::new(Design::SevenSegment, String::new()) }.color("#ff3b30")
    }

    /// A counter with 1 to 12 drums, 34 CSS pixels high, that shows the [`number`](Self::number).
    ///
    /// A longer one gets more drums, a negative one a sign, and what is no number dashes.
    ///
    /// As the hit counter of an old page, it shows how often somebody has come, ever:
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let hits = Badge::look(Look::odometer(6).number("{{ joins }}"));
    /// let badges = LiveBadgeLayer::builder().badge("/hits.png", hits).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn odometer(digits: u32) -> Self {
        Self { digits, ..Self::new(Design::Odometer, String::new()) }.color("#b3261e")
    }

    /// A card of 220 × 56 CSS pixels with the message, the label, and how many visitors there were
    /// in each ten seconds of the last ten minutes.
    ///
    /// For light and for dark pages (`?theme=dark`). A message of more than a few letters is
    /// smaller, and a long one makes the card wider.
    pub fn sparkline(label: impl Into<String>) -> Self {
        Self::new(Design::Sparkline, label.into()).color("#2da44e")
    }

    /// How often a visitor has come, ever, as [flat](Self::flat): "visits | 12,345".
    ///
    /// Whoever looks is among them. The number outlives the process with a
    /// [store](crate::LiveBadgeLayerBuilder::store). For another design, give that the same number and message:
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let large = Look::for_the_badge("visits").number("{{ joins }}").message("{{ joins | group }}");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/visits.png", Badge::look(Look::visits()))
    ///     .badge("/large.png", Badge::look(large).rooms_of("/visits.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn visits() -> Self {
        Self::new(Design::Flat, "visits".into())
            .number("{{ joins }}")
            .message(GROUPED)
            .said_as("{{ message }}")
    }

    /// How often a visitor has come today, and ever, as [flat](Self::flat): "visits | 123 / 12,345".
    ///
    /// The look's number, by which its colour goes, is today's. A day begins at midnight in the layer's time
    /// zone. In a frame (`?format=page`) it says "visits: 123 today, 12,345 in all";
    /// [`Badge::page_text`](crate::Badge::page_text) says it in another language. Another number counts
    /// different people:
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let people = Look::today_and_total().label("people today / visits").number("{{ visitors_today }}");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/visits.png", Badge::look(Look::today_and_total()))
    ///     .badge("/people.png", Badge::look(people).rooms_of("/visits.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn today_and_total() -> Self {
        let look = Self::new(Design::Flat, "visits".into()).number("{{ today }}");
        look.message("{{ number | int | group }} / {{ joins | group }}")
            .said_as("{{ today | group }} today, {{ joins | group }} in all")
    }

    /// A card of 220 × 56 CSS pixels with today's visits, the label, and a bar for each of the last 30 days,
    /// today's in the look's colour.
    ///
    /// For light and for dark pages (`?theme=dark`). The highest bar is that of the day with the most visits,
    /// and any visit is to be seen. A number of more than ten digits makes the card wider. In a frame
    /// (`?format=page`) it says the numbers in words: "visits today: 12, 345 in 30 days, at most 40 a day";
    /// [`Badge::page_text`](crate::Badge::page_text) says it in another language.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let all = Look::days().label("visits in 30 days").number("{{ days | sum }}");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/days.png", Badge::look(Look::days()))
    ///     .badge("/month.png", Badge::look(all).rooms_of("/days.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn days() -> Self {
        let look =
            Self::new(Design::Days, "visits today".into()).number("{{ today }}").color("#2da44e");
        look.message(GROUPED).said_as(
            "{{ message }}, {{ days | sum | group }} in 30 days, at most {{ days | max | group }} a day",
        )
    }

    /// Who is there: a row of circles, 28 CSS pixels high, with everybody's initials in a colour of the name's
    /// own, and how many there are beside (`+3`): guests, and those who are more than
    /// [`max_people`](crate::Badge::max_people).
    ///
    /// A circle makes it 24 CSS pixels wider, whatever the name. For light and for dark pages
    /// (`?theme=dark`). The names are what [`Badge::named`](crate::Badge::named) says.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let badge = Badge::look(Look::people()).named(|request| {
    ///     Some(request.headers.get("x-user")?.to_str().ok()?.to_owned())
    /// });
    /// let badges = LiveBadgeLayer::builder().badge("/people.png", badge).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn people() -> Self {
        Self::new(Design::People, String::new())
    }

    /// Who is there, as a sentence in a frame, 24 CSS pixels high: "Anna, Ben and 3 guests are reading
    /// this".
    ///
    /// The label is what they are doing; without one, the sentence only says who. It has at most 120
    /// characters (one for each 6 pixels of a fixed [`width`](Self::width)): of more names than fit, the
    /// last are only counted. The picture is at most 820 CSS pixels wide; a longer line is condensed.
    ///
    /// Another [`message`](Self::message) says it in another language. The filter `listed` makes a list
    /// of people and of texts: of `" und "` and, if it is not `", "`, of what stands between the others.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let english = Look::sentence("reading this");
    /// let german = Look::sentence("").message(
    ///     "{% set more = [more ~ ' weitere'] if more else [] %}\
    ///      {% set guests = [guests ~ (' Gast' if guests == 1 else ' Gäste')] if guests else [] %}\
    ///      {{ people | chain(more, guests) | listed(' und ') or 'Niemand' }} \
    ///      {{ 'liest' if visitors <= 1 else 'lesen' }} das",
    /// );
    /// let named = Badge::look(english).named(|request| {
    ///     Some(request.headers.get("x-user")?.to_str().ok()?.to_owned())
    /// });
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/who.png", named)
    ///     .badge("/wer.png", Badge::look(german).rooms_of("/who.png"))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn sentence(label: impl Into<String>) -> Self {
        Self::new(Design::Sentence, label.into()).message(ENGLISH)
    }

    /// How long it still is until then, second by second, as [flat](Self::flat): `1 d 02:03:04`; and
    /// another text once it is over.
    ///
    /// Then it ticks no more, and nothing is sent until something else changes. Other colours and words
    /// go by the number of seconds that are left: `.color_from(1, "orange")`. For another design, see
    /// [`Badge::until`](crate::Badge::until).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let start = SystemTime::now() + Duration::from_secs(3600);
    /// let look = Look::countdown("it begins in", start, "it has begun");
    /// let badges = LiveBadgeLayer::builder().badge("/start.png", Badge::look(look)).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn countdown(
        label: impl Into<String>,
        until: SystemTime,
        afterwards: impl Into<String>,
    ) -> Self {
        // It is not over before its last part of a second is.
        let end = since_1970(until).as_nanos().div_ceil(1_000_000_000);
        Self { until: Some(until), ..Self::new(Design::Flat, label.into()).every_second() }
            .number(format!("{{{{ [{end} - now, 0] | max }}}}"))
            .message(afterwards)
            .message_from(1, "{{ number | int | hms }}")
            .color("lightgrey")
            .color_from(1, "blue")
    }

    /// The time in a zone, second by second, as [flat](Self::flat), with the zone's city as its label.
    ///
    /// The zone is a name such as `Europe/Berlin` or `UTC`, or an offset such as `+02:00`. Another
    /// [`message`](Self::message) writes the time otherwise, and a slower one needs fewer pictures:
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let minutes = Look::clock("Asia/Tokyo").message("{{ now | date('%H:%M', 'Asia/Tokyo') }}");
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/berlin.png", Badge::look(Look::clock("Europe/Berlin")))
    ///     .badge("/tokyo.png", Badge::look(minutes).every(Duration::from_secs(60)))
    ///     .build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    #[cfg(feature = "time")]
    pub fn clock(zone: impl AsRef<str>) -> Self {
        let zone = zone.as_ref();
        let city = zone.rsplit('/').next().unwrap_or(zone).replace('_', " ");
        Self::new(Design::Flat, city).telling_time(zone).color("blue")
    }

    /// The same on a display with seven segments, 40 CSS pixels high.
    ///
    /// Another [`message`](Self::message) may have digits, colons, dashes and spaces.
    #[cfg(feature = "time")]
    pub fn digital_clock(zone: impl AsRef<str>) -> Self {
        let clock = Self::new(Design::DigitalClock, String::new()).telling_time(zone.as_ref());
        clock.color("#ff3b30")
    }

    #[cfg(feature = "time")]
    fn telling_time(self, zone: &str) -> Self {
        let message = format!("{{{{ now | date('%H:%M:%S', {zone:?}) }}}}");
        self.every_second().number("{{ now }}").message(message)
    }

    /// Unless it has another number or another message, of which this may be wrong.
    fn said_as(self, said: &str) -> Self {
        let label = "{% if label %}{{ label }}: {% endif %}";
        Self { said: Some(format!("{label}{said}")), ..self }
    }

    fn every_second(self) -> Self {
        Self { every: Some(Duration::from_secs(1)), ..self }
    }

    fn new(design: Design, label: String) -> Self {
        Self {
            design,
            digits: 0,
            label,
            number: NUMBER.into(),
            messages: Vec::new(),
            said: None,
            colors: Vec::new(),
            label_color: None,
            logo: None,
            logo_image: None,
            logo_color: None,
            font_family: None,
            width: None,
            every: None,
            until: None,
        }
    }

    /// Another label than the one that the look has begun with.
    ///
    /// ```
    /// use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    ///
    /// let visits = Badge::look(Look::visits().label("Besuche"));
    /// let badges = LiveBadgeLayer::builder().badge("/visits.png", visits).build()?;
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What the look is about, as a bare number: `"{{ waiting }}"`.
    ///
    /// It is the message unless there is another one, it decides which
    /// [`message_from`](Self::message_from) and [`color_from`](Self::color_from) apply, and
    /// displays show it. Default: `"{{ visitors }}"`. How it is written belongs into the
    /// [`message`](Self::message): `"{{ visitors | compact }}"`.
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = number.into();
        self.said = None;
        self
    }

    /// What is said.
    ///
    /// Default: the [`number`](Self::number), which has the slot `{{ number }}` here.
    pub fn message(self, message: impl Into<String>) -> Self {
        self.message_from(f64::NEG_INFINITY, message)
    }

    /// What is said from this number on.
    pub fn message_from(mut self, number: impl Into<f64>, message: impl Into<String>) -> Self {
        insert(&mut self.messages, number.into(), message.into());
        self.said = None;
        self
    }

    /// The colour of the message's side.
    ///
    /// Default: `lightgrey`, and from 1 on `brightgreen`.
    pub fn color(self, color: impl Into<String>) -> Self {
        self.color_from(f64::NEG_INFINITY, color)
    }

    /// The colour from this number on.
    pub fn color_from(mut self, number: impl Into<f64>, color: impl Into<String>) -> Self {
        insert(&mut self.colors, number.into(), color.into());
        self
    }

    /// The colour of the label's side.
    ///
    /// Default: shields.io's grey, `#555`.
    pub fn label_color(mut self, color: impl Into<String>) -> Self {
        self.label_color = Some(color.into());
        self
    }

    /// A logo before the label: the data of an SVG path in a box of 24 × 24, such as
    /// `"M12 2l9 20H3z"`.
    ///
    /// It is drawn 14 × 14 CSS pixels large. Displays and cards have none.
    pub fn logo(mut self, path: impl Into<String>) -> Self {
        self.logo = Some(path.into());
        self
    }

    /// An image before the label instead of a logo's path: one that the layer has by this name
    /// ([`LiveBadgeLayerBuilder::image`](crate::LiveBadgeLayerBuilder::image)).
    ///
    /// It is drawn within 14 × 14 CSS pixels.
    #[cfg(feature = "images")]
    pub fn logo_image(mut self, name: impl Into<String>) -> Self {
        self.logo_image = Some(name.into());
        self
    }

    /// The font of all texts, by its family, or several, the first that is loaded first:
    /// `"Inter, Noto Sans"`.
    ///
    /// What they lack is drawn in the look's own, DejaVu Sans if that is loaded. The fonts must
    /// have been added ([`LiveBadgeLayerBuilder::font`](crate::LiveBadgeLayerBuilder::font)).
    pub fn font_family(mut self, family: impl Into<String>) -> Self {
        self.font_family = Some(family.into());
        self
    }

    /// The logo's colour.
    ///
    /// Default: that of the label's text.
    pub fn logo_color(mut self, color: impl Into<String>) -> Self {
        self.logo_color = Some(color.into());
        self
    }

    /// The width of the whole picture in CSS pixels, 72 to 1000, whatever it says: so that nothing
    /// moves on the page.
    ///
    /// What is too long for it is condensed. Displays and cards have widths of their own.
    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// Its size is not always the same.
    pub(crate) fn has_any_width(&self) -> bool {
        match self.design {
            // A longer number has more digits.
            Design::SevenSegment | Design::Odometer | Design::People => true,
            // As many digits at any time; whoever writes another text may have others.
            Design::DigitalClock => false,
            // A number fits, as a rule.
            Design::Sparkline => !self.messages.is_empty() || self.label.contains('{'),
            Design::Days => {
                let is_other = |message: &(f64, String)| message.1 != GROUPED;
                self.messages.iter().any(is_other) || self.label.contains('{')
            }
            _ => self.width.is_none(),
        }
    }

    /// The families that are asked for.
    pub(crate) fn families(&self) -> Option<&str> {
        self.font_family.as_deref()
    }

    /// The numbers from which on it says something else, or in another colour.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = f64> {
        self.messages.iter().chain(&self.colors).map(|(number, _)| *number)
    }

    /// The picture's template.
    pub(crate) fn svg(&self) -> &'static str {
        match self.design {
            Design::Flat | Design::FlatSquare | Design::Plastic => {
                include_str!("looks/classic.svg")
            }
            Design::ForTheBadge => include_str!("looks/for_the_badge.svg"),
            Design::Social => include_str!("looks/social.svg"),
            Design::SevenSegment | Design::DigitalClock => include_str!("looks/seven_segment.svg"),
            Design::Odometer => include_str!("looks/odometer.svg"),
            Design::Sparkline => include_str!("looks/sparkline.svg"),
            Design::Days => include_str!("looks/days.svg"),
            Design::People => include_str!("looks/people.svg"),
            Design::Sentence => include_str!("looks/sentence.svg"),
        }
    }
}

impl Design {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::FlatSquare => "flat-square",
            Self::Plastic => "plastic",
            Self::ForTheBadge => "for-the-badge",
            Self::Social => "social",
            Self::SevenSegment => "seven-segment",
            Self::Odometer => "odometer",
            Self::Sparkline => "sparkline",
            Self::Days => "days",
            Self::People => "people",
            Self::Sentence => "sentence",
            Self::DigitalClock => "digital-clock",
        }
    }

    /// It shows a number, and no words.
    pub(super) fn is_display(self) -> bool {
        matches!(self, Self::SevenSegment | Self::Odometer)
    }
}

/// What a look is about unless it is told.
pub(super) const NUMBER: &str = "{{ visitors }}";

/// How a number of visits is written: it has many digits some day.
const GROUPED: &str = "{{ number | int | group }}";

/// What a sentence says unless there is another message.
const ENGLISH: &str = "\
    {%- set others = [more ~ (' more' if people else ' person' if more == 1 else ' people')] if more else [] -%}\
    {%- set strangers = [guests ~ (' guest' if guests == 1 else ' guests')] if guests else [] -%}\
    {{ people | chain(others, strangers) | listed(' and ') or 'nobody' }}\
    {%- if label %} {{ 'is' if visitors <= 1 else 'are' }} {{ label }}{% endif %}";

/// Puts a text where its number belongs, instead of one that was there.
fn insert(texts: &mut Vec<(f64, String)>, number: f64, text: String) {
    texts.retain(|other| other.0 != number);
    let at = texts.partition_point(|other| other.0 < number);
    texts.insert(at, (number, text));
}

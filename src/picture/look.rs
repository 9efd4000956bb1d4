//! Ready looks: what they are called, and what can be chosen about them.

use minijinja::context;
use minijinja::value::Value;

use crate::picture::color::{self, Color};
use crate::picture::mistake::Mistake;
use crate::picture::template::Template;
use crate::presence::counts::Counts;

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
/// `lightgrey`. A picture is as wide as its texts, in the font that draws them, unless it has a fixed
/// [`width`](Self::width).
#[derive(Debug, Clone)]
#[must_use = "a look is for Badge::look"]
pub struct Look {
    design: Design,
    /// Of designs that have cells for them.
    digits: u32,
    label: String,
    number: String,
    /// Each from a number on, in the order of these.
    messages: Vec<(f64, String)>,
    colors: Vec<(f64, String)>,
    label_color: Option<String>,
    logo: Option<String>,
    logo_color: Option<String>,
    width: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Flat,
    FlatSquare,
    Plastic,
    ForTheBadge,
    Social,
    SevenSegment,
    Odometer,
    Sparkline,
}

/// What a look says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) number: String,
    pub(crate) label: String,
    pub(crate) message: String,
    pub(crate) color: String,
}

impl Words {
    /// Of a picture that is no ready look.
    pub(crate) fn of_counts(counts: &Counts) -> Self {
        let color = if counts.visitors > 0 { "brightgreen" } else { "lightgrey" };
        let number = counts.visitors.to_string();
        let message = number.clone();
        Self { number, label: "online".into(), message, color: color.into() }
    }
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

    /// A button with a bubble, 20 CSS pixels high. It has no colours.
    pub fn social(label: impl Into<String>) -> Self {
        Self::new(Design::Social, label.into())
    }

    /// A display of 1 to 12 digits, 40 CSS pixels high, that shows the [`number`](Self::number).
    pub fn seven_segment(digits: u32) -> Self {
        Self { digits, ..Self::new(Design::SevenSegment, String::new()) }.color("#ff3b30")
    }

    /// A counter with 1 to 12 drums, 34 CSS pixels high, that shows the [`number`](Self::number).
    pub fn odometer(digits: u32) -> Self {
        Self { digits, ..Self::new(Design::Odometer, String::new()) }.color("#b3261e")
    }

    /// A card of 220 × 56 CSS pixels with the message, the label, and how many visitors there were
    /// in each ten seconds of the last ten minutes. For light and for dark pages (`?theme=dark`).
    pub fn sparkline(label: impl Into<String>) -> Self {
        Self::new(Design::Sparkline, label.into()).color("#2da44e")
    }

    fn new(design: Design, label: String) -> Self {
        Self {
            design,
            digits: 0,
            label,
            number: "{{ visitors }}".into(),
            messages: Vec::new(),
            colors: Vec::new(),
            label_color: None,
            logo: None,
            logo_color: None,
            width: None,
        }
    }

    /// What the look is about, as a bare number: `"{{ waiting }}"`. It is the message unless there is another one, it decides which
    /// [`message_from`](Self::message_from) and [`color_from`](Self::color_from) apply, and displays
    /// show it. Default: `"{{ visitors }}"`. How it is written belongs into the
    /// [`message`](Self::message): `"{{ visitors | compact }}"`.
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = number.into();
        self
    }

    /// What is said. Default: the [`number`](Self::number), which has the slot `{{ number }}` here.
    pub fn message(self, message: impl Into<String>) -> Self {
        self.message_from(f64::NEG_INFINITY, message)
    }

    /// What is said from this number on.
    pub fn message_from(mut self, number: impl Into<f64>, message: impl Into<String>) -> Self {
        insert(&mut self.messages, number.into(), message.into());
        self
    }

    /// The colour of the message's side. Default: `lightgrey`, and from 1 on `brightgreen`.
    pub fn color(self, color: impl Into<String>) -> Self {
        self.color_from(f64::NEG_INFINITY, color)
    }

    /// The colour from this number on.
    pub fn color_from(mut self, number: impl Into<f64>, color: impl Into<String>) -> Self {
        insert(&mut self.colors, number.into(), color.into());
        self
    }

    /// The colour of the label's side. Default: shields.io's grey, `#555`.
    pub fn label_color(mut self, color: impl Into<String>) -> Self {
        self.label_color = Some(color.into());
        self
    }

    /// A logo before the label: the data of an SVG path in a box of 24 × 24, such as
    /// `"M12 2l9 20H3z"`. It is drawn 14 × 14 CSS pixels large.
    pub fn logo(mut self, path: impl Into<String>) -> Self {
        self.logo = Some(path.into());
        self
    }

    /// The logo's colour. Default: that of the label's text.
    pub fn logo_color(mut self, color: impl Into<String>) -> Self {
        self.logo_color = Some(color.into());
        self
    }

    /// The width of the whole picture in CSS pixels, 72 to 1000, whatever it says: so that nothing
    /// moves on the page. What is too long for it is condensed. Displays and the sparkline have their
    /// own widths.
    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// It is as wide as what it says.
    pub(crate) fn has_any_width(&self) -> bool {
        use Design::{Odometer, SevenSegment, Sparkline};
        self.width.is_none() && !matches!(self.design, SevenSegment | Odometer | Sparkline)
    }

    /// What is wrong with it, as a setting and what that takes.
    pub(crate) fn flaw(&self) -> Option<(&'static str, &'static str)> {
        const COLORS: &str = "takes a colour of CSS or one of shields.io's by its name";
        let mut colors = self.colors.iter().map(|(_, color)| color).chain(&self.label_color);
        let is_display = matches!(self.design, Design::SevenSegment | Design::Odometer);
        if is_display && !(1..=12).contains(&self.digits) {
            Some(("look", "takes 1 to 12 digits"))
        } else if self.width.is_some_and(|width| !(72.0..=1000.0).contains(&width)) {
            Some(("look width", "takes 72 to 1000 CSS pixels"))
        } else if colors.any(|color| !color.contains('{') && Color::parse(color).is_none()) {
            Some(("look color", COLORS))
        } else if self.logo_color.as_ref().is_some_and(|color| Color::parse(color).is_none()) {
            Some(("look logo_color", COLORS))
        } else if self.logo.as_ref().is_some_and(|logo| !color::is_path(logo)) {
            Some(("look logo", "takes the data of an SVG path, such as \"M12 2l9 20H3z\""))
        } else {
            None
        }
    }

    /// The picture's template.
    pub(crate) fn svg(&self) -> &'static str {
        match self.design {
            Design::Flat | Design::FlatSquare | Design::Plastic => {
                include_str!("looks/classic.svg")
            }
            Design::ForTheBadge => include_str!("looks/for_the_badge.svg"),
            Design::Social => include_str!("looks/social.svg"),
            Design::SevenSegment => include_str!("looks/seven_segment.svg"),
            Design::Odometer => include_str!("looks/odometer.svg"),
            Design::Sparkline => include_str!("looks/sparkline.svg"),
        }
    }

    /// Adds its own texts to the picture's template.
    pub(crate) fn add_texts(&self, template: &mut Template) -> Result<(), Mistake> {
        template.add_text(LABEL.into(), self.label.clone())?;
        template.add_text(NUMBER.into(), self.number.clone())?;
        if let Some(color) = &self.label_color {
            template.add_text(LABEL_COLOR.into(), color.clone())?;
        }
        for (kind, texts) in [(MESSAGE, &self.messages), (COLOR, &self.colors)] {
            for (number, (_, text)) in texts.iter().enumerate() {
                template.add_text(format!("{kind} {number}"), text.clone())?;
            }
        }
        Ok(())
    }

    /// What it says where slots are filled like this.
    pub(crate) fn words(&self, template: &Template, slots: &Value) -> Result<Words, Mistake> {
        let number = template.text(NUMBER, slots)?;
        let value = number.trim().parse().ok();
        let slots = context! { number => &number, ..slots.clone() };
        let chosen = |kind, texts: &[(f64, String)]| {
            let which = which(texts, value);
            which.map(|which| template.text(&format!("{kind} {which}"), &slots)).transpose()
        };
        let message = match self.design {
            Design::SevenSegment | Design::Odometer => padded(value, self.digits),
            _ => chosen(MESSAGE, &self.messages)?.unwrap_or_else(|| number.clone()),
        };
        let is_some = value.is_some_and(|value| value >= 1.0);
        let default = if self.colors.is_empty() && is_some { "brightgreen" } else { "lightgrey" };
        let color = chosen(COLOR, &self.colors)?.unwrap_or_else(|| default.into());
        let label = template.text(LABEL, &slots)?;
        Ok(Words { number, label, message, color })
    }

    /// The slots of the picture's template.
    pub(crate) fn slots(&self, template: &Template, slots: &Value) -> Result<Value, Mistake> {
        let Words { number, label, message, color } = self.words(template, slots)?;
        let color = Color::parse(&color).unwrap_or(Color::UNKNOWN);
        let label_color = match &self.label_color {
            Some(_) => Color::parse(&template.text(LABEL_COLOR, slots)?).unwrap_or(Color::UNKNOWN),
            None => Color::LABEL,
        };
        let logo_color = self.logo_color.as_deref().and_then(Color::parse);
        let logo_ink = if self.design == Design::Social { "#333" } else { label_color.ink().0 };
        Ok(context! {
            design => self.design.name(),
            number,
            label,
            message,
            color => color.css(),
            ink => color.ink().0,
            shadow => color.ink().1,
            label_color => label_color.css(),
            label_ink => label_color.ink().0,
            label_shadow => label_color.ink().1,
            // Checked, and ours: it is not cut like a value.
            logo => self.logo.clone().map(Value::from_safe_string),
            logo_color => logo_color.map_or(logo_ink.to_owned(), |color| color.css()),
            width => self.width,
            ..slots.clone()
        })
    }
}

impl Design {
    fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::FlatSquare => "flat-square",
            Self::Plastic => "plastic",
            Self::ForTheBadge => "for-the-badge",
            Self::Social => "social",
            Self::SevenSegment => "seven-segment",
            Self::Odometer => "odometer",
            Self::Sparkline => "sparkline",
        }
    }
}

const LABEL: &str = "label";
const LABEL_COLOR: &str = "label_color";
const NUMBER: &str = "number";
const MESSAGE: &str = "message";
const COLOR: &str = "color";

/// The slots that only a look fills, in its own template and texts.
pub(crate) const LOOK_SLOTS: [&str; 13] = [
    "design",
    "number",
    "label",
    "message",
    "color",
    "ink",
    "shadow",
    "label_color",
    "label_ink",
    "label_shadow",
    "logo",
    "logo_color",
    "width",
];

/// Puts a text where its number belongs, instead of one that was there.
fn insert(texts: &mut Vec<(f64, String)>, number: f64, text: String) {
    texts.retain(|other| other.0 != number);
    let at = texts.partition_point(|other| other.0 < number);
    texts.insert(at, (number, text));
}

/// The last one whose number has been reached; what is no number has reached nothing.
fn which(texts: &[(f64, String)], number: Option<f64>) -> Option<usize> {
    let number = number.unwrap_or(f64::NEG_INFINITY);
    texts.partition_point(|text| text.0 <= number).checked_sub(1)
}

/// A number in so many digits: nines if it has more, zeros if it is none.
fn padded(number: Option<f64>, digits: u32) -> String {
    let most = 10_u64.saturating_pow(digits) - 1;
    let number = (number.unwrap_or(0.0) as u64).min(most); // negative and NaN are 0
    let digits = digits as usize;
    format!("{number:0digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(look: &Look, visitors: i64) -> Words {
        let mut template = Template::parse(look.svg().into(), 64, |_| 0).unwrap();
        look.add_texts(&mut template).unwrap();
        look.words(&template, &context! { visitors }).unwrap()
    }

    #[test]
    fn the_number_chooses_words_and_colours() {
        let look = Look::flat("online")
            .color_from(100, "red")
            .color_from(10, "orange")
            .color("blue")
            .message_from(0, "nobody")
            .message_from(1, "{{ visitors }} <here>");
        for (visitors, message, color) in [
            (-1, "-1", "blue"),
            (0, "nobody", "blue"),
            (1, "1 <here>", "blue"),
            (10, "10 <here>", "orange"),
            (99, "99 <here>", "orange"),
            (100, "100 <here>", "red"),
        ] {
            let Words { label, message: said, color: shown, .. } = words(&look, visitors);
            assert_eq!((&*label, &*said, &*shown), ("online", message, color));
        }
    }

    #[test]
    fn without_colours_nobody_is_grey_and_somebody_green() {
        let look = Look::flat("online");
        assert_eq!(words(&look, 0).color, "lightgrey");
        assert_eq!(words(&look, 1).color, "brightgreen");
        assert_eq!(words(&look.color_from(5, "red"), 4).color, "lightgrey");
    }

    #[test]
    fn a_number_that_is_a_word_is_said_in_the_first_colour() {
        let look = Look::flat("build").number("passing").color("blue").color_from(0, "red");
        let Words { message, color, .. } = words(&look, 3);
        assert_eq!((&*message, &*color), ("passing", "blue"));
    }

    #[test]
    fn a_display_shows_no_more_than_its_digits() {
        for (visitors, digits) in
            [(0, "000"), (42, "042"), (999, "999"), (1000, "999"), (-1, "000")]
        {
            assert_eq!(words(&Look::odometer(3), visitors).message, digits);
        }
        assert_eq!(padded(Some(f64::NAN), 2), "00");
        assert_eq!(padded(Some(f64::INFINITY), 12), "9".repeat(12));
    }

    #[test]
    fn what_is_wrong_is_found() {
        let good = Look::flat("x").color("brightgreen").color_from(1, "{{ color_of_value }}");
        assert_eq!(good.clone().logo("M12 2l9 20H3z").logo_color("#fff").flaw(), None);
        for bad in [
            good.clone().color("blurple"),
            good.clone().label_color("#12"),
            good.clone().logo("M12 2 x"),
            good.clone().logo(""),
            good.clone().logo_color("{{ x }}"),
            good.clone().width(0.0),
            good.width(f32::NAN),
            Look::odometer(0),
            Look::seven_segment(13),
        ] {
            assert!(bad.flaw().is_some(), "{bad:?}");
        }
    }
}

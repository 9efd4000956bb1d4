//! What a look says, and what fills the slots of its template.

use minijinja::context;
use minijinja::value::Value;

use crate::picture::color::Color;
use crate::picture::look::{Design, Look};
use crate::picture::mistake::Mistake;
use crate::picture::people::PEOPLE;
use crate::picture::template::Template;
use crate::presence::counts::Counts;

/// What a display shows for what is no number.
const NO_NUMBER: &str = "-";
/// The most characters of a sentence that has any width.
const MOST_IN_SENTENCE: usize = 120;

/// What a look says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) number: String,
    pub(crate) label: String,
    pub(crate) message: String,
    pub(crate) color: String,
    /// In place of label and message, if these need to be seen to be understood.
    aloud: Option<String>,
}

impl Words {
    /// Of a picture that is no ready look.
    pub(crate) fn of_counts(counts: &Counts) -> Self {
        let color = if counts.visitors > 0 { "brightgreen" } else { "lightgrey" };
        let number = counts.visitors.to_string();
        let message = number.clone();
        Self { number, label: "online".into(), message, color: color.into(), aloud: None }
    }

    /// As one would say it: "5 online", but "readers: nobody".
    pub(crate) fn said(&self) -> String {
        if let Some(aloud) = &self.aloud {
            return aloud.clone();
        }
        let (label, message) = (self.label.trim(), self.message.trim());
        let is_number = message.starts_with(|c: char| c.is_ascii_digit()) && !message.contains(' ');
        match (label, message) {
            ("", "") => self.number.trim().to_owned(),
            ("", one) | (one, "") => one.to_owned(),
            _ if is_number => format!("{message} {label}"),
            _ => format!("{label}: {message}"),
        }
    }
}

impl Look {
    /// Adds its own texts to the picture's template.
    pub(crate) fn add_texts(&self, template: &mut Template) -> Result<(), Mistake> {
        template.add_text(LABEL.into(), self.label.clone())?;
        template.add_text(NUMBER.into(), self.number.clone())?;
        if let Some(color) = &self.label_color {
            template.add_text(LABEL_COLOR.into(), color.clone())?;
        }
        if let Some(said) = &self.said {
            template.add_text(SAID.into(), said.clone())?;
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
        let label = template.text(LABEL, &context! { number => &number, ..slots.clone() })?;
        let slots = context! { number => &number, label => &label, ..slots.clone() };
        let chosen = |kind, texts: &[(f64, String)], slots: &Value| {
            let which = which(texts, value);
            which.map(|which| template.text(&format!("{kind} {which}"), slots)).transpose()
        };
        let message = match self.design {
            design if design.is_display() => digits(value, self.digits),
            Design::Sentence => self.fitting(&slots, |slots| {
                Ok(chosen(MESSAGE, &self.messages, slots)?.unwrap_or_else(|| number.clone()))
            })?,
            _ => chosen(MESSAGE, &self.messages, &slots)?.unwrap_or_else(|| number.clone()),
        };
        let is_some = value.is_some_and(|value| value >= 1.0);
        let default = if self.colors.is_empty() && is_some { "brightgreen" } else { "lightgrey" };
        let color = chosen(COLOR, &self.colors, &slots)?.unwrap_or_else(|| default.into());
        let said = |_| template.text(SAID, &context! { message => &message, ..slots.clone() });
        let aloud = self.said.as_ref().map(said).transpose()?;
        Ok(Words { number, label, message, color, aloud })
    }

    /// A sentence with as many names as it has place for; the others are only counted.
    fn fitting(
        &self,
        slots: &Value,
        say: impl Fn(&Value) -> Result<String, Mistake>,
    ) -> Result<String, Mistake> {
        let most = self.width.map_or(MOST_IN_SENTENCE, |width| (width / 6.0) as usize);
        let people = slots.get_attr(PEOPLE).and_then(|people| people.try_iter());
        let people: Vec<Value> = people.into_iter().flatten().collect();
        let more = slots.get_attr("more").ok().and_then(|more| more.as_usize());
        let say = |shown: usize| {
            let more = more.unwrap_or_default() + people.len() - shown;
            say(&context! { people => &people[..shown], more, ..slots.clone() })
        };
        let fits = |said: &str| said.chars().count() <= most;
        let all = say(people.len())?;
        if fits(&all) {
            return Ok(all);
        }
        let (mut fit, mut too_many) = (0, people.len());
        while fit + 1 < too_many {
            let half = usize::midpoint(fit, too_many);
            if fits(&say(half)?) { fit = half } else { too_many = half }
        }
        say(fit)
    }

    /// The slots of the picture's template. A colour that is none is grey, and `complain` is told.
    pub(crate) fn slots(
        &self,
        template: &Template,
        slots: &Value,
        complain: impl Fn(&str),
    ) -> Result<Value, Mistake> {
        let known = |color: &str| {
            Color::parse(color).unwrap_or_else(|| {
                complain(color);
                Color::UNKNOWN
            })
        };
        let Words { number, label, message, color, .. } = self.words(template, slots)?;
        let color = known(&color);
        let label_color = match &self.label_color {
            Some(_) => known(&template.text(LABEL_COLOR, slots)?),
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
            logo_image => self.logo_image.clone(),
            logo_color => logo_color.map_or(logo_ink.to_owned(), |color| color.css()),
            font_family => self.font_family.as_ref().map(|family| format!("{family}, ")),
            width => self.width,
            ..slots.clone()
        })
    }

    /// A colour that is none where slots are filled like this, with its setting. Where a parameter is
    /// in it, it is for whoever asks to be right.
    pub(crate) fn wrong_color(
        &self,
        template: &Template,
        slots: &Value,
    ) -> Result<Option<(&'static str, String)>, Mistake> {
        let is_wrong = |color: &String| Color::parse(color).is_none();
        let is_asked_for = |source: &str| source.contains("params") || source.contains("query");
        if !self.colors.iter().any(|(_, source)| is_asked_for(source)) {
            let color = self.words(template, slots)?.color;
            if is_wrong(&color) {
                return Ok(Some(("look color", color)));
            }
        }
        match self.label_color.as_deref().filter(|source| !is_asked_for(source)) {
            None => Ok(None),
            Some(_) => {
                let color = template.text(LABEL_COLOR, slots)?;
                Ok(is_wrong(&color).then_some(("look label_color", color)))
            }
        }
    }
}

const LABEL: &str = "label";
const LABEL_COLOR: &str = "label_color";
const NUMBER: &str = "number";
const MESSAGE: &str = "message";
const COLOR: &str = "color";
const SAID: &str = "said";

/// The slots that only a look fills, in its own template and texts.
pub(crate) const LOOK_SLOTS: [&str; 15] = [
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
    "logo_image",
    "logo_color",
    "font_family",
    "width",
];

/// The last one whose number has been reached; what is no number has reached nothing.
fn which(texts: &[(f64, String)], number: Option<f64>) -> Option<usize> {
    let number = number.unwrap_or(f64::NEG_INFINITY);
    texts.partition_point(|text| text.0 <= number).checked_sub(1)
}

/// A whole number in so many places, its sign among them, or in more if it takes more; dashes if it is
/// none.
fn digits(number: Option<f64>, places: u32) -> String {
    let places = places as usize;
    match number.filter(|number| !number.is_nan()) {
        Some(number) => {
            let (number, is_less) = (number.abs() as u64, number <= -1.0); // saturates
            if is_less {
                format!("-{number:0width$}", width = places.saturating_sub(1))
            } else {
                format!("{number:0places$}")
            }
        }
        None => NO_NUMBER.repeat(places),
    }
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
    fn a_display_has_a_place_for_everything() {
        for (number, places, shown) in [
            ("0", 3, "000"),
            ("42", 3, "042"),
            ("999", 3, "999"),
            ("1000", 3, "1000"),
            ("123", 2, "123"),
            ("18446744073709551616", 1, "18446744073709551615"),
            ("12.9", 2, "12"),
            ("-0.5", 2, "00"),
            ("-1", 3, "-01"),
            ("-42", 3, "-42"),
            ("-123", 3, "-123"),
            ("-7", 1, "-7"),
            ("NaN", 2, "--"),
            ("passing", 4, "----"),
        ] {
            for look in [Look::odometer(places), Look::seven_segment(places)] {
                assert_eq!(words(&look.number(number), 0).message, shown, "{number}");
            }
        }
    }

    #[test]
    fn a_colour_that_is_none_is_complained_about() {
        let complaints = |look: Look, value: &str| {
            let mut template = Template::parse(look.svg().into(), 64, |_| 0).unwrap();
            look.add_texts(&mut template).unwrap();
            let told = std::cell::RefCell::new(Vec::new());
            let complain = |color: &str| told.borrow_mut().push(color.to_owned());
            let slots = context! { visitors => 3, value };
            look.slots(&template, &slots, complain).unwrap();
            told.into_inner()
        };
        let look = Look::flat("x").color("{{ value }}").label_color("#{{ value }}");
        assert_eq!(complaints(look.clone(), "bluee"), ["bluee", "#bluee"]);
        assert_eq!(complaints(look.clone(), "#12"), ["#12", "##12"]);
        assert_eq!(complaints(look, "red"), ["#red"]);
        assert_eq!(complaints(Look::flat("x"), "bluee"), [""; 0]);
    }
}

//! The ways in which one room's picture can be asked for: `?theme=dark&scale=3`.

use std::sync::Arc;

use crate::request::query::Query;
use crate::request::theme::Theme;

/// Fewer steps than numbers: each style that somebody looks at is drawn for itself.
const SCALE_STEP: f32 = 0.5;

/// One of the ways in which a room's picture can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Style {
    pub(crate) theme: Theme,
    /// In hundredths of a pixel for each CSS pixel.
    scale_percent: u16,
    /// What the badge's own slots are filled with, by their names.
    query: Arc<[(Box<str>, Box<str>)]>,
}

/// A longer value of a slot is cut.
const MAX_CHARS: usize = 64;

impl Style {
    pub(crate) fn new(theme: Theme, scale: f32) -> Self {
        Self { theme, scale_percent: (scale * 100.0).round() as u16, query: Arc::default() }
    }

    pub(crate) fn with_theme(&self, theme: Theme) -> Self {
        Self { theme, ..self.clone() }
    }

    /// The same with slots that a query can fill, and what fills them otherwise.
    pub(crate) fn with_slots(self, slots: Vec<(String, String)>) -> Self {
        let slots = slots.into_iter().map(|(name, default)| (name.into(), default.into()));
        Self { query: slots.collect(), ..self }
    }

    /// The same with what fills the other one's slots.
    pub(crate) fn with_slots_of(&self, other: &Self) -> Self {
        Self { query: other.query.clone(), ..self.clone() }
    }

    /// What the badge's own slots are filled with, by their names.
    pub(crate) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Pixels for each CSS pixel.
    pub(crate) fn scale(&self) -> f32 {
        f32::from(self.scale_percent) / 100.0
    }

    /// The style that a query asks for, this one where it asks for none: a theme, and a scale from 1 to
    /// `max_scale`.
    pub(crate) fn asked_by(&self, query: &Query<'_>, max_scale: f32) -> Self {
        let steps = query.scale.map(|scale| (scale / SCALE_STEP).round() * SCALE_STEP);
        let scale = steps.filter(|scale| *scale >= 1.0 && *scale <= max_scale);
        Self {
            theme: query.theme.unwrap_or(self.theme),
            scale_percent: scale.map_or(self.scale_percent, |scale| (scale * 100.0) as u16),
            query: self.slots_asked_by(query),
        }
    }
}

impl Style {
    fn slots_asked_by(&self, query: &Query<'_>) -> Arc<[(Box<str>, Box<str>)]> {
        if self.query.iter().all(|(name, _)| query.get(name).is_none()) {
            return self.query.clone();
        }
        let slots = self.query.iter().map(|(name, default)| {
            let asked = query.get(name).map(|value| value.chars().take(MAX_CHARS).collect());
            (name.clone(), asked.map_or_else(|| default.clone(), String::into_boxed_str))
        });
        slots.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_fills_the_slots_that_a_badge_has() {
        let slots = [("label", "online"), ("unit", "people")];
        let slots = slots.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let default = Style::new(Theme::Light, 2.0).with_slots(slots);
        let asked = |query: &str| {
            let style = default.asked_by(&Query::parse(query), 4.0);
            style.query().map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(asked(""), ["online", "people"]);
        assert_eq!(asked("label=a+b&other=x&theme=dark"), ["a b", "people"]);
        assert_eq!(asked("label=&unit=%C3%A9"), ["", "é"]);
        assert_eq!(asked(&format!("label={}", "é".repeat(65)))[0], "é".repeat(64));
        assert_eq!(default.asked_by(&Query::parse("other=x"), 4.0), default);
    }

    #[test]
    fn a_query_chooses_among_few_styles() {
        let default = Style::new(Theme::Light, 2.0);
        let asked = |query| {
            let style = default.asked_by(&Query::parse(query), 4.0);
            (style.theme.name(), style.scale())
        };
        assert_eq!(asked(""), ("light", 2.0));
        assert_eq!(asked("theme=dark&scale=3&x=1"), ("dark", 3.0));
        assert_eq!(asked("scale=1.4"), ("light", 1.5));
        for refused in
            ["scale=0", "scale=99", "scale=NaN", "scale=inf", "scale=-1", "scale=", "theme=red"]
        {
            assert_eq!(asked(refused), ("light", 2.0), "{refused}");
        }
    }
}

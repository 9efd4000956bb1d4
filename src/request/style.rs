//! The ways in which one room's picture can be asked for: `?theme=dark&scale=3`.

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
}

impl Style {
    pub(crate) fn new(theme: Theme, scale: f32) -> Self {
        Self { theme, scale_percent: (scale * 100.0).round() as u16 }
    }

    pub(crate) fn with_theme(&self, theme: Theme) -> Self {
        Self { theme, ..self.clone() }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

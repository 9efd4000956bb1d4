//! The ways in which one room's picture can be asked for: `?theme=dark&scale=3`.

/// Fewer steps than numbers: each style that somebody looks at is drawn for itself.
const SCALE_STEP: f32 = 0.5;

/// For a light or for a dark page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Theme {
    #[default]
    Light,
    Dark,
}

/// One of the ways in which a room's picture can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Style {
    pub(crate) theme: Theme,
    /// In hundredths of a pixel for each CSS pixel.
    scale_percent: u16,
}

impl Theme {
    /// What fills `{{ theme }}`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Style {
    pub(crate) fn new(theme: Theme, scale: f32) -> Self {
        Self { theme, scale_percent: (scale * 100.0).round() as u16 }
    }

    pub(crate) fn with_theme(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }

    /// Pixels for each CSS pixel.
    pub(crate) fn scale(self) -> f32 {
        f32::from(self.scale_percent) / 100.0
    }

    /// The style that a query asks for, this one where it asks for none: `theme=dark`, and a scale
    /// from 1 to `max_scale`.
    pub(crate) fn asked_by(self, query: &str, max_scale: f32) -> Self {
        let mut style = self;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match (name, value) {
                ("theme", "dark") => style.theme = Theme::Dark,
                ("theme", "light") => style.theme = Theme::Light,
                ("scale", number) => {
                    let Ok(scale) = number.parse::<f32>() else { continue };
                    let step = (scale / SCALE_STEP).round() * SCALE_STEP;
                    if step >= 1.0 && step <= max_scale {
                        style.scale_percent = (step * 100.0) as u16;
                    }
                }
                _ => {}
            }
        }
        style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_chooses_among_few_styles() {
        let default = Style::new(Theme::Light, 2.0);
        let asked = |query| {
            let style = default.asked_by(query, 4.0);
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

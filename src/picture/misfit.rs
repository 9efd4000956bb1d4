//! What a look can't have: settings out of their range, and those that its design has no use for.

use crate::picture::color::{self, Color};
use crate::picture::look::{Design, Look, NUMBER};

const COLORS: &str = "takes a colour of CSS or one of shields.io's by its name";

impl Look {
    /// What is wrong with it, as a setting and what that takes.
    pub(crate) fn flaw(&self) -> Option<(&'static str, &'static str)> {
        self.misfit().or_else(|| self.wrong_value())
    }

    /// A setting that would be without any effect.
    fn misfit(&self) -> Option<(&'static str, &'static str)> {
        use Design::{Days, DigitalClock, People, Sentence, SevenSegment, Social, Sparkline};
        let (design, is_display) = (self.design, self.design.is_display());
        let has_logo = self.logo.is_some() || self.logo_image.is_some();
        let is_people = design == People;
        let is_card = is_display || matches!(design, Sparkline | Days | DigitalClock | People);
        let is_bare = is_card || design == Sentence;
        let has_no_label = is_display || matches!(design, DigitalClock | People);
        let is_segments = matches!(design, SevenSegment | DigitalClock);
        let has_no_colors = matches!(design, Social | People | Sentence);
        let misfits = [
            (has_no_label && !self.label.is_empty(), "look label", NO_LABEL),
            (is_display && !self.messages.is_empty(), "look message", NUMBER_ONLY),
            (is_people && !self.messages.is_empty(), "look message", NAMES_ONLY),
            (is_people && self.number != NUMBER, "look number", NAMES_ONLY),
            (has_no_colors && !self.colors.is_empty(), "look color", NO_COLORS),
            (has_no_colors && self.label_color.is_some(), "look label_color", NO_COLORS),
            (is_card && self.label_color.is_some(), "look label_color", NO_SIDES),
            (is_bare && has_logo, "look logo", NO_LOGO),
            (is_bare && self.logo_color.is_some(), "look logo_color", NO_LOGO),
            (is_card && self.width.is_some(), "look width", OWN_WIDTH),
            (is_segments && self.font_family.is_some(), "look font_family", NO_LETTERS),
            (self.logo.is_some() && self.logo_image.is_some(), "look logo", TWO_LOGOS),
            (self.logo.is_none() && self.logo_color.is_some(), "look logo_color", NOTHING_TO_COLOR),
        ];
        misfits.into_iter().find(|misfit| misfit.0).map(|(_, setting, reason)| (setting, reason))
    }

    fn wrong_value(&self) -> Option<(&'static str, &'static str)> {
        let is_none = |color: &String| Color::parse(color).is_none();
        let mut colors = self.colors.iter().map(|(_, color)| color).chain(&self.label_color);
        if self.design.is_display() && !(1..=12).contains(&self.digits) {
            Some(("look", "takes 1 to 12 digits"))
        } else if self.width.is_some_and(|width| !(72.0..=1000.0).contains(&width)) {
            Some(("look width", "takes 72 to 1000 CSS pixels"))
        } else if colors.any(|color| !color.contains('{') && is_none(color)) {
            Some(("look color", COLORS))
        } else if self.logo_color.as_ref().is_some_and(is_none) {
            Some(("look logo_color", COLORS))
        } else if self.logo.as_ref().is_some_and(|logo| !color::is_path(logo)) {
            Some(("look logo", "takes the data of an SVG path, such as \"M12 2l9 20H3z\""))
        } else if self.font_family.as_ref().is_some_and(|family| !is_family(family)) {
            Some(("look font_family", "takes one or more families, such as \"Inter, Noto Sans\""))
        } else {
            None
        }
    }
}

const NUMBER_ONLY: &str =
    "is not shown by a display, which takes a look number alone; leave it out";
const NAMES_ONLY: &str =
    "is not shown by this look, which shows who is there and nothing else; leave it out";
const NO_LABEL: &str = "is not shown by this look, which takes no label; leave it out";
const NO_COLORS: &str = "is not shown by this look, which takes no colours; leave it out";
const NO_SIDES: &str = "is not shown by this look, which takes one colour alone; leave it out";
const NO_LOGO: &str = "is not shown by this look, which takes no logo; leave it out";
const OWN_WIDTH: &str =
    "is not kept by this look, which takes its width from what it shows; leave it out";
const NO_LETTERS: &str = "is not shown by this look, which takes no font; leave it out";
const TWO_LOGOS: &str = "takes a path or an image, not both; leave one of them out";
const NOTHING_TO_COLOR: &str =
    "takes a look's logo that is a path, to colour it; add one or leave it out";

fn is_family(text: &str) -> bool {
    svgtypes::parse_font_families(text).is_ok_and(|families| !families.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "M12 2l9 20H3z";

    #[test]
    fn what_is_right_is_left_alone() {
        let all = |look: Look| {
            let look =
                look.message("x").logo(PATH).logo_color("red").font_family("Inter, 'Noto Sans'");
            look.width(90.0)
        };
        for look in [
            all(Look::flat("x").color("brightgreen").color_from(1, "{{ color_of_value }}")),
            all(Look::flat_square("x")).label_color("#fff"),
            all(Look::plastic("x")),
            all(Look::for_the_badge("x")),
            all(Look::social("x")),
            Look::seven_segment(12).number("{{ n }}").color("red").color_from(3, "blue"),
            Look::people().font_family("Inter"),
            Look::sentence("x").message("y").number("{{ n }}").font_family("Inter").width(90.0),
            Look::odometer(1).color("red").font_family("Inter"),
            Look::sparkline("x")
                .message("y")
                .message_from(1, "z")
                .color("red")
                .font_family("Inter"),
            Look::days()
                .label("x")
                .message("y")
                .number("{{ n }}")
                .color("red")
                .font_family("Inter"),
            all(Look::visits().label("x").color("red")).label_color("#fff"),
            all(Look::today_and_total()),
        ] {
            assert_eq!(look.flaw(), None, "{look:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_found() {
        let good = Look::flat("x");
        for (setting, bad) in [
            ("look color", good.clone().color("blurple")),
            ("look color", good.clone().color_from(3, "#12")),
            ("look color", good.clone().label_color("bluee")),
            ("look logo", good.clone().logo("M12 2 x")),
            ("look logo", good.clone().logo("")),
            ("look logo", good.clone().logo("M1 1")),
            ("look logo", good.clone().logo("L1 1 2 2")),
            ("look logo_color", good.clone().logo(PATH).logo_color("{{ x }}")),
            ("look width", good.clone().width(0.0)),
            ("look width", good.clone().width(f32::NAN)),
            ("look font_family", good.clone().font_family("")),
            ("look font_family", good.clone().font_family(", ,")),
            ("look", Look::odometer(0)),
            ("look", Look::seven_segment(13)),
        ] {
            assert_eq!(bad.flaw().map(|flaw| flaw.0), Some(setting), "{bad:?}");
        }
    }

    #[test]
    fn what_would_be_without_effect_is_found() {
        for (setting, look) in [
            ("look label", Look::odometer(3).label("x")),
            ("look label", Look::people().label("x")),
            ("look message", Look::odometer(3).message("x")),
            ("look message", Look::seven_segment(3).message_from(2, "x")),
            ("look color", Look::social("x").color("red")),
            ("look color", Look::social("x").color_from(1, "red")),
            ("look label_color", Look::social("x").label_color("red")),
            ("look label_color", Look::sparkline("x").label_color("red")),
            ("look label_color", Look::odometer(3).label_color("red")),
            ("look logo", Look::sparkline("x").logo(PATH)),
            ("look label_color", Look::days().label_color("red")),
            ("look logo", Look::days().logo(PATH)),
            ("look width", Look::days().width(300.0)),
            ("look logo", Look::seven_segment(3).logo(PATH)),
            ("look logo_color", Look::odometer(3).logo_color("red")),
            ("look logo_color", Look::flat("x").logo_color("red")),
            ("look width", Look::sparkline("x").width(300.0)),
            ("look width", Look::odometer(3).width(300.0)),
            ("look font_family", Look::seven_segment(3).font_family("Inter")),
        ] {
            assert_eq!(look.flaw().map(|flaw| flaw.0), Some(setting), "{look:?}");
        }
    }

    #[cfg(feature = "images")]
    #[test]
    fn a_logo_is_a_path_or_an_image() {
        assert_eq!(Look::flat("x").logo_image("cat").flaw(), None);
        for look in [
            Look::flat("x").logo_image("cat").logo(PATH),
            Look::flat("x").logo_image("cat").logo_color("red"),
            Look::sparkline("x").logo_image("cat"),
        ] {
            assert!(look.flaw().is_some(), "{look:?}");
        }
    }
}

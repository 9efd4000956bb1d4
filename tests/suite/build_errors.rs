//! Every mistake is found when the layer is built, with a message that says what to do.

use tokio::sync::watch;
use tower_livebadge::{Badge, BuildError, BuildErrorKind, LiveBadgeLayer, Look, PaintError};

fn build(path: &str, badge: Badge) -> BuildError {
    let built = LiveBadgeLayer::builder().badge(path, badge).build();
    built.expect_err("there is a mistake")
}

/// A badge with this inside of its `<svg>`.
fn drawing(inside: &str) -> Badge {
    Badge::svg(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="20">{inside}</svg>"#
    ))
}

fn text(attributes: &str, text: &str) -> Badge {
    drawing(&format!(r#"<text x="4" y="14" font-size="11" {attributes}>{text}</text>"#))
}

#[track_caller]
fn assert_says(error: &BuildError, words: &[&str]) {
    let message = error.to_string();
    assert_eq!(format!("{error:?}").split(&message).next(), Some(""), "Debug says the same");
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn an_unknown_slot() {
    let error = build("/rooms/{room}/x.png", text("", "{{ visitor }}"));
    assert!(matches!(error.kind(), BuildErrorKind::UnknownSlot { slot, .. } if slot == "visitor"));
    assert_says(&error, &["/rooms/{room}/x.png", "visitor", "visitors", "params.room", "values"]);

    let error = build("/rooms/{room}/x.png", text("", "{{ params.romo }}"));
    assert!(
        matches!(error.kind(), BuildErrorKind::UnknownSlot { slot, .. } if slot == "params.romo")
    );

    // Also where it would not show at first.
    let error = build("/x.png", text("", "{% if streams > 1000 %}{{ crowd }}{% endif %}"));
    assert!(matches!(error.kind(), BuildErrorKind::UnknownSlot { slot, .. } if slot == "crowd"));
}

#[test]
fn a_slot_of_a_value_that_it_does_not_have() {
    let (_sender, queue) = watch::channel(serde_json::json!({"waiting": {"high": 1}}));
    let error = build("/x.png", text("", "{{ waiting.low }}").values(queue));
    assert!(matches!(error.kind(), BuildErrorKind::Fill { .. }), "{error:?}");
}

#[test]
fn two_values_for_one_slot() {
    let ((_a, one), (_b, two)) = (watch::channel(1), watch::channel(2));
    let error = build("/x.png", text("", "{{ value }}").values(one).values(two));
    assert!(matches!(error.kind(), BuildErrorKind::SlotTaken { slot, .. } if slot == "value"));

    let (_c, streams) = watch::channel(serde_json::json!({"streams": 1}));
    let error = build("/x.png", text("", "{{ streams }}").values(streams));
    assert!(matches!(error.kind(), BuildErrorKind::SlotTaken { slot, .. } if slot == "streams"));
}

#[test]
fn a_template_that_can_not_be_read() {
    let error = build("/x.png", text("", "{{ streams "));
    assert!(matches!(error.kind(), BuildErrorKind::Template { .. }));
    let error = build("/x.png", text("", "{{ streams|nonsense }}"));
    assert_says(&error, &["/x.png", "nonsense"]);
}

#[test]
fn a_template_that_is_not_svg() {
    for source in ["", "hello", "<html/>", "<svg xmlns='http://www.w3.org/2000/svg'><rect></svg>"] {
        let error = build("/x.png", Badge::svg(source));
        assert!(matches!(error.kind(), BuildErrorKind::Svg { .. }), "{error:?}");
    }
}

#[test]
#[cfg(feature = "embedded-font")]
fn a_font_family_that_is_not_loaded() {
    let error = build("/x.png", text("font-family='Papyrus, Comic Sans MS'", "hi"));
    assert!(matches!(error.kind(), BuildErrorKind::FontFamily { .. }));
    assert_says(&error, &["Papyrus", "sans-serif", "font"]);
    for families in ["Papyrus, sans-serif", "DejaVu Sans", "monospace"] {
        let badge = text(&format!("font-family='{families}'"), "hi");
        LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap();
    }
}

#[test]
fn a_character_that_no_font_has() {
    let error = build("/x.png", text("", "中"));
    assert!(matches!(error.kind(), BuildErrorKind::Glyph { character: '中', .. }));
    assert_says(&error, &["'中'", "font"]);
}

#[test]
fn a_document_type() {
    let svg = "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>";
    let error = build("/x.png", Badge::svg(svg));
    assert!(matches!(error.kind(), BuildErrorKind::Paint { source: PaintError::Doctype, .. }));
}

#[test]
fn anything_from_outside_of_the_template() {
    let data = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    for href in ["/etc/passwd", "logo.png", "../x.svg", "https://example.com/x.png", data] {
        for element in [
            "<image width='9' height='9' href='HREF'/>",
            "<filter id='f'><feImage href='HREF'/></filter><rect width='9' height='9' filter='url(#f)'/>",
        ] {
            let error = build("/x.png", drawing(&element.replace("HREF", href)));
            assert!(
                matches!(error.kind(), BuildErrorKind::Image { .. }),
                "{element} {href}: {error:?}"
            );
            assert_says(&error, &["inline"]);
        }
    }
}

#[test]
fn a_picture_that_is_too_large() {
    let huge = |width, height| {
        Badge::svg(format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'/>"
        ))
    };
    for (width, height) in
        [("2001", "2000"), ("100000", "100000"), ("1e30", "1e30"), ("4000001", "1")]
    {
        let error = build("/x.png", huge(width, height).scale(1.0));
        let too_large = matches!(
            error.kind(),
            BuildErrorKind::Paint { source: PaintError::TooLarge { .. }, .. }
        );
        assert!(too_large, "{width} x {height}: {error:?}");
    }
    assert_says(&build("/x.png", huge("1001", "1001")), &["2002 x 2002", "scale"]);
    LiveBadgeLayer::builder().badge("/x.png", huge("1000", "1000")).build().unwrap();
}

#[test]
fn a_text_that_is_too_long() {
    let error = build("/x.png", drawing(&"<rect width='9' height='9'/>".repeat(3000)));
    assert!(matches!(
        error.kind(),
        BuildErrorKind::Paint { source: PaintError::TooLong { .. }, .. }
    ));
}

#[test]
fn a_nesting_that_needs_a_large_stack_is_drawn() {
    let nested = |element: &str, times| {
        format!("{}{}", format!("<{element}>").repeat(times), format!("</{element}>").repeat(times))
    };
    LiveBadgeLayer::builder().badge("/x.png", drawing(&nested("g", 1000))).build().unwrap();
}

#[test]
fn paths_that_conflict() {
    for (one, two) in [("/x.png", "/x.png"), ("/{a}/x.png", "/{b}/x.png")] {
        let badges =
            LiveBadgeLayer::builder().badge(one, Badge::online()).badge(two, Badge::online());
        let error = badges.build().unwrap_err();
        assert!(
            matches!(error.kind(), BuildErrorKind::PathConflict { with, .. } if with == one),
            "{error:?}"
        );
    }
    // As in axum, the one without a parameter goes first.
    let badges = LiveBadgeLayer::builder().badge("/{a}/x.png", Badge::online());
    badges.badge("/b/x.png", Badge::online()).build().unwrap();
}

#[test]
fn paths_that_are_none() {
    for path in [
        "",
        "x.png",
        "/{}/x.png",
        "/{a}{b}",
        "/{a}-{b}.png",
        "/{*a}.png",
        "/{*a}/b",
        "/{a",
        "/a}",
        "/{a}}b}",
        "/{a}}}",
        "/{{{a}}}",
        "/x?y",
        "/a b",
        "/é",
    ] {
        let error = build(path, Badge::online());
        assert!(matches!(error.kind(), BuildErrorKind::Path { .. }), "{path}: {error:?}");
    }
    let error = LiveBadgeLayer::builder().unrouted("/x.png", Badge::online()).build().unwrap_err();
    assert!(matches!(error.kind(), BuildErrorKind::Path { .. }));
}

#[test]
fn settings_out_of_their_range() {
    use std::time::Duration;
    let badges = [
        ("scale", Badge::online().scale(0.0)),
        ("scale", Badge::online().scale(f32::NAN)),
        ("max_rate", Badge::online().max_rate(0.0)),
        ("max_rate", Badge::online().max_rate(f64::INFINITY)),
        ("heartbeat", Badge::online().heartbeat(Duration::ZERO)),
        ("leave_grace", Badge::online().leave_grace(Duration::MAX)),
        ("max_value_chars", Badge::online().max_value_chars(0)),
        ("visitor_cookie", Badge::online().visitor_cookie("a; b")),
        ("look color", Badge::look(Look::flat("x").color_from(7, "blurple"))),
        ("look color", Badge::look(Look::flat("x").label_color("transparent"))),
        ("look width", Badge::look(Look::flat("x").width(20.0))),
        ("look logo", Badge::look(Look::flat("x").logo("logo.svg"))),
        ("look", Badge::look(Look::odometer(0))),
        ("look number", Badge::look(Look::flat("x").number("{{ visitors | compact }}"))),
        ("look number", Badge::look(Look::odometer(3).number("{{ visitors | group }}"))),
    ];
    for (setting, badge) in badges {
        assert_says(&build("/x.png", badge), &[setting, "takes"]);
    }
}

#[test]
fn a_look_with_what_it_has_no_use_for() {
    let logo = "M12 2l9 20H3z";
    for (setting, look) in [
        ("look message", Look::seven_segment(3).message("{{ number }}")),
        ("look width", Look::odometer(3).width(100.0)),
        ("look width", Look::sparkline("x").width(100.0)),
        ("look logo", Look::sparkline("x").logo(logo)),
        ("look color", Look::social("x").color("red")),
        ("look label_color", Look::social("x").label_color("red")),
        ("look logo_color", Look::flat("x").logo_color("red")),
        ("look font_family", Look::seven_segment(3).font_family("serif")),
    ] {
        assert_says(&build("/x.png", Badge::look(look)), &["/x.png", setting, "takes", "out"]);
    }
}

#[test]
fn a_colour_that_a_template_makes_none() {
    let values = || watch::channel(serde_json::json!({"shade": "bluee", "hex": "#12"})).1;
    for (setting, color, look) in [
        ("look color", "bluee", Look::flat("x").color("{{ shade }}")),
        ("look color", "#12", Look::odometer(3).color("{{ hex }}")),
        // Only for some.
        ("look color", "#12", Look::flat("x").color("red").color_from(20, "{{ hex }}")),
        ("look color", "redd", Look::flat("x").color("{{ 'red' if visitors < 9 else 'redd' }}")),
        ("look label_color", "bluee", Look::flat("x").label_color("{{ shade }}")),
    ] {
        let error = build("/x.png", Badge::look(look).values(values()));
        assert!(
            matches!(error.kind(), BuildErrorKind::Color { color: found, .. } if found == color)
        );
        assert_says(&error, &["/x.png", setting, color, "CSS"]);
    }
    // Who asks may be right.
    let badge = Badge::look(Look::flat("x").color("{{ params.color }}"));
    LiveBadgeLayer::builder().badge("/{color}/x.png", badge).build().unwrap();
}

#[test]
#[cfg(all(feature = "jpeg", feature = "webp"))]
fn a_picture_that_is_too_wide_for_its_format() {
    use tower_livebadge::Format;
    let strip = |width, height| {
        Badge::svg(format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'/>"
        ))
    };
    let jpeg = Format::jpeg(85);
    for (width, height, format, limit) in [
        (65_536, 9, jpeg.clone(), "65535"),
        (9, 70_000, jpeg.clone(), "65535"),
        (16_385, 9, Format::WebP, "16384"),
    ] {
        let error = build("/x", strip(width, height).scale(1.0).format(format));
        let too_wide = matches!(
            error.kind(),
            BuildErrorKind::Paint { source: PaintError::TooWide { .. }, .. }
        );
        assert!(too_wide, "{error:?}");
        assert_says(&error, &[limit, "smaller", "Png"]);
    }
    for (width, format) in [(65_535, jpeg), (16_384, Format::WebP), (65_536, Format::Png)] {
        let badge = strip(width, 9).scale(1.0).format(format);
        LiveBadgeLayer::builder().badge("/x", badge).build().unwrap();
    }
}

#[test]
fn a_font_that_is_none() {
    let error = LiveBadgeLayer::builder().font(*b"no font").build().unwrap_err();
    assert!(matches!(error.kind(), BuildErrorKind::Font { position: 0, .. }));
    assert_says(&error, &["number 0", "TrueType"]);
    for magic in ["wOFF", "wOF2"] {
        let webfont = format!("{magic}{}", "\0".repeat(99));
        let builder = LiveBadgeLayer::builder().font(epaint_default_fonts::NOTO_EMOJI_REGULAR);
        let error = builder.font(webfont).build().unwrap_err();
        assert!(matches!(error.kind(), BuildErrorKind::Font { position: 1, .. }));
        assert_says(&error, &["number 1", "WOFF", "convert", "TTF"]);
    }
}

/// An application that derives `Debug` for its state prints it some time.
#[test]
fn the_layer_prints_itself_in_a_few_lines() {
    let badges = LiveBadgeLayer::builder().badge("/x.png", Badge::online()).build().unwrap();
    assert!(format!("{badges:?} {:?}", badges.handle()).len() < 2000);
}

//! What is wrong in a template is told with its place, and with what it was tried with; also where
//! no trial would have come across it.

use std::error::Error;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tower_livebadge::{Badge, BuildError, BuildErrorKind, LiveBadgeLayer, Look};

fn build(path: &str, badge: Badge) -> Result<(), BuildError> {
    LiveBadgeLayer::builder().badge(path, badge).build().map(drop)
}

/// A badge with this inside of its `<svg>`, from the second line on.
fn drawing(inside: &str) -> Badge {
    Badge::svg(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"20\">\n{inside}\n</svg>"
    ))
}

fn text(text: &str) -> Badge {
    drawing(&format!("<text y=\"14\">\n{text}</text>"))
}

#[track_caller]
fn refused(path: &str, badge: Badge, words: &[&str]) -> BuildError {
    let error = build(path, badge).expect_err("there is a mistake");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    assert!(!message.contains("badge.svg"), "{message:?}");
    assert_eq!(error.path(), Some(path));
    error
}

#[track_caller]
fn fine(path: &str, badge: Badge) {
    build(path, badge).unwrap();
}

#[test]
fn an_error_says_everything_once_and_prints_itself_well() {
    let error = refused("/x.png", text("{{ visitors + 'a' }}"), &["badge \"/x.png\""]);
    assert!(matches!(error.kind(), BuildErrorKind::Fill { .. }));
    assert_eq!(format!("{error:?}"), error.to_string());
    let boxed: Box<dyn Error> = error.into();
    assert!(format!("{boxed:?}").contains("{{ visitors + 'a' }}"));

    // What a cause says is not said twice.
    let nested = format!("{}{}", "<g>".repeat(1025), "</g>".repeat(1025));
    for badge in [drawing(&nested), drawing("<rect fill='#12'/>"), Badge::online().scale(9.0)] {
        let error = build("/x.png", badge).unwrap_err();
        let (message, mut cause) = (error.to_string(), error.source());
        let mut all = message.clone();
        while let Some(error) = cause {
            assert!(!message.contains(&error.to_string()), "{message:?}, {error}");
            all += &format!(": {error}");
            cause = error.source();
        }
        assert_eq!(format!("{error:?}"), all);
    }
    let error = LiveBadgeLayer::builder().font(*b"no font").build().unwrap_err();
    assert_eq!(error.path(), None);
    assert!(error.to_string().contains(".ttf"), "{error}");
}

#[test]
fn a_parameter_is_tried_with_its_example() {
    let square = "{{ params.n | int * params.n | int }} of {{ params.kind }}";
    refused(
        "/{kind}/{n}.png",
        text(square),
        &["line 3", square.split_at(17).0, "params.n = \"room\"", "23 visitors", "Badge::example"],
    );
    fine("/{kind}/{n}.png", text(square).example("n", "12"));
    fine("/{kind}/{n}.png", text(square).example("n", "x").example("kind", "a").example("n", "12"));
    refused(
        "/{kind}/{n}.png",
        text(square).example("kid", "12"),
        &["\"kid\"", "kind, n", "did you mean \"kind\"?"],
    );
    refused("/x.png", Badge::online().example("n", "1"), &["its parameters: none"]);
    for value in ["", "a\nb", &"x".repeat(65)] {
        refused("/{n}.png", Badge::online().example("n", value), &["example takes", "64"]);
    }
    // A look's texts, too.
    let look = Look::flat("n").message("{{ params.n | float }}");
    refused("/{n}.png", Badge::look(look.clone()), &["the look's message", "Badge::example"]);
    fine("/{n}.png", Badge::look(look).example("n", "1.5"));
}

#[test]
fn the_line_is_that_of_the_template() {
    let loops = "{% for i in range(40) %}\n<g>\n</g>\n{% endfor %}";
    refused("/x.png", drawing(&format!("{loops}\n<g><b></g></b>")), &["line 6"]);
    refused(
        "/x.png",
        drawing(&format!("{loops}\n<g fill='bluee'/>")),
        &["line 6", "fill=\"bluee\""],
    );
    refused("/x.png", drawing(&format!("{loops}\n{{{{ 1 + 'a' }}}}")), &["line 6", "1 + 'a'"]);
    refused(
        "/x.png",
        drawing(&format!("{loops}\n\n{{{{ nothing }}}}")),
        &["line 7", "\"nothing\""],
    );
    refused("/x.png", drawing(&format!("{loops}\n\n{{{{ visitors | nil }}}}")), &["line 7", "nil"]);
    refused("/x.png", drawing(&format!("{loops}\n\n{{{{ visitors")), &["can't be read", "line"]);
    refused("/x.png", drawing("\n<image href='a.png' width='9' height='9'/>"), &["line 3 refers"]);
    refused("/x.png", text("\n中"), &["line 4: no font"]);
    let badge = drawing("<text font-family='Papyrus'>hi</text>");
    refused("/x.png", badge, &["line 2: no font", "Papyrus"]);
    refused("/x.png", Badge::look(Look::flat("n").message("中")), &["the look's message, line 1"]);
    // What comes from a slot names it.
    let (_sender, color) = watch::channel(serde_json::json!({"color": "blurple"}));
    let badge = drawing("\n<rect fill='{{ color }}'/>").values(color);
    refused("/x.png", badge, &["line 3", "fill=\"blurple\" of <rect>", "colour"]);
}

#[test]
fn a_name_that_is_nearly_right_is_told_its_right_one() {
    refused("/x.png", text("{{ visitor }}"), &["did you mean \"visitors\"?"]);
    refused("/{room}.png", text("{{ params.romo }}"), &["did you mean \"params.room\"?"]);
    refused(
        "/x.png",
        text("{{ visitors | compcat }}"),
        &["no filter", "did you mean \"compact\"?"],
    );
    refused("/x.png", text("{{ visitors is evne }}"), &["no test", "did you mean \"even\"?"]);
    refused("/x.png", text("{{ text_widht('a', 11) }}"), &["no function", "\"text_width\""]);
    let (_sender, load) = watch::channel(serde_json::json!({"load": 1}));
    refused("/x.png", text("{{ laod }}").values(load), &["did you mean \"load\"?"]);
    for badge in [Badge::online().rooms_of("/a/{id}.pgn"), Badge::online().total_of("/a/{id}.pgn")]
    {
        let badges = LiveBadgeLayer::builder()
            .badge("/a/{id}.png", Badge::online())
            .badge("/b/{id}.png", badge);
        let message = badges.build().unwrap_err().to_string();
        assert!(message.contains("did you mean \"/a/{id}.png\"?"), "{message}");
    }
}

/// Also where no trial comes across them.
#[test]
fn unknown_filters_and_tests_are_found_anywhere() {
    for (source, name) in [
        ("{% if visitors > 7777777 %}{{ visitors | nonsense }}{% endif %}", "nonsense"),
        ("{% if false %}{% filter nonsense %}{% endfilter %}{% endif %}", "nonsense"),
        ("{% macro m(x) %}{{ x is absurd }}{% endmacro %}", "absurd"),
        ("{{ 1 if true else visitors | nonsense }}", "nonsense"),
        ("{% for x in [] %}{{ x is not absurd }}{% endfor %}", "absurd"),
        ("{% if false %}{{ nonsense(1) }}{% endif %}", "nonsense"),
    ] {
        let error = refused("/x.png", text(source), &[name, "line 3"]);
        assert!(matches!(error.kind(), BuildErrorKind::UnknownName { .. }), "{error}");
    }
    let look = Look::flat("n").message_from(1e9, "{{ visitors | nonsense }}");
    refused("/x.png", Badge::look(look), &["the look's message", "nonsense"]);
    fine("/x.png", text("{{ 'a | b is c' }}{# | d #}{% raw %}{{ a | b }}{% endraw %}"));
    fine(
        "/x.png",
        text("{{ visitors is defined and visitors is not none and (visitors is eq 3) }}"),
    );
}

#[test]
fn a_slot_of_the_badge_is_never_a_value_of_the_application() {
    for slot in [
        "streams",
        "visitors",
        "params",
        "theme",
        "peak",
        "peak_today",
        "joins",
        "since_change",
        "recent",
        "rooms",
    ] {
        let (_sender, value) = watch::channel(serde_json::json!({ slot: 7 }));
        let error = refused("/x.png", text("{{ visitors }}").values(value), &[slot, "rename"]);
        assert!(matches!(error.kind(), BuildErrorKind::SlotTaken { .. }));
    }
    let (_sender, value) = watch::channel(serde_json::json!({"label": "mine"}));
    fine("/x.png", text("{{ label }}").values(value.clone()));
    refused("/x.png", Badge::online().values(value), &["label"]);
}

#[test]
fn a_loop_that_never_ends_is_refused() {
    let begun = Instant::now();
    for source in [
        "{% for i in range(99999) %}{% for j in range(99999) %}.{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{{ range(99999) | list | length }}{% endfor %}",
        "{% for i in range(visitors) %}.{% endfor %}",
        "{% for i in range([visitors, 90000] | min) %}.{% endfor %}",
        "{% for i in range(9000) %}{{ text_width(i ~ 'x', 11) }}{% endfor %}",
    ] {
        refused("/x.png", text(source), &["tried with"]);
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    refused(
        "/x.png",
        text("{% for i in range(visitors) %}.{% endfor %}"),
        &["1234567 visitors", "bound its loops"],
    );
    let dots = "{% for i in range([visitors, 100] | min) %}.{% endfor %}";
    fine("/x.png", text(dots));
    let look = Look::flat("n").message("{% for i in range(visitors) %}{{ i }}{% endfor %}");
    refused("/x.png", Badge::look(look), &["the look's message"]);
}

#[test]
fn a_number_that_the_template_names_is_tried() {
    for wrong in [
        "{% if visitors == 4711 %}{{ visitors / 'a' }}{% endif %}",
        "{{ 100 / (visitors - 4710) if visitors < 4711 else '' }}",
        "{% if visitors > 300 %}中{% endif %}",
        "{% if joins > 300 %}<tspan fill=\"bluee\">.</tspan>{% endif %}",
    ] {
        build("/x.png", text(wrong)).expect_err(wrong);
    }
    let look = Look::flat("n").message_from(30, "{{ visitors }}").message_from(50, "many");
    fine("/x.png", Badge::look(look.clone()));
    for wrong in ["中", "{{ visitors / 'a' }}"] {
        refused(
            "/x.png",
            Badge::look(look.clone().message_from(30, wrong)),
            &["the look's message"],
        );
        refused(
            "/x.png",
            Badge::look(look.clone().message_from(50, wrong)),
            &["the look's message"],
        );
    }
    let wrong = "{% if visitors == 77 %}中{% endif %}";
    refused("/x.png", Badge::look(Look::flat(wrong)), &["the look's label", "'中'"]);
}

#[test]
fn tags_are_closed_in_every_branch() {
    for wrong in [
        "{% if params.room == 'vip' %}<g>{% endif %}",
        "{% if visitors > 1 %}<g/>{% elif params.room == 'a' %}</g>{% else %}<g/>{% endif %}",
        "{% if mode == 'a' %}<g>{% if mode == 'b' %}</g>{% endif %}{% else %}<g/>{% endif %}",
        "{% for x in [1] %}{% if mode == 'b' %}</g>{% endif %}{% endfor %}",
        "{% if mode == 'b' %}<foreignObject/>{% endif %}",
    ] {
        let (_sender, mode) = watch::channel(serde_json::json!({"mode": "c"}));
        refused("/{room}.png", drawing(wrong).values(mode), &["line ", "taken"]);
    }
    for right in [
        "{% if mode == 'a' %}<g>{% endif %}<g/>{% if mode == 'a' %}</g>{% endif %}",
        "{% if rest is mapping %}<text>{{ rest.x.y }}</text>{% endif %}",
        "{% if mode == 'a' %}<g>{% else %}<g fill='red'>{% endif %}</g>",
        "{% if mode == 'a' %}<use href='#a'/>{% endif %}{% if mode != 'b' and mode == 'a' %}<g id='a'/>{% endif %}",
        "{% set open %}<g>{% endset %}{% if mode == 'a' %}{{ open }}</g>{% endif %}",
    ] {
        let (_sender, mode) = watch::channel(serde_json::json!({"mode": "c", "rest": 1}));
        fine("/{room}.png", drawing(right).values(mode));
    }
}

#[test]
fn what_would_not_be_drawn_is_refused() {
    for (inside, says) in [
        (
            "<foreignObject width='9' height='9'><p xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>",
            "<text>",
        ),
        ("<script>alert(1)</script>", "never runs"),
        ("<rect width='9' height='9' onclick='alert(1)'/>", "onclick"),
        ("<circle r='5'><animate attributeName='r' to='9'/></circle>", "<animate>"),
        ("<g><animateTransform/></g>", "<animateTransform>"),
        ("<g><set attributeName='fill' to='red'/></g>", "<set>"),
        (
            "<style>@font-face { font-family: x; src: url(x.ttf) }</style>",
            "LiveBadgeLayerBuilder::font",
        ),
        (
            "<rect width='9' height='9' fill='url(#shin)'/><linearGradient id='shine'/>",
            "did you mean #shine?",
        ),
        ("<g style='filter: url(#blur)'/>", "id=\"blur\""),
        ("<use href='#star'/>", "id=\"star\""),
        ("<rect width='9' height='9' fill='#12'/>", "#4c1"),
        ("<rect width='9' height='9' style='stroke:bluee'/>", "colour"),
        ("<linearGradient id='a'><stop stop-color='reddish'/></linearGradient>", "stop-color"),
        ("<style>rect { fill: bluee }</style>", "bluee"),
        ("<cirlce r='5'/>", "did you mean <circle>?"),
    ] {
        refused("/x.png", drawing(inside), &[says, "line 2"]);
    }
    let namespace = "xmlns='http://www.w3.org/2000/svg'";
    for (root, says) in [
        ("width='9' height='9'".to_owned(), "xmlns="),
        (namespace.to_owned(), "width and a height, or a viewBox"),
        (format!("{namespace} width='9'"), "viewBox"),
        (format!("{namespace} width='100%' height='9'"), "percentage"),
        (format!("{namespace} width='{{{{ theme }}}}' height='9'"), "length"),
    ] {
        refused(
            "/x.png",
            Badge::svg(format!("<svg {root}><rect width='9' height='9'/></svg>")),
            &[says],
        );
    }
    for root in ["viewBox='0 0 9 9'", "viewBox='0 0 9 9' width='50%'", "width='9' height='1em'"] {
        fine(
            "/x.png",
            Badge::svg(format!("<svg {namespace} {root}><rect width='50%' height='9'/></svg>")),
        );
    }
}

#[test]
fn a_missing_plural_form_is_refused_whatever_the_number_is() {
    let says = |forms: &str| text(&format!("{{{{ 5 | plural({forms}) }}}}"));
    refused("/x.png", says("'pl', one='a', few='b', other='c'"), &["many", "as for 0"]);
    refused("/x.png", says("'en', other='c'"), &["one, as for 1"]);
    fine("/x.png", says("'pl', one='a', few='b', many='c', other='d'"));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let second = Duration::from_secs(1);
    for (verb, badge) in [
        ("rooms_of", Badge::online().rooms_of("/a").total_of("/a")),
        ("max_rate", Badge::online().rooms_of("/a").max_rate(10.0)),
        ("heartbeat", Badge::online().rooms_of("/a").heartbeat(second)),
        ("leave_grace", Badge::online().rooms_of("/a").leave_grace(second)),
        ("leave_grace", Badge::online().total_of("/a").leave_grace(second)),
        ("count_if", Badge::online().total_of("/a").count_if(|_| true)),
    ] {
        let badges = LiveBadgeLayer::builder().badge("/a", Badge::online()).badge("/b", badge);
        let error = badges.build().unwrap_err();
        assert!(
            matches!(error.kind(), BuildErrorKind::Contradiction { setting, .. } if *setting == verb),
            "{error}"
        );
        assert_eq!(error.path(), Some("/b"));
    }
    let badges = LiveBadgeLayer::builder()
        .badge("/a", Badge::online().max_rate(1.0).heartbeat(second).leave_grace(second))
        .badge("/b", Badge::online().rooms_of("/a").count_if(|_| false))
        .badge("/c", Badge::online().total_of("/a").max_rate(1.0).heartbeat(second));
    badges.build().unwrap();
}

//! Who is there by name: who is shown, for how long, and that a name stays in its place.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use resvg::usvg::roxmltree::Document;
use tokio::time::sleep;
use tower_livebadge::{
    Badge, BuildError, BuildErrorKind, Format, Handle, Join, Leave, LiveBadge, LiveBadgeLayer,
    LiveBadgeLayerBuilder, Look, NotFound, Observer, visitor,
};

use crate::common::{
    BROWSER, Direct, bar_badge, bar_badge_of, bar_look_of, call, decode, drawn, log, within,
};

/// For whatever happens at once.
const MOMENT: Duration = Duration::from_millis(1);
const BEAT: Duration = Duration::from_secs(5);

/// What the header `x-name` says, as a session would.
fn name(request: &http::request::Parts) -> Option<String> {
    let name = request.headers.get("x-name")?.to_str().ok()?;
    Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
}

fn named(badge: Badge) -> Badge {
    badge.named(name).visitors(visitor::header("x-user"))
}

/// A number is drawn, so that time may be the test's own; the names are data.
fn in_data() -> Badge {
    named(bar_badge()).names_in_data(true)
}

async fn serve(builder: LiveBadgeLayerBuilder) -> (LiveBadge<NotFound>, Handle) {
    drawn(builder, &[0, 1, 2, 3, 4, 5, 6]).await
}

async fn join_at(service: &LiveBadge<NotFound>, url: &str, user: &str, name: &str) -> Direct {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let mut headers = vec![BROWSER[1]];
    headers.extend((!user.is_empty()).then_some(("x-user", user)));
    headers.extend((!name.is_empty()).then_some(("x-name", &*name)));
    let mut viewer = Direct::open(service, url, &headers).await;
    viewer.read().await;
    viewer
}

async fn join(service: &LiveBadge<NotFound>, user: &str, name: &str) -> Direct {
    join_at(service, "/a.png", user, name).await
}

async fn get(service: &LiveBadge<NotFound>, url: &str) -> String {
    let Ok(body) = call(service, url, &[]).await.into_body().collect().await;
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

/// Who is there by name, and how many guests.
async fn people_at(service: &LiveBadge<NotFound>, url: &str) -> String {
    sleep(MOMENT).await;
    let data: serde_json::Value =
        serde_json::from_str(&get(service, &format!("{url}?format=json")).await).expect("JSON");
    let people = data["people"].as_array().expect("a list");
    let names: Vec<&str> = people.iter().filter_map(|person| person["name"].as_str()).collect();
    format!("{} +{}", names.join(","), data["guests"])
}

async fn people(service: &LiveBadge<NotFound>) -> String {
    people_at(service, "/a.png").await
}

#[tokio::test(start_paused = true)]
async fn who_comes_is_shown_in_order_and_who_leaves_after_the_grace_no_more() {
    let (service, _handle) = serve(LiveBadgeLayer::builder().badge("/a.png", in_data())).await;
    assert_eq!(people(&service).await, " +0");
    let anna = join(&service, "1", "Anna").await;
    let guest = join(&service, "2", "").await;
    let tab = join(&service, "", "").await;
    let ben = join(&service, "3", "Ben").await;
    assert_eq!(people(&service).await, "Anna,Ben +2");
    // Tabs and a reload change nothing.
    let tabs = [join(&service, "1", "Anna").await, join(&service, "1", "Anna").await];
    drop((anna, tabs, tab, guest));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(people(&service).await, "Anna,Ben +1", "a guest with a key is expected back, too");
    let anna = join(&service, "1", "Anna").await;
    sleep(Duration::from_secs(9)).await;
    assert_eq!(people(&service).await, "Anna,Ben +0");
    drop(anna);
    sleep(Duration::from_millis(2990)).await;
    assert_eq!(people(&service).await, "Anna,Ben +0");
    sleep(Duration::from_millis(20)).await;
    assert_eq!(people(&service).await, "Ben +0");
    // Who comes again comes last.
    let _anna = join(&service, "1", "Anna").await;
    assert_eq!(people(&service).await, "Ben,Anna +0");
    drop(ben);
}

#[tokio::test(start_paused = true)]
async fn the_newest_stream_says_the_name_and_who_looks_on_has_none() {
    let (service, _handle) = serve(LiveBadgeLayer::builder().badge("/a.png", in_data())).await;
    let _one = join(&service, "1", "Anna").await;
    let _ben = join(&service, "2", "Ben").await;
    let two = join(&service, "1", "Anne").await;
    assert_eq!(people(&service).await, "Anne,Ben +0");
    drop(two);
    assert_eq!(people(&service).await, "Anne,Ben +0");
    let _logged_out = join(&service, "1", "").await;
    assert_eq!(people(&service).await, "Ben +1");
    let _again = join(&service, "1", "Anna").await;
    let _looker = join_at(&service, "/a.png?uncounted", "3", "Carl").await;
    assert_eq!(people(&service).await, "Anna,Ben +0");
    // Who is called nothing is a guest.
    let _nobody = join(&service, "4", " \u{200B}\u{202E} ").await;
    assert_eq!(people(&service).await, "Anna,Ben +1");
}

#[tokio::test(start_paused = true)]
async fn who_stops_reading_is_gone_and_comes_back_by_name() {
    let badge = in_data().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let (service, _handle) = serve(LiveBadgeLayer::builder().badge("/a.png", badge)).await;
    let mut anna = join(&service, "1", "Anna").await;
    assert_eq!(people(&service).await, "Anna +0");
    sleep(4 * BEAT).await;
    assert_eq!(people(&service).await, " +0");
    anna.read().await;
    assert_eq!(people(&service).await, "Anna +0");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_a_key_where_there_is_no_other_and_equals_none_from_elsewhere() {
    let badge = in_data().visitors(visitor::cookie("sid")).visitor_cookie("viewer");
    let (service, handle) = serve(LiveBadgeLayer::builder().badge("/a.png", badge)).await;
    let _tabs = [join(&service, "", "Anna").await, join(&service, "", "Anna").await];
    let counts = handle.room_at("/a.png").unwrap().counts();
    assert_eq!((counts.streams, counts.visitors), (2, 1));
    assert_eq!(people(&service).await, "Anna +0");
    let _by_header = join(&service, "Anna", "").await;
    assert_eq!(people(&service).await, "Anna +1");
    let cookie = [BROWSER[1], ("cookie", "sid=Anna")];
    Direct::open(&service, "/a.png", &cookie).await.read().await;
    assert_eq!(people(&service).await, "Anna +2");
    // Names that are cut alike are of two people.
    let long = "x".repeat(40);
    let _two = [join(&service, "", &long).await, join(&service, "", &(long + "y")).await];
    let cut = "x".repeat(31) + "…";
    assert_eq!(people(&service).await, format!("Anna,{cut},{cut} +2"));
    // Nobody who is known needs a cookie.
    let headers = [BROWSER[1], ("x-name", "Ben")];
    assert!(call(&service, "/a.png", &headers).await.headers().get("set-cookie").is_none());
    assert!(call(&service, "/a.png", &BROWSER).await.headers().get("set-cookie").is_some());
}

#[tokio::test(start_paused = true)]
async fn another_look_shows_its_hosts_people_and_a_total_those_of_all_rooms() {
    let look = bar_look_of("streams").visitors(visitor::header("x-user"));
    let look = look.rooms_of("/{room}.png").names_in_data(true);
    let total = bar_badge_of("streams").total_of("/{room}.png").names_in_data(true);
    let of_total = bar_look_of("streams").rooms_of("/total").names_in_data(true);
    let builder = LiveBadgeLayer::builder()
        .badge("/{room}.png", in_data())
        .badge("/{room}/look", look)
        .badge("/of_total", of_total)
        .badge("/total", total);
    let (service, _handle) = serve(builder).await;
    let anna = join_at(&service, "/a.png", "1", "Anna").await;
    let ben = join_at(&service, "/b/look", "2", "Ben").await;
    let anna_in_b = join_at(&service, "/b.png", "1", "Anna").await;
    let _watcher = join_at(&service, "/total", "3", "Carl").await;
    assert_eq!(people_at(&service, "/a/look").await, "Anna +0");
    assert_eq!(people_at(&service, "/b.png").await, "Ben,Anna +0");
    assert_eq!(people_at(&service, "/total").await, "Anna,Ben +0", "a person once");
    drop(anna);
    sleep(2 * BEAT).await;
    assert_eq!(people_at(&service, "/a.png").await, " +0");
    assert_eq!(people_at(&service, "/of_total").await, "Anna,Ben +0");
    drop(anna_in_b);
    sleep(2 * BEAT).await;
    assert_eq!(people_at(&service, "/total").await, "Ben +0");
    drop(ben);
    sleep(2 * BEAT).await;
    assert_eq!(people_at(&service, "/total").await, " +0");
}

#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

impl Book {
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Book {
    fn on_join(&self, join: &Join) {
        let line = format!("+{:?} {}", join.name.as_deref(), join.is_return);
        self.0.lock().unwrap().push(line);
    }

    fn on_leave(&self, leave: &Leave) {
        self.0.lock().unwrap().push(format!("-{:?}", leave.name.as_deref()));
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_are_told_names_and_the_log_is_not() {
    log::keep();
    let book = Book::default();
    let badge = in_data().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let builder = LiveBadgeLayer::builder().badge("/a.png", badge).observer(book.clone());
    let (service, _handle) = serve(builder).await;
    let mut anna = join(&service, "1", "\u{202E}Anna-Secret ").await;
    sleep(MOMENT).await;
    assert_eq!(book.lines(), [r#"+Some("Anna-Secret") false"#]);
    sleep(4 * BEAT).await;
    anna.read().await;
    sleep(MOMENT).await;
    assert_eq!(book.lines(), [r#"-Some("Anna-Secret")"#, r#"+Some("Anna-Secret") true"#]);
    let guest = join(&service, "", "").await;
    drop((anna, guest));
    sleep(MOMENT).await;
    assert_eq!(book.lines(), ["+None false", r#"-Some("Anna-Secret")"#, "-None"]);
    let text = log::text();
    assert!(text.contains("a viewer joined") && text.contains("a viewer left"), "{text}");
    assert!(!text.contains("Secret"), "{text}");
}

const LIST: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="20">
    <g id="{{ people | map(attribute='name') | join('|') }}"/>
    {% for one in people %}<text y="14" fill="{{ one.color }}">{{ one.name }}</text>{% endfor %}
    <g id="+{{ more }} +{{ guests }}"/>
    </svg>"#;

/// The names as attributes and as texts, and how many there are beside, as a reader of XML sees them.
fn read(svg: &str) -> (String, Vec<String>, String) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let ids = || document.descendants().filter_map(|node| node.attribute("id"));
    let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
    let elements = document.root_element().descendants().filter(|node| node.is_element()).count();
    let texts: Vec<String> = texts.map(|text| text.text().unwrap_or_default().to_owned()).collect();
    assert_eq!(elements, texts.len() + 3, "{svg}");
    (ids().next().unwrap().to_owned(), texts, ids().next_back().unwrap().to_owned())
}

/// Rooms that look alike have one text among them. These don't, although as many are in each.
#[tokio::test]
async fn no_room_has_the_text_of_another() {
    let badge = |slot: &str| {
        let id = format!(r#"<g id="{{{{ {slot} }}}}"/>"#);
        named(Badge::svg(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{id}</svg>"#
        )))
    };
    let builder = LiveBadgeLayer::builder()
        .badge("/people/{id}", badge("people | map(attribute='name') | join"))
        .badge("/guests/{id}", badge("guests"))
        .badge("/more/{id}", badge("more").max_people(1));
    let (service, _handle) = serve(builder).await;
    let mut viewers = Vec::new();
    for (kind, shown) in [
        ("people", ["AnnaBen", "Carl", ""]),
        ("guests", ["0", "1", "2"]),
        ("more", ["1", "0", "0"]),
    ] {
        for (id, names) in [["Anna", "Ben"], ["Carl", ""], ["", ""]].iter().enumerate() {
            let url = format!("/{kind}/{id}");
            for (user, name) in ["1", "2"].iter().zip(names) {
                viewers.push(join_at(&service, &url, user, name).await);
            }
        }
        for (id, shown) in shown.iter().enumerate() {
            let svg = get(&service, &format!("/{kind}/{id}?format=svg")).await;
            assert!(svg.contains(&format!("id=\"{shown}\"")), "{kind} {id}: {svg}");
        }
    }
}

#[tokio::test]
async fn a_picture_shows_so_many_names_and_counts_the_others() {
    let badge = named(Badge::svg(LIST)).max_people(2);
    let all = Badge::svg(LIST).rooms_of("/a.png");
    let builder = LiveBadgeLayer::builder().badge("/a.png", badge).badge("/all.png", all);
    let (service, _handle) = serve(builder).await;
    let mut viewers = Vec::new();
    for (user, name) in [("1", "Anna"), ("2", "Ben"), ("3", ""), ("4", "Carl"), ("5", "Dora")] {
        viewers.push(join(&service, user, name).await);
    }
    let (list, texts, beside) = read(&get(&service, "/a.png?format=svg").await);
    assert_eq!((&*list, &*beside), ("Anna|Ben", "+2 +1"));
    assert_eq!(texts, ["Anna", "Ben"]);
    let (list, _, beside) = read(&get(&service, "/all.png?format=svg").await);
    assert_eq!((&*list, &*beside), ("Anna|Ben|Carl|Dora", "+0 +1"));
}

/// Whoever chooses its name writes into everybody's picture.
#[tokio::test]
async fn a_name_does_not_get_out_of_its_place() {
    let builder =
        LiveBadgeLayer::builder().badge("/a.png", named(Badge::svg(LIST)).max_people(100));
    let (service, _handle) = serve(builder).await;
    let names = [
        "</text><script>alert(1)</script>",
        "\"/><image href='file:///etc'/>",
        "' onload='alert(1)",
        "]]><![CDATA[ <x>",
        "<!-- --> <?x ?> <!DOCTYPE a>",
        "{{ streams }} {% raw %} {# x #}",
        "&amp; &#x0; &lt; &x; %26",
        "\\u003c \\\" \u{1F98A}",
    ];
    let mut viewers = Vec::new();
    for name in names {
        viewers.push(join(&service, name.split('\u{1F98A}').next().unwrap(), name).await);
        let (list, texts, _) = read(&get(&service, "/a.png?format=svg").await);
        assert_eq!(texts.last().unwrap(), name);
        assert!(list.ends_with(name), "{list}");
    }
}

#[tokio::test]
async fn a_name_that_is_the_boundary_ends_no_part() {
    let badge = named(Badge::svg(LIST)).format(Format::Svg);
    let badges = LiveBadgeLayer::builder().badge("/a.png", badge).build().unwrap();
    let service = badges.into_service();
    let response = call(&service, "/a.png?stream", &BROWSER).await;
    let kind = response.headers().get("content-type").unwrap().to_str().unwrap();
    let boundary = kind.split("boundary=").nth(1).unwrap().to_owned();
    assert!(boundary.len() <= 30, "it is a name that is not cut");
    let mut body = response.into_body();
    let name = format!("--{boundary}");
    let headers = [BROWSER[1], ("x-name", &*name)];
    let mut other = call(&service, "/a.png?stream", &headers).await.into_body();
    within("its opening", other.frame()).await.unwrap().unwrap();
    let mut seen = String::new();
    // As a reader of XML, one sees the name.
    let svg = get(&service, "/a.png?format=svg").await;
    assert_eq!(read(&svg).1, [&*name]);
    while !seen.contains("<text") {
        let Ok(frame) = within("a picture", body.frame()).await.expect("no end");
        seen += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
    }
    let parts = seen.matches("<svg").count();
    let delimiters = seen.matches(&boundary).count();
    assert_eq!(seen.matches(&format!("\r\n--{boundary}\r\n")).count(), delimiters, "{seen}");
    assert!((parts..=parts + 1).contains(&delimiters), "{seen}");
}

/// The width of a picture, and what is written in it.
fn written(svg: &str) -> (f32, Vec<String>) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let width = document.root_element().attribute("width").and_then(|width| width.parse().ok());
    let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
    let texts = texts.map(|text| text.text().unwrap_or_default().to_owned());
    (width.expect("a width"), texts.collect())
}

const LONGEST: &str = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW";

#[tokio::test]
#[cfg(feature = "embedded-font")]
async fn a_row_of_initials_grows_by_a_circle_for_each_whatever_its_name() {
    let badge = named(Badge::look(Look::people())).max_people(3).leave_grace(Duration::ZERO);
    let (service, _handle) = serve(LiveBadgeLayer::builder().badge("/a.png", badge)).await;
    let mut viewers = Vec::new();
    assert_eq!(written(&get(&service, "/a.png?format=svg").await), (28.0, vec!["0".into()]));
    for (name, texts) in [
        ("Anna Berg", &["AB"][..]),
        (LONGEST, &["AB", "W"]),
        ("", &["AB", "W", "+1"]),
        ("🦊", &["AB", "W", "🦊", "+1"]),
        ("too many", &["AB", "W", "🦊", "+2"]),
    ] {
        viewers.push(join(&service, name, name).await);
        let (width, written) = written(&get(&service, "/a.png?format=svg").await);
        assert_eq!(written, texts);
        assert_eq!(width, 4.0 + 24.0 * texts.len() as f32);
    }
    // It is what is streamed, too.
    let mut viewer = viewers.pop().expect("the last one");
    let mut streamed = decode(&viewer.next_part().await);
    while (streamed.width, streamed.height) != (2 * 100, 2 * 28) {
        streamed = decode(&viewer.next_part().await);
    }
    let colors = streamed.pixels().filter(|pixel| pixel[3] == 255).collect::<HashSet<_>>();
    assert!(colors.contains(&[0x57, 0x60, 0x6a, 255]), "the circle of the others");
}

/// Every badge is tried with the most people, half of them with the longest names.
#[test]
#[cfg(feature = "embedded-font")]
fn a_look_has_place_for_the_most_people() {
    for look in [Look::people(), Look::sentence("x"), Look::sentence("x").width(72.0)] {
        let badge = Badge::look(look).named(name).max_people(100);
        LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap();
    }
}

#[tokio::test]
#[cfg(feature = "embedded-font")]
async fn a_sentence_says_who_is_there_and_has_a_bound() {
    let german = "{% set more = [more ~ ' weitere'] if more else [] %}\
        {% set guests = [guests ~ (' Gast' if guests == 1 else ' Gäste')] if guests else [] %}\
        {{ people | chain(more, guests) | listed(' und ') or 'Niemand' }} \
        {{ 'liest' if visitors <= 1 else 'lesen' }} das";
    let look = |look| Badge::look(look).rooms_of("/a.png");
    let builder = LiveBadgeLayer::builder()
        .badge("/a.png", named(bar_badge()))
        .badge("/en.png", look(Look::sentence("reading this")))
        .badge("/bare.png", look(Look::sentence("")))
        .badge("/fixed.png", look(Look::sentence("reading this").width(240.0)))
        .badge("/de.png", look(Look::sentence("").message(german)));
    let (service, _handle) = serve(builder).await;
    let said = async |path: &str| {
        let (width, texts) = written(&get(&service, &format!("{path}?format=svg")).await);
        (width, texts.concat())
    };
    let mut viewers = Vec::new();
    assert_eq!(said("/bare.png").await.1, "nobody");
    for (name, english, german) in [
        ("", "1 guest is reading this", "1 Gast liest das"),
        ("Anna", "Anna and 1 guest are reading this", "Anna und 1 Gast lesen das"),
        ("Ben", "Anna, Ben and 1 guest are reading this", "Anna, Ben und 1 Gast lesen das"),
        ("", "Anna, Ben and 2 guests are reading this", "Anna, Ben und 2 Gäste lesen das"),
    ] {
        viewers.push(join(&service, "", name).await);
        let (width, said_in_english) = said("/en.png").await;
        assert_eq!((&*said_in_english, &*said("/de.png").await.1), (english, german));
        // 6 to 8 CSS pixels a letter.
        let letters = english.len() as f32;
        assert!((letters * 5.5 + 20.0..letters * 8.0 + 20.0).contains(&width), "{width}");
    }
    assert_eq!(said("/bare.png").await.1, "Anna, Ben and 2 guests");
    assert_eq!(said("/fixed.png").await, (240.0, "Anna, Ben and 2 guests are reading this".into()));
    for number in 0..9 {
        viewers.push(join(&service, "", &format!("{number}{LONGEST}")).await);
    }
    let (width, long) = said("/en.png").await;
    assert!(width <= 820.0 && (90..=120).contains(&long.chars().count()), "{width}: {long}");
    assert!(
        long.starts_with("Anna, Ben, 0WW")
            && long.ends_with("7 more and 2 guests are reading this")
    );
    assert_eq!(said("/fixed.png").await.1, "11 people and 2 guests are reading this");
}

#[tokio::test]
async fn for_how_long_somebody_is_here_is_shown_second_by_second() {
    let badge = named(bar_badge_of("people[0].since if people else 0"));
    let (service, _handle) = serve(LiveBadgeLayer::builder().badge("/a.png", badge)).await;
    let mut anna = join(&service, "1", "Anna").await;
    for second in 0..3 {
        anna.bar_of(second).await;
    }
}

#[tokio::test]
async fn data_say_names_only_where_the_badge_says_so() {
    let shy = named(Badge::look(Look::sentence("here"))).leave_grace(Duration::ZERO);
    let open = Badge::look(Look::sentence("here")).rooms_of("/shy.png");
    let open = open.names_in_data(true).max_people(1);
    let host = in_data().max_people(2);
    let builder = LiveBadgeLayer::builder()
        .badge("/a.png", host)
        .badge("/a_shy.png", bar_look_of("streams").rooms_of("/a.png"))
        .badge("/shy.png", shy)
        .badge("/open.png", open);
    let (service, _handle) = serve(builder).await;
    let mut viewers = Vec::new();
    for (user, name) in [("1", "Anna"), ("2", "\"Ben\""), ("3", "Carl"), ("4", "")] {
        viewers.push(join(&service, user, name).await);
    }
    sleep(MOMENT).await;
    assert_eq!(
        get(&service, "/a.png?format=json").await,
        r#"{"streams":4,"visitors":4,"people":[{"name":"Anna"},{"name":"\"Ben\""}],"guests":1}"#
    );
    assert_eq!(get(&service, "/a_shy.png?format=json").await, r#"{"streams":4,"visitors":4}"#);
    // What a look says is data, too.
    let mut anna = Direct::open(&service, "/shy.png", &[BROWSER[1], ("x-name", "Anna")]).await;
    anna.read().await;
    let shields = async |url: &str| get(&service, &format!("{url}?format=shields")).await;
    assert!(shields("/shy.png").await.contains("1 guest is here"));
    assert!(shields("/open.png").await.contains("Anna is here"));
    assert_eq!(get(&service, "/open.png?format=text").await, "1");
}

#[track_caller]
fn wrong(builder: LiveBadgeLayerBuilder) -> BuildError {
    builder.build().expect_err("there is a mistake")
}

#[test]
fn what_is_wrong_with_names_is_said() {
    let one = |badge: Badge| wrong(LiveBadgeLayer::builder().badge("/x.png", badge));
    let of = |badge: Badge| {
        let host = LiveBadgeLayer::builder().badge("/host.png", bar_badge());
        wrong(host.badge("/x.png", badge))
    };
    for max in [0, 101] {
        let error = one(Badge::look(Look::people()).named(name).max_people(max)).to_string();
        assert!(error.contains("max_people takes 1 to 100"), "{error}");
    }
    let error = one(bar_badge().named(name).max_people(3)).to_string();
    assert!(error.contains("max_people has no effect"), "{error}");
    for (error, setting) in [
        (one(Badge::look(Look::people())), "the slot people"),
        (one(Badge::look(Look::flat("{{ people | length }}"))), "the slot people"),
        (one(bar_badge().names_in_data(true)), "names_in_data"),
        (of(Badge::look(Look::sentence("")).rooms_of("/host.png")), "the slot people"),
        (of(Badge::look(Look::sentence("")).total_of("/host.png")), "the slot people"),
    ] {
        let text = error.to_string();
        assert!(
            matches!(error.kind(), BuildErrorKind::Setting { setting: it, .. } if *it == setting)
        );
        assert!(text.contains("/x.png") && text.contains("Badge::named"), "{text}");
    }
    for (badge, beside) in [
        (bar_look_of("1").rooms_of("/host.png").named(name), "rooms_of"),
        (bar_look_of("1").total_of("/host.png").named(name), "total_of"),
        (bar_badge().named(name).names_in_data(true).pictures_only(true), "pictures_only"),
    ] {
        let error = of(badge);
        let is_it = |kind: &BuildErrorKind| matches!(kind, BuildErrorKind::Contradiction { beside: it, .. } if *it == beside);
        assert!(is_it(error.kind()), "{error}");
    }
    // A template is tried with names, with guests alone, and with the longest names.
    let text = |text: &str| {
        let svg =
            format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{text}</svg>"#);
        one(Badge::svg(svg).named(name).max_people(100)).to_string()
    };
    let error = text("{{ people[0].surname if people }}");
    assert!(
        error.contains("can't be filled") && error.contains("23 visitors, a dark page"),
        "{error}"
    );
    let error = text("{% if guests and not people %}<g fill='bluee'/>{% endif %}");
    assert!(error.contains("guests all"), "{error}");
    let error = text("{% for one in people if one.name | length > 31 %}<rectt/>{% endfor %}");
    assert!(error.contains("rectt"), "{error}");
}

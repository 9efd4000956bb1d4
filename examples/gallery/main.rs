//! All ready looks, live, each beside the code that makes it: `cargo run --example gallery`, then
//! open <http://127.0.0.1:3000/>.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use clap::Parser;
use http::request::Parts;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::interval;
use tower_livebadge::{Badge, LiveBadgeLayer, Look, Records};

#[derive(Parser)]
#[command(about = "All ready looks of live badges")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
}

/// What the looks show here, so that there is something to see: it changes by itself.
#[derive(Serialize)]
struct Demo {
    n: u64,
}

const NUMBERS: [u64; 9] = [0, 1, 7, 42, 100, 1234, 45_678, 999_999, 3_400_000];
const EVERY: Duration = Duration::from_millis(1500);
/// A star in a box of 24 × 24.
const STAR: &str = "M12 2l3 7 7 .6-5.4 4.7 1.7 7.2L12 17.7l-6.3 3.8 1.7-7.2L2 9.6 9 9z";

/// Those who look at the first pictures of a page. A real name comes from a session.
const PEOPLE: [&str; 3] = ["Anna Berg", "Ben", "Zoë"];

/// Each look with its height in CSS pixels, and its code.
macro_rules! looks {
    ($($height:literal: $look:expr;)*) => {
        vec![$(($height, stringify!($look), $look)),*]
    };
}

fn looks() -> Vec<(u32, &'static str, Look)> {
    looks! {
        20: Look::flat("online").number("{{ n }}");
        20: Look::flat_square("online").number("{{ n }}").color("blue");
        18: Look::plastic("online").number("{{ n }}").color("orange");
        28: Look::for_the_badge("online").number("{{ n }}");
        20: Look::social("Readers").number("{{ n }}").message("{{ n | compact }}").logo(STAR);
        20: Look::flat("stars").number("{{ n }}").message("{{ n | compact }}").logo(STAR).color("#6f42c1");
        20: Look::flat("load").number("{{ n }}").message_from(0, "calm").message_from(40, "busy")
            .message_from(1000, "on fire").color("brightgreen").color_from(40, "orange").color_from(1000, "red");
        20: Look::flat("").number("{{ n }}").message("{{ n | group }} {{ n | plural('en', one='reader', other='readers') }}");
        20: Look::flat("fixed").number("{{ n }}").width(120.0);
        20: Look::flat("no change for").message("{{ since_change | duration }}").color("blue");
        40: Look::seven_segment(6).number("{{ n }}");
        40: Look::seven_segment(4).number("{{ n }}").color("#34c759");
        34: Look::odometer(7).number("{{ n }}");
        56: Look::sparkline("looking at this");
        20: Look::visits();
        20: Look::today_and_total();
        34: Look::odometer(6).number("{{ joins }}");
        56: Look::days();
        28: Look::people();
        24: Look::sentence("here");
        20: Look::clock("Europe/Berlin");
        40: Look::digital_clock("UTC");
        20: Look::countdown("it begins in", SystemTime::now() + Duration::from_secs(90), "it has begun");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let (sender, demo) = watch::channel(Demo { n: NUMBERS[3] });
    tokio::spawn(count(sender));

    let listener = TcpListener::bind(options.addr).await?;
    let port = listener.local_addr()?.port();
    let mut badges = LiveBadgeLayer::builder();
    let mut rows = String::new();
    for (number, (height, code, look)) in looks().into_iter().enumerate() {
        // One room for all looks, and one badge that says who is in it.
        let badge = Badge::look(look).values(demo.clone());
        badges = match number {
            0 => badges.badge("/looks/0.png", badge.named(person)),
            _ => badges.badge(format!("/looks/{number}.png"), badge.rooms_of("/looks/0.png")),
        };
        // Over HTTP/1 a browser opens six connections to a host, and each live image holds one.
        let host = number / 5;
        // Of those that are out of sight, Chromium 156 otherwise loads ten at a time: some of the rest
        // would begin after 15 to 20 seconds, because the first ten never end.
        rows += &format!(
            "<tr><td><img src=\"http://{host}.localhost:{port}/looks/{number}.png\" height=\"{height}\" \
             fetchpriority=\"high\">\
             <td><code>{code}</code>\n"
        );
    }
    let badges = badges.build()?;
    let handle = badges.handle();
    handle.room_at("/looks/0.png")?.set_records(past());
    let page = include_str!("page.html").replace("<!-- looks -->", &rows);
    let app = Router::new().route("/", get(Html(page))).layer(badges);

    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
    Ok(())
}

/// A month of visits, as a store would bring it back.
fn past() -> Records {
    let mut past = Records::default();
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    past.day = since_1970.as_secs() / 86_400;
    let mut days: [u64; 30] =
        std::array::from_fn(|day| [98, 104, 88, 120, 131, 52, 35][day % 7] + 3 * day as u64);
    days[12] = 0; // the server was down
    past.today = 57;
    days[29] = past.today;
    past.days = days.into();
    past.joins = 12_345;
    past
}

fn person(request: &Parts) -> Option<String> {
    let number = request.uri.path().strip_prefix("/looks/")?.strip_suffix(".png")?;
    PEOPLE.get(number.parse::<usize>().ok()?).map(|name| (*name).to_owned())
}

async fn count(sender: watch::Sender<Demo>) {
    let mut ticks = interval(EVERY);
    for n in NUMBERS.into_iter().cycle() {
        ticks.tick().await;
        sender.send_replace(Demo { n });
    }
}

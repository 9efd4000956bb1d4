//! Which requests get a stream, and which one whole picture.

use crate::common::{Client, Protocol, bar_badge, decode, eventually, serve};
use tower_livebadge::LiveBadgeLayer;

type Headers = &'static [(&'static str, &'static str)];

const CHROMIUM: &str = "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const FIREFOX: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const WEBKIT: &str =
    "image/webp,image/avif,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const CHROMIUM_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,\
    image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const LIVE: &str = "multipart/x-mixed-replace";

const STREAMS: &[(&str, Headers)] = &[
    ("Chromium", &[("accept", CHROMIUM), ("sec-fetch-dest", "image")]),
    ("Firefox", &[("accept", FIREFOX), ("sec-fetch-dest", "image"), ("priority", "u=4, i")]),
    ("WebKit", &[("accept", WEBKIT), ("sec-fetch-dest", "image")]),
    ("Chromium from plain http", &[("accept", CHROMIUM)]),
    ("Firefox from plain http", &[("accept", FIREFOX)]),
    ("WebKit from plain http", &[("accept", WEBKIT)]),
    ("a Chromium tab", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "document")]),
    ("a Firefox or WebKit tab", &[("accept", PAGE), ("sec-fetch-dest", "document")]),
    ("a tab from plain http", &[("accept", PAGE)]),
    ("an iframe", &[("accept", PAGE), ("sec-fetch-dest", "iframe")]),
    ("a frame", &[("accept", PAGE), ("sec-fetch-dest", "frame")]),
    ("an object", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "object")]),
    ("an embed", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "embed")]),
    ("an image that accepts anything", &[("accept", "*/*"), ("sec-fetch-dest", "image")]),
    ("a preload", &[("accept", CHROMIUM), ("sec-fetch-dest", "image"), ("priority", "u=3")]),
    (
        "a browser's name",
        &[("accept", WEBKIT), ("user-agent", "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15")],
    ),
    (
        "a phone named Cubot",
        &[("accept", CHROMIUM), ("user-agent", "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20)")],
    ),
    (
        "a phone named Camon",
        &[("accept", CHROMIUM), ("user-agent", "Mozilla/5.0 (Linux; Android 7.0; CAMON CX)")],
    ),
    ("by name", &[("accept", LIVE)]),
    ("by name, in capitals", &[("accept", "Multipart/X-Mixed-Replace")]),
    ("by name, among others", &[("accept", "*/*;q=0.1, multipart/x-mixed-replace;q=0.9")]),
    ("by name, from a script", &[("accept", LIVE), ("sec-fetch-dest", "empty")]),
    ("two Accept headers", &[("accept", "text/html;q=0.5"), ("accept", "image/png")]),
    ("all images", &[("accept", "image/*")]),
];

const STILLS: &[(&str, Headers)] = &[
    ("no Accept", &[]),
    ("curl", &[("accept", "*/*"), ("user-agent", "curl/7.88.1")]),
    ("wget", &[("accept", "*/*"), ("accept-encoding", "identity")]),
    ("an empty Accept", &[("accept", "")]),
    ("an image that is not to be had", &[("accept", "application/pdf")]),
    ("not quite images", &[("accept", "images/png, ximage/png")]),
    ("a script", &[("accept", "*/*"), ("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")]),
    ("a script for images", &[("accept", "image/*"), ("sec-fetch-dest", "empty")]),
    ("an unknown purpose", &[("accept", CHROMIUM), ("sec-fetch-dest", "webidentity")]),
    ("a prefetch", &[("accept", CHROMIUM_PAGE), ("sec-purpose", "prefetch")]),
    ("a prerender", &[("accept", CHROMIUM), ("sec-purpose", "prefetch;prerender")]),
    ("an older prefetch", &[("accept", CHROMIUM), ("purpose", "prefetch")]),
    ("Firefox's older prefetch", &[("accept", FIREFOX), ("x-moz", "prefetch")]),
    ("a prefetch by name", &[("accept", LIVE), ("sec-purpose", "prefetch")]),
    ("GitHub", &[("accept", CHROMIUM), ("user-agent", "github-camo (876de43e)")]),
    (
        "Gmail",
        &[
            ("accept", CHROMIUM),
            (
                "user-agent",
                "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com \
                 GoogleImageProxy)",
            ),
        ],
    ),
    (
        "Slack",
        &[
            ("accept", "image/*"),
            ("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        ],
    ),
    (
        "Slack's images",
        &[("accept", "image/*"), ("user-agent", "Slack-ImgProxy (+https://api.slack.com/robots)")],
    ),
    ("Slackbot", &[("accept", PAGE), ("user-agent", "Slackbot 1.0")]),
    ("Twitter", &[("accept", PAGE), ("user-agent", "Twitterbot/1.0")]),
    (
        "Facebook",
        &[
            ("accept", PAGE),
            (
                "user-agent",
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            ),
        ],
    ),
    (
        "Discord",
        &[
            ("accept", "image/*"),
            ("user-agent", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"),
        ],
    ),
    (
        "Google",
        &[
            ("accept", PAGE),
            (
                "user-agent",
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ),
        ],
    ),
    ("Google's images", &[("accept", "image/*"), ("user-agent", "Googlebot-Image/1.0")]),
    ("Telegram", &[("accept", PAGE), ("user-agent", "TelegramBot (like TwitterBot)")]),
    ("a bot that is nothing else", &[("accept", "image/*"), ("user-agent", "bot")]),
    ("WhatsApp", &[("accept", PAGE), ("user-agent", "WhatsApp/2.23.20.0")]),
];

#[tokio::test]
async fn whoever_shows_live_pictures_gets_a_stream() {
    let badges = LiveBadgeLayer::builder().badge("/badge.png", bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        for (name, headers) in STREAMS {
            let mut client = Client::connect(server.address, protocol).await;
            let reply = client.get("/badge.png", headers).await;
            assert!(reply.is_stream(), "{name}, {protocol:?}: {:?}", reply.headers);
            eventually(name, || handle.room_at("/badge.png").unwrap().counts().streams == 1).await;
            drop(reply);
            drop(client);
            eventually("an empty room", || handle.rooms().is_empty()).await;
        }
    }
}

#[tokio::test]
async fn everybody_else_gets_one_whole_picture() {
    let badges = LiveBadgeLayer::builder().badge("/badge.png", bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        for (name, headers) in STILLS {
            let mut client = Client::connect(server.address, protocol).await;
            let reply = client.get("/badge.png", headers).await;
            assert_eq!(reply.header("content-type"), Some("image/png"), "{name}, {protocol:?}");
            let length = reply.header("content-length").unwrap().to_owned();
            assert!(reply.headers.contains_key("etag"), "{name}");
            let png = reply.bytes().await;
            decode(&png);
            assert_eq!(png.len().to_string(), length, "{name}");
            assert_eq!(handle.rooms(), [], "{name}");
        }
    }
}

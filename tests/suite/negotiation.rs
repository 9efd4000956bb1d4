//! Which requests get a stream, and which one whole picture: the heads that real clients send.

use http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Empty};
use tower::ServiceExt;
use tower_livebadge::{Handle, LiveBadge, LiveBadgeLayer, NotFound};

use crate::common::{Client, Protocol, bar_badge, decode, eventually, serve};

type Headers = &'static [(&'static str, &'static str)];

/// What a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gets {
    /// A stream for an image.
    Stream,
    /// A stream for a document, which loads itself again.
    Document,
    /// A stream of whole parts with their length.
    Parts,
    /// One whole picture, uncounted.
    Still,
}
use Gets::{Document, Parts, Still, Stream};

const PATH: &str = "/badge.png";

const CHROMIUM: &str = "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const OLD_CHROME: &str = "image/webp,image/apng,image/*,*/*;q=0.8";
const FIREFOX: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const WEBKIT: &str =
    "image/webp,image/avif,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const OLD_SAFARI: &str = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5";
const CHROMIUM_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,\
    image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const JAVA: &str = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
const LIVE: &str = "multipart/x-mixed-replace";

const IMAGE: (&str, &str) = ("sec-fetch-dest", "image");
const NO_CORS: (&str, &str) = ("sec-fetch-mode", "no-cors");
const EMPTY: (&str, &str) = ("sec-fetch-dest", "empty");

const CHROME_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
    Gecko) Chrome/156.0.0.0 Safari/537.36";
const FIREFOX_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const SAFARI_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.4 Safari/605.1.15";

/// A browser's image, from a secure origin or localhost.
const BROWSERS: &[(&str, Headers)] = &[
    ("Chromium", &[("accept", CHROMIUM), IMAGE, NO_CORS, ("user-agent", CHROME_AGENT)]),
    ("Firefox", &[("accept", FIREFOX), IMAGE, NO_CORS, ("user-agent", FIREFOX_AGENT)]),
    ("WebKit", &[("accept", WEBKIT), IMAGE, NO_CORS, ("user-agent", SAFARI_AGENT)]),
    ("an image that accepts anything", &[("accept", "*/*"), IMAGE]),
    ("an image with CORS", &[("accept", CHROMIUM), IMAGE, ("sec-fetch-mode", "cors")]),
    ("a preload", &[("accept", CHROMIUM), IMAGE, ("priority", "u=3")]),
    ("an object", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "object")]),
    ("an embed", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "embed")]),
    (
        "Chromium's service worker",
        &[("accept", CHROMIUM), EMPTY, NO_CORS, ("user-agent", CHROME_AGENT)],
    ),
    (
        "Firefox's service worker",
        &[("accept", FIREFOX), EMPTY, NO_CORS, ("user-agent", FIREFOX_AGENT)],
    ),
];

/// A browser's image, from a plain-HTTP server on another machine, or from before `Sec-Fetch-Dest`.
const PLAIN_BROWSERS: &[(&str, &str, &str)] = &[
    ("Chrome", CHROMIUM, CHROME_AGENT),
    (
        "Edge",
        CHROMIUM,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
    ),
    ("Firefox", FIREFOX, FIREFOX_AGENT),
    (
        "Firefox on Android",
        FIREFOX,
        "Mozilla/5.0 (Android 14; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0",
    ),
    ("Safari", WEBKIT, SAFARI_AGENT),
    (
        "Safari on an iPhone",
        WEBKIT,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
         Gecko) Version/18.4 Mobile/15E148 Safari/604.1",
    ),
    (
        "Safari 9",
        OLD_SAFARI,
        "Mozilla/5.0 (iPad; CPU OS 9_3_5 like Mac OS X) AppleWebKit/601.1.46 (KHTML, like Gecko) \
         Version/9.0 Mobile/13G36 Safari/601.1",
    ),
    (
        "Firefox on an iPhone",
        WEBKIT,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
         Gecko) FxiOS/137.0 Mobile/15E148 Safari/605.1.15",
    ),
    (
        "Chrome 49 on Windows XP",
        OLD_CHROME,
        "Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.112 \
         Safari/537.36",
    ),
    (
        "Samsung Internet",
        CHROMIUM,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
         SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    ),
    (
        "a web view",
        CHROMIUM,
        "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
         Version/4.0 Chrome/135.0.0.0 Mobile Safari/537.36 [Pinterest/Android]",
    ),
    ("an app's web view", WEBKIT, "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15"),
    ("who wants any image", "image/*", SAFARI_AGENT),
    ("who wants an image, or anything", "image/png,*/*;q=0.5", SAFARI_AGENT),
    (
        "KaiOS",
        FIREFOX,
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
    ),
    (
        "a television",
        OLD_CHROME,
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) \
         76.0.3809.146/6.0 TV Safari/537.36",
    ),
    (
        "a phone named Cubot",
        CHROMIUM,
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/135.0.0.0",
    ),
    (
        "a phone named Camon",
        CHROMIUM,
        "Mozilla/5.0 (Linux; Android 7.0; CAMON CX) AppleWebKit/537.36 Chrome/90.0.0.0",
    ),
    (
        "a phone whose name is no ASCII",
        CHROMIUM,
        "Mozilla/5.0 (Linux; Android 9; \u{7ea2}\u{7c73}) AppleWebKit/537.36 Chrome/90.0.0.0",
    ),
];

/// What is shown by itself.
const DOCUMENTS: &[(&str, Headers)] = &[
    ("a Chromium tab", &[("accept", CHROMIUM_PAGE), ("sec-fetch-dest", "document")]),
    ("a Firefox or WebKit tab", &[("accept", PAGE), ("sec-fetch-dest", "document")]),
    ("an iframe", &[("accept", PAGE), ("sec-fetch-dest", "iframe")]),
    ("a frame", &[("accept", PAGE), ("sec-fetch-dest", "frame")]),
    ("a tab from plain http", &[("accept", PAGE), ("user-agent", SAFARI_AGENT)]),
    ("a Firefox tab from plain http", &[("accept", PAGE), ("user-agent", FIREFOX_AGENT)]),
];

/// Programs, which can't say what they are for: by `Accept` and `User-Agent`.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("curl", "*/*", "curl/8.14.1"),
    ("curl for images", "image/*", "curl/8.14.1"),
    ("wget", "*/*", "Wget/1.25.0"),
    ("HttpURLConnection of Java", JAVA, "Java/21.0.6"),
    ("HttpURLConnection with a name", JAVA, "MyApp/1.0"),
    ("Java's HttpClient", "", "Java-http-client/21.0.6"),
    ("Apache HttpClient", "image/*", "Apache-HttpClient/4.5.14 (Java/17.0.14)"),
    ("Coil on Android", "image/webp,image/*,*/*;q=0.8", "okhttp/4.12.0"),
    ("Glide on Android", "image/*", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)"),
    ("SDWebImage", "image/*,*/*;q=0.8", "MyApp/1 CFNetwork/1494.0.7 Darwin/23.4.0"),
    ("Flutter", "image/*,*/*;q=0.8", "Dart/3.7 (dart:io)"),
    ("requests", "*/*", "python-requests/2.32.3"),
    ("requests for images", CHROMIUM, "python-requests/2.32.3"),
    ("urllib", "", "Python-urllib/3.13"),
    ("aiohttp", "*/*", "Python/3.13 aiohttp/3.11.16"),
    ("httpx for images", "image/png,image/*;q=0.8", "python-httpx/0.28.1"),
    ("Go", "", "Go-http-client/2.0"),
    ("fetch of Node", "*/*", "node"),
    ("axios for images", "image/*", "axios/1.8.4"),
    ("reqwest", "*/*", ""),
    ("libwww-perl", "", "libwww-perl/6.77"),
    ("a .NET program", "image/png, image/*", "MyApp/1.0"),
    ("PowerShell", "*/*", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1"),
    ("Safari's icons", "image/*", "Safari/20621.1.15.11.10 CFNetwork/3826.500.111 Darwin/24.4.0"),
    (
        "Internet Explorer 11",
        "image/png, image/svg+xml, image/jxr, image/*;q=0.8, */*;q=0.5",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    ),
    ("Internet Explorer 8", "image/*", "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)"),
    (
        "the old Edge",
        "image/png, image/svg+xml, image/*; q=0.8, */*; q=0.5",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
    ),
    ("Opera Mini", "image/*", "Opera/9.80 (Android; Opera Mini/36.2/191.249; U) Presto/2.12.423"),
    ("a text browser", PAGE, "Lynx/2.9.2 libwww-FM/2.14"),
    ("ffmpeg", "*/*", "Lavf/61.7.100"),
    ("VLC", "*/*", "VLC/3.0.21 LibVLC/3.0.21"),
    ("GStreamer", "", "GStreamer souphttpsrc 1.26.0 libsoup/3.6.5"),
    ("a feed reader", "image/*", "FreshRSS/1.26.1 (Linux; https://freshrss.org)"),
    ("nobody", "", ""),
    ("no image", "application/pdf", CHROME_AGENT),
    ("not quite images", "images/png, ximage/png", CHROME_AGENT),
    ("a script from plain http", "*/*", CHROME_AGENT),
];

/// They come with whatever `Accept`, and some have a browser's name.
const FETCHERS: &[(&str, &str)] = &[
    ("GitHub", "github-camo (876de43e)"),
    (
        "Gmail",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    ),
    ("Yahoo Mail", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
    (
        "Outlook",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; \
         Microsoft Outlook 16.0.18526; ms-office; MSOffice 16)",
    ),
    (
        "Outlook on a Mac",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
         MacOutlook/16.95.25031520",
    ),
    ("Outlook on a phone", "Outlook-iOS/723.4127091.prod.iphone (4.28.0)"),
    ("Word", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"),
    ("PowerPoint", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft PowerPoint 16.0.18526; Pro)"),
    ("Thunderbird", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.1.0"),
    ("Slack", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
    ("Slack's images", "Slack-ImgProxy (+https://api.slack.com/robots)"),
    ("Slackbot", "Slackbot 1.0 (+https://api.slack.com/robots)"),
    ("Twitter", "Twitterbot/1.0"),
    ("Facebook", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"),
    ("Meta", "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters)"),
    ("Discord", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"),
    ("Telegram", "TelegramBot (like TwitterBot)"),
    ("WhatsApp", "WhatsApp/2.23.20.0"),
    ("Skype and Teams", "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5"),
    (
        "LinkedIn",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://linkedin.com)",
    ),
    ("Pinterest", "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)"),
    ("Pinterest before", "Pinterest/0.2 (+https://www.pinterest.com/bot.html)"),
    ("Mastodon", "http.rb/5.2.0 (Mastodon/4.3.7; +https://mastodon.social/)"),
    ("Bluesky", "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)"),
    ("Matrix", "Synapse (bot; +https://github.com/matrix-org/synapse)"),
    ("Iframely", "Iframely/1.3.1 (+https://iframely.com/docs/about)"),
    ("Embedly", "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)"),
    ("VK", "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)"),
    ("Google", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    (
        "Google's phone",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like \
         Gecko) Chrome/135.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; \
         +http://www.google.com/bot.html)",
    ),
    ("Google's images", "Googlebot-Image/1.0"),
    ("Google's tools", "Mozilla/5.0 (compatible; Google-InspectionTool/1.0)"),
    (
        "Bing's previews",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
    ),
    (
        "Apple",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) \
         Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    ),
    (
        "Baidu",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    ),
    (
        "a printer of pages",
        "Mozilla/5.0 (X11; Linux) AppleWebKit/538.1 (KHTML, like Gecko) wkhtmltopdf Safari/538.1",
    ),
    ("a bot that is nothing else", "bot"),
];

/// By a query or by a header, and nothing but what is whole.
const OTHERS: &[(&str, &str, Headers, Gets)] = &[
    ("by name", "", &[("accept", LIVE)], Parts),
    ("by name, in capitals", "", &[("accept", "Multipart/X-Mixed-Replace")], Parts),
    ("by name, last", "", &[("accept", "*/*;q=0.1, multipart/x-mixed-replace;q=0.9")], Parts),
    ("by name, from a script", "", &[("accept", LIVE), EMPTY], Parts),
    ("ffplay URL?stream", "?stream", &[("accept", "*/*"), ("user-agent", "Lavf/61.7.100")], Parts),
    ("cv2.VideoCapture(URL?stream)", "?stream", &[("user-agent", "OpenCV")], Parts),
    ("a camera hub", "?stream&x=1", &[("user-agent", "HomeAssistant/2025.4 aiohttp")], Parts),
    ("Java", "?stream", &[("accept", JAVA), ("user-agent", "Java/21.0.6")], Parts),
    ("data is not what it wants", "?stream", &[("accept", "application/json")], Parts),
    ("a script's", "?stream=1", &[("accept", "*/*"), EMPTY], Stream),
    ("Chromium's", "?stream", &[("accept", CHROMIUM), IMAGE], Stream),
    ("Firefox's", "?stream", &[("accept", FIREFOX), ("user-agent", FIREFOX_AGENT)], Stream),
    (
        "an image's, in plain http",
        "?stream",
        &[("accept", "*/*"), ("user-agent", SAFARI_AGENT)],
        Stream,
    ),
    ("a tab's", "?stream", &[("accept", PAGE), ("sec-fetch-dest", "document")], Document),
    ("both", "?stream&still", &[("accept", CHROMIUM), IMAGE], Still),
    ("a prefetched stream", "?stream", &[("sec-purpose", "prefetch")], Still),
    ("a previewed stream", "?stream", &[("user-agent", "Slackbot 1.0")], Still),
    ("not that query", "?streams&xstream&x=stream", &[("accept", "*/*")], Still),
    ("a script", "", &[("accept", "*/*"), EMPTY, ("sec-fetch-mode", "cors")], Still),
    ("a script for images", "", &[("accept", CHROMIUM), EMPTY, ("sec-fetch-mode", "cors")], Still),
    (
        "Chromium's script for images",
        "",
        &[("accept", CHROMIUM), EMPTY, ("sec-fetch-mode", "cors"), ("user-agent", CHROME_AGENT)],
        Still,
    ),
    (
        "Chromium's script without CORS",
        "",
        &[("accept", "*/*"), EMPTY, NO_CORS, ("user-agent", CHROME_AGENT)],
        Still,
    ),
    ("a script without CORS", "", &[("accept", "*/*"), EMPTY, NO_CORS], Still),
    ("a download", "", &[("accept", CHROMIUM), EMPTY, ("sec-fetch-mode", "navigate")], Still),
    (
        "WebKit's service worker",
        "",
        &[("accept", WEBKIT), EMPTY, NO_CORS, ("user-agent", SAFARI_AGENT)],
        Still,
    ),
    ("who has no name", "", &[("accept", CHROMIUM), EMPTY, NO_CORS], Still),
    ("a script of old", "", &[("accept", CHROMIUM), EMPTY], Still),
    ("a video", "", &[("accept", "*/*"), ("sec-fetch-dest", "video"), NO_CORS], Still),
    ("an unknown purpose", "", &[("accept", CHROMIUM), ("sec-fetch-dest", "webidentity")], Still),
    ("a prefetch", "", &[("accept", CHROMIUM_PAGE), ("sec-purpose", "prefetch")], Still),
    (
        "a prerender",
        "",
        &[("accept", CHROMIUM), IMAGE, ("sec-purpose", "prefetch;prerender")],
        Still,
    ),
    ("an older prefetch", "", &[("accept", CHROMIUM), IMAGE, ("purpose", "prefetch")], Still),
    ("Firefox's older prefetch", "", &[("accept", FIREFOX), IMAGE, ("x-moz", "prefetch")], Still),
    ("a prefetch by name", "", &[("accept", LIVE), ("sec-purpose", "prefetch")], Still),
    ("an empty Accept", "", &[("accept", ""), ("user-agent", CHROME_AGENT)], Still),
    (
        "two Accept headers",
        "",
        &[("accept", "text/html;q=0.5"), ("accept", "image/png"), ("user-agent", SAFARI_AGENT)],
        Document,
    ),
];

/// Every head in the tables: who sends it, to which query, and what is to come.
fn all() -> Vec<(String, &'static str, HeaderMap, Gets)> {
    let headers = |headers: &[(&'static str, &str)]| {
        let headers = headers.iter().filter(|(_, value)| !value.is_empty());
        let value = |value: &str| http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers
            .map(|(name, text)| (name.parse::<http::HeaderName>().unwrap(), value(text)))
            .collect()
    };
    let mut all: Vec<(String, &str, HeaderMap, Gets)> = Vec::new();
    for (names, gets) in [(BROWSERS, Stream), (DOCUMENTS, Document)] {
        all.extend(names.iter().map(|(name, sent)| ((*name).to_owned(), "", headers(sent), gets)));
    }
    for (names, gets) in [(PLAIN_BROWSERS, Stream), (PROGRAMS, Still)] {
        for (name, accept, agent) in names {
            let sent = headers(&[("accept", accept), ("user-agent", agent)]);
            all.push((format!("{name}, plain"), "", sent, gets));
        }
    }
    for (name, agent) in FETCHERS {
        for accept in [CHROMIUM, PAGE, "image/*", "*/*", ""] {
            let sent = [("accept", accept), ("user-agent", agent)];
            all.push((format!("{name}: {accept}"), "", headers(&sent), Still));
            let sent = [("accept", accept), ("user-agent", agent), IMAGE];
            all.push((format!("{name}, as an image: {accept}"), "", headers(&sent), Still));
        }
    }
    let others = OTHERS.iter();
    all.extend(
        others.map(|(name, query, sent, gets)| ((*name).to_owned(), *query, headers(sent), *gets)),
    );
    all
}

struct App {
    service: LiveBadge<NotFound>,
    handle: Handle,
}

impl App {
    fn start() -> Self {
        let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
        Self { handle: badges.handle(), service: badges.into_service() }
    }

    /// What comes, behind at most one redirect.
    async fn answer(
        &self,
        method: Method,
        version: Version,
        query: &str,
        sent: &HeaderMap,
    ) -> Gets {
        let mut target = format!("{PATH}{query}");
        for _ in 0..2 {
            let mut request = Request::builder().method(method.clone()).version(version);
            *request.headers_mut().unwrap() = sent.clone();
            let request = request.uri(&target).body(Empty::<bytes::Bytes>::new()).unwrap();
            let (head, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
            if head.status == 307 {
                target = format!("{PATH}{}", head.headers["location"].to_str().unwrap());
                continue;
            }
            assert_eq!(head.status, 200);
            return match head.headers["content-type"].as_bytes() {
                b"image/png" => {
                    let png = body.collect().await.unwrap().to_bytes();
                    let length = head.headers["content-length"].to_str().unwrap();
                    assert!(method == Method::HEAD || png.len().to_string() == length);
                    assert!(head.headers.contains_key("etag"));
                    assert_eq!(self.handle.rooms(), [], "nobody is counted");
                    Still
                }
                _ => {
                    let mut body = body;
                    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
                    assert_eq!(self.handle.room_at(PATH).unwrap().counts().streams, 1);
                    drop(body);
                    eventually("an empty room", || self.handle.rooms().is_empty()).await;
                    match head.headers.contains_key("refresh") {
                        true => Document,
                        false if first.starts_with(b"--") => Parts,
                        false => Stream,
                    }
                }
            };
        }
        panic!("sent away twice");
    }
}

#[tokio::test]
async fn everybody_gets_what_it_can_show() {
    let app = App::start();
    for (name, query, headers, gets) in all() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let answer = app.answer(Method::GET, version, query, &headers).await;
            assert_eq!(answer, gets, "{name}: {query} {headers:?}");
        }
    }
}

#[tokio::test]
async fn there_is_no_stream_without_a_body_or_without_its_end() {
    let app = App::start();
    for (name, query, headers, _) in all() {
        let head = app.answer(Method::HEAD, Version::HTTP_11, query, &headers).await;
        let old = app.answer(Method::GET, Version::HTTP_10, query, &headers).await;
        assert_eq!((head, old), (Still, Still), "{name}: {query} {headers:?}");
    }
}

/// The same from real sockets.
#[tokio::test]
async fn streams_and_stills_come_over_either_protocol() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let still = client.get(PATH, &[("accept", "image/*"), ("user-agent", "Java/21")]).await;
        decode(&still.bytes().await);
        let plain = [("accept", CHROMIUM), ("user-agent", CHROME_AGENT)];
        let worker = [("accept", CHROMIUM), EMPTY, NO_CORS, ("user-agent", CHROME_AGENT)];
        for headers in [&plain[..], &worker] {
            let mut client = Client::connect(server.address, protocol).await;
            let mut stream = client.get(PATH, headers).await.into_stream();
            stream.bar_of(1).await;
            drop((stream, client));
            eventually("an empty room", || handle.rooms().is_empty()).await;
        }
    }
}

/// Something in front of the server, such as a CDN, may take queries away.
#[tokio::test]
async fn who_comes_back_without_its_query_is_not_sent_round_in_circles() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let direct = badges.clone().into_service();
    let strip = |mut request: Request<hyper::body::Incoming>| {
        *request.uri_mut() = request.uri().path().parse().expect("a path is a URI");
        request
    };
    let stripped = tower::ServiceBuilder::new().map_request(strip).service(badges.into_service());
    let (stripped, direct) = (serve(stripped).await, serve(direct).await);
    let firefox = [("accept", FIREFOX), IMAGE, ("user-agent", FIREFOX_AGENT)];
    for protocol in Protocol::BOTH {
        // Where queries come through, nobody is mistaken for somebody who is on the way.
        for (what, server) in [("taken away", &stripped), ("there", &direct)] {
            for view in 0..3 {
                let mut client = Client::connect(server.address, protocol).await;
                let sent = client.get(PATH, &firefox).await;
                assert_eq!(sent.status, 307, "view {view}, with queries {what}");
                let back = format!("{PATH}{}", sent.header("location").unwrap());
                let reply = client.get(&back, &firefox).await;
                assert!(reply.is_stream(), "view {view}, with queries {what}");
            }
        }
    }
}

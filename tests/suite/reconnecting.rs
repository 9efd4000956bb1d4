//! An embed that comes back by itself: who is let in again, and who is told by 204 that nothing is lost.

use std::time::Duration;

use crate::common::{BROWSER, Direct, Protocol, bar_badge, call, drawn, eventually, serve_badge};
use crate::common::{Client, within};
use http_body_util::BodyExt;
use tower_livebadge::{Badge, LiveBadgeLayer, visitor};

const PATH: &str = "/bar.png";
/// Of a page that was made long ago.
const FIRST: &str = "/bar.png?view=0000000a00000000000000ff";
const ASK: &str = "/bar.png?view=0000000a00000000000000ff.ask";
const AGAIN: &str = "/bar.png?view=0000000a00000000000000ff.again";
/// Of another view.
const OTHER: &str = "/bar.png?view=0000000a00000000000000fe.again";
/// The server's, and somewhat more.
const DELAY: Duration = Duration::from_millis(600);

fn layer(badge: Badge) -> tower_livebadge::LiveBadgeLayerBuilder {
    LiveBadgeLayer::builder().badge(PATH, badge)
}

/// Over both protocols: a view that has its stream is told so, one that has lost it gets one more.
#[tokio::test]
async fn a_view_that_has_lost_its_stream_gets_another() {
    // Also where the application itself decides who is counted, which would be everybody.
    for badge in [bar_badge(), bar_badge().count_if(|_| true)] {
        // One stream of each visitor: asking takes none.
        let badge = badge
            .visitors(visitor::header("x-user"))
            .max_per_visitor(1)
            .leave_grace(Duration::ZERO);
        let (server, handle) = serve_badge(PATH, badge).await;
        let headers = [&BROWSER[..], &[("x-user", "Anna")]].concat();
        for protocol in Protocol::BOTH {
            let get = async |path| {
                let mut client = Client::connect(server.address, protocol).await;
                let reply = within("an answer", client.get(path, &headers)).await;
                (client, reply)
            };
            let counts = || handle.room_at(PATH).unwrap().counts();
            let (client, reply) = get(FIRST).await;
            let mut first = reply.into_stream();
            first.bar_of(1).await;
            for path in [ASK, AGAIN] {
                let (_, reply) = get(path).await;
                assert_eq!((reply.status.as_u16(), reply.header("location")), (204, None));
                assert_eq!(reply.header("cache-control"), Some("no-store"));
                assert_eq!(reply.header("cross-origin-resource-policy"), Some("cross-origin"));
            }
            drop((client, first));
            eventually("nobody", || counts().streams == 0).await;
            assert_eq!(get(AGAIN).await.1.status, 204, "it has not asked");
            let (_client, reply) = get(ASK).await;
            let mut asking = reply.into_stream();
            asking.next_part().await;
            assert_eq!(counts().streams, 0);
            assert_eq!(get(ASK).await.1.status, 204, "once at a time");
            assert_eq!(get(AGAIN).await.1.status, 204, "too early");
            tokio::time::sleep(DELAY).await;
            assert_eq!(get(OTHER).await.1.status, 204, "another view");
            let (_client, reply) = get(AGAIN).await;
            let mut again = reply.into_stream();
            again.bar_of(1).await;
            assert_eq!((counts().streams, counts().visitors), (1, 1));
            for path in [ASK, AGAIN] {
                assert_eq!(get(path).await.1.status, 204);
            }
            drop((asking, again));
            eventually("nobody", || handle.rooms().is_empty()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_just_been_made_is_not_let_in_to_ask() {
    let badges = layer(bar_badge());
    let (service, handle) = drawn(badges, &[1]).await;
    let html = handle.room(PATH, &[]).unwrap().embed("/bar.png?x=1#y").reconnecting();
    let urls: Vec<_> = html.split('"').filter(|text| text.starts_with("/bar.png?")).collect();
    let [first, again, ask] = urls[..] else { panic!("{html}") };
    let first = first.replace("&amp;", "&");
    assert!(first.starts_with("/bar.png?x=1&view=") && first.ends_with("#y"), "{first}");
    for url in [again, ask] {
        let url = url.replace("&amp;", "&").replace("#y", "");
        assert_eq!(call(&service, &url, &BROWSER).await.status(), 204, "{url}");
    }
    Direct::open(&service, &first.replace("#y", ""), &BROWSER).await.bar_of(1).await;
}

/// It has a picture, which is as good as one more. Whoever has none gets a still.
#[tokio::test(start_paused = true)]
async fn for_a_view_that_asks_there_is_no_still_instead() {
    let badges = layer(bar_badge()).max_viewers(1);
    let (service, handle) = drawn(badges, &[1]).await;
    let mut somebody = Direct::open(&service, PATH, &BROWSER).await;
    somebody.bar_of(1).await;
    let still = call(&service, FIRST, &BROWSER).await;
    assert_eq!(
        (still.status().as_u16(), still.headers()["content-type"].as_bytes()),
        (200, &b"image/png"[..])
    );
    assert_eq!(call(&service, ASK, &BROWSER).await.status(), 204);
    drop(somebody);
    let asking = call(&service, ASK, &BROWSER).await;
    assert_eq!(asking.status(), 200);
    tokio::time::advance(DELAY).await;
    assert_eq!(call(&service, AGAIN, &BROWSER).await.status(), 204);
    drop(asking);
    handle.shutdown().await;
    assert_eq!(call(&service, ASK, &BROWSER).await.status(), 204);
}

/// Nothing is kept of a view whose answer was never read, or that does not look like one.
#[tokio::test(start_paused = true)]
async fn what_was_never_read_is_forgotten_and_other_numbers_are_none() {
    let badges = layer(bar_badge());
    let (service, _handle) = drawn(badges, &[1]).await;
    drop(call(&service, FIRST, &BROWSER).await);
    drop(call(&service, ASK, &BROWSER).await);
    assert_eq!(call(&service, AGAIN, &BROWSER).await.status(), 204);
    // Those are streams like any other.
    for text in ["", "1", ".ask", "0000000a00000000000000ff.", "%2B000000a00000000000000ff.ask"] {
        let path = format!("/bar.png?view={text}");
        let response = call(&service, &path, &BROWSER).await;
        assert_eq!(response.status(), 200, "{text}");
        let again = call(&service, &path, &BROWSER).await;
        assert_eq!(again.status(), 200, "{text}");
    }
    // Whoever shows no streams gets stills, as ever.
    let still = call(&service, ASK, &[("accept", "*/*"), ("user-agent", "curl/8.0")]).await;
    assert_eq!(still.headers()["content-type"], "image/png");
}

/// Nothing of the next picture is sent early, and the end is a regular one: Chromium 156 would show nothing once
/// the server is killed. Firefox 153 keeps the picture, and gets what makes it let go of a tab that was closed.
#[tokio::test(start_paused = true)]
async fn its_streams_are_framed_to_be_cut_off() {
    let badges = layer(bar_badge().heartbeat(Duration::from_secs(5)));
    let (service, _handle) = drawn(badges, &[1]).await;
    let mut picture = Direct::open(&service, FIRST, &BROWSER).await;
    picture.bar_of(1).await;
    assert_eq!(picture.parser.open_part(), Some(&[][..]));
    drop(picture);
    let response = call(&service, FIRST, &BROWSER).await;
    assert_eq!(response.version(), http::Version::HTTP_10);
    assert!(!response.headers().contains_key("refresh"));
    let mut body = response.into_body();
    for number in 0..4 {
        let before = tokio::time::Instant::now();
        body.frame().await.unwrap().unwrap();
        assert!(number < 2 || before.elapsed().as_secs() == 15, "{:?}", before.elapsed());
    }
    drop(body);
    let firefox = [("accept", "image/*"), ("user-agent", "Gecko/20100101 Firefox/153.0")];
    let response = call(&service, FIRST, &firefox).await;
    assert_eq!(response.version(), http::Version::HTTP_11);
}

/// Firefox 153 does not ask again for what it has got whole: its second stream must not look so.
#[tokio::test(start_paused = true)]
async fn in_firefox_only_the_first_stream_says_that_it_ends() {
    const FIREFOX: [(&str, &str); 2] =
        [("accept", "image/*"), ("user-agent", "Gecko/20100101 Firefox/153.0")];
    for (is_again, headers, says_so) in
        [(false, &FIREFOX, true), (true, &FIREFOX, false), (true, &BROWSER, true)]
    {
        let (service, handle) = drawn(layer(bar_badge()), &[0, 1]).await;
        let asking = if is_again { Some(call(&service, ASK, headers).await) } else { None };
        tokio::time::advance(DELAY).await;
        let stream = call(&service, if is_again { AGAIN } else { FIRST }, headers).await;
        drop(asking);
        let mut body = stream.into_body();
        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
        let rest = async { bytes.extend_from_slice(&body.collect().await.unwrap().to_bytes()) };
        tokio::join!(handle.shutdown(), rest);
        let end = String::from_utf8_lossy(&bytes[bytes.len() - 6..]).into_owned();
        assert_eq!(end.ends_with("--\r\n"), says_so, "{end:?}");
        assert!(says_so || end.ends_with("\r\n\r\n"), "a part's head: {end:?}");
    }
}

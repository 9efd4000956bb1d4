//! The same count as a stream of data: events for scripts, lines for shells.

use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, RawReply, bar_badge, eventually, serve, serve_badge, within,
};
use tower_livebadge::{Data, LiveBadgeLayer, Reply, WhenFull, visitor};

const PATH: &str = "/bar.png";
/// What `new EventSource(…)` sends in Chromium 156 and Firefox 153.
const EVENT_SOURCE: [(&str, &str); 3] =
    [("accept", "text/event-stream"), ("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")];

/// A stream of text, read in pieces that end like this.
struct Text {
    body: crate::common::client::RawBody,
    unread: String,
    end: &'static str,
}

impl Text {
    async fn open(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Self {
        let reply = client.get(path, headers).await;
        assert_eq!(reply.status, 200);
        let media_type = reply.header("content-type").unwrap();
        let end = if media_type == "text/event-stream" { "\n\n" } else { "\n" };
        for (name, value) in [
            ("cache-control", "no-store, no-transform"),
            ("x-accel-buffering", "no"),
            ("content-encoding", "identity"),
            ("access-control-allow-origin", "*"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), Some(value));
        }
        assert_eq!(reply.header("content-length"), None);
        Self { body: reply.into_bytes(), unread: String::new(), end }
    }

    /// The next piece without its end; `None` when there will be none.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((piece, rest)) = self.unread.split_once(self.end) {
                let piece = piece.to_owned();
                self.unread = rest.to_owned();
                return Some(piece);
            }
            let Some(bytes) = within("more text", self.body.next()).await else {
                assert_eq!(self.unread, "", "half a piece");
                return None;
            };
            self.unread += std::str::from_utf8(&bytes).unwrap();
        }
    }

    /// The counts of the next event or line, whatever keeps the stream alive until then.
    async fn counts(&mut self) -> (u64, u64) {
        loop {
            let piece = self.next().await.expect("the stream goes on");
            let json = match self.end {
                "\n" if piece.is_empty() => continue,
                "\n" => piece.as_str(),
                _ if piece == ":" || piece.starts_with("retry: ") => continue,
                _ => piece.strip_prefix("data: ").unwrap_or_else(|| panic!("{piece:?}")),
            };
            let data: serde_json::Value = serde_json::from_str(json).unwrap();
            return (data["streams"].as_u64().unwrap(), data["visitors"].as_u64().unwrap());
        }
    }

    async fn counts_of(&mut self, streams: u64, visitors: u64) {
        let search = async { while self.counts().await != (streams, visitors) {} };
        within("the counts", search).await;
    }
}

/// Both ways to ask, over both protocols, beside pictures: all are streams of one room.
#[tokio::test]
async fn scripts_shells_and_pictures_count_each_other() {
    let badge = bar_badge().visitors(visitor::header("x-user")).leave_grace(Duration::ZERO);
    let (server, handle) = serve_badge(PATH, badge).await;
    let (alice, bob) = (("x-user", "alice"), ("x-user", "bob"));
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let connect = async || Client::connect(server.address, protocol).await;
        let mut client = connect().await;
        let mut events =
            Text::open(&mut client, PATH, &[&EVENT_SOURCE[..], &[alice]].concat()).await;
        assert_eq!(events.next().await.unwrap(), "retry: 2000");
        assert_eq!(events.counts().await, (1, 1));
        // A script's stream and a picture of the same person are one visitor.
        let mut client = connect().await;
        let mut picture = client.get(PATH, &[BROWSER[1], alice]).await.into_stream();
        picture.bar_of(2).await;
        events.counts_of(2, 1).await;
        let mut client = connect().await;
        let mut lines = Text::open(&mut client, "/bar.png?format=lines", &[bob]).await;
        lines.counts_of(3, 2).await;
        events.counts_of(3, 2).await;
        picture.bar_of(3).await;
        let mut client = connect().await;
        let mut by_query = Text::open(&mut client, "/bar.png?format=events", &[]).await;
        by_query.counts_of(4, 3).await;
        drop(by_query);
        lines.counts_of(3, 2).await;
        drop(picture);
        drop(events);
        lines.counts_of(1, 1).await;
        drop(lines);
        eventually("nobody", || handle.rooms().is_empty()).await;
    }
}

#[tokio::test]
async fn what_does_not_change_is_not_sent_and_silence_is_kept_alive() {
    let (server, _handle) =
        serve_badge(PATH, bar_badge().heartbeat(Duration::from_millis(50))).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut events = Text::open(&mut client, PATH, &EVENT_SOURCE).await;
    let mut lines = Text::open(&mut client, "/bar.png?format=lines&uncounted", &[]).await;
    events.counts_of(1, 1).await;
    lines.counts_of(1, 1).await;
    for _ in 0..5 {
        assert_eq!(events.next().await.unwrap(), ":");
        assert_eq!(lines.next().await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_closed_room_and_a_shutdown_end_them_in_the_regular_way() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    for is_shutdown in [false, true] {
        let mut events = RawReply::to(server.address, "GET /bar.png HTTP/1.1", &EVENT_SOURCE).await;
        events.chunk().await.unwrap();
        let reads = async { while events.chunk().await.is_some() {} };
        if is_shutdown {
            tokio::join!(handle.shutdown(), reads);
        } else {
            handle.room_at(PATH).unwrap().close();
            reads.await;
        }
    }
    // Whoever asks again meanwhile hears when to ask next.
    let reply = RawReply::to(server.address, "GET /bar.png HTTP/1.1", &EVENT_SOURCE).await;
    assert_eq!(reply.status(), "200");
}

/// One event that says when to come back, or one line: what a still is for a picture.
#[tokio::test]
async fn past_a_limit_there_is_one_state_and_the_end() {
    let badges = LiveBadgeLayer::builder()
        .badge(PATH, bar_badge())
        .badge("/b.png", bar_badge().when_full(WhenFull::Unavailable))
        .max_viewers(1);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut first = Text::open(&mut client, PATH, &EVENT_SOURCE).await;
    first.counts_of(1, 1).await;
    let refused = client.get(PATH, &EVENT_SOURCE).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("content-type"), Some("text/event-stream"));
    let json = "{\"streams\":1,\"visitors\":1}";
    assert_eq!(refused.bytes().await, format!("retry: 10000\n\ndata: {json}\n\n"));
    let refused = client.get("/bar.png?format=lines", &[]).await;
    assert_eq!(refused.bytes().await, format!("{json}\n"));
    assert_eq!(client.get("/b.png", &EVENT_SOURCE).await.status, 503);
}

/// Who can't hold a stream gets the data whole; who wants pictures alone, a picture.
#[tokio::test]
async fn some_get_no_stream_of_data() {
    let badges = LiveBadgeLayer::builder()
        .badge(PATH, bar_badge())
        .badge("/pictures.png", bar_badge().pictures_only(true))
        .badge("/gated.png", bar_badge().gated(true))
        .badge("/rule.png", bar_badge().reply(|_| Reply::Events));
    let badges = badges.build().unwrap();
    let app = axum::Router::new().fallback(|| async { "let in" }).layer(badges);
    let server = serve(app).await;
    let old = RawReply::to(server.address, "GET /bar.png HTTP/1.0", &EVENT_SOURCE).await;
    assert_eq!(old.header("content-type"), Some("application/json"));
    let head = RawReply::to(server.address, "HEAD /bar.png HTTP/1.1", &EVENT_SOURCE).await;
    assert_eq!(head.header("content-type"), Some("application/json"));
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let picture = client.get("/pictures.png", &EVENT_SOURCE).await;
    assert_eq!(picture.header("content-type"), Some("image/png"));
    // Pages of other sites may not read what needs a permission.
    let gated = client.get("/gated.png", &EVENT_SOURCE).await;
    assert_eq!(gated.header("content-type"), Some("text/event-stream"));
    assert_eq!(gated.header("access-control-allow-origin"), None);
    let mut by_rule = Text::open(&mut client, "/rule.png", &[]).await;
    assert_eq!(by_rule.counts().await, (1, 1));
}

#[test]
fn a_browser_that_accepts_events_among_others_wants_none() {
    let reply = |accept: &str, dest: Option<&str>| {
        let mut request = http::Request::get(PATH).header("accept", accept);
        if let Some(dest) = dest {
            request = request.header("sec-fetch-dest", dest);
        }
        Reply::for_request(&request.body(()).unwrap().into_parts().0)
    };
    assert_eq!(reply("text/event-stream", Some("empty")), Reply::Events);
    for (format, wanted) in [("page", Reply::Page), ("html", Reply::Page), ("lines", Reply::Lines)]
    {
        let named = http::Request::get(format!("{PATH}?format={format}")).body(()).unwrap();
        assert_eq!(Reply::for_request(&named.into_parts().0), wanted);
    }
    assert_eq!(reply("Text/Event-Stream", None), Reply::Events);
    assert_eq!(reply("text/event-stream", Some("image")), Reply::Stream);
    assert_eq!(reply("application/json, text/event-stream", None), Reply::Data(Data::Json));
    assert_eq!(reply("*/*, text/event-stream;q=0.1", Some("empty")), Reply::Still);
}

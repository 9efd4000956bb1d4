//! Who gets one whole picture, who gets a stream, and what a still is like.

use crate::common::{
    BROWSER, Client, Protocol, RawReply, Reply, bar_badge, bar_badge_of, eventually, read_bar,
    serve_badge,
};
use http::Method;
use tokio::sync::watch;

const PATH: &str = "/badge.png";

/// Everything about a still but its body; returns its tag.
fn check_still(name: &str, reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{name}");
    let mut names: Vec<_> = reply.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names.retain(|name| !["content-length", "date", "etag"].contains(name));
    let headers: Vec<_> =
        names.iter().map(|name| (*name, reply.header(name).unwrap_or_default())).collect();
    let expected = [
        ("cache-control", "no-cache, max-age=0, no-transform"),
        ("content-type", "image/png"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("vary", "accept, sec-fetch-dest, sec-fetch-mode, sec-purpose, purpose, x-moz, user-agent"),
        ("x-content-type-options", "nosniff"),
    ];
    assert_eq!(headers, expected, "{name}");
    let etag = reply.header("etag").expect("a still has a tag");
    let opaque = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or_default();
    assert!(!opaque.is_empty() && opaque.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
    etag.to_owned()
}

fn length(reply: &Reply) -> usize {
    let length = reply.header("content-length").expect("a still has a length");
    length.parse().expect("a length is a number")
}

#[tokio::test]
async fn a_still_is_one_whole_picture_that_counts_nobody() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        for (viewers, path) in [(0, "/badge.png?still"), (0, "/badge.png?a=b&still=1&c")] {
            let reply = client.get(path, &BROWSER).await;
            check_still(path, &reply);
            let length = length(&reply);
            let png = reply.bytes().await;
            assert_eq!((png.len(), read_bar(&png)), (length, viewers), "{path}");
            assert_eq!(handle.rooms(), []);
        }
    }
}

#[tokio::test]
async fn a_still_shows_who_is_there() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    let mut viewer = Client::connect(server.address, Protocol::Http1).await;
    let mut stream = viewer.get(PATH, &BROWSER).await.into_stream();
    stream.bar_of(1).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    for _ in 0..3 {
        let still = client.get(PATH, &[]).await;
        check_still("beside a viewer", &still);
        assert_eq!(read_bar(&still.bytes().await), 1);
        assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 1);
    }
    drop(stream);
    drop(viewer);
    eventually("an empty room", || handle.room_at(PATH).unwrap().counts().streams == 0).await;
    assert_eq!(read_bar(&client.get(PATH, &[]).await.bytes().await), 0);
}

#[tokio::test]
async fn a_head_request_gets_the_stills_head() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let still = client.get("/badge.png?still", &[]).await;
        let (etag, length_of_still) = (check_still("GET", &still), length(&still));
        still.bytes().await;
        for headers in [&BROWSER[..], &[("accept", "multipart/x-mixed-replace")], &[]] {
            let head = client.send(Method::HEAD, PATH, headers).await;
            assert_eq!(
                (check_still("HEAD", &head), length(&head)),
                (etag.clone(), length_of_still)
            );
            assert_eq!(head.bytes().await, "");
        }
        assert_eq!(handle.rooms(), []);
    }
    // A byte too many would stand before the next response.
    let headers = [("connection", "close")];
    let reply = RawReply::to(server.address, "HEAD /badge.png HTTP/1.1", &headers).await;
    assert_eq!(reply.rest().await, b"");
}

#[tokio::test]
async fn old_http_gets_a_still() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    let reply = RawReply::to(server.address, "GET /badge.png HTTP/1.0", &BROWSER).await;
    assert_eq!((reply.status(), reply.header("content-type")), ("200", Some("image/png")));
    assert_eq!(reply.header("transfer-encoding"), None);
    let length: usize = reply.header("content-length").unwrap().parse().unwrap();
    let png = reply.rest().await;
    assert_eq!((png.len(), read_bar(&png)), (length, 0));
    assert_eq!(handle.rooms(), []);
}

#[tokio::test]
async fn a_known_picture_is_not_sent_again() {
    let (value, receiver) = watch::channel(3_usize);
    let (server, handle) = serve_badge(PATH, bar_badge_of("value").values(receiver)).await;
    for protocol in Protocol::BOTH {
        value.send_replace(3);
        let mut client = Client::connect(server.address, protocol).await;
        let still = client.get(PATH, &[]).await;
        let (etag, full_length) = (check_still("first", &still), length(&still));
        assert_eq!(read_bar(&still.bytes().await), 3);

        let list = format!("\"other\", {etag}");
        let weak = format!("W/{etag}");
        for known in [&etag[..], &list, &weak, "*"] {
            for method in [Method::GET, Method::HEAD] {
                let reply = client.send(method, PATH, &[("if-none-match", known)]).await;
                assert_eq!(reply.status, 304, "{known}");
                assert_eq!(reply.header("etag"), Some(&etag[..]), "{known}");
                assert!(reply.headers.contains_key("cache-control"), "{known}");
                assert!(reply.headers.contains_key("vary"), "{known}");
                assert_eq!(reply.header("content-type"), None, "{known}");
                // Of the picture, if anything (RFC 9110, section 8.6).
                let is_right = reply
                    .header("content-length")
                    .is_none_or(|length| length == full_length.to_string());
                assert!(is_right, "{protocol:?}: {:?}", reply.headers);
                assert_eq!(reply.bytes().await, "", "{known}");
            }
        }
        for unknown in ["\"other\"", "", "W/\"other\"", etag.trim_matches('"')] {
            let reply = client.get(PATH, &[("if-none-match", unknown)]).await;
            assert_eq!(check_still(unknown, &reply), etag);
            assert_eq!(read_bar(&reply.bytes().await), 3, "{unknown}");
        }
        value.send_replace(4);
        let reply = client.get(PATH, &[("if-none-match", &etag)]).await;
        assert_ne!(check_still("after a change", &reply), etag);
        assert_eq!(read_bar(&reply.bytes().await), 4);
        assert_eq!(handle.rooms(), []);
    }
}

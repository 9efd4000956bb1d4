//! A compression layer around the badges leaves their streams alone.

use crate::common::{BROWSER, Client, Protocol, bar_badge_of, read_bar, serve};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use tokio::sync::watch;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};
use tower_livebadge::{LiveBadgeLayer, NotLive};

#[tokio::test]
async fn text_is_compressed_and_streams_are_not() {
    let text = "all work and no play ".repeat(100);
    let (value, receiver) = watch::channel(0_usize);
    let badge = bar_badge_of("value").values(receiver).max_rate(1000.0);
    let badges = LiveBadgeLayer::builder().badge("/badge.png", badge).build().unwrap();
    let app = Router::new().route("/text", get(text.clone()));
    let server = serve(app.layer(badges).layer(CompressionLayer::new())).await;
    for protocol in Protocol::BOTH {
        for accepted in ["gzip", "deflate", "br", "zstd", "gzip, deflate, br, zstd"] {
            let accept_encoding = ("accept-encoding", accepted);
            let mut client = Client::connect(server.address, protocol).await;
            let reply = client.get("/text", &[accept_encoding]).await;
            let encoding = reply.header("content-encoding").unwrap_or_default().to_owned();
            assert!(accepted.split(", ").any(|name| name == encoding), "{accepted}: {encoding}");
            assert!(reply.bytes().await.len() < text.len() / 4, "{accepted}");

            let still = client.get("/badge.png?still", &[accept_encoding]).await;
            assert_eq!(still.header("content-encoding"), None);
            let length: usize = still.header("content-length").unwrap().parse().unwrap();
            let still = still.bytes().await;
            assert_eq!((still.len(), read_bar(&still)), (length, *value.borrow()));

            let headers = [BROWSER[0], BROWSER[1], accept_encoding];
            let reply = client.get("/badge.png", &headers).await;
            assert_eq!(reply.header("content-encoding"), Some("identity"));
            let mut stream = reply.into_stream();
            assert_eq!(read_bar(&stream.next_part().await), *value.borrow());
            for _ in 0..20 {
                value.send_modify(|value| *value += 1);
                assert_eq!(read_bar(&stream.next_part().await), *value.borrow());
            }
        }
    }
}

/// Without the header that says so in the response itself, a compression layer can still know.
#[tokio::test]
async fn streams_that_lost_their_header_are_not_compressed() {
    let text = "all work and no play ".repeat(100);
    let (value, receiver) = watch::channel(0_usize);
    let badge = bar_badge_of("value").values(receiver).max_rate(1000.0);
    let badges = LiveBadgeLayer::builder().badge("/badge.png", badge).build().unwrap();
    let app = Router::new().route("/text", get(text.clone()));
    let compression =
        CompressionLayer::new().compress_when(DefaultPredicate::new().and(NotLive::new()));
    let app = app.layer(badges).layer(axum::middleware::map_response(forget_encoding));
    let server = serve(app.layer(compression)).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let accept_encoding = ("accept-encoding", "gzip");
        let reply = client.get("/text", &[accept_encoding]).await;
        assert_eq!(reply.header("content-encoding"), Some("gzip"));
        assert!(reply.bytes().await.len() < text.len() / 4);

        let reply = client.get("/badge.png", &[BROWSER[0], BROWSER[1], accept_encoding]).await;
        assert_eq!(reply.header("content-encoding"), None);
        let mut stream = reply.into_stream();
        assert_eq!(read_bar(&stream.next_part().await), *value.borrow());
        for _ in 0..20 {
            value.send_modify(|value| *value += 1);
            assert_eq!(read_bar(&stream.next_part().await), *value.borrow());
        }
    }
}

async fn forget_encoding(mut response: Response) -> Response {
    response.headers_mut().remove("content-encoding");
    response
}

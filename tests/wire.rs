//! The stream as clients see it.

mod common;

use axum::Router;
use axum::routing::get;
use common::{BROWSER, Client, Protocol, bar_badge, eventually, serve};
use tower_livebadge::LiveBadgeLayer;

#[tokio::test]
async fn a_second_viewer_makes_the_first_ones_bar_longer() {
    let badges = LiveBadgeLayer::builder().badge("/bar.png", bar_badge()).build().unwrap();
    let handle = badges.handle();
    let app = Router::new().route("/", get("hello")).layer(badges);
    let server = serve(app).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let mut first = client.get("/bar.png", &BROWSER).await.into_stream();
        first.bar_of(1).await;
        let mut client = Client::connect(server.address, protocol).await;
        let mut second = client.get("/bar.png", &BROWSER).await.into_stream();
        second.bar_of(2).await;
        first.bar_of(2).await;
        drop((first, second));
        eventually("an empty room", || handle.counts("/bar.png").streams == 0).await;
    }
}

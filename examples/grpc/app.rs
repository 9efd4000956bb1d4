//! What is served: a gRPC service, a page, and a badge, in one router.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tonic::service::Routes;
use tower_livebadge::{Badge, BuildError, Handle, LiveBadgeLayer};

const PAGE: &str = r#"<!doctype html>
<title>Beside gRPC</title>
<p>There are <img src="/online.png" width="88" height="20" alt="some"> of us."#;

pub(crate) fn app() -> Result<(Router, Handle), BuildError> {
    let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    let handle = badges.handle();
    // Any services of tonic's, those that are generated from one's own .proto files above all.
    let (_reporter, health) = tonic_health::server::health_reporter();
    let app = Routes::new(health).into_axum_router().route("/", get(Html(PAGE))).layer(badges); // last, so that it is the outermost
    Ok((app, handle))
}

//! What somebody would write who knows axum: a watch channel, and a stream from it.

use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

use super::control::obey;
use super::frames::{self, Frames, PART};
use super::spawn_axum;

pub(crate) async fn serve(listener: TcpListener, frames: Frames) -> Result<(), Box<dyn Error>> {
    let (shown, pictures) = watch::channel(frames.after(0));
    let app = Router::new().route("/{*picture}", get(stream)).with_state(pictures);
    spawn_axum(listener, app);
    let mut changes = 0;
    let change = |_| {
        changes += 1;
        shown.send_replace(frames.after(changes));
    };
    Ok(obey(change).await?)
}

async fn stream(State(mut pictures): State<watch::Receiver<Bytes>>) -> Response {
    let opening = [Bytes::from_static(PART.as_bytes()), pictures.borrow_and_update().clone()];
    let stream = tokio_stream::iter(opening).chain(WatchStream::from_changes(pictures));
    let body = Body::from_stream(stream.map(Ok::<_, Infallible>));
    ([(CONTENT_TYPE, frames::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], body).into_response()
}

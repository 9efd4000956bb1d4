//! The usual way to tell a page a number: server-sent events, with axum. It needs a script.

use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::control::obey;
use super::spawn_axum;
use crate::pictures;

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let (shown, numbers) = watch::channel(pictures::number(0));
    let app = Router::new().route("/{*picture}", get(stream)).with_state(numbers);
    spawn_axum(listener, app);
    let mut changes = 0;
    let change = |_| {
        changes += 1;
        shown.send_replace(pictures::number(changes));
    };
    Ok(obey(change).await?)
}

async fn stream(
    State(numbers): State<watch::Receiver<usize>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // 20 bytes.
    let event = |number| Ok(Event::default().data(format!("{number:>6} online")));
    Sse::new(WatchStream::new(numbers).map(event)).keep_alive(KeepAlive::default())
}

//! The least that a body can do: one number says what there is, one list says who waits for the next.
//! Rooms are there for a fair comparison as well, but nothing is counted, drawn, or freed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::service::service_fn;
use tokio::net::TcpListener;

use super::control::{Order, obey};
use super::frames::{self, Frames};
use super::hyper_conns;

pub(crate) async fn serve(
    listener: TcpListener,
    frames: Frames,
    is_h2: bool,
) -> Result<(), Box<dyn Error>> {
    let stages = Arc::new(Stages { frames, one: Arc::default(), rooms: Mutex::default() });
    let serving = stages.clone();
    let service = service_fn(move |request: Request<_>| {
        let response = serving.respond(&request);
        async { Ok::<_, Infallible>(response) }
    });
    tokio::spawn(hyper_conns::serve(listener, service, is_h2));
    Ok(obey(|order| stages.change(order)).await?)
}

struct Stages {
    frames: Frames,
    one: Arc<Stage>,
    rooms: Mutex<HashMap<usize, Arc<Stage>>>,
}

#[derive(Default)]
struct Stage(Mutex<State>);

#[derive(Default)]
struct State {
    changes: usize,
    frame: Option<Bytes>,
    waiting: Vec<Waker>,
}

impl Stages {
    fn respond<B>(&self, request: &Request<B>) -> Response<Viewer> {
        let room = request.uri().path().split('/').find_map(|segment| segment.parse().ok());
        let stage = match room {
            None => self.one.clone(),
            Some(room) => held(&self.rooms).entry(room).or_default().clone(),
        };
        let changes = held(&stage.0).changes;
        let viewer = Viewer { stage, seen: changes, first: Some(self.frames.opening(changes)) };
        Response::builder()
            .header(CONTENT_TYPE, frames::CONTENT_TYPE)
            .header(CACHE_CONTROL, "no-store")
            .body(viewer)
            .expect("a valid head")
    }

    fn change(&self, order: Order) {
        match order {
            Order::Change => self.one.change(&self.frames),
            Order::ChangeRooms(rooms) => {
                let all = held(&self.rooms);
                rooms.filter_map(|room| all.get(&room)).for_each(|room| room.change(&self.frames));
            }
        }
    }
}

impl Stage {
    fn change(&self, frames: &Frames) {
        let waiting = {
            let mut state = held(&self.0);
            state.changes += 1;
            state.frame = Some(frames.after(state.changes));
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

struct Viewer {
    stage: Arc<Stage>,
    seen: usize,
    first: Option<Bytes>,
}

impl Body for Viewer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let stage = self.stage.clone();
        let mut state = held(&stage.0);
        if state.changes == self.seen {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        self.seen = state.changes;
        Poll::Ready(state.frame.clone().map(|frame| Ok(Frame::data(frame))))
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

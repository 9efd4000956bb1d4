//! This crate, on each of the servers that it is compared with.

use std::collections::HashMap;
use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::Service;
use tower_livebadge::{Badge, LiveBadgeLayer, Params};

use super::control::{Order, obey};
use super::{hyper_conns, spawn_axum};
use crate::pictures;

/// More than are ever asked for.
const MAX_ROOMS: usize = 30_000;
/// Changes are paced by whoever makes them here.
const MAX_RATE: f64 = 1000.0;

pub(crate) async fn serve(listener: TcpListener, is_h2: bool) -> Result<(), Box<dyn Error>> {
    let (numbers, badges) = badges()?;
    // It is always ready, so nothing has to hold the request until it is, as hyper-util's adapter does: that
    // takes 300 bytes of each connection. The body that is compared has none, either.
    let badges = badges.into_service();
    let service = service_fn(move |request| badges.clone().call(request));
    tokio::spawn(hyper_conns::serve(listener, service, is_h2));
    Ok(obey(|order| numbers.change(order)).await?)
}

pub(crate) async fn serve_ready(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let (numbers, badges) = badges()?;
    let (handle, app) = (badges.handle(), Router::new().layer(badges));
    tokio::spawn(async move {
        handle.serve(listener, app).with_graceful_shutdown(pending::<()>()).await
    });
    Ok(obey(|order| numbers.change(order)).await?)
}

pub(crate) async fn serve_axum(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let (numbers, badges) = badges()?;
    spawn_axum(listener, Router::new().layer(badges));
    Ok(obey(|order| numbers.change(order)).await?)
}

fn badges() -> Result<(Numbers, LiveBadgeLayer), Box<dyn Error>> {
    let numbers = Numbers { one: watch::channel(pictures::number(0)).0, rooms: Arc::default() };
    let rooms = numbers.rooms.clone();
    let valued = || Badge::look(pictures::look()).max_rate(MAX_RATE);
    let badges = LiveBadgeLayer::builder()
        .badge("/values.png", valued().values(numbers.one.subscribe()))
        .badge("/online.png", Badge::online())
        .badge("/rooms/{room}/values.png", valued().values_of(move |params| rooms.open(params)))
        .badge("/rooms/{room}/online.png", Badge::online())
        .max_rooms(MAX_ROOMS)
        .build()?;
    Ok((numbers, badges))
}

struct Numbers {
    one: watch::Sender<usize>,
    rooms: Arc<Rooms>,
}

#[derive(Default)]
struct Rooms(Mutex<HashMap<usize, watch::Sender<usize>>>);

impl Numbers {
    fn change(&self, order: Order) {
        match order {
            Order::Change => change(&self.one),
            Order::ChangeRooms(rooms) => {
                let all = self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
                rooms.filter_map(|room| all.get(&room)).for_each(change);
            }
        }
    }
}

impl Rooms {
    fn open(&self, params: &Params) -> watch::Receiver<usize> {
        let room = params.get("room").and_then(|room| room.parse().ok()).unwrap_or(usize::MAX);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(room).or_insert_with(|| watch::channel(pictures::number(0)).0).subscribe()
    }
}

fn change(number: &watch::Sender<usize>) {
    number.send_modify(|number| *number = pictures::number(*number + 1 - pictures::NUMBERS.start));
}

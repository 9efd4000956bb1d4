//! Tic-tac-toe for two, and for everybody who looks on: `cargo run --release --example tictactoe`,
//! then open <http://127.0.0.1:3000/> in some browsers. There is no script: the board is one live
//! picture, and a click on it is a form.

mod game;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use clap::Parser;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_livebadge::{Badge, Handle, LiveBadgeLayer, Reply, RoomHandle, VisitorKey};
use uuid::Uuid;

use game::{Game, Mark, Presence, Seat};

/// No request means it: only this program answers with it.
const BOARD: &str = "board/{seat}";

#[derive(Parser)]
#[command(about = "Tic-tac-toe on a live picture, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// How many seconds a player may be away before the seat is free
    #[arg(long, default_value_t = 5)]
    grace: u64,
}

#[derive(Clone)]
struct Table {
    /// All changes go through this, one after the other, and each is shown to everybody.
    game: Arc<watch::Sender<Game>>,
    badges: Handle,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let (game, shown) = watch::channel(Game::new());

    // One game, seen from three sides: a room for X, one for O, and one for all who watch.
    let board = Badge::svg(include_str!("board.svg"))
        .values(shown)
        .visitors(|request| visitor(&request.headers).map(VisitorKey::new))
        .leave_grace(Duration::from_secs(options.grace));
    let badges = LiveBadgeLayer::builder().unrouted(BOARD, board).build()?;
    let table = Table { game: Arc::new(game), badges: badges.handle() };
    tokio::spawn(table.clone().attend());

    let handle = badges.handle();
    let app = Router::new()
        .route("/", get(page))
        .route("/board.png", get(board_of))
        .route("/play", post(play))
        .route("/again", post(again))
        .route("/people", get(people))
        .with_state(table)
        .layer(badges);

    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
    Ok(())
}

impl Table {
    /// The room of those who look from this seat.
    fn board(&self, seat: Seat) -> RoomHandle {
        let room = self.badges.room(BOARD, &[("seat", game::name(seat))]);
        room.expect("a badge of this name")
    }

    fn seat_of(&self, headers: &HeaderMap) -> Seat {
        self.game.borrow().seat_of(visitor(headers))
    }

    /// A player is somebody whose picture is open.
    async fn attend(self) {
        let mut changes = self.badges.changes();
        while changes.next().await.is_some() {
            self.game.send_modify(|game| {
                // Counted in here, where nobody can take a seat in the meantime.
                for mark in Mark::BOTH {
                    let counts = self.board(Some(mark)).counts();
                    game.attend(
                        mark,
                        match (counts.streams, counts.visitors) {
                            (0, 0) => Presence::Gone,
                            (0, _) => Presence::Away,
                            _ => Presence::Here,
                        },
                    );
                }
                game.watching = self.board(None).counts().visitors;
            });
        }
    }
}

/// The same page for everybody; what it is to whom, the picture knows.
async fn page(headers: HeaderMap) -> impl IntoResponse {
    // A name for the picture that no other tab has: Firefox would wait for the other one.
    let page = include_str!("page.html").replace("{view}", &Uuid::new_v4().simple().to_string());
    let cookie = visitor(&headers).is_none().then(|| {
        let name = Uuid::new_v4().simple();
        // Lax: another site's forms come without it, and nobody plays without it.
        [(SET_COOKIE, format!("tictactoe={name}; Path=/; HttpOnly; SameSite=Lax"))]
    });
    (cookie, [(CACHE_CONTROL, "no-store")], Html(page))
}

/// Who this is, if they have been here before.
fn visitor(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    cookies.flat_map(|cookies| cookies.split("; ")).find_map(|c| c.strip_prefix("tictactoe="))
}

/// The board as seen from the visitor's seat. To look is to sit down, where a seat is free.
async fn board_of(State(table): State<Table>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    loop {
        let mut seat = table.seat_of(&parts.headers);
        if Reply::for_request(&parts) == Reply::Stream {
            table.game.send_modify(|game| seat = game.sit(visitor(&parts.headers)));
        }
        let picture = table.board(seat).respond(&parts).await;
        // From here on the visitor is counted. Was the seat given up for lost just before?
        if table.seat_of(&parts.headers) == seat {
            return picture.into_response();
        }
    }
}

/// Where the picture was clicked, in CSS pixels.
#[derive(Deserialize)]
struct Click {
    #[serde(rename = "at.x")]
    x: u32,
    #[serde(rename = "at.y")]
    y: u32,
}

impl Click {
    /// As in board.svg: three by three cells of 120 pixels each.
    fn cell(&self) -> Option<usize> {
        let column = self.x.checked_sub(20)? / 120;
        let row = self.y.checked_sub(100)? / 120;
        (column < 3 && row < 3).then_some((row * 3 + column) as usize)
    }
}

/// No content: the page stays, and so do its streams.
async fn play(
    State(table): State<Table>,
    headers: HeaderMap,
    click: Result<Form<Click>, FormRejection>,
) -> StatusCode {
    let cell = click.ok().and_then(|click| click.cell());
    table.game.send_modify(|game| game.play(game.seat_of(visitor(&headers)), cell));
    StatusCode::NO_CONTENT
}

async fn again(State(table): State<Table>, headers: HeaderMap) -> StatusCode {
    table.game.send_modify(|game| game.again(game.seat_of(visitor(&headers))));
    StatusCode::NO_CONTENT
}

#[derive(Serialize)]
struct People {
    x: usize,
    o: usize,
    watch: usize,
}

/// Who is here, as data.
async fn people(State(table): State<Table>) -> Json<People> {
    let [x, o, watch] =
        [Some(Mark::X), Some(Mark::O), None].map(|seat| table.board(seat).counts().streams);
    Json(People { x, o, watch })
}

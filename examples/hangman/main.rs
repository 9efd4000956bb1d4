//! Hangman, one word for everybody: `cargo run --release --example hangman`, then open
//! <http://127.0.0.1:3000/> in some browsers. There is no script: letters are the buttons of a form,
//! and all that changes is one live picture.

mod game;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Form, Router};
use clap::Parser;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_livebadge::{Badge, Handle, LiveBadgeLayer};
use uuid::Uuid;

use game::{Game, is_word};

#[derive(Parser)]
#[command(about = "Hangman in a live picture, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// The word to be guessed, every time, instead of one by chance
    #[arg(long, value_parser = word)]
    word: Option<String>,
}

#[derive(Clone)]
struct Gallows {
    /// All changes go through this, one after the other, and each is shown to everybody.
    game: Arc<watch::Sender<Game>>,
    word: Option<String>,
    badges: Handle,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { addr, word } = Options::parse();
    let (game, shown) = watch::channel(Game::new(&next_word(word.as_deref())));

    let picture =
        Badge::svg(include_str!("gallows.svg")).values(shown).leave_grace(Duration::from_secs(2)); // so that a reload is nobody's leave
    let badges = LiveBadgeLayer::builder().badge("/gallows.png", picture).build()?;
    let handle = badges.handle();

    let app = Router::new()
        .route("/", get(page))
        .route("/guess", post(guess))
        .route("/again", post(again))
        .route("/people", get(people))
        .with_state(Gallows { game: Arc::new(game), word, badges: handle.clone() })
        .layer(badges); // last, so that it is the outermost

    let listener = TcpListener::bind(addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
    Ok(())
}

async fn page() -> impl IntoResponse {
    // A name for the picture that no other tab has: Firefox would wait for the other one.
    let page = include_str!("page.html").replace("{view}", &Uuid::new_v4().simple().to_string());
    ([(CACHE_CONTROL, "no-store")], Html(page))
}

#[derive(Default, Deserialize)]
struct Guess {
    letter: String,
}

/// No content: the page stays, and so do its streams.
async fn guess(
    State(gallows): State<Gallows>,
    guess: Result<Form<Guess>, FormRejection>,
) -> StatusCode {
    let Form(Guess { letter }) = guess.unwrap_or_default();
    gallows.game.send_modify(|game| game.guess(&letter));
    StatusCode::NO_CONTENT
}

async fn again(State(gallows): State<Gallows>) -> StatusCode {
    gallows.game.send_modify(|game| game.again(&next_word(gallows.word.as_deref())));
    StatusCode::NO_CONTENT
}

/// Who is here, as data.
async fn people(State(gallows): State<Gallows>) -> String {
    let room = gallows.badges.room("/gallows.png", &[]).expect("a badge of this name");
    room.counts().streams.to_string()
}

fn next_word(fixed: Option<&str>) -> String {
    let words: Vec<&str> = include_str!("words.txt").lines().collect();
    fixed.or_else(|| fastrand::choice(words)).unwrap_or("hangman").to_owned()
}

fn word(text: &str) -> Result<String, &'static str> {
    if is_word(text) { Ok(text.to_owned()) } else { Err("a word has 1 to 14 letters, A to Z") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_in_the_list_can_be_guessed() {
        assert!(include_str!("words.txt").lines().all(is_word));
    }
}

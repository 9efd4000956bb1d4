//! A forum that shows who is reading what, with no JavaScript: `cargo run --example forum`, then open
//! <http://127.0.0.1:3000/> in some browsers, and log in with a name in each. The whole of it in one
//! application: sessions, names, rooms, a total, and a picture that only the admin may see.

mod badges;
mod page;
mod session;
mod store;

use std::net::SocketAddr;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router, middleware};
use clap::Parser;
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_livebadge::{BuildError, Handle};

use store::{Store, User};

/// The user, if somebody has logged in.
type Me = Option<Extension<User>>;

#[derive(Parser)]
#[command(about = "A forum that shows who is reading what, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let (app, handle) = forum()?;
    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, app).with_graceful_shutdown(asked_to_stop()).await;
    Ok(())
}

fn forum() -> Result<(Router, Handle), BuildError> {
    let (badges, store) = (badges::layer()?, Store::default());
    let handle = badges.handle();
    let app = Router::new()
        .route("/", get(index))
        .route("/t/{id}", get(show).post(say))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/admin", get(admin))
        .route("/admin/everyone.png", get(may_see_everyone))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(32 * 1024))
        .with_state(store.clone())
        .layer(badges) // last of what answers, so that it is round all routes
        .layer(middleware::from_fn_with_state(store, session::find)); // round the badges: they ask who it is
    Ok((app, handle))
}

async fn index(me: Me) -> Response {
    page::index(user(&me))
}

async fn show(me: Me, State(store): State<Store>, Path(id): Path<String>) -> Response {
    let Some((id, title)) = store::thread(&id) else { return nothing(me).await };
    page::thread(user(&me), id, title, &store.posts(id))
}

#[derive(Deserialize)]
struct Message {
    text: String,
}

async fn say(
    me: Me,
    State(store): State<Store>,
    Path(id): Path<String>,
    Form(message): Form<Message>,
) -> Response {
    let Some((id, _)) = store::thread(&id) else { return nothing(me).await };
    let Some(author) = user(&me) else {
        return page::error(StatusCode::FORBIDDEN, None, "Log in to post.");
    };
    if !store.post(id, author, &message.text) {
        let what = "A message has 1 to 2,000 characters.";
        return page::error(StatusCode::UNPROCESSABLE_ENTITY, Some(author), what);
    }
    Redirect::to(&format!("/t/{id}")).into_response()
}

#[derive(Deserialize)]
struct LogIn {
    name: String,
    /// Where the form was.
    #[serde(default)]
    thread: String,
}

async fn log_in(
    me: Me,
    State(store): State<Store>,
    headers: HeaderMap,
    Form(form): Form<LogIn>,
) -> Response {
    let Some(new) = User::called(&form.name) else {
        let what = "A name has 1 to 64 characters.";
        return page::error(StatusCode::UNPROCESSABLE_ENTITY, user(&me), what);
    };
    end_session(&store, &headers);
    let cookie = session::cookie(store.log_in(new));
    // Only to a page of this forum.
    let back = store::thread(&form.thread).map_or("/".to_owned(), |(id, _)| format!("/t/{id}"));
    ([(SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

async fn log_out(State(store): State<Store>, headers: HeaderMap) -> Response {
    end_session(&store, &headers);
    ([(SET_COOKIE, session::no_cookie())], Redirect::to("/")).into_response()
}

fn end_session(store: &Store, headers: &HeaderMap) {
    if let Some(id) = session::id(headers) {
        store.log_out(id);
    }
}

async fn admin(me: Me) -> Response {
    match user(&me) {
        Some(user) if user.is_admin() => page::admin(user),
        user => page::error(StatusCode::FORBIDDEN, user, "This is for the admin."),
    }
}

/// The gate of the badge at this path: only if this is a success does somebody get the picture.
async fn may_see_everyone(me: Me) -> StatusCode {
    if user(&me).is_some_and(User::is_admin) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::FORBIDDEN
    }
}

async fn nothing(me: Me) -> Response {
    page::error(StatusCode::NOT_FOUND, user(&me), "There is no such page.")
}

fn user(me: &Me) -> Option<&User> {
    me.as_ref().map(|Extension(user)| user)
}

async fn asked_to_stop() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).expect("SIGTERM can be handled").recv().await;
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

#[cfg(test)]
#[path = "forum_tests.rs"]
mod tests;

//! The pages. Whatever people have written is escaped here, and nowhere else.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};

use crate::store::{Post, THREADS, User};

/// There is no script, and should one get in, it would not run.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn index(user: Option<&User>) -> Response {
    let threads = THREADS.map(|(id, title)| {
        let alt = format!("How many are reading “{title}”");
        let count = live(&format!("/t/{id}/count.png"), r#"width="80" height="20""#, &alt);
        format!(r#"<li class="row"><a href="/t/{id}">{}</a> {count}</li>"#, escaped(title))
    });
    let total = live("/total.png", r#"width="110" height="20""#, "How many are reading anything");
    let main = format!("<h1>Threads</h1><ul>{}</ul>{total}", threads.concat());
    whole(StatusCode::OK, user, "", "Forum", &main)
}

pub(crate) fn thread(user: Option<&User>, id: &str, title: &str, posts: &[Post]) -> Response {
    let post = |Post { author, text }: &Post| {
        // A name that is written from right to left turns nothing else round.
        let (author, text) = (escaped(author), escaped(text));
        format!(
            r#"<li class="post"><bdi class="quiet">{author}</bdi><p dir="auto">{text}</p></li>"#
        )
    };
    let posts: String = posts.iter().map(post).collect();
    let answer = match user {
        Some(_) => format!(
            r#"<form action="/t/{id}" method="post">
            <textarea name="text" maxlength="2000" required aria-label="Your message"></textarea>
            <button>Post</button></form>"#
        ),
        None => r#"<p class="quiet">Log in to post.</p>"#.to_owned(),
    };
    let main = format!(
        "<h1>{}</h1>{}{}<ul>{posts}</ul>{answer}",
        escaped(title),
        live(
            &format!("/t/{id}/faces.png"),
            r#"height="28""#,
            "The initials of who is reading this"
        ),
        live(&format!("/t/{id}/readers.png"), r#"height="24""#, "Who is reading this"),
    );
    whole(StatusCode::OK, user, id, title, &main)
}

pub(crate) fn admin(user: &User) -> Response {
    let everyone = live("/admin/everyone.png", r#"height="24""#, "Who is in the forum");
    let main = format!(
        r#"<h1>Who is here</h1>{everyone}
        <p><a href="/admin/everyone.png?format=json">The same as data</a></p>"#
    );
    whole(StatusCode::OK, Some(user), "", "Who is here", &main)
}

/// A page that says what went wrong.
pub(crate) fn error(status: StatusCode, user: Option<&User>, what: &str) -> Response {
    whole(status, user, "", "Forum", &format!("<h1>{}</h1>", escaped(what)))
}

/// `thread` is where a log-in leads back to.
fn whole(
    status: StatusCode,
    user: Option<&User>,
    thread: &str,
    title: &str,
    main: &str,
) -> Response {
    let account = match user {
        Some(user) => format!(
            r#"<form action="/logout" method="post"><bdi>{}</bdi><button>Log out</button></form>"#,
            escaped(&user.name)
        ),
        None => format!(
            r#"<form action="/login" method="post"><input type="hidden" name="thread" value="{thread}">
            <input name="name" maxlength="64" required placeholder="Any name" aria-label="Your name">
            <button>Log in</button></form>"#
        ),
    };
    let admin =
        if user.is_some_and(User::is_admin) { r#" · <a href="/admin">Admin</a>"# } else { "" };
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
<header><span><a href="/">Forum</a>{admin}</span>{account}</header>
<main>{main}</main>
"#,
        title = escaped(title),
        style = include_str!("style.css"),
    );
    // Who logs out and goes back sees no page of before.
    let headers = [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, POLICY)];
    (status, headers, Html(page)).into_response()
}

/// A picture that never ends, for light and for dark pages. It is lazy, so that the page is loaded without it.
fn live(path: &str, size: &str, alt: &str) -> String {
    let alt = escaped(alt);
    format!(
        r#"<picture><source srcset="{path}?theme=dark" media="(prefers-color-scheme: dark)">
        <img src="{path}" {size} alt="{alt}" loading="lazy"></picture>"#
    )
}

/// As text, or as an attribute's value in quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

//! A room's name, in a path and as the application gives it.

use http::{Request, StatusCode};
use tower_livebadge::Badge;

use super::{App, block_on, is_sound};

const PATTERN: &str = "/rooms/{room}/@{user}.txt";
const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#;

/// The bytes are a whole path, a room's name, and two names with a line's end between.
pub(crate) fn any_text_names_a_room_or_none(bytes: &[u8]) {
    thread_local!(static APP: App = App::new(PATTERN, Badge::svg(SVG).scale(1.0)));
    let text = String::from_utf8_lossy(bytes);
    APP.with(|app| {
        as_a_path(app, &text);
        as_a_path(app, &format!("/rooms/{text}/@x.txt"));
        let (room, user) = text.split_once('\n').unwrap_or((&text, "x"));
        as_names(app, room, user);
    });
}

fn as_a_path(app: &App, path: &str) {
    let found = app.handle.room_at(path);
    if let Ok(room) = &found {
        let again = app.handle.room_at(room.path()).expect("a room's own path");
        assert_eq!((again.path(), again.params()), (room.path(), room.params()));
        let params: Vec<_> = room.params().iter().collect();
        let named = app.handle.room(PATTERN, &params).expect("a room's own parameters");
        assert_eq!(named.path(), room.path());
    }
    // What is a path to `http`, the service understands as the handle does.
    let Ok(uri) = http::Uri::try_from(format!("{path}?format=text")) else { return };
    if uri.path() != path || uri.query() != Some("format=text") {
        return;
    }
    let request = Request::get(uri).body(()).expect("a right request");
    let (parts, body) = block_on(app.whole(request));
    match found {
        Ok(_) => {
            assert_eq!(parts.status, StatusCode::OK);
            is_sound(&parts, &body);
        }
        Err(_) => assert_eq!(parts.status, StatusCode::NOT_FOUND),
    }
}

fn as_names(app: &App, room: &str, user: &str) {
    let is_name =
        |name: &str| (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control);
    let found = app.handle.room(PATTERN, &[("user", user), ("room", room)]);
    assert_eq!(found.is_ok(), is_name(room) && is_name(user), "{room:?}, {user:?}");
    if let Ok(found) = found {
        assert!(found.path().bytes().all(|byte| byte.is_ascii_graphic()), "{}", found.path());
        let params = found.params();
        assert_eq!((params.get("room"), params.get("user")), (Some(room), Some(user)));
        as_a_path(app, found.path());
        assert!(app.handle.room_at(found.path()).is_ok(), "{}", found.path());
    }
}

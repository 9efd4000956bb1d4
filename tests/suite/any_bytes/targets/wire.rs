//! The stream, whatever happens while it is read: changes, pictures of other sizes, slow viewers, ends.

use std::time::Duration;

use http::{Request, header};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::sync::watch;
use tower_livebadge::{Badge, Format, ResponseBody};

use super::{App, block_on, within};
use crate::common::multipart::{Parser, boundary_of};
use crate::common::picture::decode;

/// A row of as many white pixels as the number says, in pictures of three sizes.
const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="{{ 256 + number % 3 * 8 }}" height="2">
  <rect width="300" height="2" fill="#000"/><rect width="{{ number }}" height="2" fill="#fff"/>
</svg>"##;
/// Its text may hold what separates parts.
const TEXT: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20">
  <text y="14" font-size="9">{{ number }}{{ text }}</text></svg>"##;
const KINDS: [&[(&str, &str)]; 2] = [
    &[("accept", "image/*,*/*;q=0.8"), ("sec-fetch-dest", "image")],
    &[("accept", "text/html,*/*;q=0.8"), ("sec-fetch-dest", "iframe")],
];
const MOST_VIEWERS: usize = 4;
const MOST_DOINGS: usize = 48;
/// What stands for a stream's boundary in the bytes.
const MARK: &str = "@";

#[derive(Debug, Clone, Serialize)]
struct Shown {
    number: usize,
    text: String,
}

struct Viewer {
    parser: Parser,
    /// The number of the last picture that was whole.
    last: Option<usize>,
    is_seated: bool,
    body: ResponseBody,
}

/// Each byte is one thing that happens; all of them together are also a text in a picture.
pub(crate) fn any_doings_leave_the_stream_right(bytes: &[u8]) {
    thread_local! {
        static PIXELS: (App, watch::Sender<Shown>) = app(SVG, Format::Png);
        static TEXTS: (App, watch::Sender<Shown>) = app(TEXT, Format::Svg);
    }
    let doings = &bytes[..bytes.len().min(MOST_DOINGS)];
    PIXELS.with(|(app, shown)| block_on(read_pixels(app, shown, doings)));
    let text = String::from_utf8_lossy(doings);
    TEXTS.with(|(app, shown)| block_on(read_text(app, shown, &text)));
}

fn app(svg: &str, format: Format) -> (App, watch::Sender<Shown>) {
    let (sender, receiver) = watch::channel(Shown { number: 0, text: String::new() });
    let badge = Badge::svg(svg).scale(1.0).format(format).values(receiver).max_rate(1000.0);
    (App::new("/wire", badge.heartbeat(Duration::from_millis(10))), sender)
}

async fn read_pixels(app: &App, shown: &watch::Sender<Shown>, doings: &[u8]) {
    let mut viewers: Vec<Viewer> = Vec::new();
    let number = || shown.borrow().number;
    let change = |by: usize| shown.send_modify(|shown| shown.number = (shown.number + by) % 256);
    for doing in doings {
        let (what, which) = (doing % 8, usize::from(doing / 8));
        let nth = which % viewers.len().max(1);
        match what {
            0 => change(1 + which),
            1 if viewers.len() < MOST_VIEWERS => {
                viewers.push(Viewer::open(app, KINDS[which % KINDS.len()]).await);
            }
            2 if !viewers.is_empty() => drop(viewers.swap_remove(nth)),
            3 if !viewers.is_empty() => drop(viewers[nth].read().await),
            4 | 5 if !viewers.is_empty() => viewers[nth].read_until(number()).await,
            // Otherwise whoever enters before the room's task has looked would be sent away, too.
            6 if viewers.iter().any(|viewer| viewer.is_seated) => {
                let before = number();
                app.handle.room_at("/wire").expect("the badge's room").close();
                change(which % 4);
                // Who has not been read has not come yet.
                let (seated, others) = viewers.into_iter().partition(|viewer| viewer.is_seated);
                viewers = others;
                for viewer in seated {
                    viewer.read_to_the_end(&[before, number()]).await;
                }
            }
            7 => tokio::time::sleep(Duration::from_millis(which as u64 % 4)).await,
            _ => {}
        }
    }
    for viewer in &mut viewers {
        viewer.read_until(number()).await;
    }
    app.handle.room_at("/wire").expect("the badge's room").close();
    for viewer in viewers {
        viewer.read_to_the_end(&[number()]).await;
    }
    app.is_left().await;
}

impl Viewer {
    async fn open(app: &App, headers: &[(&str, &str)]) -> Self {
        let (boundary, body) = open(app, headers).await;
        Self { parser: Parser::new(&boundary), last: None, is_seated: false, body }
    }

    /// Reads what comes next; false at the regular end.
    async fn read(&mut self) -> bool {
        self.is_seated = true;
        let Some(frame) = within("more of the stream", self.body.frame()).await else {
            return false;
        };
        let Ok(frame) = frame;
        let bytes = frame.into_data().expect("the stream has no trailers");
        for part in self.parser.push(&bytes).unwrap_or_else(|error| panic!("{error}")) {
            self.last = Some(bar(&part));
        }
        true
    }

    async fn read_until(&mut self, number: usize) {
        let search = async {
            while self.last != Some(number) {
                assert!(self.read().await, "the stream has ended");
            }
        };
        within("the newest picture", search).await;
    }

    /// What came last is what stays on the screen: one of these.
    async fn read_to_the_end(mut self, numbers: &[usize]) {
        within("the end", async { while self.read().await {} }).await;
        assert!(self.parser.is_closed(), "the stream ended without its closing delimiter");
        let last = self.last.expect("a picture");
        assert!(numbers.contains(&last), "{last} stays on the screen instead of {numbers:?}");
    }
}

async fn open(app: &App, headers: &[(&str, &str)]) -> (String, ResponseBody) {
    let mut request = Request::get("/wire");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.answer(request.body(()).expect("a right request")).await;
    let kind = response.headers()[header::CONTENT_TYPE].to_str().expect("plain text");
    (boundary_of(kind).to_owned(), response.into_body())
}

/// The number that a picture shows, whose every pixel must be right.
fn bar(png: &[u8]) -> usize {
    let picture = decode(png);
    let pixels: Vec<_> = picture.pixels().collect();
    let width = picture.width as usize;
    let number = pixels[..width].iter().take_while(|pixel| **pixel == [255; 4]).count();
    assert_eq!((width, picture.height), (256 + number % 3 * 8, 2), "the size of {number}");
    let is_right = |(at, pixel): (usize, &[u8; 4])| {
        *pixel == if at % width < number { [255; 4] } else { [0, 0, 0, 255] }
    };
    assert!(pixels.iter().enumerate().all(is_right), "a spot in the picture of {number}");
    number
}

/// Whole documents between delimiters, and the boundary nowhere else.
async fn read_text(app: &App, shown: &watch::Sender<Shown>, text: &str) {
    let (boundary, mut body) = open(app, KINDS[0]).await;
    let text = text.replace(MARK, &boundary);
    shown.send_modify(|shown| shown.number += 1);
    let number = shown.borrow().number;
    shown.send_modify(|shown| shown.text = text);
    let (delimiter, mut read) = (format!("--{boundary}"), Vec::new());
    let mut is_closing = false;
    while let Some(frame) = within("more of the stream", body.frame()).await {
        let Ok(frame) = frame;
        read.extend(frame.into_data().expect("the stream has no trailers"));
        let text = std::str::from_utf8(&read).expect("SVG is text");
        if !is_closing && text.contains(&format!("\">{number}")) {
            app.handle.room_at("/wire").expect("the badge's room").close();
            is_closing = true;
        }
    }
    let read = String::from_utf8(read).expect("SVG is text");
    assert_eq!(read.matches(&*boundary).count(), read.matches(&format!("\r\n{delimiter}")).count());
    let parts: Vec<&str> = read.split(&*delimiter).collect();
    let (last, parts) = parts.split_last().expect("a stream");
    assert_eq!(*last, "--\r\n", "the closing delimiter");
    for part in &parts[1..] {
        let head = part.split_once("\r\n\r\n");
        let (head, document) = head.unwrap_or_else(|| panic!("a part without a head: {part:?}"));
        assert!(head.starts_with("\r\nContent-Type: image/svg+xml\r\n"), "{head:?}");
        assert!(document.starts_with("<svg ") && document.ends_with("</svg>\r\n"), "{document:?}");
        assert_eq!(document.matches('<').count(), 4, "markup of the text's own: {document:?}");
    }
    app.is_left().await;
}

//! Real browsers play the `tictactoe` and `hangman` examples to the end, each person in a browser of
//! their own: a page without a script is clicked again and again, and its pictures stream on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::seeing::{place_of, see};
use crate::server::{PATIENCE, Server};
use crate::support::{Browser, Engine, Pixels};

in_every_browser!(tic_tac_toe_is_played, hangman_is_played);

const CORAL: &str = "#ff8c75";
const MINT: &str = "#58d9c4";
const GREY: &str = "#59618f";

const POLL: Duration = Duration::from_millis(20);

/// Somebody with a browser in front of them.
struct Person<'a> {
    browser: Browser,
    server: &'a Server,
    /// The live picture: the page's element, its path, and the cookie that it is asked for with.
    image: &'static str,
    path: &'static str,
    cookie: String,
}

impl<'a> Person<'a> {
    async fn comes(engine: Engine, server: &'a Server, image: &'static str) -> Self {
        let browser = Browser::start(engine).await;
        let path = if image == "#board" { "board.png" } else { "gallows.png" };
        Self { browser, server, image, path, cookie: String::new() }
    }

    /// Opens the game's page, and stays until it is there.
    async fn opens_the_page(&mut self) {
        self.browser.open(&self.server.url).await;
        let asked = Instant::now();
        while place_of(&self.browser, self.image).await.is_none() {
            assert!(asked.elapsed() < PATIENCE, "the page does not come");
            sleep(POLL).await;
        }
        if self.image == "#board" {
            self.cookie = format!("tictactoe={}", self.browser.cookie("tictactoe").await);
        }
        // Gone with the page, if it is ever left.
        self.browser.run("window.neverLeft = true").await;
    }

    /// Clicks on a place in an element, counted from its upper left corner.
    async fn clicks(&self, selector: &str, x: u32, y: u32) {
        let place = place_of(&self.browser, selector).await;
        let (left, top) = place.unwrap_or_else(|| panic!("no {selector} in the page"));
        self.browser.click((left.round() as u32 + x, top.round() as u32 + y)).await;
    }

    /// Clicks on one of the nine cells.
    async fn plays(&self, cell: u32) {
        self.clicks("#board", 80 + cell % 3 * 120, 160 + cell / 3 * 120).await;
    }

    async fn presses(&self, letter: char) {
        self.clicks(&format!("button[value={letter}]"), 8, 8).await;
    }

    /// Waits until the server would show this person something for which this is true.
    async fn until(&self, what: &str, is_so: impl Fn(&Pixels) -> bool) -> Pixels {
        let since = Instant::now();
        loop {
            let still = self.server.still(self.path, &self.cookie).await;
            if is_so(&still) {
                return still;
            }
            assert!(since.elapsed() < PATIENCE, "in vain waited for: {what}");
            sleep(POLL).await;
        }
    }

    async fn still(&self) -> Pixels {
        self.until("anything", |_| true).await
    }

    /// Waits until the browser shows what the server has for this person.
    async fn sees(&self, what: &str) {
        let still = self.still().await;
        see(&self.browser, self.image, &still, Instant::now(), what).await;
        assert_eq!(self.browser.run("return window.neverLeft").await, true, "the page is the same");
    }
}

async fn tic_tac_toe_is_played(engine: Engine) {
    let server = Server::example("tictactoe", &["--grace", "1"]).await;
    let person = || Person::comes(engine, &server, "#board");
    let (mut x, mut o, mut eve) = tokio::join!(person(), person(), person());
    x.opens_the_page().await;
    people(&server, json!({ "x": 1, "o": 0, "watch": 0 })).await;
    o.opens_the_page().await;
    people(&server, json!({ "x": 1, "o": 1, "watch": 0 })).await;
    eve.opens_the_page().await;
    let all = json!({ "x": 1, "o": 1, "watch": 1 });
    people(&server, all.clone()).await;
    let all_see = async |what: &str| {
        x.sees(&format!("tictactoe x {what}")).await;
        o.sees(&format!("tictactoe o {what}")).await;
        eve.sees(&format!("tictactoe eve {what}")).await;
        // Nobody's stream ended, and nobody's began.
        assert_eq!(server.json("people").await, all, "{what}");
    };
    all_see("before").await;

    // Whoever is not to move is told so, and nobody else is.
    let (before, others) = (o.still().await, x.still().await);
    o.plays(0).await;
    o.until("a refusal", |still| *still != before).await;
    assert!(x.still().await == others, "X is told nothing");
    all_see("refused").await;

    // X has three in a line with the third click.
    let moves = [(&x, 4), (&o, 0), (&x, 2), (&o, 8), (&x, 6)];
    for (turn, (player, cell)) in moves.into_iter().enumerate() {
        player.plays(cell).await;
        for person in [&x, &o, &eve] {
            let mark = if turn % 2 == 0 { 'x' } else { 'o' };
            person.until("the move", |still| mark_in(still, cell) == Some(mark)).await;
        }
        all_see(&format!("move {}", turn + 1)).await;
    }
    let end = eve.still().await;
    assert_eq!(mark_in(&end, 0), None, "what is not in the line is grey");
    assert_eq!(mark_in(&end, 4), Some('x'));

    // Who looks on can't play. A player begins anew.
    let before = eve.still().await;
    eve.plays(1).await;
    eve.until("a refusal", |still| *still != before).await;
    all_see("eve refused").await;
    o.clicks("main button", 8, 8).await;
    eve.until("an empty board", |still| (0..9).all(|cell| mark_in(still, cell).is_none())).await;
    all_see("new game").await;

    // The seat of one who left is for whoever comes next.
    let Person { browser, .. } = x;
    drop(browser);
    people(&server, json!({ "x": 0, "o": 1, "watch": 1 })).await;
    o.until("a free seat", |still| still.colour(2 * 55, 2 * 54) == GREY).await;
    o.sees("tictactoe o is alone").await;
    eve.opens_the_page().await;
    people(&server, json!({ "x": 1, "o": 1, "watch": 1 })).await; // her first tab still looks on
    o.plays(4).await;
    for person in [&eve, &o] {
        person.until("the move", |still| mark_in(still, 4) == Some('o')).await;
        person.sees("tictactoe eve plays").await;
    }
}

/// The mark in a cell, if it is in its colour.
fn mark_in(still: &Pixels, cell: u32) -> Option<char> {
    let (x, y) = (80 + cell as usize % 3 * 120, 160 + cell as usize / 3 * 120);
    // Within the strokes of a circle and of a cross, but beside a line drawn through either.
    match (&*still.colour(2 * x + 48, 2 * y + 36), &*still.colour(2 * x + 28, 2 * y - 16)) {
        (MINT, _) => Some('o'),
        (_, CORAL) => Some('x'),
        _ => None,
    }
}

async fn hangman_is_played(engine: Engine) {
    let server = Server::example("hangman", &["--word", "hat"]).await;
    let person = || Person::comes(engine, &server, "#gallows");
    let (mut anna, mut otto) = tokio::join!(person(), person());
    anna.opens_the_page().await;
    people(&server, json!(1)).await;
    otto.opens_the_page().await;
    people(&server, json!(2)).await;
    let both_see = async |what: &str| {
        anna.sees(&format!("hangman anna {what}")).await;
        otto.sees(&format!("hangman otto {what}")).await;
        assert_eq!(server.json("people").await, 2, "{what}");
    };
    both_see("before").await;

    for (person, letter, hits) in
        [(&anna, 'A', true), (&otto, 'E', false), (&anna, 'H', true), (&otto, 'T', true)]
    {
        person.presses(letter).await;
        let tried = if hits { HIT } else { MISS };
        otto.until("a guess", |still| tile_of(still, letter) == tried).await;
        both_see(&format!("{letter}")).await;
    }
    assert_eq!(otto.still().await.colour(2 * 268, 2 * 385), MINT, "the word is won");

    let before = otto.still().await;
    anna.presses('Z').await;
    otto.until("a refusal", |still| *still != before).await;
    both_see("refused").await;
    otto.clicks(".about button", 8, 8).await;
    anna.until("a new word", |still| tile_of(still, 'A') == UNTRIED).await;
    both_see("new word").await;

    for letter in "QWERYU".chars() {
        otto.presses(letter).await;
        anna.until("a miss", |still| tile_of(still, letter) == MISS).await;
    }
    assert_eq!(anna.still().await.colour(2 * 268, 2 * 385), CORAL, "the word is lost");
    both_see("lost").await;
}

const UNTRIED: &str = "#222850";
const HIT: &str = "#1d4a55";
const MISS: &str = "#171c3a";

/// The colour of a letter's tile.
fn tile_of(still: &Pixels, letter: char) -> String {
    let at = letter as usize - 'A' as usize;
    still.colour(2 * (252 + at % 7 * 52 + 8), 2 * (72 + at / 7 * 62 + 28))
}

/// Waits until these look.
async fn people(server: &Server, expected: Value) {
    let since = Instant::now();
    loop {
        let seen = server.json("people").await;
        if seen == expected {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "there should be {expected}, but there are {seen}");
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn whatever_is_sent_to_a_game_is_taken_politely() {
    let form = "application/x-www-form-urlencoded";
    for (game, picture, path) in
        [("tictactoe", "board.png", "play"), ("hangman", "gallows.png", "guess")]
    {
        let server = Server::example(game, &[]).await;
        let visitor = server.visitor_of(picture).await;
        let before = server.json("people").await;
        let bodies = [
            "",
            "&",
            "=",
            "%",
            "%ff=%00",
            "at.x=1",
            "at.x=-1&at.y=-1",
            "at.x=1e9&at.y=nan",
            "at.x=99999999999999999999&at.y=0",
            "at.x=4294967295&at.y=4294967295",
            "at.x=0&at.y=0",
            "letter=",
            "letter=%F0%9F%A6%80",
            "letter=AB",
            "letter=%00",
            "letter=A&letter=B",
            "at.x=1&at.x=1&at.y=1",
        ];
        let mut bodies: Vec<Vec<u8>> = bodies.map(Vec::from).into();
        bodies.extend([vec![0xff; 3], vec![b'x'; 100_000]]);
        for body in bodies {
            for kind in [form, "text/plain", "nonsense"] {
                let sent = body[..body.len().min(40)].escape_ascii().to_string();
                let status = server.post(path, kind, body.clone()).await;
                assert_eq!(status, 204, "{game}: {sent} as {kind}");
            }
        }
        assert_eq!(server.post("again", form, Vec::new()).await, 204);
        for elsewhere in [picture, "nowhere"] {
            assert!(server.post(elsewhere, form, Vec::new()).await.is_client_error());
        }
        assert_eq!(server.json("people").await, before);
        drop(visitor);
    }
}

//! A script's `EventSource` beside the picture: it is told what the picture shows, counted like it, and comes back
//! after an outage.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::seeing::{open, say, see};
use crate::server::{PATIENCE, Server};
use crate::support::{Browser, Engine};

in_every_browser!(a_script_is_told_what_the_picture_shows);

/// In the example's page.
const BADGE: &str = "#badge";

/// Puts a script into the page that writes all that it is told into the page's title. Once, also if this is run
/// again.
const LISTEN: &str = r#"
    if (document.getElementById('listens')) return;
    const script = document.createElement('script');
    script.id = 'listens';
    script.textContent = `
        const seen = [], errors = [], source = new EventSource('/online.png');
        const note = () => document.title = JSON.stringify({ seen, errors });
        source.onmessage = event => { seen.push(JSON.parse(event.data)); note(); };
        source.onerror = () => { errors.push(source.readyState); note(); };`;
    document.head.append(script);"#;

struct Page {
    browser: Browser,
}

impl Page {
    /// Waits until what the script was told is like this.
    async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut told = Value::Null;
        let search = async {
            loop {
                let title = self.browser.run("return document.title").await;
                told = serde_json::from_str(title.as_str().unwrap_or_default()).unwrap_or_default();
                if is_so(&told) {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = timeout(PATIENCE, search).await.is_ok();
        assert!(in_time, "in vain waited for: {what}; the script was told {told}");
        told
    }

    /// Waits until the script is told this, and the picture shows it.
    async fn shows(&self, server: &Server, streams: u64, visitors: u64, since: Instant) {
        let state = json!({ "streams": streams, "visitors": visitors });
        let what = format!("{streams} streams of {visitors}");
        self.until(&what, |told| last(told) == Some(&state)).await;
        say(self.browser.engine(), &format!("an event of {what}, at the latest"), since.elapsed());
        assert_eq!(server.json("count").await["visitors"], visitors);
        let still = server.still("online.png", "").await;
        see(&self.browser, BADGE, &still, since, &format!("events {what}")).await;
    }
}

/// What it was told last.
fn last(told: &Value) -> Option<&Value> {
    told["seen"].as_array()?.last()
}

async fn a_script_is_told_what_the_picture_shows(engine: Engine) {
    // Whatever one browser asks for is one visitor's; those without a browser are one each.
    let options = ["--visitors", "header:user-agent", "--leave-grace", "0"];
    let server = Server::example("online", &options).await;
    let page = Page { browser: Browser::start(engine).await };
    let tab = open(&page.browser, &server.url, BADGE).await;
    server.counts(1).await;
    let began = Instant::now();
    page.browser.run(LISTEN).await;
    page.shows(&server, 2, 1, began).await;

    let came = Instant::now();
    let second = server.visitor().await;
    page.shows(&server, 3, 2, came).await;
    let came = Instant::now();
    let third = server.visitor().await;
    page.shows(&server, 4, 3, came).await;
    let went = Instant::now();
    drop(second);
    page.shows(&server, 3, 2, went).await;
    let went = Instant::now();
    drop(third);
    page.shows(&server, 2, 1, went).await;
    let told = page.until("all of it", |_| true).await;
    let state = |streams: u64, visitors: u64| json!({ "streams": streams, "visitors": visitors });
    let all = [state(2, 1), state(3, 2), state(4, 3), state(3, 2), state(2, 1)];
    let seen = told["seen"].as_array().expect("it was told something");
    // Who comes right after another one may be told what was so before.
    let seen = seen.strip_prefix(&[state(1, 1)]).unwrap_or(seen);
    assert_eq!(seen, all, "each once");
    assert_eq!(told["errors"], json!([]));

    let address = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let killed = Instant::now();
    drop(server);
    // The second one is of a server that is not there.
    page.until("errors", |told| told["errors"].as_array().is_some_and(|all| all.len() > 1)).await;
    say(engine, "a server that is gone was asked again", killed.elapsed());
    let began = Instant::now();
    let server = Server::example_at(&address, "online", &options).await;
    page.until("it is back", |told| last(told) == Some(&state(1, 1))).await;
    say(engine, "a script was told again by a server that is back", began.elapsed());
    let came = Instant::now();
    let second = server.visitor().await;
    page.until("somebody", |told| last(told) == Some(&state(2, 2))).await;
    say(engine, "an event of one more, at the latest", came.elapsed());
    drop(second);
    server.counts(1).await;
    let went = Instant::now();
    page.browser.close(tab).await;
    server.counts(0).await;
    say(engine, "a closed tab's script was noticed", went.elapsed());
}

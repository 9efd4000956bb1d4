//! The `forum` example in real browsers: who reads a thread is on everybody's screen by name, each once, and no
//! name gets out of its picture.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::seeing::{open, say, see};
use crate::server::{PATIENCE, Server};
use crate::support::{Browser, Engine, Tab};

in_every_browser!(who_reads_a_thread_is_on_every_screen_by_name);

const THREAD: &str = "t/welcome";
const READERS: &str = "t/welcome/readers.png";
/// In a thread's page.
const PICTURE: &str = "img[src*=readers]";
const FACES: &str = "img[src*=faces]";
const POLL: Duration = Duration::from_millis(10);

/// What somebody says that they are called, and what of it is shown.
const HOSTILE: [(&str, &str); 4] = [
    ("\u{202e}\u{2067}annA", "annA"),
    ("<script>hacked=1</script>", "<script>hacked=1</script>"),
    ("Zoë 🦊", "Zoë 🦊"),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…",
    ),
];

/// Notes in the page's title when the picture has become another one. Firefox 153 draws only the first picture of
/// a stream to a canvas, but tells of each one with an event, and paints it before the frame after that.
const WATCH: &str = r#"
    const picture = document.querySelector('img[src*=readers]'), changes = [];
    const note = () => {
        changes.push(performance.timeOrigin + performance.now());
        document.title = JSON.stringify(changes);
    };
    if (navigator.userAgent.includes('Firefox')) {
        picture.addEventListener('load', () => requestAnimationFrame(note));
        return;
    }
    const canvas = Object.assign(document.createElement('canvas'), { width: 164, height: 4 });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    let before = null;
    const look = () => {
        context.clearRect(0, 0, 164, 4);
        context.drawImage(picture, 0, 0, picture.naturalWidth / 10, 4);
        const pixels = new Uint32Array(context.getImageData(0, 0, 164, 4).data.buffer);
        const now = pixels.reduce((sum, pixel) => (sum * 31 + pixel) | 0, 0);
        if (before !== null && now !== before) note();
        before = now;
        requestAnimationFrame(look);
    };
    look();"#;

/// Where things are in a thread's page, beside the pictures; and how large the pictures are.
const LAYOUT: &str = "
    const places = [...document.querySelectorAll('header, main, h1, ul, main > :last-child')];
    const place = element => {
        const { left, top, width, height } = element.getBoundingClientRect();
        return [left, top, width, height];
    };
    const images = [...document.images].map(image => [image.width, image.height]);
    const page = document.documentElement;
    return [places.map(place), images, page.scrollWidth <= page.clientWidth];";

/// Somebody with a browser in front of them.
struct Person<'a> {
    browser: Browser,
    tab: Tab,
    server: &'a Server,
}

impl<'a> Person<'a> {
    async fn comes(engine: Engine, server: &'a Server) -> Self {
        let browser = Browser::start(engine).await;
        let tab = open(&browser, &server.url, "form[action=\"/login\"]").await;
        Self { browser, tab, server }
    }

    /// Types a name into the page's form, whatever the form lets through.
    async fn logs_in(&self, name: &str, then: &str) {
        let script = format!(
            "const form = document.querySelector('form[action=\"/login\"]');
            if (!form) return;
            form.elements.name.value = {};
            form.submit();",
            Value::from(name)
        );
        self.browser.run(&script).await;
        self.until(&format!("return document.body.innerText.includes({})", Value::from(then)))
            .await;
    }

    /// Waits until the page is a thread's, and its picture is there.
    async fn reads(&self) {
        self.browser.go_to(&format!("{}{THREAD}", self.server.url)).await;
        self.until(&format!("return document.querySelector('{PICTURE}')?.naturalWidth > 0")).await;
    }

    async fn until(&self, script: &str) {
        let search = async {
            while self.browser.run(script).await != true {
                sleep(POLL).await;
            }
        };
        assert!(timeout(PATIENCE, search).await.is_ok(), "never true: {script}");
    }

    /// The pictures on the screen are those that the server has.
    async fn sees(&self, what: &str) {
        for (image, path) in [(PICTURE, READERS), (FACES, "t/welcome/faces.png")] {
            let still = self.server.still(path, "").await;
            see(&self.browser, image, &still, Instant::now(), &format!("forum {what}")).await;
        }
    }

    /// When the picture became another one after this, by the page's own clock, and so long after it.
    async fn changed_after(&self, since: f64) -> Duration {
        let search = async {
            loop {
                let title = self.browser.run("return document.title").await;
                let changes: Vec<f64> = title
                    .as_str()
                    .and_then(|title| serde_json::from_str(title).ok())
                    .unwrap_or_default();
                if let Some(at) = changes.into_iter().find(|at| *at >= since) {
                    return Duration::from_secs_f64((at - since) / 1000.0);
                }
                sleep(POLL).await;
            }
        };
        timeout(PATIENCE, search).await.expect("the picture changes")
    }
}

async fn who_reads_a_thread_is_on_every_screen_by_name(engine: Engine) {
    let server = Server::example("forum", &[]).await;
    let person = || Person::comes(engine, &server);
    let (anna, ben, guest) = tokio::join!(person(), person(), person());
    anna.logs_in("Anna", "Log out").await;
    ben.logs_in("Ben", "Log out").await;
    guest.logs_in(&"x".repeat(10_000), "A name has 1 to 64 characters.").await;
    anna.reads().await;
    says(&server, "Anna is reading this").await;
    ben.reads().await;
    says(&server, "Anna and Ben are reading this").await;
    guest.reads().await;
    says(&server, "Anna, Ben and 1 guest are reading this").await;
    let all = [("anna", &anna), ("ben", &ben), ("guest", &guest)];
    for (name, person) in all {
        person.sees(name).await;
    }

    // In two tabs she is there once. Firefox 153 leaves a second one blank for 20 s where a picture has the same URL.
    let count = || server.json("t/welcome/readers.png?format=json");
    assert_eq!(count().await, json!({ "streams": 3, "visitors": 3 }));
    let path = if engine == Engine::Firefox { "t/welcome/readers.png?format=page" } else { THREAD };
    let tab = anna.browser.open(&format!("{}{path}", server.url)).await;
    until("four streams", async || count().await == json!({ "streams": 4, "visitors": 3 })).await;
    says(&server, "Anna, Ben and 1 guest are reading this").await;
    anna.browser.close(tab).await;
    until("three streams", async || count().await == json!({ "streams": 3, "visitors": 3 })).await;

    hostile_names_are_text(&server, [("ben", &ben), ("guest", &guest)]).await;
}

async fn hostile_names_are_text(server: &Server, screens: [(&str, &Person<'_>); 2]) {
    let mut layouts = Vec::new();
    for (_, person) in screens {
        person.browser.run(WATCH).await;
        layouts.push(person.browser.run(LAYOUT).await);
    }
    let admin = log_in(server, "admin").await;
    let mut lines = server.lines("admin/everyone.png?format=lines", &admin).await;
    let mut readers = Vec::new();
    let mut names = vec!["Anna", "Ben"];
    for (name, shown) in HOSTILE {
        let cookie = log_in(server, name).await;
        // Longer than the time between two pictures, which is not what is measured here.
        sleep(Duration::from_millis(300)).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        let came = Instant::now();
        readers.push(server.visitor_with(READERS, &cookie).await);
        names.push(shown);
        let people: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        lines.until(shown, |line| line["people"] == json!(people)).await;
        let engine = screens[0].1.browser.engine();
        let told = came.elapsed();
        say(engine, "forum: somebody who came was told by name", told);
        assert!(told < Duration::from_secs(1), "{told:?}");
        for (who, person) in screens {
            let after = person.changed_after(now.as_secs_f64() * 1000.0).await;
            say(engine, &format!("forum: and was on {who}'s screen"), after);
            assert!(after < Duration::from_secs(2), "{after:?}");
        }
    }
    let sentence = format!("{} and 1 guest are reading this", names.join(", "));
    says(server, &sentence).await;

    for ((who, person), before) in screens.into_iter().zip(&layouts) {
        // As wide as it may be, it is smaller on the page, so its pixels can't be compared one by one.
        let faces = server.still("t/welcome/faces.png", "").await;
        let what = format!("forum {who} hostile");
        see(&person.browser, FACES, &faces, Instant::now(), &what).await;
        let after = person.browser.run(LAYOUT).await;
        assert_eq!(after[0], before[0], "nothing has moved");
        assert_eq!(after[2], true, "nothing stands out");
        for (image, was) in after[1]
            .as_array()
            .into_iter()
            .flatten()
            .zip(before[1].as_array().into_iter().flatten())
        {
            assert_eq!(image[1], was[1], "as high as before");
            assert!(image[0].as_f64() <= Some(820.0), "{image}");
        }
        assert_eq!(person.browser.run("return window.hacked").await, Value::Null);
    }

    // The same where words are a document's, and where the picture is one.
    let (_, person) = screens[1];
    for (path, words) in [
        ("?format=page", "document.querySelector('input:checked+p')?.textContent"),
        ("?format=svg", "document.documentElement?.textContent"),
    ] {
        let tab = person.browser.open(&format!("{}{READERS}{path}", server.url)).await;
        person
            .until(&format!(
                "return {words}?.includes({})",
                Value::from("<script>hacked=1</script>")
            ))
            .await;
        let scripts = "return [window.hacked ?? null, document.querySelectorAll('script').length]";
        assert_eq!(person.browser.run(scripts).await, json!([null, 0]), "{path}");
        person.browser.close(tab).await;
        person.browser.switch_to(&person.tab).await;
    }
}

/// The cookie of a new session.
async fn log_in(server: &Server, name: &str) -> String {
    let form = format!("name={}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let response = server.ask(Method::POST, "login", &kind, form.as_bytes()).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()["set-cookie"].to_str().expect("a cookie is text");
    cookie.split(';').next().expect("a cookie has a value").to_owned()
}

/// Waits until the thread's picture says this.
async fn says(server: &Server, sentence: &str) {
    let plain = |svg: String| svg.replace("&lt;", "<").replace("&gt;", ">").replace("&#x2f;", "/");
    let svg = || server.text("t/welcome/readers.png?format=svg");
    until(sentence, async || plain(svg().await).contains(sentence)).await;
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let search = async {
        while !is_so().await {
            sleep(POLL).await;
        }
    };
    assert!(timeout(PATIENCE, search).await.is_ok(), "in vain waited for: {what}");
}

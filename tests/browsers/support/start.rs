//! How each browser is started, and how it is spoken to.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::ClientBuilder;
use fantoccini::wd::Capabilities;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::driver::Driver;
use super::engine::Engine;
use super::marionette::Marionette;
use super::process::Process;

/// A busy machine takes some seconds for a browser.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many screen pixels a CSS pixel gets: the badges' default scale, so that a picture's pixels
/// are the screen's and can be compared one by one.
const SCALE: u8 = 2;

/// Starts a browser with everything it writes inside `home`. The processes end on drop.
pub(super) async fn start(engine: Engine, home: &Path) -> (Driver, Vec<Process>) {
    let started = async {
        match engine {
            Engine::Chromium => chromium(home).await,
            Engine::Firefox => firefox(home).await,
            Engine::WebKit => webkit(home).await,
        }
    };
    let started = timeout(PATIENCE, started).await;
    started.unwrap_or_else(|_| panic!("{} does not start", engine.name()))
}

async fn chromium(home: &Path) -> (Driver, Vec<Process>) {
    let mut driver = Process::start(program("chromedriver", home).arg("--port=0"));
    let port = driver.says("started successfully on port ").await;
    let options = json!({ "args": [
        "--headless",
        "--no-sandbox", // with its sandbox it does not run as root, as in a container
        "--disable-gpu",
        "--disable-dev-shm-usage", // 64 MB in a container
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-crash-reporter",
        "--disable-sync",
        "--hide-scrollbars",
        "--no-first-run",
        "--force-color-profile=srgb",
        format!("--force-device-scale-factor={SCALE}"),
        format!("--user-data-dir={}", home.join("profile").display()),
    ] });
    let capabilities = json!({
        "goog:chromeOptions": options,
        "pageLoadStrategy": "none",
        "acceptInsecureCerts": true,
    });
    (web_driver(port.trim_end_matches('.'), capabilities).await, vec![driver])
}

/// Without geckodriver, which Debian 12 does not have, and which takes minutes to build: all that it
/// does is to pass WebDriver's commands on to Marionette, which is in Firefox itself.
async fn firefox(home: &Path) -> (Driver, Vec<Process>) {
    let profile = home.join("profile");
    std::fs::create_dir(&profile).expect("there is room for a profile");
    let settings = format!(
        "user_pref(\"marionette.port\", 0);\n\
         user_pref(\"layout.css.devPixelsPerPx\", \"{SCALE}\");\n"
    );
    std::fs::write(profile.join("user.js"), settings).expect("there is room for settings");
    let mut command = program("firefox-esr", home);
    command.args(["-headless", "-marionette", "-no-remote", "-profile"]).arg(&profile);
    let firefox = Process::start(command.env("MOZ_CRASHREPORTER_DISABLE", "1"));
    let chosen_port = profile.join("MarionetteActivePort");
    let port = loop {
        let port = std::fs::read_to_string(&chosen_port).unwrap_or_default();
        if let Ok(port) = port.trim().parse() {
            break port;
        }
        sleep(Duration::from_millis(20)).await;
    };
    let driver = Marionette::connect(port).await.expect("Firefox listens");
    let capabilities = json!({ "pageLoadStrategy": "none", "acceptInsecureCerts": true });
    driver.command("WebDriver:NewSession", capabilities).await;
    (Driver::Marionette(driver), vec![firefox])
}

async fn webkit(home: &Path) -> (Driver, Vec<Process>) {
    // It has no headless mode. Windows are 1024 × 768 CSS pixels at first.
    let mut screen = program("Xvfb", home);
    screen.args(["-displayfd", "1", "-screen", "0", "2400x1800x24", "-nolisten", "tcp"]);
    let mut screen = Process::start(&mut screen);
    let display = format!(":{}", screen.says("").await);
    let port = free_port().await;
    let mut command = program("WebKitWebDriver", home);
    command.arg(format!("--port={port}")).env("DISPLAY", display);
    command.env("GDK_BACKEND", "x11").env("GDK_SCALE", SCALE.to_string());
    let driver = Process::start(&mut command);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    // A page is never quite loaded for WebKitGTK 2.50 while a picture in it streams.
    let capabilities = json!({ "pageLoadStrategy": "none", "acceptInsecureCerts": true });
    (web_driver(&port.to_string(), capabilities).await, vec![driver, screen])
}

fn program(name: &str, home: &Path) -> Command {
    let mut command = Command::new(name);
    for folder in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env_remove(folder);
    }
    command.env("HOME", home).env("TMPDIR", home).stderr(Stdio::null());
    command
}

async fn web_driver(port: &str, capabilities: Value) -> Driver {
    let capabilities: Capabilities =
        serde_json::from_value(capabilities).expect("capabilities are an object");
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let builder = builder.capabilities(capabilities);
    let client = builder.connect(&format!("http://127.0.0.1:{port}")).await;
    Driver::WebDriver(client.expect("the browser starts"))
}

/// For a driver that can't choose one. Somebody else may take it first, which is unlikely.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
    listener.local_addr().expect("a listener has a port").port()
}

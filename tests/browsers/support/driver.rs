//! The same few commands for every browser.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::Client;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use url::{ParseError, Url};

use super::marionette::Marionette;

/// A command of Chromium's own protocol, as its driver passes it on.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

#[derive(Debug)]
pub(super) enum Driver {
    WebDriver(Client),
    Marionette(Marionette),
}

impl Driver {
    /// Opens an empty tab, or an empty window, and gives its handle.
    pub(super) async fn open(&self, as_tab: bool) -> String {
        match self {
            Self::WebDriver(client) => {
                client.new_window(as_tab).await.expect("a window opens").handle.into()
            }
            Self::Marionette(firefox) => {
                let kind = if as_tab { "tab" } else { "window" };
                let opened = firefox.command("WebDriver:NewWindow", json!({ "type": kind })).await;
                opened["handle"].as_str().expect("a window has a handle").to_owned()
            }
        }
    }

    pub(super) async fn switch_to(&self, handle: &str) {
        match self {
            Self::WebDriver(client) => {
                let handle = WindowHandle::try_from(handle.to_owned());
                let handle = handle.expect("a handle is a word");
                client.switch_to_window(handle).await.expect("the window is there");
            }
            Self::Marionette(firefox) => {
                firefox.command("WebDriver:SwitchToWindow", json!({ "handle": handle })).await;
            }
        }
    }

    /// Closes the window that commands go to now.
    pub(super) async fn close(&self) {
        match self {
            Self::WebDriver(client) => client.close_window().await.expect("the window closes"),
            Self::Marionette(firefox) => {
                firefox.command("WebDriver:CloseWindow", json!({})).await;
            }
        }
    }

    /// The handle of the window that commands go to now.
    pub(super) async fn window(&self) -> String {
        match self {
            Self::WebDriver(client) => client.window().await.expect("a window is there").into(),
            Self::Marionette(firefox) => {
                let handle = firefox.command("WebDriver:GetWindowHandle", json!({})).await;
                handle["value"].as_str().expect("a window has a handle").to_owned()
            }
        }
    }

    pub(super) async fn windows(&self) -> Vec<String> {
        match self {
            Self::WebDriver(client) => {
                let handles = client.windows().await.expect("windows are there");
                handles.into_iter().map(String::from).collect()
            }
            Self::Marionette(firefox) => {
                let handles = firefox.command("WebDriver:GetWindowHandles", json!({})).await;
                serde_json::from_value(handles).expect("windows have handles")
            }
        }
    }

    pub(super) async fn reload(&self) {
        match self {
            Self::WebDriver(client) => client.refresh().await.expect("the page is asked for"),
            Self::Marionette(firefox) => {
                firefox.command("WebDriver:Refresh", json!({})).await;
            }
        }
    }

    pub(super) async fn go_to(&self, url: &str) {
        match self {
            Self::WebDriver(client) => client.goto(url).await.expect("the page is asked for"),
            Self::Marionette(firefox) => {
                firefox.command("WebDriver:Navigate", json!({ "url": url })).await;
            }
        }
    }

    /// Where the window is now, rather than where it is going.
    pub(super) async fn url(&self) -> String {
        match self {
            Self::WebDriver(client) => client.current_url().await.expect("a URL is there").into(),
            Self::Marionette(firefox) => {
                let url = firefox.command("WebDriver:GetCurrentURL", json!({})).await;
                url["value"].as_str().expect("a URL is text").to_owned()
            }
        }
    }

    /// In CSS pixels, with the window's frame.
    pub(super) async fn resize(&self, width: u32, height: u32) {
        match self {
            Self::WebDriver(client) => {
                client.set_window_size(width, height).await.expect("a window has any size");
            }
            Self::Marionette(firefox) => {
                let size = json!({ "width": width, "height": height });
                firefox.command("WebDriver:SetWindowRect", size).await;
            }
        }
    }

    /// What a script returns, which must do no harm when it is run again: while a page is replaced by
    /// the next, WebKitGTK 2.50 and Firefox 153 can't run any.
    pub(super) async fn run(&self, script: &str) -> Value {
        let mut tries = 0;
        loop {
            match self.try_to_run(script).await {
                Ok(value) => return value,
                Err(error) if tries == 250 => panic!("{script}: {error}"),
                Err(_) => tries += 1,
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn try_to_run(&self, script: &str) -> Result<Value, String> {
        match self {
            Self::WebDriver(client) => {
                client.execute(script, Vec::new()).await.map_err(|error| error.to_string())
            }
            Self::Marionette(firefox) => {
                let script = json!({ "script": script, "args": [] });
                let answer = firefox.try_command("WebDriver:ExecuteScript", script).await;
                answer.map(|mut answer| answer["value"].take()).map_err(|error| error.to_string())
            }
        }
    }

    /// Commands go to the window's first frame from now on.
    pub(super) async fn enter_frame(&self) {
        // It may not be there yet.
        for tries in 0.. {
            let entered = match self {
                Self::WebDriver(client) => client.enter_frame(0).await.map_err(|e| e.to_string()),
                Self::Marionette(firefox) => {
                    let entered =
                        firefox.try_command("WebDriver:SwitchToFrame", json!({ "id": 0 }));
                    entered.await.map(drop).map_err(|error| error.to_string())
                }
            };
            match entered {
                Ok(()) => return,
                Err(error) if tries == 250 => panic!("no frame: {error}"),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Commands go to the whole window again.
    pub(super) async fn leave_frame(&self) {
        match self {
            Self::WebDriver(client) => {
                client.enter_parent_frame().await.expect("a frame is in a window")
            }
            Self::Marionette(firefox) => {
                firefox.command("WebDriver:SwitchToFrame", json!({ "id": null })).await;
            }
        }
    }

    /// The names and texts of what screen readers are told of in the first frame; Chromium alone tells.
    pub(super) async fn accessible(&self) -> Option<Vec<String>> {
        let Self::WebDriver(client) = self else { return None };
        let tree = client.issue_cmd(DevTools("Page.getFrameTree", json!({}))).await.ok()?;
        let frame = &tree["frameTree"]["childFrames"][0]["frame"]["id"];
        let of_frame = DevTools("Accessibility.getFullAXTree", json!({ "frameId": frame }));
        let tree = client.issue_cmd(of_frame).await.expect("a frame has such a tree");
        let nodes = tree["nodes"].as_array().expect("a tree has nodes");
        let told = nodes.iter().filter(|node| node["ignored"] != true);
        let named = told.filter_map(|node| {
            let name = node["name"]["value"].as_str().filter(|name| !name.is_empty())?;
            Some(format!("{}: {name}", node["role"]["value"].as_str().unwrap_or_default()))
        });
        Some(named.collect())
    }

    /// Clicks on a place in the window, in CSS pixels.
    pub(super) async fn click(&self, x: u32, y: u32) {
        match self {
            Self::WebDriver(client) => {
                let (x, y) = (f64::from(x), f64::from(y));
                let click = MouseActions::new("mouse".to_owned())
                    .then(PointerAction::MoveTo { duration: None, x, y })
                    .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                    .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
                client.perform_actions(click).await.expect("the mouse is there");
            }
            Self::Marionette(firefox) => {
                let click = json!([
                    { "type": "pointerMove", "x": x, "y": y },
                    { "type": "pointerDown", "button": 0 },
                    { "type": "pointerUp", "button": 0 },
                ]);
                let mouse = json!({ "type": "pointer", "id": "mouse", "actions": click });
                firefox.command("WebDriver:PerformActions", json!({ "actions": [mouse] })).await;
            }
        }
    }

    /// The value of the page's cookie of this name, which a script might not see.
    pub(super) async fn cookie(&self, name: &str) -> String {
        match self {
            Self::WebDriver(client) => {
                let cookie = client.get_named_cookie(name).await.expect("the cookie is there");
                cookie.value().to_owned()
            }
            Self::Marionette(firefox) => {
                let cookies = firefox.command("WebDriver:GetCookies", json!({})).await;
                let mut cookies = cookies.as_array().into_iter().flatten();
                let cookie = cookies.find(|cookie| cookie["name"] == name);
                let value = cookie.and_then(|cookie| cookie["value"].as_str());
                value.expect("the cookie is there").to_owned()
            }
        }
    }

    /// As PNG.
    pub(super) async fn screenshot(&self) -> Vec<u8> {
        match self {
            Self::WebDriver(client) => {
                client.screenshot().await.expect("there is something to see")
            }
            Self::Marionette(firefox) => {
                let take = || {
                    let visible_part = json!({ "full": false });
                    firefox.try_command("WebDriver:TakeScreenshot", visible_part)
                };
                let mut png = take().await;
                // There is none of a document that is just being replaced.
                for _ in 0..20 {
                    if png.is_err() {
                        sleep(Duration::from_millis(50)).await;
                        png = take().await;
                    }
                }
                let png = png.unwrap_or_else(|error| panic!("no screenshot: {error}"));
                let png = png["value"].as_str().expect("a screenshot is text in base64");
                BASE64_STANDARD.decode(png).expect("a screenshot is text in base64")
            }
        }
    }
}

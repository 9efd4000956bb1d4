//! Which browsers there are, and how each is started.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// How many screen pixels a CSS pixel gets: the badges' default scale, so that a picture's pixels
/// are the screen's and can be compared one by one.
const SCALE: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Chromium,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
        }
    }

    /// Programs, and the Debian packages that have them.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Chromium => &[("chromium", "chromium"), ("chromedriver", "chromium-driver")],
        }
    }

    /// Whether the browser is on this machine. If not, says so loudly, and in CI fails.
    pub(crate) fn is_there(self) -> bool {
        let missing = self.programs().iter().find(|(program, _)| find(program).is_none());
        let Some((program, package)) = missing else { return true };
        let name = self.name();
        let why =
            format!("there is no {program} here (Debian package {package}; see tests/install)");
        assert!(std::env::var_os("CI").is_none(), "{name} can't be tested: {why}");
        // Not eprintln!, which the test harness keeps to itself while tests pass.
        let warning = format!("\nWARNING: {name} WAS LEFT OUT: {why}\n\n");
        let _ = std::io::stderr().write_all(warning.as_bytes());
        false
    }

    /// What its WebDriver wants to be told.
    pub(super) fn capabilities(self, home: &Path) -> Value {
        let own = match self {
            Self::Chromium => {
                let profile = home.join("profile");
                json!({ "goog:chromeOptions": { "args": [
                    "--headless",
                    "--no-sandbox", // with its sandbox it does not run as root, as in a container
                    "--disable-gpu",
                    "--disable-dev-shm-usage", // 64 MB in a container
                    "--disable-quic",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-crash-reporter",
                    "--disable-sync",
                    "--no-first-run",
                    "--hide-scrollbars",
                    "--force-color-profile=srgb",
                    format!("--force-device-scale-factor={SCALE}"),
                    "--window-size=640,680",
                    format!("--user-data-dir={}", profile.display()),
                ] } })
            }
        };
        let mut capabilities = own;
        // A page is never quite loaded while a picture streams (WebKitGTK 2.50 says so).
        capabilities["pageLoadStrategy"] = "none".into();
        capabilities
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

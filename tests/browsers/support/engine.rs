//! Which browsers there are, and whether they are on this machine.

use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
        }
    }

    /// Programs, and the Debian packages that have them.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Chromium => &[("chromium", "chromium"), ("chromedriver", "chromium-driver")],
            Self::Firefox => &[("firefox-esr", "firefox-esr")],
            Self::WebKit => &[("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")],
        }
    }

    /// Whether the browser is on this machine. If not, says so loudly, and in CI fails.
    pub(crate) fn is_there(self) -> bool {
        let missing = self.programs().iter().find(|(program, _)| find(program).is_none());
        let Some((program, package)) = missing else { return true };
        let name = self.name();
        let why = format!("no {program} here (Debian package {package}; see tests/install)");
        assert!(std::env::var_os("CI").is_none(), "{name} can't be tested: there is {why}");
        // Not eprintln!, which the test harness keeps to itself while tests pass.
        let warning = format!("\nWARNING: {name} WAS LEFT OUT, there is {why}\n\n");
        let _ = std::io::stderr().write_all(warning.as_bytes());
        false
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

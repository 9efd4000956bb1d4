//! Cookies: the one that a badge itself gives its visitors, and those that others have given them.

use std::time::Duration;

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};

use crate::request::key::{Source, VisitorKey};
use crate::request::random::random;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Browsers forget every cookie after that.
const LONGEST: Duration = DAY.saturating_mul(400);
/// Browsers keep cookies whose names begin so, in any case, only if they are `Secure`.
const SECURE: [&str; 3] = ["__secure-", "__host-", "__http-"];

/// The cookie by which a badge tells its visitors apart, for
/// [`Badge::visitor_cookie`](crate::Badge::visitor_cookie): a random number, `HttpOnly`, and as it is
/// made `SameSite=Lax`, for every path of this host and for a year.
///
/// ```
/// use tower_livebadge::{Badge, SameSite, VisitorCookie};
///
/// // For images in pages of other sites, told apart on each of these sites anew.
/// let cookie = VisitorCookie::new("__Host-viewer").same_site(SameSite::None).partitioned(true);
/// let badge = Badge::online().visitor_cookie(cookie);
/// ```
///
/// A name that begins with `__Host-` or `__Secure-` makes it [`secure`](Self::secure): browsers drop
/// one that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a cookie is set by the badge that it is given to"]
pub struct VisitorCookie {
    name: String,
    secure: Option<bool>,
    domain: Option<String>,
    path: String,
    partitioned: bool,
    same_site: SameSite,
    max_age: Duration,
}

/// To which requests browsers add a [`VisitorCookie`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// To those from pages of the same site.
    Strict,
    /// To those, and when somebody follows a link from another site. The default.
    #[default]
    Lax,
    /// To all, also to images in pages of other sites, as far as the browser allows that. Needs
    /// [`secure`](VisitorCookie::secure).
    None,
}

impl VisitorCookie {
    /// A cookie with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            secure: None,
            domain: None,
            path: "/".to_owned(),
            partitioned: false,
            same_site: SameSite::Lax,
            max_age: DAY * 365,
        }
    }

    /// Whether it is for HTTPS alone.
    ///
    /// Default: if its name says so.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = Some(secure);
        self
    }

    /// The domain that it is for, with all below it.
    ///
    /// Default: the host that sets it, alone.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The path that it is for, with all below it.
    ///
    /// Default: `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether browsers keep one for each site whose pages show the badge (CHIPS), which some of
    /// them allow where they allow no other cookie.
    ///
    /// Needs [`secure`](Self::secure), and [`SameSite::None`] to be of use. Default: no.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// To which requests browsers add it.
    ///
    /// Default: [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// How long browsers keep it, a second to 400 days.
    ///
    /// Default: a year.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// The setting that is wrong, and what it takes.
    pub(crate) fn flaw(&self) -> Option<(&'static str, &'static str)> {
        let is_for_host = self.begins_with("__host-");
        let is_secure = self.is_secure();
        Some(if !is_name(&self.name) {
            ("visitor_cookie", "takes a cookie's name: letters, digits, and - or _")
        } else if self.name_is_secure() && !is_secure {
            (
                "visitor_cookie secure",
                "takes true for this name: browsers drop the cookie otherwise",
            )
        } else if is_for_host && self.domain.is_some() {
            ("visitor_cookie domain", "takes none for a name that begins with __Host-")
        } else if is_for_host && self.path != "/" {
            ("visitor_cookie path", "takes / alone for a name that begins with __Host-")
        } else if self.same_site == SameSite::None && !is_secure {
            ("visitor_cookie same_site", "takes SameSite::None only with secure(true)")
        } else if self.partitioned && !is_secure {
            ("visitor_cookie partitioned", "takes true only with secure(true)")
        } else if self.domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            ("visitor_cookie domain", "takes a host's name: letters, digits, - and .")
        } else if !is_path(&self.path) {
            ("visitor_cookie path", "takes a path that begins with /, of visible ASCII without ;")
        } else if !(Duration::from_secs(1)..=LONGEST).contains(&self.max_age) {
            ("visitor_cookie max_age", "takes a second to 400 days")
        } else {
            return None;
        })
    }

    /// The key of whoever has it.
    pub(crate) fn key(&self, headers: &HeaderMap) -> Option<VisitorKey> {
        value(headers, &self.name)
    }

    /// A new visitor's key, and the header that brings it back.
    pub(crate) fn give(&self) -> (VisitorKey, HeaderValue) {
        let key = format!("{:016x}{:016x}", random(), random());
        let age = i64::try_from(self.max_age.as_secs()).unwrap_or(i64::MAX);
        let cookie = Cookie::build((&*self.name, &*key))
            .path(&*self.path)
            .max_age(cookie::time::Duration::seconds(age))
            .http_only(true)
            .same_site(self.same_site.written())
            .partitioned(self.partitioned)
            .secure(self.is_secure());
        let cookie = match &self.domain {
            Some(domain) => cookie.domain(&**domain),
            None => cookie,
        };
        let header = HeaderValue::try_from(cookie.build().to_string());
        (
            VisitorKey::of(Source::Cookie, key.as_bytes()),
            header.expect("a cookie without flaws is a valid header"),
        )
    }

    fn is_secure(&self) -> bool {
        self.secure.unwrap_or_else(|| self.name_is_secure())
    }

    fn name_is_secure(&self) -> bool {
        SECURE.iter().any(|prefix| self.begins_with(prefix))
    }

    fn begins_with(&self, prefix: &str) -> bool {
        self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }
}

impl From<&str> for VisitorCookie {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for VisitorCookie {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl SameSite {
    fn written(&self) -> cookie::SameSite {
        match self {
            Self::Strict => cookie::SameSite::Strict,
            Self::Lax => cookie::SameSite::Lax,
            Self::None => cookie::SameSite::None,
        }
    }
}

/// The value of the first cookie of this name that has one.
pub(crate) fn value(headers: &HeaderMap, name: &str) -> Option<VisitorKey> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    // Each for itself: what others have put there need not be text.
    let mut values = pairs.filter_map(|pair| {
        let cookie = Cookie::parse(String::from_utf8_lossy(pair)).ok()?;
        let has_value = cookie.name() == name && !cookie.value().trim_ascii().is_empty();
        has_value.then(|| VisitorKey::of(Source::Cookie, cookie.value().as_bytes()))
    });
    values.next()
}

/// Whether browsers and servers agree on a cookie of this name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_domain(domain: &str) -> bool {
    let mut labels = domain.strip_prefix('.').unwrap_or(domain).split('.');
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    labels.all(is_label)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(lines: &[&[u8]]) -> Option<VisitorKey> {
        let line = |line: &&[u8]| (header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        value(&lines.iter().map(line).collect(), "sid")
    }

    fn of_cookie(value: &str) -> VisitorKey {
        VisitorKey::of(Source::Cookie, value.as_bytes())
    }

    fn header(cookie: &VisitorCookie) -> String {
        assert_eq!(cookie.flaw(), None);
        let (key, header) = cookie.give();
        let text = header.to_str().unwrap().to_owned();
        let pair = text.split(';').next().unwrap().to_owned();
        let headers =
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(&pair).unwrap())]);
        assert_eq!(cookie.key(&headers), Some(key), "it brings the key back");
        text.split_once("; ").unwrap().1.to_owned()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        for (lines, expected) in [
            (&[&b"a=1; sid=x=y; b=2"[..]][..], Some("x=y")),
            (&[b"sid=x;sid=y"], Some("x")),
            (&[b"sid=; sid=  ;\tsid = y "], Some("y")),
            (&[b"a=1", b"sid=x"], Some("x")),
            (&[b"a=\xE9\xFF; sid=x"], Some("x")),
            (&[b"a; =; ;;sid=x"], Some("x")),
            (&[b"xsid=1; sid=; SID=1; sid"], None),
            (&[], None),
        ] {
            assert_eq!(key(lines), expected.map(of_cookie), "{lines:?}");
        }
        assert_ne!(key(&[b"sid=alice"]), Some(VisitorKey::new("alice")), "it is not her login");
    }

    #[test]
    fn it_is_written_as_it_is_said() {
        let usual = header(&VisitorCookie::new("viewer"));
        assert_eq!(usual, "HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
        for name in ["__Host-v", "__Secure-v", "__HOST-v", "__secure-v", "__Http-v"] {
            let secure = header(&VisitorCookie::from(name));
            assert_eq!(secure, "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000");
        }
        let all = VisitorCookie::from(String::from("v"))
            .secure(true)
            .domain("example.com")
            .path("/badges")
            .partitioned(true)
            .same_site(SameSite::None)
            .max_age(Duration::from_secs(60));
        assert_eq!(
            header(&all),
            "HttpOnly; SameSite=None; Partitioned; Secure; Path=/badges; Domain=example.com; \
             Max-Age=60"
        );
        assert!(header(&VisitorCookie::new("v").same_site(SameSite::Strict)).contains("=Strict"));
    }

    #[test]
    fn what_browsers_would_drop_is_a_flaw() {
        let (host, plain) = (|| VisitorCookie::new("__hOsT-v"), || VisitorCookie::new("v"));
        for (setting, flawed) in [
            ("", VisitorCookie::new("")),
            ("", VisitorCookie::new("a b")),
            ("", VisitorCookie::new("a;b")),
            ("", VisitorCookie::new("\u{e9}")),
            ("domain", host().domain("example.com")),
            ("path", host().path("/badges")),
            ("secure", host().secure(false)),
            ("secure", VisitorCookie::new("__Secure-v").secure(false)),
            ("same_site", plain().same_site(SameSite::None)),
            ("same_site", plain().same_site(SameSite::None).secure(false)),
            ("partitioned", plain().partitioned(true)),
            ("domain", plain().domain("")),
            ("domain", plain().domain("a.b; Secure")),
            ("domain", plain().domain("a..b")),
            ("path", plain().path("")),
            ("path", plain().path("badges")),
            ("path", plain().path("/a;b")),
            ("path", plain().path("/a\r\nb")),
            ("max_age", plain().max_age(Duration::ZERO)),
            ("max_age", plain().max_age(LONGEST + Duration::from_secs(1))),
        ] {
            let (named, _) = flawed.flaw().unwrap_or_else(|| panic!("{flawed:?}"));
            assert_eq!(named.trim_start_matches("visitor_cookie").trim(), setting, "{flawed:?}");
        }
        assert_eq!(host().same_site(SameSite::None).partitioned(true).flaw(), None);
    }

    proptest! {
        #[test]
        fn any_settings_have_a_flaw_or_make_a_header(
            name in "(__[hH]ost-|__Secure-)?\\PC{0,4}[a-z]{0,3}",
            (secure, domain, path) in (any::<Option<bool>>(), any::<Option<String>>(), "/?\\PC{0,5}"),
            (partitioned, age) in (any::<bool>(), any::<u64>()),
        ) {
            let mut cookie = VisitorCookie::new(name).path(path).partitioned(partitioned);
            cookie = cookie.max_age(Duration::from_secs(age % (LONGEST.as_secs() + 9)));
            (cookie.secure, cookie.domain) = (secure, domain);
            if cookie.flaw().is_none() {
                cookie.give();
            }
        }
    }
}

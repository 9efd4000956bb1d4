//! The headers of an application's own on a badge's answers.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What says how a body is to be read, or is another setting's to say.
const TAKEN: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    header::ETAG,
    header::VARY,
    header::LOCATION,
    header::SET_COOKIE,
    header::REFRESH,
];

/// The headers, or why one of them can't be given.
pub(crate) fn parse(headers: &[(String, String)]) -> Result<HeaderMap, &'static str> {
    let mut parsed = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| "takes the name of a header")?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| "takes a value of visible ASCII characters")?;
        if TAKEN.contains(&name) {
            return Err("takes no header that says how a body is to be read, or that the badge \
                        itself must set");
        }
        if parsed.insert(name, value).is_some() {
            return Err("takes each header once; remove one of the two");
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_given_once_and_never_one_of_the_bodys() {
        let parse = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            parse(&headers.collect::<Vec<_>>())
        };
        let good =
            parse(&[("Cache-Control", "max-age=9"), ("x-mine", "é is not ASCII, but is text")]);
        assert_eq!(good.unwrap()["cache-control"], "max-age=9");
        for bad in [
            &[("a b", "1")][..],
            &[("", "1")],
            &[("x", "a\nb")],
            &[("x", "1"), ("X", "2")],
            &[("content-type", "text/html")],
            &[("Content-Length", "1")],
            &[("set-cookie", "a=b")],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}

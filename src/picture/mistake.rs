//! What is wrong in a template, and where that is written.

use std::error::Error as _;
use std::fmt;
use std::ops::Range;

use minijinja::{Error, ErrorKind};

use crate::error::TemplatePlace;

/// A longer expression is not told in full.
const MAX_CHARS: usize = 80;

/// What is wrong in a template, and where that is written.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) place: TemplatePlace,
    pub(crate) reason: String,
    kind: ErrorKind,
}

impl Mistake {
    /// An error of the template engine in this text, by the text's name and source.
    pub(crate) fn new(error: &Error, text: &str, source: &str) -> Self {
        let written = error.range().and_then(|range| tag(source, range));
        let place = place(text, error.line(), written);
        Self { place, reason: reason(error), kind: error.kind() }
    }

    /// The template would take too long.
    pub(crate) fn is_too_much(&self) -> bool {
        self.kind == ErrorKind::OutOfFuel
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Mistake {}

/// A place in this text, by what is written there.
pub(crate) fn place(text: &str, line: Option<usize>, written: Option<&str>) -> TemplatePlace {
    let expression = written.map(str::trim).filter(|written| !written.is_empty()).map(|written| {
        let first = written.lines().next().unwrap_or_default();
        let short: String = first.chars().take(MAX_CHARS).collect();
        let more = if short.len() < written.len() { " …" } else { "" };
        format!("`{short}{more}`")
    });
    TemplatePlace { text: text.to_owned(), line, expression }
}

/// The whole `{{ … }}` or `{% … %}` that this is in.
fn tag(source: &str, range: Range<usize>) -> Option<&str> {
    let (before, after) = (source.get(..range.start)?, source.get(range.end..)?);
    let begin = before.rfind("{{").max(before.rfind("{%")).unwrap_or(range.start);
    let ends = [after.find("}}"), after.find("%}")];
    let end = ends.into_iter().flatten().min().map_or(range.end, |end| range.end + end + 2);
    source.get(begin..end)
}

/// What the engine says, without the names that it has for templates.
fn reason(error: &Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "it takes too long".to_owned();
    }
    let mut reason = error.kind().to_string();
    if let Some(detail) = error.detail() {
        reason = format!("{reason}: {detail}");
    }
    match error.source() {
        Some(cause) => match cause.downcast_ref::<Error>() {
            Some(cause) => format!("{reason}: {}", self::reason(cause)),
            None => format!("{reason}: {cause}"),
        },
        None => reason,
    }
}

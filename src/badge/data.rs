//! A room's count as data.

use bytes::Bytes;
use serde_json::json;

use crate::picture::words::Words;
use crate::presence::counts::{Counts, Snapshot};

/// A count as data, for whoever wants no picture.
///
/// Pages of all sites may read it (`Access-Control-Allow-Origin: *`), though not with their visitors'
/// cookies, unless the badge is [`gated`](crate::Badge::gated).
/// [`pictures_only`](crate::Badge::pictures_only) switches it off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// `{"streams":3,"visitors":2}`, and `"people":[{"name":"Anna"}],"guests":1` if the badge says
    /// [names](crate::Badge::names_in_data). For `?format=json` and `Accept: application/json`.
    Json,
    /// What a shields.io [endpoint badge] wants: the label, the message and the colour of the
    /// badge's [`Look`](crate::Look); of any other badge, "online" and the number of visitors. For `?format=shields`.
    ///
    /// [endpoint badge]: https://shields.io/badges/endpoint-badge
    Shields,
    /// The number alone: that of the badge's [`Look`](crate::Look), or of the visitors. For
    /// `?format=text` and `Accept: text/plain`.
    Text,
}

impl Data {
    pub(crate) fn media_type(&self) -> &'static str {
        match self {
            Self::Json | Self::Shields => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// `{"streams":3,"visitors":2}`, of whole pictures and of streams. It says who is there, and how many of
    /// them, only if it is told to.
    pub(crate) fn json(snapshot: &Snapshot, max_names: Option<usize>) -> Bytes {
        let Counts { streams, visitors } = snapshot.counts;
        let mut data = json!({ "streams": streams, "visitors": visitors });
        if let Some(max) = max_names {
            let people = &snapshot.people;
            let names = people.first.iter().take(max).map(|someone| someone.name.as_str());
            data["people"] = names.map(|name| json!({ "name": name })).collect();
            data["guests"] = visitors.saturating_sub(people.count).into();
        }
        data.to_string().into()
    }

    pub(crate) fn body(
        &self,
        snapshot: &Snapshot,
        max_names: Option<usize>,
        words: impl FnOnce() -> Words,
    ) -> Bytes {
        match self {
            Self::Json => Self::json(snapshot, max_names),
            Self::Shields => {
                let Words { label, message, color, .. } = words();
                // Shields.io knows colours by their names or by bare hexadecimal digits.
                let color = color.trim_start_matches('#');
                // It draws nothing without a message.
                let message = if message.is_empty() { " " } else { &message };
                json!({ "schemaVersion": 1, "label": label, "message": message, "color": color })
                    .to_string()
                    .into()
            }
            Self::Text => words().number.into(),
        }
    }
}

//! A room's count as data.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::picture::words::Words;
use crate::presence::counts::{Counts, Snapshot};
use crate::presence::records::Records;

/// A count as data, for whoever wants no picture.
///
/// Pages of all sites may read it (`Access-Control-Allow-Origin: *`), though not with their visitors'
/// cookies, unless the badge is [`gated`](crate::Badge::gated).
/// [`pictures_only`](crate::Badge::pictures_only) switches it off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// `{"streams":3,"visitors":2}`; `"people":[{"name":"Anna"}],"guests":1` if the badge says
    /// [names](crate::Badge::names_in_data), `"stale":true` while its values are
    /// [stale](crate::Badge::stale_after), `"alone":true` while the other
    /// [nodes](crate::LiveBadgeLayerBuilder::nodes) can't be reached; and all of [`Records`](crate::Records) if its template shows any of
    /// them, or a [store](crate::LiveBadgeLayerBuilder::store) keeps them. For `?format=json` and `Accept: application/json`.
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

/// What data of a badge says beside the counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Says {
    /// So many of those who are there.
    pub(crate) max_names: Option<usize>,
    pub(crate) records: bool,
}

/// What JSON has of a room, in this order.
#[derive(Serialize)]
struct State<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    /// Only if they are remembered: they would be wrong otherwise.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    records: Option<&'a Records>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<Named<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guests: Option<usize>,
    /// Only if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    alone: Option<bool>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
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
    pub(crate) fn json(snapshot: &Snapshot, says: Says, is_stale: bool) -> Bytes {
        let Snapshot { counts, records, people, is_alone, .. } = snapshot;
        let max_names = says.max_names;
        let named = |max| {
            people.first.iter().take(max).map(|someone| Named { name: someone.name.as_str() })
        };
        let state = State {
            counts,
            records: says.records.then_some(records),
            people: max_names.map(|max| named(max).collect()),
            guests: max_names.map(|_| counts.visitors.saturating_sub(people.count)),
            stale: is_stale.then_some(true),
            alone: is_alone.then_some(true),
        };
        serde_json::to_vec(&state).unwrap_or_default().into()
    }

    pub(crate) fn body(
        &self,
        snapshot: &Snapshot,
        says: Says,
        is_stale: impl FnOnce() -> bool,
        words: impl FnOnce() -> Words,
    ) -> Bytes {
        match self {
            Self::Json => Self::json(snapshot, says, is_stale()),
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

//! A room's count as data.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::picture::words::Words;
use crate::presence::counts::Counts;

/// A count as data, for whoever wants no picture.
///
/// Pages of all sites may read it (`Access-Control-Allow-Origin: *`), though not with their visitors'
/// cookies, unless the badge is [`gated`](crate::Badge::gated).
/// [`pictures_only`](crate::Badge::pictures_only) switches it off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// `{"streams":3,"visitors":2}`, and also `"stale":true` while the badge's values are
    /// [stale](crate::Badge::stale_after). For `?format=json` and `Accept: application/json`.
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

/// What JSON has of a room.
#[derive(Serialize)]
struct Count<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    /// Only if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
}

impl Data {
    pub(crate) fn media_type(&self) -> &'static str {
        match self {
            Self::Json | Self::Shields => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    pub(crate) fn body(
        &self,
        counts: &Counts,
        is_stale: impl FnOnce() -> bool,
        words: impl FnOnce() -> Words,
    ) -> Bytes {
        match self {
            Self::Json => {
                let stale = is_stale().then_some(true);
                serde_json::to_vec(&Count { counts, stale }).unwrap_or_default().into()
            }
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

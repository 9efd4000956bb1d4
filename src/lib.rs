//! front page

mod answer;
mod badge;
mod badges;
mod body;
mod error;
mod fonts;
mod frame;
mod handle;
mod layer;
mod multipart;
mod negotiate;
mod observer;
mod painter;
mod picture;
mod presence;
mod raster;
mod recipe;
mod registry;
mod reporter;
mod room;
mod service;
mod stage;
mod template;
mod values;
mod visitor;

pub use badge::Badge;
pub use body::ResponseBody;
pub use error::{BuildError, PaintError};
pub use handle::{Change, Changes, Handle};
pub use layer::{LiveBadgeLayer, LiveBadgeLayerBuilder};
pub use negotiate::Reply;
pub use observer::{Observer, Paint, Refusal, RoomCounts};
pub use presence::Counts;
pub use service::{LiveBadge, NotFound, ResponseFuture};
pub use visitor::VisitorKey;

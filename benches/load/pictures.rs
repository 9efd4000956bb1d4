//! The pictures that all servers send: the crate's own flat badge with other numbers of three digits,
//! which are all of one size.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio::sync::watch;
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadgeLayer, Look};

/// So few that all of them are in any cache.
pub(crate) const NUMBERS: Range<usize> = 100..164;

pub(crate) fn look() -> Look {
    Look::flat("online").number("{{ value }}")
}

/// The number that is shown after so many changes.
pub(crate) fn number(changes: usize) -> usize {
    NUMBERS.start + changes % NUMBERS.len()
}

/// Draws them into a file.
pub(crate) fn draw(file: &Path) -> Result<(), Box<dyn Error>> {
    let (number, numbers) = watch::channel(0);
    let badge = Badge::look(look()).values(numbers);
    let badges = LiveBadgeLayer::builder().badge("/values.png", badge).build()?.into_service();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    for shown in NUMBERS {
        number.send_replace(shown);
        let request = Request::get("/values.png?still").body(Empty::<bytes::Bytes>::new())?;
        let still = async {
            let response = badges.clone().oneshot(request).await?;
            Ok::<_, Box<dyn Error>>(response.into_body().collect().await?.to_bytes())
        };
        let picture = runtime.block_on(still)?;
        all.extend_from_slice(&u32::try_from(picture.len())?.to_be_bytes());
        all.extend_from_slice(&picture);
    }
    Ok(std::fs::write(file, all)?)
}

/// Those that were drawn.
pub(crate) fn read(file: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let all = std::fs::read(file)?;
    let (mut pictures, mut rest) = (Vec::new(), &all[..]);
    while let Some((length, more)) = rest.split_first_chunk() {
        let (picture, more) = more.split_at(u32::from_be_bytes(*length) as usize);
        pictures.push(picture.to_vec());
        rest = more;
    }
    Ok(pictures)
}

//! A badge's pictures that are on a stage somewhere, each made ready to be sent once for all rooms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use crate::picture::format::Format;
use crate::stream::frame::Frame;
use crate::stream::multipart::Multipart;

/// Of those that are on no stage any more, so many may be left among those that are.
const LEFT: usize = 64;

/// A badge's frames, as long as somebody holds them.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// By where the pictures are, which their frames hold on to.
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    frames: HashMap<(usize, usize), Weak<Frame>>,
    /// With so many, those that nobody holds are looked for.
    full: usize,
}

impl Frames {
    /// Of a picture that other rooms may show, too. `None` if the boundary is in it, and it can't be written otherwise.
    pub(crate) fn picture(
        &self,
        multipart: &Arc<Multipart>,
        format: &Format,
        picture: &Bytes,
    ) -> Option<Arc<Frame>> {
        let place = (picture.as_ptr() as usize, picture.len());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = held.frames.get(&place).and_then(Weak::upgrade) {
            return Some(frame);
        }
        let frame = Arc::new(Frame::picture(multipart.clone(), format.clone(), picture)?);
        if held.frames.len() >= held.full {
            held.frames.retain(|_, frame| frame.strong_count() > 0);
            held.full = 2 * held.frames.len() + LEFT;
        }
        held.frames.insert(place, Arc::downgrade(&frame));
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn rooms_that_show_the_same_have_the_same_frame() {
        let multipart = Arc::new(Multipart::new(HeaderValue::from_static("cross-origin")));
        let frames = Frames::default();
        let frame = |picture: &Bytes| frames.picture(&multipart, &Format::Png, picture).unwrap();
        let picture = |number: usize| Bytes::from(vec![number as u8; 40]);
        let one = picture(1);
        let here = frame(&one);
        assert!(Arc::ptr_eq(&here, &frame(&one)));
        // What is alike elsewhere in memory is another one.
        assert!(!Arc::ptr_eq(&here, &frame(&picture(1))));
        for number in 0..1000 {
            assert!(!frame(&picture(number)).shows_other(&picture(number)));
        }
        assert!(frames.held.lock().unwrap().frames.len() <= 2 + LEFT);
        assert!(Arc::ptr_eq(&here, &frame(&one)));
    }
}

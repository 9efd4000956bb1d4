//! From the state of a room to its picture: the template's slots are filled, the text is drawn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use minijinja::value::Value;

use crate::error::PaintError;
use crate::presence::Counts;
use crate::raster::Raster;
use crate::template::{Params, Template};
use crate::values::Values;

/// What a badge looks like.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) template: Template,
    pub(crate) values: Vec<Box<dyn Values>>,
    pub(crate) scale: f32,
    pub(crate) raster: Arc<Raster>,
}

/// SVG text whose picture is there, or is being drawn.
pub(crate) enum Drawing {
    Cached(Bytes),
    ToDraw { raster: Arc<Raster>, svg: Arc<str>, scale: f32 },
}

impl Picture {
    /// The SVG text of a room in this state, with these values as they are now.
    ///
    /// Their own code runs here: a panic in it is an error.
    pub(crate) fn fill(
        &self,
        counts: Counts,
        params: &Params,
        values: &mut [Box<dyn Values>],
    ) -> Result<Arc<str>, PaintError> {
        let fill = || {
            let values: Vec<Value> = values.iter_mut().map(|values| values.take()).collect();
            self.template.fill(counts, params, &values)
        };
        let svg = catch_unwind(AssertUnwindSafe(fill)).map_err(|_| PaintError::Panicked)?;
        svg.map(Arc::from).map_err(|error| PaintError::Fill(Box::new(error)))
    }

    /// The same, for whoever does not wait for the values to change.
    pub(crate) fn fill_once(
        &self,
        counts: Counts,
        params: &Params,
    ) -> Result<Arc<str>, PaintError> {
        self.fill(counts, params, &mut self.values.clone())
    }

    /// The picture of this text. Nothing is drawn before the future is polled.
    pub(crate) fn drawing(&self, svg: Arc<str>) -> Drawing {
        match self.raster.cached(&svg, self.scale) {
            Some(png) => Drawing::Cached(png),
            None => Drawing::ToDraw { raster: self.raster.clone(), svg, scale: self.scale },
        }
    }
}

impl Drawing {
    pub(crate) fn is_cached(&self) -> bool {
        matches!(self, Self::Cached(_))
    }

    pub(crate) async fn finish(self) -> Result<Bytes, PaintError> {
        match self {
            Self::Cached(png) => Ok(png),
            Self::ToDraw { raster, svg, scale } => raster.draw(svg, scale).await,
        }
    }
}

pub(crate) mod admission;
pub(crate) mod opened;
pub(crate) mod painter;
pub(crate) mod registry;
pub(crate) mod reporter;

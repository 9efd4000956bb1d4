pub(crate) mod accept;
pub(crate) mod params;
pub(crate) mod random;
pub(crate) mod style;
pub mod visitor;

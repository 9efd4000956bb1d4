pub(crate) mod meter;
pub(crate) mod observer;

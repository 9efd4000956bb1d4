pub(crate) mod frame;
pub(crate) mod multipart;
pub(crate) mod stage;

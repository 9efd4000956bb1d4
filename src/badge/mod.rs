pub(crate) mod builder;
pub(crate) mod check;
pub(crate) mod data;
pub(crate) mod recipe;
pub(crate) mod reply;
pub(crate) mod settings;

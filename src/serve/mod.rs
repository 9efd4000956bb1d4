pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod dispatch;
pub(crate) mod embed;
pub(crate) mod handle;
pub(crate) mod layer;
pub(crate) mod service;

pub(crate) mod crowd;
pub(crate) mod history;
pub(crate) mod roster;

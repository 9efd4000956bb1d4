//! What is measured, from outside of the server.

pub(crate) mod machine;
pub(crate) mod percentiles;
pub(crate) mod process;
pub(crate) mod samples;

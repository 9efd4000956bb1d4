//! The store that comes along: one file.

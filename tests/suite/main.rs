//! What the crate promises, tested through its public face: real servers, real clients, one module for
//! each promise. One binary, because linking is most of what a test costs.

mod common;

mod admission;
mod answers;
mod application;
mod build_errors;
mod clock;
mod cuts;
mod endings;
mod faces;
mod formats;
mod grpc;
mod hooks;
mod hostile;
mod house;
mod images;
mod inner_services;
mod join_and_leave;
mod listen;
mod live_data;
mod looks;
mod negotiation;
mod observability;
mod own_code;
mod own_values;
mod pace;
mod pages;
mod past_and_totals;
mod paths;
mod reply;
mod room_handles;
mod rooms_and_people;
mod scripts;
mod shutdown;
mod stills;
mod strictness;
mod template_errors;
mod visitors;
mod wire;
mod wire_compression;
mod wire_documents;
mod wire_end;

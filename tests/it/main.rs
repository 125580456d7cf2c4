//! The one integration test binary: a module per intent.

mod capture_generated;
mod captures;
mod client_scripted;
mod corpus;
mod decode_corpus;
mod decode_properties;
mod generated;
mod interop_client;
mod program;
mod rooms;
mod strategies;

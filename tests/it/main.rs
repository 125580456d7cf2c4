//! The one integration test binary: a module per intent.

mod corpus;
mod decode_corpus;
mod decode_properties;
mod strategies;

//! The one integration test binary: a module per intent.

mod broker_command;
mod broker_socket;
mod capture_generated;
mod captures;
mod corpus;
mod decode_corpus;
mod decode_properties;
mod interop_broker;
mod scenarios;
mod strategies;
mod test_broker;

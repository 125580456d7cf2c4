//! The one integration test binary: a module per intent.

mod bench_command;
mod bench_faults;
mod broker_command;
mod broker_socket;
mod capture_generated;
mod captures;
mod captures_json;
mod captures_sn;
mod client_scripted;
mod corpus;
mod decode_command;
mod decode_corpus;
mod decode_input;
mod decode_properties;
mod generated;
mod interop_broker;
mod interop_client;
mod interop_tshark;
mod json_shape;
mod program;
mod replay_command;
mod rooms;
mod scenarios;
mod sn_properties;
mod strategies;
mod test_broker;

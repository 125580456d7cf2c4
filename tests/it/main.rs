//! The one integration test binary: a module per intent.

mod bench_broker_faults;
mod bench_command;
mod bench_engine;
mod bench_faults;
mod bench_metrics;
mod bench_pages;
mod bench_results;
mod bench_schema;
mod bench_truth;
#[cfg(unix)]
mod broker_access;
mod broker_command;
#[cfg(unix)]
mod broker_faults;
mod broker_hangup;
mod broker_kill;
mod broker_limits;
#[cfg(unix)]
mod broker_listeners;
mod broker_model;
mod broker_random;
mod broker_socket;
#[cfg(unix)]
mod broker_tests;
mod capture_generated;
mod capture_tls;
mod captures;
mod captures_json;
mod captures_sn;
mod client_auth;
mod client_cut;
mod client_model;
mod client_retry;
mod client_scripted;
mod corpus;
mod decode_command;
mod decode_corpus;
mod decode_input;
mod decode_order;
mod decode_payload;
mod decode_properties;
mod decode_select;
mod decode_stats;
mod decode_views;
mod decode_write;
mod files;
mod generated;
#[cfg(unix)]
mod interop_access;
mod interop_broker;
mod interop_browser;
mod interop_client;
mod interop_format;
mod interop_histogram;
#[cfg(unix)]
mod interop_libraries;
#[cfg(unix)]
mod interop_rabbitmq;
mod interop_sub;
mod interop_transport;
mod interop_tshark;
mod json_schema;
mod json_shape;
mod kubernetes;
mod lint;
mod mosquitto_table;
mod packets;
mod program;
mod publish_input;
mod publish_settings;
mod readme;
mod replay_captures;
mod replay_command;
mod replay_readme;
mod replay_sessions;
mod request_command;
mod rooms;
mod scenarios;
mod sn_properties;
mod strategies;
mod sub_command;
mod test_broker;
mod transport;

//! `midge`: MQTT from a shell.
//!
//! # The map of the house
//!
//! ```text
//! main  ->  cli (flags only)  ->  cmd/* (one per subcommand: Args -> Plan -> run)
//! cmd   ->  client | broker | capture | output          these four never import each other
//! those ->  mqtt                                         pure protocol, imports nothing of ours
//! cmd, capture, output  ->  mqttsn  ->  mqtt             the same for MQTT-SN
//! client, broker  ->  net                                byte streams
//! ```
//!
//! | room | what belongs there | what never does |
//! |---|---|---|
//! | [`mqtt`] | packet model, the decoder, the encoder, framing, property/reason/rule tables, topic names and filters, the QoS 1/2 flow machine, the session tracker behind `decode --lint` | I/O, clocks, tokio, clap, printing |
//! | [`mqttsn`] | MQTT-SN 1.2: message model, the decoder, message type/flag/return code/rule tables, topic ids; shares sides, QoS, field values and sinks with `mqtt` | I/O, clocks, printing |
//! | [`net`] | opening and accepting byte streams | MQTT knowledge |
//! | [`client`] | the internal client that pub, sub, rr, bench and capture-replay share | flag parsing, printing |
//! | [`broker`] | `core` (pure: sessions, subscriptions, retained, wills) and the tokio shell around it | flag parsing, printing |
//! | [`capture`] | pcap/pcapng reading and writing, decompression, link/IP/TCP layers, reassembly, unwrapping of TLS and WebSocket to MQTT byte streams, MQTT-SN datagrams | printing |
//! | [`output`] | text trees, JSON lines, mosquitto's formats, payloads in other forms, progress bars, tables, pages and plots, colour | sockets, protocol decisions |
//! | [`cli`] | clap definitions, and flags that are set elsewhere (option files, variables, profiles) becoming words in front of those typed | behaviour |
//! | [`cmd`] | one file or folder per subcommand; turns arguments into a validated plan, runs it, maps the result to an exit code; `mosquitto` is the same for those who call midge by the names of mosquitto's clients | protocol rules |
//!
//! `tests/it/rooms.rs` reads the `use` lines and fails on an arrow that this picture does not have.
//! `pcap_parser` and `etherparse` appear only in `capture`, `colored` and `indicatif` only in
//! `output`, `clap` only in `cli`.

pub mod broker;
pub mod capture;
pub mod cli;
pub mod client;
pub mod cmd;
pub mod mqtt;
pub mod mqttsn;
pub mod net;
pub mod output;

//! `-d`: every packet as a line on stdout.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::cli::Program;
use crate::client::Trace;
use crate::mqtt::packet::{AckKind, Packet, Publish};
use crate::mqtt::{PropertyId, QoS};

/// Shows the packets of a connection.
pub(in crate::cmd) fn trace(program: Program) -> Arc<dyn Trace> {
    Arc::new(Lines {
        program,
        state: Mutex::new(State {
            client_id: "(null)".to_owned(),
            last_id: 0,
        }),
    })
}

#[derive(Debug)]
struct Lines {
    program: Program,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client_id: String,
    /// They give a number to messages of QoS 0, too.
    last_id: u16,
}

impl Trace for Lines {
    fn sent(&self, packet: &Packet<'_>) {
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        if let Packet::Connect(connect) = packet
            && !connect.client_id.is_empty()
        {
            state.client_id = connect.client_id.to_owned();
        }
        if let Packet::Publish(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) = packet {
            state.last_id = state.last_id.checked_add(1).unwrap_or(1);
        }
        let id = &state.client_id;
        let mut lines = String::new();
        let _ = match packet {
            Packet::Connect(_) => writeln!(lines, "Client {id} sending CONNECT"),
            Packet::Publish(publish) => {
                let packet_id = match publish.qos {
                    QoS::AtMostOnce => state.last_id,
                    QoS::AtLeastOnce | QoS::ExactlyOnce => publish.packet_id,
                };
                writeln!(
                    lines,
                    "Client {id} sending PUBLISH {}",
                    in_brackets(publish, packet_id)
                )
            }
            Packet::Ack(ack) => {
                let (name, number) = (ack.kind.packet_type(), ack.packet_id);
                match ack.kind {
                    AckKind::PubAck | AckKind::PubRec => {
                        let reason = ack.reason.0;
                        writeln!(lines, "Client {id} sending {name} (m{number}, rc{reason})")
                    }
                    AckKind::PubRel | AckKind::PubComp => {
                        writeln!(lines, "Client {id} sending {name} (m{number})")
                    }
                }
            }
            Packet::Subscribe(subscribe) => {
                for (filter, options) in subscribe.filters.iter() {
                    let _ = writeln!(
                        lines,
                        "Client {id} sending SUBSCRIBE (Mid: {}, Topic: {filter}, QoS: {}, \
                         Options: 0x{:02x})",
                        subscribe.packet_id,
                        options.qos,
                        options.to_byte(crate::mqtt::Version::V5) & !3
                    );
                }
                Ok(())
            }
            Packet::Unsubscribe(unsubscribe) => {
                for (filter, _) in unsubscribe.filters.iter() {
                    let number = unsubscribe.packet_id;
                    let _ = writeln!(
                        lines,
                        "Client {id} sending UNSUBSCRIBE (Mid: {number}, Topic: {filter})"
                    );
                }
                Ok(())
            }
            packet => writeln!(lines, "Client {id} sending {}", packet.packet_type()),
        };
        print(&lines);
    }

    fn received(&self, packet: &Packet<'_>) {
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        if let Packet::ConnAck(connack) = packet
            && let Some(id) = connack
                .properties
                .text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER)
        {
            state.client_id = id.to_owned();
        }
        let id = &state.client_id;
        let mut lines = String::new();
        let _ = match packet {
            Packet::ConnAck(connack) => {
                writeln!(lines, "Client {id} received CONNACK ({})", connack.code)
            }
            Packet::Publish(publish) => {
                let shown = in_brackets(publish, publish.packet_id);
                writeln!(lines, "Client {id} received PUBLISH {shown}")
            }
            Packet::Ack(ack) => {
                let (name, number) = (ack.kind.packet_type(), ack.packet_id);
                match ack.kind {
                    AckKind::PubAck | AckKind::PubComp => {
                        let reason = ack.reason.0;
                        writeln!(
                            lines,
                            "Client {id} received {name} (Mid: {number}, RC:{reason})"
                        )
                    }
                    AckKind::PubRec | AckKind::PubRel => {
                        writeln!(lines, "Client {id} received {name} (Mid: {number})")
                    }
                }
            }
            Packet::SubAck(codes) => {
                let _ = writeln!(lines, "Client {id} received SUBACK");
                if self.program == Program::MosquittoSub {
                    let _ = write!(lines, "Subscribed (mid: {})", codes.packet_id);
                    for (i, code) in codes.codes.iter().enumerate() {
                        let _ = write!(lines, "{}{code}", if i == 0 { ": " } else { ", " });
                    }
                    lines.push('\n');
                }
                Ok(())
            }
            Packet::Disconnect(reason) => {
                writeln!(
                    lines,
                    "Client {id} received DISCONNECT ({})",
                    reason.reason.0
                )
            }
            packet => writeln!(lines, "Client {id} received {}", packet.packet_type()),
        };
        print(&lines);
    }
}

/// A PUBLISH as they show it, in their broker's log, too.
pub(in crate::cmd) fn in_brackets(publish: &Publish<'_>, packet_id: u16) -> String {
    format!(
        "(d{}, q{}, r{}, m{packet_id}, '{}', ... ({} bytes))",
        u8::from(publish.dup),
        publish.qos,
        u8::from(publish.retain),
        publish.topic,
        publish.payload.len()
    )
}

fn print(lines: &str) {
    let _ = io::stdout().lock().write_all(lines.as_bytes());
}

//! Whether a packet may come now: what must be there before it, and what should have ended by then.

use super::Connection;
use crate::mqtt::packet_type::PacketType;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::version::{Side, Version};

/// What came before CONNECT.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// Something may have come of which nothing is known, perhaps another connection.
    is_in_part: bool,
    first: Option<First>,
}

/// The first packet, if it is not CONNECT.
#[derive(Debug, Clone, Copy)]
struct First {
    frame: u64,
    packet_type: PacketType,
    from: Option<Side>,
}

impl Opening {
    /// Part of the connection was not seen.
    pub(super) fn missed(&mut self) {
        self.is_in_part = true;
    }

    /// A packet that is not CONNECT.
    fn saw(&mut self, from: Option<Side>, packet_type: PacketType, frame: u64) {
        self.first.get_or_insert(First {
            frame,
            packet_type,
            from,
        });
    }

    /// CONNECT comes, the first one.
    fn connect(&self, report: &mut Report<'_>) {
        let Some(first) = self.first.filter(|_| !self.is_in_part) else {
            return;
        };
        let First { packet_type, .. } = first;
        match first.from {
            Some(Side::Client) => report.add(
                Rule::NotConnect,
                &[first.frame],
                format!("CONNECT comes behind {packet_type}; it must be the first packet"),
            ),
            Some(Side::Server) => report.add_between(
                Rule::ServerBeforeConnAck,
                Rule::ServerBeforeConnAck.row().severity,
                Side::Server,
                vec![first.frame, report.at.frame],
                format!("{packet_type} from the server before CONNECT"),
            ),
            None => report.add_citing(
                Rule::NotConnect,
                match report.version {
                    Version::V31 => &[],
                    Version::V311 | Version::V5 => &["MQTT-3.1.0-1", "MQTT-3.2.0-1"],
                },
                &[first.frame],
                format!(
                    "CONNECT comes behind {packet_type}; it must be the first packet, and the server \
                     sends nothing before it"
                ),
            ),
        }
    }
}

impl Connection {
    /// A packet of which nobody says who sent it.
    pub(in crate::mqtt::session) fn of_nobody(
        &mut self,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        self.version = report.version;
        if self.handshake.is_clean().is_none() {
            self.opening.saw(None, packet_type, report.at.frame);
        }
        self.after_refusal(None, packet_type, report);
        self.forget(Side::Client);
        self.forget(Side::Server);
    }

    /// Returns whether the checks that follow make sense for a packet.
    pub(super) fn may_come_now(
        &mut self,
        from: Side,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) -> bool {
        if self.handshake.is_clean().is_none() {
            match packet_type {
                // What is known to be whole is looked at below.
                PacketType::CONNECT if self.client.is_heard && self.client.is_whole => {}
                PacketType::CONNECT => self.opening.connect(report),
                _ => self.opening.saw(Some(from), packet_type, report.at.frame),
            }
        }
        let makes_sense = match from {
            Side::Client => self.handshake.client_sends(
                packet_type,
                !self.client.is_heard,
                self.client.is_whole,
                self.server.is_whole,
                report,
            ),
            Side::Server => {
                if self.server.is_whole {
                    self.handshake.server_sends(packet_type, report);
                }
                true
            }
        };
        if makes_sense {
            self.after_refusal(Some(from), packet_type, report);
            self.after_take_over(from, packet_type, report);
            self.after_fault(from, packet_type, report);
        }
        makes_sense
    }
}

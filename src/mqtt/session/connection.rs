//! One connection: which check sees which packet.

mod closing;
mod content;
mod opening;
mod session;

use std::collections::VecDeque;

use super::super::packet::Packet;
use super::super::packet_type::PacketType;
use super::super::version::{Side, Version};
use super::delivery::Deliveries;
use super::finding::{Finding, Report};
use super::handshake::Handshake;
use super::keep_alive::KeepAlive;
use super::limits::{AliasUse, Limits, check_size};
use super::outbox::Outbox;
use super::requests::Pings;
use super::subscriptions::Subscriptions;
use super::websocket::{Waiting, WebSocketFault};
use super::{At, Server};
pub(super) use closing::LeftOpen;
use closing::TakeOver;
use opening::Opening;

/// A packet, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'p, 'a> {
    pub(super) from: Side,
    pub(super) byte1: u8,
    /// Its whole length in bytes.
    pub(super) len: usize,
    /// Something in it is wrong by itself.
    pub(super) has_faults: bool,
    /// There is less of it than that.
    pub(super) is_cut: bool,
    /// `None` if it could not be read.
    pub(super) packet: Option<&'p Packet<'a>>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) by: Option<Side>,
    /// After everything that it had to send.
    pub(super) is_orderly: bool,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    last: At,
    version: Version,
    client: Half,
    server: Half,
    handshake: Handshake,
    keep_alive: KeepAlive,
    pings: Pings,
    subscriptions: Subscriptions,
    deliveries: Deliveries,
    ending: Option<Ending>,
    /// A DISCONNECT said that something went wrong.
    has_failed: bool,
    /// The first packet of the client that must end the connection.
    fault: Option<At>,
    told_not_closed: bool,
    opening: Opening,
    take_over: TakeOver,
    /// When the session was resumed.
    resumed: Option<At>,
    /// What was wrong below MQTT.
    websocket: Waiting,
}

/// One side of it.
#[derive(Debug)]
struct Half {
    /// Something of it was seen.
    is_heard: bool,
    /// Every packet that it sent on this connection was seen.
    is_whole: bool,
    /// Some of it may not have been seen.
    has_holes: bool,
    /// The last packet, if its end was not seen.
    cut: Option<Cut>,
    /// It has sent everything.
    is_finished: bool,
    /// The frame of its DISCONNECT.
    disconnect: Option<u64>,
    told_after: bool,
    /// What it takes.
    limits: Option<Limits>,
    aliases: AliasUse,
    outbox: Outbox,
}

/// A packet whose end was not seen.
#[derive(Debug, Clone, Copy)]
struct Cut {
    frame: u64,
    packet_type: PacketType,
    /// As announced, in bytes.
    len: usize,
}

impl Half {
    fn new(side: Side) -> Half {
        Half {
            is_heard: false,
            is_whole: false,
            has_holes: false,
            cut: None,
            is_finished: false,
            disconnect: None,
            told_after: false,
            limits: None,
            aliases: AliasUse::default(),
            outbox: Outbox::new(side),
        }
    }
}

impl Default for Connection {
    fn default() -> Connection {
        Connection {
            last: At::default(),
            version: Version::default(),
            client: Half::new(Side::Client),
            server: Half::new(Side::Server),
            handshake: Handshake::default(),
            keep_alive: KeepAlive::default(),
            pings: Pings::default(),
            subscriptions: Subscriptions::default(),
            deliveries: Deliveries::default(),
            ending: None,
            has_failed: false,
            fault: None,
            told_not_closed: false,
            opening: Opening::default(),
            take_over: TakeOver::default(),
            resumed: None,
            websocket: Waiting::default(),
        }
    }
}

impl Connection {
    pub(super) fn saw(&mut self, at: At) {
        self.last = at;
    }

    pub(super) fn last(&self) -> At {
        self.last
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn client_id(&self) -> &str {
        self.handshake.client_id()
    }

    /// Bytes of what it remembers, about.
    pub(super) fn weight(&self) -> usize {
        let of = |half: &Half| half.aliases.weight() + half.outbox.weight();
        of(&self.client)
            + of(&self.server)
            + self.handshake.weight()
            + self.subscriptions.weight()
            + self.deliveries.weight()
    }

    /// Forgets what takes memory.
    pub(super) fn drop_memory(&mut self) {
        for half in [&mut self.client, &mut self.server] {
            half.aliases.forget();
            half.outbox.drop_memory();
        }
        self.handshake.drop_memory();
        self.subscriptions.drop_memory();
        self.deliveries.forget();
    }

    /// What was sent before may not have been seen.
    pub(super) fn captured(&mut self) {
        self.opening.missed();
        self.client.has_holes = true;
        self.server.has_holes = true;
    }

    /// Everything that `from` sends will be seen.
    pub(super) fn opened(&mut self, from: Option<Side>) {
        for (side, half) in [
            (Side::Client, &mut self.client),
            (Side::Server, &mut self.server),
        ] {
            if from.is_none_or(|from| from == side) {
                half.is_whole = !half.is_heard;
                half.has_holes = half.is_heard;
            }
        }
    }

    /// Something was not seen.
    pub(super) fn missed(&mut self) {
        self.opening.missed();
    }

    /// Something that `side` sent was not seen, or it may have sent something else.
    pub(super) fn forget(&mut self, side: Side) {
        let (sender, receiver) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        sender.is_whole = false;
        sender.has_holes = true;
        sender.cut = None;
        sender.aliases.forget();
        sender.outbox.forget_sent();
        receiver.outbox.forget_answers();
        self.pings.forget();
        match side {
            Side::Client => {
                self.subscriptions.forget_asked();
                self.keep_alive.forget();
            }
            Side::Server => self.subscriptions.forget_granted(),
        }
    }

    /// `from` did something wrong below MQTT.
    pub(super) fn websocket(
        &mut self,
        at: At,
        from: Side,
        fault: WebSocketFault,
        out: &mut VecDeque<Finding>,
    ) {
        self.websocket.push(at, from, fault);
        if self.client.is_heard || self.server.is_heard {
            self.websocket.report(self.version, out);
        }
    }

    /// The version is known.
    pub(super) fn has_version(&mut self, version: Version, out: &mut VecDeque<Finding>) {
        self.websocket.report(version, out);
    }

    /// A packet. Returns whether it is the CONNACK that accepts the client.
    pub(super) fn packet(
        &mut self,
        seen: Seen<'_, '_>,
        server: &mut Server,
        report: &mut Report<'_>,
    ) -> bool {
        self.version = report.version;
        let packet_type = PacketType::from_byte1(seen.byte1);
        if !packet_type.may_be_sent_by(seen.from, report.version) {
            // Reported with the packet.
            return false;
        }
        if packet_type == PacketType::CONNECT && !self.client.is_heard {
            // Nothing comes before CONNECT, and no answer before it.
            self.client.is_whole = true;
            self.server.is_whole |= !self.server.is_heard && !self.server.has_holes;
        }
        if !self.may_come_now(seen.from, packet_type, report) {
            return false;
        }
        if packet_type != PacketType::CONNECT && self.handshake.is_clean().is_none() {
            // Whoever it is.
            server.sessions.seen_in_part();
        }
        self.after_disconnect(seen.from, packet_type, report);
        let (sender, receiver) = match seen.from {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        // Of a side that was not seen from its first byte on, nobody knows how much was sent before
        // the first packet that is seen.
        if !receiver.is_whole && !receiver.is_heard {
            sender.outbox.forget_answers();
        }
        if !sender.is_whole && !sender.is_heard {
            receiver.outbox.forget_answers();
        }
        sender.is_heard = true;
        if let Some(limits) = &receiver.limits {
            check_size(
                seen.from,
                packet_type,
                seen.packet,
                seen.len,
                limits,
                report,
            );
        }
        if seen.from == Side::Client {
            self.keep_alive.sent(report);
            if seen.has_faults {
                self.fault.get_or_insert(report.at);
            }
        } else {
            self.keep_alive.is_open(report);
        }
        let Some(packet) = seen.packet else {
            self.forget(seen.from);
            if seen.is_cut {
                let cut = Some(Cut {
                    frame: report.at.frame,
                    packet_type,
                    len: seen.len,
                });
                match seen.from {
                    Side::Client => self.client.cut = cut,
                    Side::Server => self.server.cut = cut,
                }
            }
            return false;
        };
        match seen.from {
            Side::Client => {
                self.of_client(packet, seen.has_faults, server, report);
                false
            }
            Side::Server => self.of_server(packet, server, report),
        }
    }

    /// One side, or something, ends the connection.
    pub(super) fn ended(&mut self, ending: Ending, report: &mut Report<'_>) {
        match ending.by {
            Some(Side::Client) => self.client.is_finished |= ending.is_orderly,
            Some(Side::Server) => self.server.is_finished |= ending.is_orderly,
            None => {}
        }
        // The other side's FIN only answers the first.
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(ending);
        if self.client.disconnect.is_none() && self.server.disconnect.is_none() {
            self.keep_alive.ended(ending, report);
        }
    }
}

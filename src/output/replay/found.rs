//! What there is in a capture, and what of it cannot be played.

use std::time::Duration;

/// A name and how often, as in JSON.
pub type Count = (&'static str, u64);

/// Those that are not 0.
pub fn not_zero<const N: usize>(counts: [Count; N]) -> impl Iterator<Item = Count> {
    counts.into_iter().filter(|&(_, count)| count > 0)
}

/// In words.
pub fn listed(counts: impl Iterator<Item = Count>) -> String {
    let words = counts.map(|(name, count)| format!("{} {count}", name.replace('_', " ")));
    words.collect::<Vec<_>>().join(", ")
}

/// What there is to play in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Connections to make.
    pub clients: u64,
    /// Messages to publish, skipped ones not counted.
    pub messages: u64,
    /// From the first thing that was captured and is played to the last.
    pub captured: Duration,
    /// PUBLISH packets of the side that is not played.
    pub others: u64,
    /// Connections whose CONNECT was not captured.
    pub made_up: u64,
    /// Connections of MQTT-SN clients.
    pub sn_clients: u64,
    /// Wills.
    pub wills: u64,
    /// SUBSCRIBE packets.
    pub subscribes: u64,
    /// UNSUBSCRIBE packets.
    pub unsubscribes: u64,
    /// Subscriptions that are inferred.
    pub inferred: u64,
    /// Messages that clients were sent.
    pub deliveries: u64,
    /// Connections that end with DISCONNECT.
    pub disconnects: u64,
    /// Connections that their clients broke off.
    pub cuts: u64,
    /// Connections that the server ended.
    pub server_ends: u64,
    /// Connections that the server ended for what is not in the replay: clients that fell silent,
    /// or sent what is not played.
    pub server_ends_cut: u64,
    /// Connections whose end was not captured.
    pub unseen_ends: u64,
    /// CONNECT packets behind another one on a connection.
    pub second_connects: u64,
    /// Messages with a Topic Alias.
    pub aliased: u64,
    /// Parts of enhanced authentication, which cannot be played.
    pub auth: u64,
}

impl Found {
    /// Adds what another round has; how long it was captured stays.
    pub fn add(&mut self, other: &Found) {
        for (own, other) in [
            (&mut self.clients, other.clients),
            (&mut self.messages, other.messages),
            (&mut self.others, other.others),
            (&mut self.made_up, other.made_up),
            (&mut self.sn_clients, other.sn_clients),
            (&mut self.wills, other.wills),
            (&mut self.subscribes, other.subscribes),
            (&mut self.unsubscribes, other.unsubscribes),
            (&mut self.inferred, other.inferred),
            (&mut self.deliveries, other.deliveries),
            (&mut self.disconnects, other.disconnects),
            (&mut self.cuts, other.cuts),
            (&mut self.server_ends, other.server_ends),
            (&mut self.server_ends_cut, other.server_ends_cut),
            (&mut self.unseen_ends, other.unseen_ends),
            (&mut self.second_connects, other.second_connects),
            (&mut self.aliased, other.aliased),
            (&mut self.auth, other.auth),
        ] {
            *own += other;
        }
        self.captured = other.captured;
    }

    /// What is done otherwise than captured, whatever the target is: each count that is not 0.
    pub fn adaptations(&self) -> impl Iterator<Item = Count> {
        not_zero([
            ("authentication_dropped", self.auth),
            ("aliases_expanded_or_made_anew", self.aliased),
            (
                "second_connects_over_connections_of_their_own",
                self.second_connects,
            ),
            ("ends_by_server_as_ends_by_client", self.server_ends_cut),
        ])
    }

    /// What sessions do beside publishing: each count that is not 0, with its name.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Count> {
        not_zero([
            ("made_up", self.made_up),
            ("mqtt_sn", self.sn_clients),
            ("wills", self.wills),
            ("subscribes", self.subscribes),
            ("unsubscribes", self.unsubscribes),
            ("inferred_subscriptions", self.inferred),
            ("deliveries", self.deliveries),
            ("disconnects", self.disconnects),
            ("broken_off", self.cuts),
            ("ended_by_server", self.server_ends),
            ("ends_not_captured", self.unseen_ends),
        ])
    }
}

/// Parts of a capture that cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skips {
    /// Holes in what clients sent.
    pub gaps: u64,
    /// Bytes in them.
    pub lost_bytes: u64,
    /// Bytes in streams of clients that belong to no packet.
    pub skipped_bytes: u64,
    /// PUBLISH packets that the capture has in part.
    pub cut: u64,
    /// PUBLISH packets that break the protocol.
    pub malformed: u64,
    /// Repeats of a PUBLISH.
    pub duplicates: u64,
    /// PUBLISH packets with a topic alias whose topic is not in the capture.
    pub no_topic: u64,
    /// PUBLISH packets of which it is not known whether a client sent them.
    pub unknown_sender: u64,
    /// Messages, wills and filters whose topic is none any more since the user has changed it.
    pub bad_topic: u64,
}

impl Skips {
    /// Each count that is not 0, with its name.
    pub fn iter(&self) -> impl Iterator<Item = Count> {
        not_zero([
            ("gaps", self.gaps),
            ("lost_bytes", self.lost_bytes),
            ("skipped_bytes", self.skipped_bytes),
            ("cut", self.cut),
            ("malformed", self.malformed),
            ("duplicates", self.duplicates),
            ("no_topic", self.no_topic),
            ("unknown_sender", self.unknown_sender),
            ("topic_changed_to_none", self.bad_topic),
        ])
    }
}

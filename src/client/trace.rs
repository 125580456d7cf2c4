//! A look at every packet of a connection, for those who want to see them.

use std::fmt;

use crate::mqtt::packet::Packet;

/// Is shown every packet, in the order in which they are written and handled.
pub trait Trace: fmt::Debug + Send + Sync {
    /// It is in the output; what the server has not taken when the connection breaks is shown, too.
    fn sent(&self, packet: &Packet<'_>);

    /// It has come, whole and by the rules.
    fn received(&self, packet: &Packet<'_>);
}

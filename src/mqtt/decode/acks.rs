//! PUBACK, PUBREC, PUBREL and PUBCOMP, 3.4 to 3.7; DISCONNECT, 3.14; AUTH, 3.15.

use super::super::packet::{Ack, AckKind, Packet, Reason};
use super::super::packet_type::PacketType;
use super::super::property::{Properties, PropertyId};
use super::super::reason::ReasonCode;
use super::super::rule::{Detail, Rule, Violation};
use super::super::version::Version;
use super::cursor::Decoder;
use super::properties::Seen;
use super::{Field, Sink};

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    #[inline]
    pub(super) fn ack(&mut self, kind: AckKind) -> Result<Packet<'a>, Violation> {
        let packet_id = self.packet_id(Rule::AckIdZero)?;
        let rule = match kind {
            AckKind::PubAck => Rule::PubAckCode,
            AckKind::PubRec => Rule::PubRecCode,
            AckKind::PubRel => Rule::PubRelCode,
            AckKind::PubComp => Rule::PubCompCode,
        };
        let (reason, properties, _) = self.reason(kind.packet_type(), rule)?;
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Ack(Ack {
            kind,
            packet_id,
            reason,
            properties,
        }))
    }

    pub(super) fn disconnect(&mut self) -> Result<Packet<'a>, Violation> {
        let (reason, properties, _) = self.reason(PacketType::DISCONNECT, Rule::DisconnectCode)?;
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Disconnect(Reason { reason, properties }))
    }

    pub(super) fn auth(&mut self) -> Result<Packet<'a>, Violation> {
        let (reason, properties, seen) = self.reason(PacketType::AUTH, Rule::AuthCode)?;
        if seen.lacks(PropertyId::AUTHENTICATION_METHOD) {
            let rule = Rule::AuthenticationMethodMissing;
            self.violate(rule, self.pos, 0, Detail::None)?;
        }
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Auth(Reason { reason, properties }))
    }

    /// Reason code and properties, each of which may be left out at the end of the packet
    /// (3.4.2.1, 3.14.2.1, 3.15.2.1); before 5.0 neither exists.
    #[inline]
    fn reason(
        &mut self,
        packet: PacketType,
        rule: Rule,
    ) -> Result<(ReasonCode, Properties<'a>, Seen), Violation> {
        if self.version != Version::V5 || self.is_at_end() {
            return Ok((
                ReasonCode::SUCCESS,
                Properties::EMPTY,
                Seen::nothing(self.is_cut),
            ));
        }
        let reason = ReasonCode(self.byte(Field::ReasonCode)?);
        if !reason.is_allowed_in(packet, self.from) {
            self.violate(rule, self.pos - 1, 1, Detail::Code(reason))?;
        }
        if self.is_at_end() {
            return Ok((reason, Properties::EMPTY, Seen::nothing(self.is_cut)));
        }
        let (properties, seen) = self.properties(packet)?;
        Ok((reason, properties, seen))
    }
}

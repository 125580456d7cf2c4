//! AUTH, DISCONNECT, and text that the client does not want.

use super::Handshake;
use crate::mqtt::packet::{Packet, Reason};
use crate::mqtt::property::PropertyId;
use crate::mqtt::reason::ReasonCode;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::limits::properties_of;
use crate::mqtt::topic::Quoted;
use crate::mqtt::version::Side;

impl Handshake {
    pub(in crate::mqtt::session) fn auth(
        &mut self,
        from: Side,
        auth: &Reason<'_>,
        report: &mut Report<'_>,
    ) {
        let Some(hello) = &self.hello else { return };
        let frame = hello.at.frame;
        let Some(wanted) = &hello.method else {
            let rule = match from {
                Side::Client => Rule::AuthUnexpected,
                Side::Server => Rule::ServerAuthUnexpected,
            };
            report.add(
                rule,
                &[frame],
                format!("AUTH from the {from}, and CONNECT had no authentication method"),
            );
            return;
        };
        let starts_again = auth.reason == ReasonCode::RE_AUTHENTICATE;
        let method = auth.properties.text(PropertyId::AUTHENTICATION_METHOD);
        if let Some(method) = method
            && method != wanted
        {
            report.add(
                match starts_again {
                    true => Rule::ReauthMethodOther,
                    false => Rule::AuthMethodOther,
                },
                &[frame],
                format!(
                    "AUTH with authentication method {}, and CONNECT had {}",
                    Quoted(method),
                    Quoted(wanted)
                ),
            );
        }
        let goes_on = auth.reason == ReasonCode::CONTINUE_AUTHENTICATION;
        match from {
            Side::Server => {
                if !goes_on && self.answer.is_none() {
                    report.add(
                        Rule::ServerAuthCode,
                        &[],
                        format!(
                            "AUTH from the server with {} before CONNACK: it must be 0x18 Continue \
                             authentication",
                            auth.reason
                        ),
                    );
                }
                self.auth_asked = goes_on;
            }
            Side::Client => {
                if !goes_on && (self.auth_asked || self.answer.is_none()) {
                    report.add(
                        Rule::ClientAuthCode,
                        &[],
                        format!(
                            "AUTH from the client with {} in reply to the server: it must be 0x18 \
                             Continue authentication",
                            auth.reason
                        ),
                    );
                }
                self.auth_asked = false;
            }
        }
    }

    pub(in crate::mqtt::session) fn disconnect(
        &mut self,
        from: Side,
        disconnect: &Reason<'_>,
        report: &mut Report<'_>,
    ) {
        match from {
            Side::Client => {
                let id = PropertyId::SESSION_EXPIRY_INTERVAL;
                let (Some(hello), Some(expiry)) =
                    (&mut self.hello, disconnect.properties.number(id))
                else {
                    return;
                };
                if hello.expiry == 0 && expiry > 0 {
                    report.add(
                        Rule::SessionExpiryRaised,
                        &[hello.at.frame],
                        format!(
                            "DISCONNECT with session expiry interval {expiry}, and the one of \
                             CONNECT was 0"
                        ),
                    );
                }
                hello.expiry = expiry;
                if let Some(answer) = &mut self.answer {
                    answer.expiry = None;
                }
            }
            Side::Server => {
                if disconnect.reason == ReasonCode::QOS_NOT_SUPPORTED
                    && let Some(answer) = &self.answer
                    && answer.offer.maximum_qos == 2
                {
                    report.add(
                        Rule::MaximumQosUnannounced,
                        &[answer.frame],
                        "DISCONNECT from the server because of a QoS, and its CONNACK had no \
                         maximum QoS",
                    );
                }
            }
        }
    }

    /// Reason String and User Property where the client wants none.
    pub(in crate::mqtt::session) fn check_problem_information(
        &self,
        packet: &Packet<'_>,
        report: &mut Report<'_>,
    ) {
        let Some(hello) = &self.hello else { return };
        let may = matches!(
            packet,
            Packet::Publish(_) | Packet::ConnAck(_) | Packet::Disconnect(_)
        );
        if hello.wants_problem_information || may {
            return;
        }
        let Some(list) = properties_of(packet) else {
            return;
        };
        for (id, name) in [
            (PropertyId::REASON_STRING, "a reason string"),
            (PropertyId::USER_PROPERTY, "a user property"),
        ] {
            if list.get(id).is_some() {
                report.add(
                    Rule::ProblemInformationUnasked,
                    &[hello.at.frame],
                    format!(
                        "{} with {name}, and CONNECT said request problem information 0",
                        packet.packet_type()
                    ),
                );
            }
        }
    }
}

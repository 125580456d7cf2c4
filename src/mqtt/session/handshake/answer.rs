//! CONNACK, against its CONNECT.

use super::{Answer, Handshake, Hello};
use crate::mqtt::packet::ConnAck;
use crate::mqtt::property::PropertyId;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::limits::Offer;
use crate::mqtt::topic::Quoted;

impl Handshake {
    pub(in crate::mqtt::session) fn connack(
        &mut self,
        connack: &ConnAck<'_>,
        report: &mut Report<'_>,
    ) {
        if self.answer.is_some() {
            return;
        }
        let properties = connack.properties;
        let offer = Offer::of(properties, report.at.frame);
        let answer = Answer {
            frame: report.at.frame,
            time: report.at.time,
            is_accepted: connack.code == 0,
            session_present: connack.session_present,
            expiry: properties.number(PropertyId::SESSION_EXPIRY_INTERVAL),
            offer,
        };
        if let Some(hello) = &mut self.hello {
            let frame = hello.at.frame;
            if answer.is_accepted {
                accepted(hello, connack, &offer, report);
            }
            if !hello.wants_response_information
                && properties.get(PropertyId::RESPONSE_INFORMATION).is_some()
            {
                report.add(
                    Rule::ResponseInformationUnasked,
                    &[frame],
                    "CONNACK with response information, which CONNECT did not ask for",
                );
            }
            let method = properties.text(PropertyId::AUTHENTICATION_METHOD);
            match (&hello.method, method) {
                (None, Some(method)) => report.add(
                    Rule::ServerAuthUnexpected,
                    &[frame],
                    format!(
                        "CONNACK with authentication method {}, and CONNECT had none",
                        Quoted(method)
                    ),
                ),
                (Some(wanted), Some(method)) if wanted != method => report.add(
                    Rule::AuthMethodOther,
                    &[frame],
                    format!(
                        "CONNACK with authentication method {}, and CONNECT had {}",
                        Quoted(method),
                        Quoted(wanted)
                    ),
                ),
                (Some(wanted), None) if answer.is_accepted => report.add(
                    Rule::AuthMethodOther,
                    &[frame],
                    format!(
                        "CONNACK without authentication method, and CONNECT had {}",
                        Quoted(wanted)
                    ),
                ),
                _ => {}
            }
            if answer.is_accepted
                && let Some(assigned) = properties.text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER)
            {
                hello.client_id = assigned.to_owned();
            }
        }
        self.answer = Some(answer);
    }
}

/// A CONNACK that accepts the client, against its CONNECT.
fn accepted(hello: &Hello, connack: &ConnAck<'_>, offer: &Offer, report: &mut Report<'_>) {
    let frame = hello.at.frame;
    if hello.has_faults {
        report.add_citing(
            Rule::NotClosed,
            &["MQTT-3.1.4-1"],
            &[frame],
            "CONNACK accepts a CONNECT that is wrong",
        );
    }
    if hello.is_clean && connack.session_present {
        report.add(
            Rule::SessionPresentClean,
            &[frame],
            "CONNACK with session present, and CONNECT wanted a new session",
        );
    }
    if !report.is_v5() {
        return;
    }
    let assigned = connack
        .properties
        .get(PropertyId::ASSIGNED_CLIENT_IDENTIFIER);
    match (hello.client_id.is_empty(), assigned.is_some()) {
        (true, false) => report.add(
            Rule::AssignedClientIdMissing,
            &[frame],
            "CONNACK without assigned client identifier, and the one of CONNECT was empty",
        ),
        (false, true) => report.add(
            Rule::AssignedClientIdUnasked,
            &[frame],
            format!(
                "CONNACK with an assigned client identifier, and CONNECT had {}",
                Quoted(&hello.client_id)
            ),
        ),
        _ => {}
    }
    if let Some((qos, retain)) = hello.will {
        if qos.as_u8() > offer.maximum_qos {
            report.add(
                Rule::WillQosNotSupported,
                &[frame],
                format!(
                    "CONNACK accepts a will with QoS {qos} and says maximum QoS {}",
                    offer.maximum_qos
                ),
            );
        }
        if retain && !offer.retain {
            report.add(
                Rule::WillRetainNotSupported,
                &[frame],
                "CONNACK accepts a will with RETAIN and says that retain is not available",
            );
        }
    }
}

//! CONNECT and CONNACK, AUTH and DISCONNECT: what they promise, and whether it is kept.

mod answer;
mod auth;

use super::super::packet::Connect;
use super::super::packet_type::PacketType;
use super::super::property::PropertyId;
use super::super::qos::QoS;
use super::super::rule::{Rule, Severity};
use super::super::version::{Side, Version};
use super::finding::Report;
use super::keep_alive::Seconds;
use super::limits::Offer;
use super::{At, PATIENCE, TIME_TO_CLOSE};

/// How far the opening has come.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    hello: Option<Hello>,
    answer: Option<Answer>,
    /// The last AUTH of the server asked to go on.
    auth_asked: bool,
    told_not_connect: bool,
    told_before: bool,
    /// How bad it was that the connection goes on after a refusal.
    told_refused: Option<Severity>,
}

/// What is remembered of CONNECT.
#[derive(Debug)]
struct Hello {
    at: At,
    has_faults: bool,
    client_id: String,
    is_clean: bool,
    is_bridge: bool,
    expiry: u32,
    method: Option<String>,
    wants_response_information: bool,
    wants_problem_information: bool,
    will: Option<(QoS, bool)>,
}

/// What is remembered of CONNACK.
#[derive(Debug)]
struct Answer {
    frame: u64,
    time: Option<i64>,
    is_accepted: bool,
    session_present: bool,
    expiry: Option<u32>,
    offer: Offer,
}

impl Handshake {
    /// Whether CONNACK said yes.
    pub(super) fn is_accepted(&self) -> bool {
        self.answer.as_ref().is_some_and(|a| a.is_accepted)
    }

    /// Whether CONNACK said no.
    pub(super) fn is_refused(&self) -> bool {
        self.answer.as_ref().is_some_and(|a| !a.is_accepted)
    }

    /// What the server offers, once it has said so.
    pub(super) fn offer(&self) -> Option<&Offer> {
        self.answer.as_ref().map(|answer| &answer.offer)
    }

    /// The client's identifier, chosen or assigned; empty if not known.
    pub(super) fn client_id(&self) -> &str {
        self.hello.as_ref().map_or("", |hello| &hello.client_id)
    }

    /// Whether CONNECT wanted a new session; `None` if it was not seen.
    pub(super) fn is_clean(&self) -> Option<bool> {
        self.hello.as_ref().map(|hello| hello.is_clean)
    }

    /// The frame of CONNECT.
    pub(super) fn began(&self) -> Option<u64> {
        self.hello.as_ref().map(|hello| hello.at.frame)
    }

    pub(super) fn is_bridge(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.is_bridge)
    }

    pub(super) fn session_present(&self) -> bool {
        self.answer.as_ref().is_some_and(|a| a.session_present)
    }

    /// Seconds that the session outlives the connection.
    pub(super) fn expiry(&self) -> Option<u32> {
        let hello = self.hello.as_ref()?;
        let answer = self.answer.as_ref().and_then(|answer| answer.expiry);
        Some(answer.unwrap_or(hello.expiry))
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.hello.as_ref().map_or(0, |hello| {
            hello.client_id.len() + hello.method.as_ref().map_or(0, String::len)
        })
    }

    /// Forgets what takes memory.
    pub(super) fn drop_memory(&mut self) {
        if let Some(hello) = &mut self.hello {
            hello.client_id = String::new();
            hello.method = None;
        }
    }

    /// A packet of the client. Returns whether the checks that follow make sense for it.
    pub(super) fn client_sends(
        &mut self,
        packet_type: PacketType,
        is_first: bool,
        whole: bool,
        server_whole: bool,
        report: &mut Report<'_>,
    ) -> bool {
        if packet_type == PacketType::CONNECT {
            if let Some(hello) = &self.hello {
                report.add(
                    Rule::SecondConnect,
                    &[hello.at.frame],
                    "a second CONNECT on the same connection",
                );
                return false;
            }
            if !is_first && whole {
                report.add(
                    Rule::NotConnect,
                    &[],
                    "CONNECT comes behind other packets; it must be the first one",
                );
            }
            return true;
        }
        match &self.hello {
            None if whole && !self.told_not_connect => {
                self.told_not_connect = true;
                report.add(
                    Rule::NotConnect,
                    &[],
                    format!("the first packet of the client is {packet_type}, and not CONNECT"),
                );
            }
            Some(hello)
                if self.answer.is_none()
                    && server_whole
                    && hello.method.is_some()
                    && !self.told_before
                    && !matches!(packet_type, PacketType::AUTH | PacketType::DISCONNECT) =>
            {
                self.told_before = true;
                report.add(
                    Rule::ClientBeforeConnAck,
                    &[hello.at.frame],
                    format!(
                        "{packet_type} before CONNACK, and CONNECT had an authentication method: \
                         until then only AUTH and DISCONNECT are allowed"
                    ),
                );
            }
            _ => {}
        }
        true
    }

    /// A packet of the server, of which every packet was seen.
    pub(super) fn server_sends(&mut self, packet_type: PacketType, report: &mut Report<'_>) {
        match (packet_type, &self.answer) {
            (PacketType::CONNACK, Some(answer)) => report.add(
                Rule::SecondConnAck,
                &[answer.frame],
                "a second CONNACK on the same connection",
            ),
            (PacketType::CONNACK, None) => {}
            (PacketType::AUTH, _) if report.is_v5() => {}
            (_, Some(answer)) if answer.is_accepted || !report.is_v5() => {}
            (PacketType::DISCONNECT, _) if report.is_v5() => report.add(
                Rule::DisconnectBeforeConnAck,
                &[],
                "DISCONNECT from the server before a CONNACK that accepts the client",
            ),
            _ if self.told_before => {}
            _ => {
                self.told_before = true;
                report.add(
                    Rule::ServerBeforeConnAck,
                    &[],
                    match &self.answer {
                        None => format!("{packet_type} from the server before CONNACK"),
                        Some(_) => format!(
                            "{packet_type} from the server although its CONNACK refused the client"
                        ),
                    },
                );
            }
        }
    }

    /// A packet of a connection that the server should have closed by now; `from` is `None` if
    /// nobody says who sent it.
    pub(super) fn after_refusal(
        &mut self,
        from: Option<Side>,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        let Some(answer) = self.answer.as_ref().filter(|answer| !answer.is_accepted) else {
            return;
        };
        let is_free = match packet_type {
            // A client may know no better, and a second CONNACK is told of.
            PacketType::DISCONNECT | PacketType::CONNACK => true,
            PacketType::AUTH => report.is_v5(),
            _ => false,
        };
        // 5.0 has a statement of its own on what servers send.
        if is_free || (from == Some(Side::Server) && report.is_v5()) {
            return;
        }
        let waited = report.at.since(answer.time);
        let has_had_time = waited.is_some_and(|waited| waited > TIME_TO_CLOSE);
        let severity = match from {
            Some(Side::Server) => Severity::Error,
            _ if has_had_time => Severity::Error,
            // It may have been under way.
            _ => Severity::Warning,
        };
        if self.told_refused >= Some(severity) {
            return;
        }
        self.told_refused = Some(severity);
        let sender = match from {
            Some(side) => format!(" from the {side}"),
            None => String::new(),
        };
        let after = match waited {
            Some(waited) => format!("{} after", Seconds(waited)),
            None => "after".to_owned(),
        };
        let message = format!(
            "{packet_type}{sender} {after} a CONNACK that refused the client: the server must close \
             the connection and take nothing more from it"
        );
        let frame = answer.frame;
        report.add_as(Rule::RefusedNotClosed, severity, &[], &[frame], message);
    }

    pub(super) fn connect(&mut self, connect: &Connect<'_>, has_faults: bool, at: At) {
        let number = |id| connect.properties.number(id);
        self.hello = Some(Hello {
            at,
            has_faults,
            client_id: connect.client_id.to_owned(),
            is_clean: connect.clean_start,
            is_bridge: connect.bridge,
            expiry: match connect.version {
                Version::V5 => number(PropertyId::SESSION_EXPIRY_INTERVAL).unwrap_or(0),
                _ if connect.clean_start => 0,
                _ => u32::MAX,
            },
            method: connect
                .properties
                .text(PropertyId::AUTHENTICATION_METHOD)
                .map(str::to_owned),
            wants_response_information: number(PropertyId::REQUEST_RESPONSE_INFORMATION) == Some(1),
            wants_problem_information: number(PropertyId::REQUEST_PROBLEM_INFORMATION) != Some(0),
            will: connect.will.map(|will| (will.qos, will.retain)),
        });
    }

    /// The connection is over. `by_server`: the server has closed it.
    pub(super) fn unanswered(&self, by_server: bool, report: &mut Report<'_>) {
        let (Some(hello), None) = (&self.hello, &self.answer) else {
            return;
        };
        if hello.has_faults {
            return;
        }
        let rule = Rule::ConnAckMissing;
        let waited = report.at.since(hello.at.time);
        let (severity, message) = match waited {
            // It may have reasons for which there is no code.
            _ if by_server => (
                Severity::Info,
                "the server closed the connection without CONNACK".to_owned(),
            ),
            Some(waited) if waited >= PATIENCE => (
                rule.row().severity,
                format!(
                    "CONNECT got no CONNACK in the {} to the end of the connection",
                    Seconds(waited)
                ),
            ),
            _ => return,
        };
        report.add_past(rule, severity, Side::Server, hello.at.frame, message);
    }
}

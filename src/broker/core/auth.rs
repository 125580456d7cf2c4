//! Enhanced authentication (5.0, 4.12): the extension point, and the exchange of AUTH packets.

use std::fmt;
use std::rc::Rc;

use super::connection::{Connection, State};
use super::ending::{Cause, Ending};
use super::message::push;
use super::{ConnectionId, Core, Time};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::packet::{Connect, Reason};
use crate::mqtt::property::Value;
use crate::mqtt::rule::Rule;
use crate::mqtt::{Packet, PropertiesBuf, PropertyId, ReasonCode, Side, Version};

/// Knows authentication methods. Like the core it has no clock and no I/O.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Begins an exchange with a client that names this Authentication Method, in CONNECT or to
    /// authenticate again. `None`: the method is not known, and the client is refused with 0x8C.
    fn begin(&self, method: &str, client_id: &str) -> Option<Box<dyn Exchange>>;
}

/// One exchange, until it succeeds or fails.
pub trait Exchange: fmt::Debug {
    /// Takes the Authentication Data of the client's next packet: CONNECT or AUTH.
    fn step(&mut self, data: &[u8]) -> Step;
}

/// What comes of a step. Empty data is left out of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// AUTH 0x18 with this data; the client's answer makes the next step.
    Continue(Vec<u8>),
    /// The client is who it says: CONNACK, or AUTH 0x00 for one that is connected, with this data.
    Success(Vec<u8>),
    /// It is not: 0x87, and the connection ends.
    Failure,
}

/// How far a connection's authentication is.
#[derive(Debug)]
pub(super) struct Auth {
    /// That of CONNECT: all later packets have the same (`[MQTT-4.12.0-5]`).
    method: Rc<str>,
    client_id: Rc<str>,
    exchange: Option<Box<dyn Exchange>>,
    /// The CONNECT that waits for the end of the exchange.
    connect: Box<[u8]>,
    /// What CONNACK says.
    data: Vec<u8>,
}

impl Auth {
    /// Bytes of the packet that waits.
    pub(super) fn len(&self) -> usize {
        self.connect.len()
    }

    /// What CONNACK says of an exchange that went well.
    pub(super) fn properties(&self, list: &mut PropertiesBuf) {
        push_method_and_data(list, &self.method, &self.data);
    }
}

impl Connection {
    /// Whether a CONNECT waits for AUTH packets.
    pub(super) fn is_authenticating(&self) -> bool {
        matches!(self.state, State::AwaitingConnect) && self.auth.is_some()
    }
}

const FAILED: &str = "authentication failed";

impl Core {
    /// A CONNECT that names a method; `bytes` are the whole packet.
    pub(super) fn begin_authentication(
        &mut self,
        now: Time,
        id: ConnectionId,
        connect: &Connect<'_>,
        bytes: &[u8],
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.take_wishes(connect);
        let property = |id| connect.properties.get(id).and_then(Value::bytes);
        let method = connect.properties.text(PropertyId::AUTHENTICATION_METHOD);
        let method: Rc<str> = method.unwrap_or_default().into();
        let authenticator = self.config.authenticator.as_deref();
        let exchange = authenticator.and_then(|a| a.begin(&method, connect.client_id));
        let Some(mut exchange) = exchange else {
            // [MQTT-4.12.0-1]
            let reason = ReasonCode::BAD_AUTHENTICATION_METHOD;
            return self.refuse_with(now, id, reason, "the authentication method is not known");
        };
        let data = property(PropertyId::AUTHENTICATION_DATA).unwrap_or_default();
        let step = exchange.step(data);
        connection.auth = Some(Box::new(Auth {
            method,
            client_id: connect.client_id.into(),
            exchange: Some(exchange),
            connect: match step {
                Step::Continue(_) => bytes.into(),
                Step::Success(_) | Step::Failure => Box::default(),
            },
            data: Vec::new(),
        }));
        connection.recharge();
        match step {
            Step::Continue(data) => self.ask_on(now, id, &data),
            Step::Success(data) => {
                self.end_exchange(id, data);
                self.handle_connect(now, id, connect);
            }
            // [MQTT-4.12.0-4]
            Step::Failure => self.refuse_with(now, id, ReasonCode::NOT_AUTHORIZED, FAILED),
        }
    }

    /// AUTH: the next step of an exchange, or the first one of another (4.12.1).
    pub(super) fn handle_auth(&mut self, now: Time, id: ConnectionId, packet: &Reason<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let is_connected = matches!(connection.state, State::Connected(_));
        let unexpected = Ending::Refused(Rule::AuthUnexpected.into());
        // [MQTT-4.12.0-7]
        let Some(auth) = connection.auth.as_deref_mut() else {
            return self.end_connection(now, id, unexpected);
        };
        let method = packet.properties.text(PropertyId::AUTHENTICATION_METHOD);
        if method != Some(&*auth.method) {
            return self.end_connection(now, id, unexpected);
        }
        match packet.reason {
            ReasonCode::CONTINUE_AUTHENTICATION => {}
            ReasonCode::RE_AUTHENTICATE if is_connected && auth.exchange.is_none() => {
                let authenticator = self.config.authenticator.as_deref();
                auth.exchange = authenticator.and_then(|a| a.begin(&auth.method, &auth.client_id));
            }
            _ => return self.end_connection(now, id, unexpected),
        }
        let Some(exchange) = &mut auth.exchange else {
            return self.end_connection(now, id, unexpected);
        };
        let data = packet.properties.get(PropertyId::AUTHENTICATION_DATA);
        let data = data.and_then(Value::bytes).unwrap_or_default();
        match exchange.step(data) {
            Step::Continue(data) => self.ask_on(now, id, &data),
            Step::Success(data) if is_connected => {
                self.send_auth(id, ReasonCode::SUCCESS, &data);
                self.end_exchange(id, Vec::new());
            }
            Step::Success(data) => {
                let connect = self.end_exchange(id, data);
                let context = Context {
                    version: Version::V5,
                    from: Some(Side::Client),
                };
                if let Ok(Packet::Connect(connect)) = decode(&connect, context, &mut Strict) {
                    self.handle_connect(now, id, &connect);
                }
            }
            // [MQTT-4.12.1-2]
            Step::Failure if is_connected => {
                let cause = Cause::Other(ReasonCode::NOT_AUTHORIZED, FAILED);
                self.end_connection(now, id, Ending::Refused(cause));
            }
            Step::Failure => self.refuse_with(now, id, ReasonCode::NOT_AUTHORIZED, FAILED),
        }
    }

    /// `[MQTT-4.12.0-2]`
    fn ask_on(&mut self, now: Time, id: ConnectionId, data: &[u8]) {
        if !self.send_auth(id, ReasonCode::CONTINUE_AUTHENTICATION, data) {
            self.end_connection(now, id, Ending::TakesNothing);
        }
    }

    /// Whether the packet is small enough for the client.
    fn send_auth(&mut self, id: ConnectionId, reason: ReasonCode, data: &[u8]) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let mut list = PropertiesBuf::new();
        if let Some(auth) = &connection.auth {
            push_method_and_data(&mut list, &auth.method, data);
        }
        let packet = Packet::Auth(Reason {
            reason,
            properties: list.as_properties(),
        });
        self.output.send_packet(connection, &packet)
    }

    /// Forgets the exchange; gives back the CONNECT that has waited for it.
    fn end_exchange(&mut self, id: ConnectionId, data: Vec<u8>) -> Box<[u8]> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Box::default();
        };
        let Some(auth) = &mut connection.auth else {
            return Box::default();
        };
        auth.exchange = None;
        auth.data = data;
        let connect = std::mem::take(&mut auth.connect);
        connection.recharge();
        connect
    }
}

fn push_method_and_data(list: &mut PropertiesBuf, method: &str, data: &[u8]) {
    let method = Value::Str(method.as_bytes());
    push(list, PropertyId::AUTHENTICATION_METHOD, method);
    if !data.is_empty() {
        push(list, PropertyId::AUTHENTICATION_DATA, Value::Binary(data));
    }
}

//! AUTH (5.0, 3.15 and 4.12): its place in a connection. What is in it is the method's affair.

use bytes::Bytes;

use super::super::error::{Lost, ProtocolError, RequestError};
use super::super::event::Event;
use super::receive::Handled;
use super::{Phase, Protocol};
use crate::mqtt::packet::{Packet, Reason};
use crate::mqtt::property::{PropertyError, Value};
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, ReasonCode, Version};

/// What an authentication is at.
#[derive(Debug, Default)]
pub(super) struct Auth {
    /// Method and first data, beside those in the options.
    given: Option<Box<(String, Option<Vec<u8>>)>>,
    /// A re-authentication waits for the server.
    again: bool,
}

impl Auth {
    pub(super) fn is_waiting(&self) -> bool {
        self.again
    }
}

impl Protocol {
    /// The method and the data of the next CONNECT.
    pub fn set_authentication(&mut self, method: &str, first: Option<Vec<u8>>) {
        self.auth.given = Some(Box::new((method.to_owned(), first)));
    }

    /// Answers an [`Event::Auth`], or, with [`ReasonCode::RE_AUTHENTICATE`], begins a
    /// re-authentication (`[MQTT-4.12.1-1]`).
    ///
    /// # Errors
    /// [`RequestError`]: there is no connection, no method (`[MQTT-4.12.0-6]`), or too much data.
    pub fn authenticate(
        &mut self,
        reason: ReasonCode,
        data: Option<&[u8]>,
    ) -> Result<(), RequestError> {
        let again = reason == ReasonCode::RE_AUTHENTICATE;
        let has_place = match self.phase {
            Phase::Closed => false,
            Phase::Connecting { .. } => !again,
            Phase::Connected => again || self.auth.again,
        };
        let Some(method) = self.auth_method().filter(|_| has_place) else {
            return Err(RequestError::NotConnected);
        };
        let mut properties = PropertiesBuf::new();
        push_authentication(&mut properties, method, data)?;
        let properties = properties.as_properties();
        self.send(&Packet::Auth(Reason { reason, properties }))?;
        self.auth.again |= again;
        Ok(())
    }

    /// The method has no answer, or does not trust the server: the connection is over.
    pub fn fail_authentication(&mut self, why: String) {
        if self.is_connected() {
            // A client has no code of its own for this (5.0, table 3-10).
            let reason = Reason::new(ReasonCode::UNSPECIFIED_ERROR);
            // A packet of four bytes always fits.
            let _ = self.send(&Packet::Disconnect(reason));
        }
        self.close(Lost::Authentication(why));
    }

    /// The properties of CONNECT where an authentication adds to them.
    pub(super) fn connect_properties(&mut self) -> Result<Option<PropertiesBuf>, PropertyError> {
        self.auth.again = false;
        let Some((method, first)) = self.auth.given.as_deref() else {
            return Ok(None);
        };
        let mut properties = self.options.properties.clone();
        push_authentication(&mut properties, method, first.as_deref())?;
        Ok(Some(properties))
    }

    /// The server's AUTH. Without a method in CONNECT it has no place (4.12).
    pub(super) fn handle_auth(&mut self, reason: Reason<'_>) -> Handled {
        let waits = match self.phase {
            Phase::Closed => false,
            Phase::Connecting { .. } => reason.reason == ReasonCode::CONTINUE_AUTHENTICATION,
            Phase::Connected => self.auth.again,
        };
        let Some(method) = self.auth_method().filter(|_| waits) else {
            return Err(ProtocolError::Unexpected {
                packet: crate::mqtt::PacketType::AUTH,
                before_connack: !self.is_connected(),
            });
        };
        // `[MQTT-4.12.0-5]`
        let theirs = reason.properties.text(PropertyId::AUTHENTICATION_METHOD);
        if theirs.is_some_and(|theirs| theirs != method) {
            return Err(ProtocolError::AuthMethod {
                ours: method.to_owned(),
                theirs: theirs.unwrap_or_default().to_owned(),
            });
        }
        if reason.reason == ReasonCode::SUCCESS {
            self.auth.again = false;
        }
        self.handle_answer();
        Ok(Some(Event::Auth {
            reason: reason.reason,
            data: authentication_data(reason.properties).map(Bytes::copy_from_slice),
        }))
    }

    fn auth_method(&self) -> Option<&str> {
        if self.version() < Version::V5 {
            return None;
        }
        match self.auth.given.as_deref() {
            Some((method, _)) => Some(method),
            None => {
                (self.options.properties.as_properties()).text(PropertyId::AUTHENTICATION_METHOD)
            }
        }
    }
}

/// The data in a CONNACK or AUTH.
pub(in crate::client) fn authentication_data(properties: Properties<'_>) -> Option<&[u8]> {
    properties.get(PropertyId::AUTHENTICATION_DATA)?.bytes()
}

fn push_authentication(
    properties: &mut PropertiesBuf,
    method: &str,
    data: Option<&[u8]>,
) -> Result<(), PropertyError> {
    properties.push(
        PropertyId::AUTHENTICATION_METHOD,
        Value::Str(method.as_bytes()),
    )?;
    if let Some(data) = data {
        properties.push(PropertyId::AUTHENTICATION_DATA, Value::Binary(data))?;
    }
    Ok(())
}

//! Enhanced authentication: between the protocol and the method of the options.

use bytes::Bytes;

use super::Client;
use crate::client::error::{Lost, RequestError};
use crate::client::event::{Connected, Event};
use crate::client::protocol::authentication_data;
use crate::mqtt::ReasonCode;

impl Client {
    /// Proves anew who this is (5.0, 4.12.1), by the method of the options. An
    /// [`Event::Auth`] with success follows, or the end of the connection.
    ///
    /// # Errors
    /// [`RequestError::NotConnected`], also if the options have no method.
    pub fn authenticate_again(&mut self) -> Result<(), RequestError> {
        let authentication = self.options.authentication.as_ref();
        let mut exchange = authentication.ok_or(RequestError::NotConnected)?.begin();
        let first = exchange.first();
        self.protocol
            .authenticate(ReasonCode::RE_AUTHENTICATE, first.as_deref())?;
        self.exchange = Some(exchange);
        Ok(())
    }

    /// A connection is being opened: every one has its own exchange.
    pub(super) fn begin_authentication(&mut self) {
        if let Some(authentication) = &self.options.authentication {
            let mut exchange = authentication.begin();
            let first = exchange.first();
            self.protocol
                .set_authentication(authentication.method(), first);
            self.exchange = Some(exchange);
        }
    }

    /// CONNACK has come: whether the method is content with its data.
    pub(super) fn finish_authentication(&mut self, connected: &Connected) -> bool {
        let data = authentication_data(connected.properties.as_properties());
        if let Some(mut exchange) = self.exchange.take()
            && let Err(why) = exchange.finish(data)
        {
            self.protocol.fail_authentication(why);
            return false;
        }
        true
    }

    /// The server's AUTH goes to the method; the caller hears of the end only.
    pub(super) fn pass_auth(
        &mut self,
        reason: ReasonCode,
        data: Option<Bytes>,
    ) -> Option<Result<Event, Lost>> {
        let Some(exchange) = &mut self.exchange else {
            let why = "the broker asks on, and nothing here knows the method";
            self.protocol.fail_authentication(why.to_owned());
            return None;
        };
        let asks = reason == ReasonCode::CONTINUE_AUTHENTICATION;
        let said = match asks {
            true => exchange.answer(data.as_deref()),
            false => exchange.finish(data.as_deref()).map(|()| None),
        };
        let failed = match said {
            Ok(answer) if asks => (self.protocol.authenticate(reason, answer.as_deref()))
                .err()
                .map(|error| error.to_string()),
            Ok(_) => {
                self.exchange = None;
                return Some(Ok(Event::Auth { reason, data }));
            }
            Err(why) => Some(why),
        };
        if let Some(why) = failed {
            self.protocol.fail_authentication(why);
        }
        None
    }
}

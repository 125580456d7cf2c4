//! stub
use super::error::{ConnectError, Lost, PublishError, RequestError};
use super::event::{Connected, Event, Token};
use super::message::Publication;
use super::options::Options;
use crate::mqtt::Properties;
use crate::mqtt::packet::SubscriptionOptions;

/// stub
#[derive(Debug)]
pub enum Client {}
#[allow(missing_docs, clippy::missing_errors_doc)]
impl Client {
    pub async fn connect(_: Options) -> Result<Client, ConnectError> {
        Err(ConnectError::Unsupported {
            engine: "rumqttc",
            what: "anything yet".into(),
        })
    }
    pub fn connected(&self) -> &Connected {
        match *self {}
    }
    pub fn in_flight(&self) -> usize {
        match *self {}
    }
    pub fn publish(&mut self, _: Publication) -> Result<Token, PublishError> {
        match *self {}
    }
    pub fn subscribe<'f>(
        &mut self,
        _: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        _: Properties<'_>,
    ) -> Result<Token, RequestError> {
        match *self {}
    }
    pub fn buffered_event(&mut self) -> Option<Result<Event, Lost>> {
        match *self {}
    }
    pub async fn next_event(&mut self) -> Result<Event, Lost> {
        match *self {}
    }
    pub async fn flush(&mut self) -> Result<(), Lost> {
        match *self {}
    }
    pub async fn disconnect(&mut self) -> Result<(), Lost> {
        match *self {}
    }
}

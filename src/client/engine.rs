//! One interface over the engines.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::{ConnectError, Lost, PublishError, RequestError};
use super::event::{Connected, Event, Token};
use super::message::Publication;
use super::native;
use super::options::Options;
use super::prepared::{Patch, Prepared};
use super::rumqttc;
use super::visit::{Visitor, visit};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{Properties, ReasonCode};

/// Which engine does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// midge's own.
    #[default]
    Native,
    /// The rumqttc package: 3.1.1 and 5.0 over TCP.
    Rumqttc,
}

impl EngineKind {
    /// `native` or `rumqttc`, as it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            EngineKind::Native => "native",
            EngineKind::Rumqttc => "rumqttc",
        }
    }
}

/// A connection to a broker, by one of the engines. The methods mean what they mean on
/// [`native::Client`].
#[derive(Debug)]
pub enum Engine {
    /// midge's own.
    Native(Box<native::Client>),
    /// The rumqttc package.
    Rumqttc(Box<rumqttc::Client>),
}

impl Engine {
    /// Opens a connection and waits for CONNACK.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::Unsupported`] if the engine cannot do what the options
    /// ask for.
    pub async fn connect(kind: EngineKind, options: Options) -> Result<Engine, ConnectError> {
        Engine::connect_as(kind, Arc::new(options), None).await
    }

    /// The same with options that many connections share, which have but a Client Identifier of
    /// their own.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_as(
        kind: EngineKind,
        options: Arc<Options>,
        client_id: Option<Arc<str>>,
    ) -> Result<Engine, ConnectError> {
        Ok(match kind {
            EngineKind::Native => {
                let client = native::Client::connect_as(options, client_id).await?;
                Engine::Native(Box::new(client))
            }
            EngineKind::Rumqttc => {
                let mut options = Arc::unwrap_or_clone(options);
                if let Some(client_id) = client_id {
                    Arc::make_mut(&mut options.connect).client_id = client_id.as_ref().to_owned();
                }
                Engine::Rumqttc(Box::new(rumqttc::Client::connect(options).await?))
            }
        })
    }

    /// Opens a new connection in place of one that is over, and continues the session.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and the session stays for another try; the rumqttc engine
    /// cannot.
    pub async fn reconnect(&mut self) -> Result<(), ConnectError> {
        match self {
            Engine::Native(client) => client.reconnect().await,
            Engine::Rumqttc(_) => Err(rumqttc::unsupported("a session that goes on")),
        }
    }

    /// What the CONNACK said.
    pub fn connected(&self) -> &Connected {
        match self {
            Engine::Native(client) => client.connected(),
            Engine::Rumqttc(client) => client.connected(),
        }
    }

    /// QoS 1 and 2 messages that can be published now, as far as the engine tells.
    pub fn quota(&self) -> u16 {
        match self {
            Engine::Native(client) => client.quota(),
            Engine::Rumqttc(_) => u16::MAX,
        }
    }

    /// QoS 1 and 2 messages whose exchange has not ended.
    pub fn in_flight(&self) -> usize {
        match self {
            Engine::Native(client) => client.in_flight(),
            Engine::Rumqttc(client) => client.in_flight(),
        }
    }

    /// Bytes that wait to be sent; an engine that does not tell says 0.
    pub fn unsent(&self) -> usize {
        match self {
            Engine::Native(client) => client.unsent(),
            Engine::Rumqttc(_) => 0,
        }
    }

    /// Publishes: fills a buffer.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&mut self, publication: Publication) -> Result<Token, PublishError> {
        match self {
            Engine::Native(client) => client.publish(publication),
            Engine::Rumqttc(client) => client.publish(publication),
        }
    }

    /// Publishes a message that is ready, with `patch` in place of the first bytes of its payload:
    /// fills a buffer.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish_prepared(
        &mut self,
        prepared: &Prepared,
        patch: &[u8],
    ) -> Result<Token, PublishError> {
        match self {
            Engine::Native(client) => client.publish_prepared(prepared, patch),
            Engine::Rumqttc(client) => {
                client.publish(prepared.patched(&Patch::new(patch, prepared)))
            }
        }
    }

    /// Subscribes: fills a buffer.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn subscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        match self {
            Engine::Native(client) => client.subscribe(filters, properties),
            Engine::Rumqttc(client) => client.subscribe(filters, properties),
        }
    }

    /// Unsubscribes: fills a buffer.
    ///
    /// # Errors
    /// [`RequestError`]; the rumqttc engine cannot.
    pub fn unsubscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = &'f str>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        match self {
            Engine::Native(client) => client.unsubscribe(filters, properties),
            Engine::Rumqttc(_) => Err(rumqttc::cannot("UNSUBSCRIBE")),
        }
    }

    /// Asks for a [`Pong`](Event::Pong), which shows that the server has done what came before: fills
    /// a buffer.
    ///
    /// # Errors
    /// [`RequestError`]; the rumqttc engine cannot.
    pub fn ping(&mut self) -> Result<(), RequestError> {
        match self {
            Engine::Native(client) => client.ping(),
            Engine::Rumqttc(_) => Err(rumqttc::cannot("a PINGREQ of its own")),
        }
    }

    /// An event that needs no reading or writing.
    pub fn buffered_event(&mut self) -> Option<Result<Event, Lost>> {
        match self {
            Engine::Native(client) => client.buffered_event(),
            Engine::Rumqttc(client) => client.buffered_event(),
        }
    }

    /// The next event; does all sending and receiving. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn next_event(&mut self) -> Result<Event, Lost> {
        match self {
            Engine::Native(client) => client.next_event().await,
            Engine::Rumqttc(client) => client.next_event().await,
        }
    }

    /// What needs no reading or writing, messages and acknowledgements shown to `visitor`; see
    /// [`next_visited`](Self::next_visited).
    pub fn buffered_visited(
        &mut self,
        visitor: &mut dyn Visitor,
    ) -> Option<Result<Option<Event>, Lost>> {
        match self {
            Engine::Native(client) => client.buffered_visited(visitor),
            Engine::Rumqttc(client) => {
                let event = client.buffered_event()?;
                Some(event.map(|event| visit(event, visitor)))
            }
        }
    }

    /// The next event, but messages and acknowledgements are shown to `visitor`; `None` if that was
    /// all. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn next_visited(&mut self, visitor: &mut dyn Visitor) -> Result<Option<Event>, Lost> {
        match self {
            Engine::Native(client) => client.next_visited(visitor).await,
            Engine::Rumqttc(client) => {
                let event = client.next_event().await?;
                Ok(visit(event, visitor))
            }
        }
    }

    /// [`next_visited`](Self::next_visited) for those who poll.
    ///
    /// # Errors
    /// When the connection is over.
    pub fn poll_visited(
        &mut self,
        cx: &mut Context<'_>,
        visitor: &mut dyn Visitor,
    ) -> Poll<Result<Option<Event>, Lost>> {
        match self {
            Engine::Native(client) => client.poll_visited(cx, visitor),
            Engine::Rumqttc(client) => {
                // Nothing is lost if its future is dropped.
                let next = pin!(client.next_event());
                next.poll(cx).map_ok(|event| visit(event, visitor))
            }
        }
    }

    /// Waits until a message that met [`PublishError::QuotaFull`] is worth another try: for the next
    /// event, or, `None`, for room that came without one. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn wait_for_room(&mut self) -> Result<Option<Event>, Lost> {
        match self {
            // Only acknowledgements make room.
            Engine::Native(client) => client.next_event().await.map(Some),
            Engine::Rumqttc(client) => client.wait_for_room().await,
        }
    }

    /// Waits until the server has released every QoS 2 message that it sent; an engine that does not
    /// tell waits for nothing.
    pub async fn wait_for_releases(&mut self) {
        match self {
            Engine::Native(client) => client.wait_for_releases().await,
            Engine::Rumqttc(_) => {}
        }
    }

    /// Waits until everything is handed to the system.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        match self {
            Engine::Native(client) => client.flush().await,
            Engine::Rumqttc(client) => client.flush().await,
        }
    }

    /// Sends DISCONNECT, then closes.
    ///
    /// # Errors
    /// If the last bytes could not be sent.
    pub async fn disconnect(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), Lost> {
        match self {
            Engine::Native(client) => client.disconnect(reason, properties).await,
            Engine::Rumqttc(client) => client.disconnect().await,
        }
    }
}

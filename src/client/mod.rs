//! The client that pub, sub, bench and capture-replay share.
//!
//! | file | what it is |
//! |---|---|
//! | [`options`] | who to be at the broker |
//! | [`message`] | messages to publish and messages received |
//! | [`prepared`] | messages that are published again and again |
//! | [`authentication`] | what a method of enhanced authentication has to say |
//! | [`event`] | what a connection reports: [`Event`], [`Token`], [`Lost`] |
//! | [`visit`] | a look at messages without an event for each |
//! | [`protocol`] | one connection and its session, without sockets or clock |
//! | [`native`] | that protocol on a tokio socket |
//! | [`rumqttc`] | the same work done by the rumqttc package, to compare with |
//! | [`retry`] | when to try a lost connection anew, and when not to |
//! | [`trace`] | a look at every packet |
//! | [`engine`] | one interface over the two |
//!
//! Nothing here prints, and nothing here knows a flag.

pub mod authentication;
pub mod engine;
pub mod error;
pub mod event;
pub mod message;
pub mod native;
pub mod options;
pub mod prepared;
pub mod protocol;
pub mod retry;
pub mod rumqttc;
pub mod trace;
pub mod visit;

pub use authentication::{Authentication, Exchange};
pub use engine::{Engine, EngineKind};
pub use error::{ConnectError, Lost, ProtocolError, PublishError, Refusal, RequestError, Says};
pub use event::{Connected, Event, FallenBack, ServerLimits, Token};
pub use message::{Message, Publication, TopicName};
pub use options::{ConnectOptions, Options, Will};
pub use prepared::Prepared;
pub use retry::{Backoff, Retry};
pub use trace::Trace;
pub use visit::Visitor;

pub use crate::net::{
    Address, DialError, LocalPorts, Proxy, Target, Tls, TlsError, TlsOptions, TlsSetupError,
    TlsVersion, WebSocket,
};

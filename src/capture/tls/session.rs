//! What the hellos of a connection have said, and what keys follow from it.

use super::{
    cipher::Cipher,
    hello::{ClientHello, ServerHello},
    schedule,
    secrets::{Label, Secret, Secrets},
    suite::{CipherSuite, Method, TlsVersion},
};
use crate::mqtt::Side;

/// Whether the server takes what the client sends before it has answered (0-RTT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum EarlyData {
    #[default]
    Unknown,
    Accepted,
    Rejected,
}

/// What is known of the session. A renegotiation puts new hellos in the place of the old ones.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) client: Option<Box<ClientHello>>,
    pub(super) server: Option<Box<ServerHello>>,
    /// The server has asked for another ClientHello.
    pub(super) is_retried: bool,
    /// ClientHellos that came.
    pub(super) client_hellos: u32,
    pub(super) early_data: EarlyData,
    /// Whether the protocol that the server chose is MQTT.
    pub(super) chose_mqtt: Option<bool>,
}

/// The keys of one direction change; these are the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// TLS 1.2 has one only.
    Tls12,
    /// 0-RTT, only of the client.
    Early,
    Handshake,
    /// Of a new connection, before any KeyUpdate.
    Application,
    /// After another KeyUpdate.
    Updated,
}

/// Keys in use, and the secret that they and the next ones come from.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) step: Step,
    pub(super) cipher: Cipher,
    secret: Secret,
}

impl Session {
    pub(super) fn version(&self) -> Option<TlsVersion> {
        self.server.as_ref().map(|hello| hello.version)
    }

    pub(super) fn suite(&self) -> Option<CipherSuite> {
        self.server.as_ref().map(|hello| hello.suite)
    }

    /// How records are sealed; `None` if it is not known or not supported.
    pub(super) fn method(&self) -> Option<Method> {
        let server = self.server.as_ref()?;
        let method = server.suite.method()?;
        (method.version == server.version && !server.is_compressed).then_some(method)
    }

    /// Whether something says that the application protocol is MQTT.
    pub(super) fn is_announced(&self) -> bool {
        let offered = self.client.as_ref().is_some_and(|hello| hello.offers_mqtt);
        self.chose_mqtt.unwrap_or(offered)
    }

    /// Whether the client may send early data.
    pub(super) fn offers_early_data(&self) -> bool {
        self.client
            .as_ref()
            .is_some_and(|hello| hello.offers_early_data)
    }

    /// Whether the secret of a step is there.
    pub(super) fn has_secret(&self, step: Step, side: Side, secrets: &Secrets) -> bool {
        self.secret(step, side, secrets).is_some()
    }

    /// The keys of a step; `None` if their secret is not there or not one of the suite.
    pub(super) fn keys(&self, step: Step, side: Side, secrets: &Secrets) -> Option<Keys> {
        let method = self.method()?;
        let secret = self.secret(step, side, secrets)?;
        let keys = match step {
            Step::Tls12 => {
                let client = &self.client.as_ref()?.random;
                let server = &self.server.as_ref()?.random;
                let (client, server) = schedule::tls12_keys(method, secret, client, server);
                match side {
                    Side::Client => client,
                    Side::Server => server,
                }
            }
            _ => schedule::traffic_keys(method, secret)?,
        };
        Some(Keys {
            step,
            cipher: Cipher::new(method, &keys)?,
            secret: secret.clone(),
        })
    }

    /// The keys that a KeyUpdate leads to.
    pub(super) fn updated(&self, keys: &Keys) -> Option<Keys> {
        let method = self.method()?;
        let secret = schedule::next_secret(method.hash, &keys.secret)?;
        let keys = schedule::traffic_keys(method, &secret)?;
        Some(Keys {
            step: Step::Updated,
            cipher: Cipher::new(method, &keys)?,
            secret,
        })
    }

    fn secret<'s>(&self, step: Step, side: Side, secrets: &'s Secrets) -> Option<&'s Secret> {
        let label = match (step, side) {
            (Step::Tls12, _) => Label::Master,
            (Step::Early, Side::Client) => Label::ClientEarly,
            (Step::Handshake, Side::Client) => Label::ClientHandshake,
            (Step::Handshake, Side::Server) => Label::ServerHandshake,
            (Step::Application, Side::Client) => Label::ClientTraffic,
            (Step::Application, Side::Server) => Label::ServerTraffic,
            (Step::Early, Side::Server) | (Step::Updated, _) => return None,
        };
        secrets.find(label, &self.client.as_ref()?.random)
    }
}

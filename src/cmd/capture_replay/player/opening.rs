//! A connection is made, as far as the server takes what it says.

use std::sync::Arc;

use super::Player;
use crate::client::Engine;
use crate::client::native::Client;
use crate::cmd::capture_replay::shared::Parked;
use crate::cmd::{Exit, Failure};
use crate::mqtt::{QoS, ReasonCode};

impl Player {
    /// Connects, and goes on with what an earlier connection of the same client has left.
    pub(super) async fn open(&mut self) -> Result<Client, Failure> {
        let connect = &self.connect.options.connect;
        let before = match connect.clean_start {
            true => {
                self.shared.unpark(&connect.client_id);
                None
            }
            false => self.shared.unpark(&connect.client_id),
        };
        if let Some(Parked { client, waiting }) = before {
            self.waiting = waiting;
            return Client::connect_after(self.connect.options.clone(), client)
                .await
                .map_err(|error| self.connect.connect_failure(&error));
        }
        let engine = loop {
            match self.connect.connect().await {
                Ok(engine) => break engine,
                Err(failure) if self.adapt_will(failure.exit) => {}
                Err(failure) => return Err(failure),
            }
        };
        match engine {
            Engine::Native(client) => Ok(*client),
            Engine::Rumqttc(_) => Err(Failure::usage(
                "capture-replay needs the engine native: rumqttc does not do all that clients do",
            )),
        }
    }

    /// A will that the server does not take is made one that it may take.
    fn adapt_will(&mut self, refused: Exit) -> bool {
        let connect = Arc::make_mut(&mut self.connect.options.connect);
        let Some(will) = &mut connect.will else {
            return false;
        };
        match refused {
            Exit::Refused(ReasonCode::QOS_NOT_SUPPORTED) if will.qos > QoS::AtMostOnce => {
                will.qos = match will.qos {
                    QoS::ExactlyOnce => QoS::AtLeastOnce,
                    _ => QoS::AtMostOnce,
                };
            }
            Exit::Refused(ReasonCode::RETAIN_NOT_SUPPORTED) if will.retain => will.retain = false,
            _ => return false,
        }
        self.shared.tally.borrow_mut().wills_adapted += 1;
        true
    }
}

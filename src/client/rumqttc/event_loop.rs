//! Its event loop, for either version: a task that reports what happened in one form.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::super::error::Refusal;
use super::super::event::Connected;
use super::super::message::Message;
use super::super::options::ConnectOptions;
use super::{Reason, v5, v311};
use crate::mqtt::ReasonCode;

/// What its event loops report, in one form for both versions.
#[derive(Debug)]
pub(super) enum Happened {
    Connected(Box<Connected>),
    Message(Box<Message>),
    /// A PUBLISH left; id 0 with QoS 0.
    SentPublish(u16),
    SentSubscribe(u16),
    SentDisconnect,
    PubAck(u16, Reason),
    PubRec(u16, Reason),
    PubRel(u16),
    PubComp(u16),
    SubAck(u16, Vec<ReasonCode>, Option<String>),
    Ended(Ended),
}

/// Why an event loop ended.
#[derive(Debug)]
pub(super) enum Ended {
    Refused(Box<Refusal>),
    Disconnected(Box<Refusal>),
    Io(io::Error),
    Timeout,
    Other(String),
}

/// rumqttc has one of its own for each version.
pub(super) enum EventLoop {
    V311(Box<::rumqttc::EventLoop>),
    V5(Box<::rumqttc::v5::EventLoop>),
}

impl EventLoop {
    /// Runs until the connection ends or nobody listens.
    pub(super) async fn run(mut self, sender: Sender<Happened>, connect: Arc<ConnectOptions>) {
        loop {
            let happened = match &mut self {
                EventLoop::V311(event_loop) => v311::happened(event_loop.poll().await, &connect),
                EventLoop::V5(event_loop) => v5::happened(event_loop.poll().await, &connect),
            };
            let Some(happened) = happened else {
                continue;
            };
            let last = matches!(happened, Happened::Ended(_) | Happened::SentDisconnect);
            if sender.send(happened).await.is_err() || last {
                return;
            }
        }
    }
}

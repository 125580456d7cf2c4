//! `--record`: what is received, as a capture.
//!
//! The packets of the messages are those that came, but for a topic in place of its alias; around
//! them stand a CONNECT without secrets and whatever else makes it a whole conversation.

use std::fs::File;
use std::io::{self, BufWriter};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use bytes::BytesMut;

use crate::capture::{CaptureWriter, WrittenStream};
use crate::client::{Connected, Message};
use crate::cmd::clock::now;
use crate::cmd::{Exit, Failure};
use crate::mqtt::encode::encode;
use crate::mqtt::packet::{
    Ack, AckKind, Codes, ConnAck, Connect, FiltersBuf, Packet, Subscribe, SubscriptionOptions,
};
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

/// A file that is being written.
pub(super) struct Recording {
    name: String,
    file: CaptureWriter<BufWriter<File>>,
    stream: Option<WrittenStream>,
    version: Version,
    packet: BytesMut,
}

impl Recording {
    /// Begins the file; one that is there is overwritten.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn create(path: &Path) -> Result<Recording, Failure> {
        let name = path.display().to_string();
        let file = File::create(path)
            .and_then(|file| CaptureWriter::new(BufWriter::new(file)))
            .map_err(|error| cannot_write(&name, &error))?;
        Ok(Recording {
            name,
            file,
            stream: None,
            version: Version::V5,
            packet: BytesMut::new(),
        })
    }

    /// The connection is made: CONNECT and CONNACK.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn open(
        &mut self,
        connected: &Connected,
        clean_start: bool,
        asked: Properties<'_>,
    ) -> Result<(), Failure> {
        self.version = connected.version;
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883));
        let opened = self.file.open(now(), client, server);
        self.stream = Some(opened.map_err(|error| cannot_write(&self.name, &error))?);
        let is_v5 = self.version == Version::V5;
        let mut properties = PropertiesBuf::new();
        for property in asked {
            // What binds the server belongs to the picture; anything else may be a secret.
            let binds = [
                PropertyId::SESSION_EXPIRY_INTERVAL,
                PropertyId::RECEIVE_MAXIMUM,
                PropertyId::MAXIMUM_PACKET_SIZE,
            ];
            if is_v5 && binds.contains(&property.id) {
                // It stood in a list before.
                let _ = properties.push(property.id, property.value);
            }
        }
        self.push(
            Side::Client,
            &Packet::Connect(Connect {
                version: self.version,
                bridge: false,
                clean_start,
                keep_alive: connected.keep_alive,
                properties: properties.as_properties(),
                client_id: &connected.client_id,
                will: None,
                username: None,
                password: None,
            }),
        )?;
        self.push(
            Side::Server,
            &Packet::ConnAck(ConnAck {
                session_present: connected.session_present && !clean_start,
                code: 0,
                properties: Properties::EMPTY,
            }),
        )
    }

    /// The subscriptions are acknowledged.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn subscribed(
        &mut self,
        filters: &[String],
        options: SubscriptionOptions,
        reasons: &[ReasonCode],
    ) -> Result<(), Failure> {
        let filters = filters.iter().map(|filter| (filter.as_str(), options));
        // They have just been sent.
        let Ok(filters) = FiltersBuf::subscribe(filters, self.version) else {
            return Ok(());
        };
        let packet_id = u16::MAX;
        self.push(
            Side::Client,
            &Packet::Subscribe(Subscribe {
                packet_id,
                properties: Properties::EMPTY,
                filters: filters.with_options(),
            }),
        )?;
        let codes: Vec<u8> = reasons.iter().map(|reason| reason.0).collect();
        self.push(
            Side::Server,
            &Packet::SubAck(Codes {
                packet_id,
                properties: Properties::EMPTY,
                codes: &codes,
            }),
        )
    }

    /// A message came, and is acknowledged.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn message(&mut self, message: &Message) -> Result<(), Failure> {
        let mut properties = PropertiesBuf::new();
        let mut publish = message.as_packet();
        // The alias is gone with the topic that was put in its place.
        if publish.properties.get(PropertyId::TOPIC_ALIAS).is_some() {
            for property in publish.properties {
                if property.id != PropertyId::TOPIC_ALIAS {
                    let _ = properties.push(property.id, property.value);
                }
            }
            publish.properties = properties.as_properties();
        }
        self.push(Side::Server, &Packet::Publish(publish))?;
        let exchange: &[(Side, AckKind)] = match message.qos {
            QoS::AtMostOnce => &[],
            QoS::AtLeastOnce => &[(Side::Client, AckKind::PubAck)],
            QoS::ExactlyOnce => &[
                (Side::Client, AckKind::PubRec),
                (Side::Server, AckKind::PubRel),
                (Side::Client, AckKind::PubComp),
            ],
        };
        for (from, kind) in exchange {
            let ack = Ack::new(*kind, message.packet_id, ReasonCode::SUCCESS);
            self.push(*from, &Packet::Ack(ack))?;
        }
        Ok(())
    }

    /// Whoever follows the file can read all that came.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        (self.file.flush()).map_err(|error| cannot_write(&self.name, &error))
    }

    /// The connection is over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        let Some(stream) = self.stream.take() else {
            return Ok(());
        };
        self.file
            .close(now(), stream, Side::Client)
            .map_err(|error| cannot_write(&self.name, &error))?;
        self.flush()
    }

    fn push(&mut self, from: Side, packet: &Packet<'_>) -> Result<(), Failure> {
        self.packet.clear();
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        encode(packet, self.version, &mut self.packet)
            .map_err(|error| Failure::new(Exit::Io, format!("cannot record a packet: {error}")))?;
        self.file
            .data(now(), stream, from, &self.packet)
            .map_err(|error| cannot_write(&self.name, &error))
    }
}

fn cannot_write(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot write {name}: {error}"))
}

//! How sessions begin: as captured, or made up where the capture has no CONNECT.

use super::stream::{Live, Stream};
use super::{Inferred, Mode, Settings, Source, context};
use crate::capture::CapturedPacket;
use crate::client::{ConnectOptions, TopicName, Will};
use crate::cmd::capture_replay::step::{Action, Answer, Leave, Opening, Request};
use crate::mqtt::decode::{Strict, decode};
use crate::mqtt::packet::{Connect, SubscriptionOptions};
use crate::mqtt::{Packet, PropertiesBuf, PropertyId, Side, Version};

impl Source {
    pub(super) fn connect(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        // A second CONNECT ends what was before it.
        let stream = self.streams.entry(packet.at.stream).or_default();
        self.found.second_connects += u64::from(stream.has_connected);
        self.leave(packet.at.stream, Leave::Cut);
        let last_time = self.last_time;
        let stream = self.streams.entry(packet.at.stream).or_default();
        *stream = Stream {
            last_time,
            last_of_client: last_time,
            has_connected: true,
            ..Stream::default()
        };
        if packet.is_cut() {
            self.skips.cut += 1;
            return;
        }
        let Ok(Packet::Connect(connect)) = decode(&packet.bytes, context(packet), &mut Strict)
        else {
            self.skips.malformed += 1;
            return;
        };
        let auth = self.found.auth;
        let options = self.connect_options(&connect);
        let stream = self.streams.entry(packet.at.stream).or_default();
        stream.is_incomplete = self.found.auth > auth;
        if connect.clean_start {
            self.kept.remove(connect.client_id);
        } else if let Some(outstanding) = self.kept.remove(connect.client_id) {
            // Its numbers are of the earlier session, which is over: nothing waits for them.
            stream.resent = outstanding.keys().copied().collect();
        }
        stream.captured_id = Some(connect.client_id.to_owned());
        stream.persists = persists(&connect);
        stream.keep_alive = connect.keep_alive;
        stream.held = Some(Box::new(Opening {
            number: 0,
            client: packet.at.src,
            connect: options,
            is_made_up: false,
            is_ahead: false,
        }));
        self.connects(packet.at.stream, &connect, is_wanted);
        if is_wanted {
            self.live(packet);
        }
    }

    pub(super) fn connect_options(&mut self, connect: &Connect<'_>) -> ConnectOptions {
        let rewrite = &self.settings.rewrite;
        let mut options = ConnectOptions::new(connect.version, connect.client_id);
        options.clean_start = connect.clean_start;
        options.keep_alive = connect.keep_alive;
        options.username = connect.username.map(str::to_owned);
        options.password = connect.password.map(bytes::Bytes::copy_from_slice);
        options.will = connect.will.and_then(|will| {
            self.found.wills += 1;
            // A topic that its changes made none is not published to.
            let Ok(topic) = TopicName::new(rewrite.topic(will.topic)) else {
                self.skips.bad_topic += 1;
                return None;
            };
            Some(Will {
                topic,
                payload: bytes::Bytes::copy_from_slice(will.payload),
                qos: rewrite.qos(will.qos),
                retain: will.retain && !rewrite.strip_retain,
                properties: will.properties.to_buf(),
            })
        });
        for property in connect.properties {
            let is_authentication = [
                PropertyId::AUTHENTICATION_METHOD,
                PropertyId::AUTHENTICATION_DATA,
            ]
            .contains(&property.id);
            if is_authentication {
                // Its answers cannot be given again.
                self.found.auth += 1;
                continue;
            }
            // It was in a list before, so it fits into one.
            let _ = options.properties.push(property.id, property.value);
        }
        options
    }

    /// The session that plays this packet's connection: opened now, if it is not.
    pub(super) fn live(&mut self, packet: &CapturedPacket) -> u64 {
        let (session, number) = (self.next_session, self.next_number);
        let stream = self.streams.entry(packet.at.stream).or_default();
        if let Some(live) = &stream.live {
            return live.session;
        }
        self.next_session += 1;
        self.next_number += 1;
        self.found.clients += 1;
        let rewrite = &self.settings.rewrite;
        let is_messages = self.settings.mode != Mode::Sessions;
        let held = stream.held.take().filter(|_| !is_messages);
        let mut opening = match held {
            Some(opening) => *opening,
            None => {
                self.found.made_up += u64::from(!is_messages);
                Opening {
                    is_ahead: is_messages,
                    ..made_up(client_of(packet), packet.version, &self.settings)
                }
            }
        };
        opening.number = number;
        let captured = stream.captured_id.as_deref().filter(|_| !is_messages);
        opening.connect.client_id = rewrite.client_id(captured, session, self.round);
        stream.connect = (!opening.is_made_up).then_some(number);
        stream.live = Some(Live {
            session,
            is_made_up: opening.is_made_up,
        });
        let time = stream.last_time;
        self.push(session, time, Action::Open(Box::new(opening)));
        self.tell_filters(session, packet.at.stream);
        session
    }

    /// Sessions that were there before the capture began subscribe before anything else is done.
    pub(super) fn open_inferred(&mut self, inferred: Inferred) {
        let mut inferred: Vec<_> = inferred.into_iter().collect();
        inferred.sort_unstable_by_key(|(stream, _)| *stream);
        for (stream, before) in inferred {
            let session = self.next_session;
            let number = self.next_number;
            self.next_session += 1;
            self.next_number += 2;
            self.found.clients += 1;
            self.found.made_up += 1;
            self.found.inferred += before.topics.len() as u64;
            let rewrite = &self.settings.rewrite;
            let mut opening = made_up(before.client, before.version, &self.settings);
            opening.number = number;
            opening.connect.client_id = rewrite.client_id(None, session, self.round);
            let filters = before.topics.iter().map(|(topic, qos)| {
                let options = SubscriptionOptions::at(rewrite.qos(*qos));
                (rewrite.filter(topic), options)
            });
            let request = Request {
                number: number + 1,
                filters: filters.collect(),
                properties: PropertiesBuf::new(),
            };
            for action in [
                Action::Open(Box::new(opening)),
                Action::Answered(Answer::Owed(number)),
                Action::Subscribe(Box::new(request)),
                Action::Answered(Answer::Owed(number + 1)),
            ] {
                self.push(session, None, action);
            }
            let stream = self.streams.entry(stream).or_default();
            let is_made_up = true;
            stream.live = Some(Live {
                session,
                is_made_up,
            });
        }
    }
}

/// The client's end of a packet's connection.
pub(super) fn client_of(packet: &CapturedPacket) -> std::net::SocketAddr {
    match packet.at.from {
        Some(Side::Client) => packet.at.src,
        _ => packet.at.dst,
    }
}

fn made_up(client: std::net::SocketAddr, version: Version, settings: &Settings) -> Opening {
    let mut connect = ConnectOptions::new(version, "");
    connect.keep_alive = settings.keep_alive;
    Opening {
        number: 0,
        client,
        connect,
        is_made_up: true,
        is_ahead: false,
    }
}

/// Whether the server may keep the session over the connection.
fn persists(connect: &Connect<'_>) -> bool {
    match connect.version {
        Version::V5 => connect
            .properties
            .number(PropertyId::SESSION_EXPIRY_INTERVAL)
            .is_some_and(|seconds| seconds > 0),
        Version::V31 | Version::V311 => !connect.clean_start,
    }
}

//! The same clients without manners: packets out of turn, changed, cut and doubled. Nothing is
//! foretold but that the core neither panics nor acts on a connection that has ended, that
//! whatever it sends is a packet, and that nothing is sent to a client above what it allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use midge::broker::core::{Action, ConnectionId, Core, Input};
use midge::broker::{self, Config};
use midge::mqtt::decode::{Context, Strict, connect_version, decode};
use midge::mqtt::packet::{AckKind, SubscriptionOptions};
use midge::mqtt::{ReasonCode, Side, Version};

use super::challenge::Challenge;
use super::client::{self, Client, Message};
use super::model::Will;
use super::op::{Dice, FILTERS, Op, TOPICS};
use midge::mqtt::frame::Framer;

const MAX_STEPS: usize = 2_000;

/// CONNECT with the method `challenge`, and AUTH packets: the right answer, a wrong one, the first
/// and the last step of another exchange. SUBSCRIBE to `$SYS/#`, before 5.0 and in it.
const EXTRA: [&[u8]; 8] = [
    b"\x10\x1b\x00\x04MQTT\x05\x02\x00\x00\x0c\x15\x00\x09challenge\x00\x02c1",
    b"\xf0\x17\x18\x15\x15\x00\x09challenge\x16\x00\x06answer",
    b"\xf0\x12\x18\x10\x15\x00\x09challenge\x16\x00\x01x",
    b"\xf0\x0e\x19\x0c\x15\x00\x09challenge",
    b"\xf0\x17\x19\x15\x15\x00\x09challenge\x16\x00\x06answer",
    b"\xf0\x00",
    b"\x82\x0b\x00\x01\x00\x06$SYS/#\x01",
    b"\x82\x0c\x00\x01\x00\x00\x06$SYS/#\x02",
];

struct Peer {
    id: ConnectionId,
    version: Version,
    has_sent: bool,
    framer: Framer,
    /// Not read yet, if it does not read.
    stalled: Option<usize>,
}

/// Does what `bytes` say.
///
/// # Errors
/// If the core does something that it must never do.
pub(crate) fn run(bytes: &[u8]) -> Result<(), String> {
    let mut dice = Dice(bytes);
    let config = Config {
        max_output: 300,
        max_queued_messages: 4,
        max_inflight: 2,
        max_packet_size: 400,
        max_memory: 400 << 10,
        connect_timeout: Duration::from_secs(5),
        max_keep_alive: Some(600),
        max_outgoing_topic_aliases: 2,
        authenticator: Some(Arc::new(Challenge)),
        ..Config::default()
    };
    let mut core = Core::new(config);
    let mut now = Duration::ZERO;
    let mut peers: BTreeMap<usize, Peer> = BTreeMap::new();
    let mut next = 0;
    for _ in 0..MAX_STEPS {
        if dice.is_empty() {
            break;
        }
        let op = dice.op();
        let mut packet = packet(&op, &mut dice);
        change(&mut packet, &mut dice);
        let place = dice.below(6);
        let peer = peers.entry(place).or_insert_with(|| {
            next += 1;
            let id = ConnectionId(next);
            core.handle(now, id, Input::Opened(&broker::Peer::default()));
            Peer {
                id,
                version: Version::V311,
                has_sent: false,
                framer: Framer::new(usize::MAX),
                stalled: None,
            }
        });
        let id = peer.id;
        match op {
            Op::Wait { seconds } => {
                now += Duration::from_secs(seconds);
                core.handle_timeout(now);
            }
            Op::Cut { .. } => {
                core.handle(now, id, Input::Closed);
                peers.remove(&place);
            }
            Op::Read { .. } => match peer.stalled.take() {
                Some(waiting) => core.handle(now, id, Input::Written(waiting)),
                None => peer.stalled = Some(0),
            },
            _ => {
                if !peer.has_sent
                    && let Some(version) = connect_version(&packet)
                {
                    peer.version = version;
                }
                peer.has_sent |= !packet.is_empty();
                core.handle(now, id, Input::Bytes(&packet));
            }
        }
        drain(&mut core, now, &mut peers)?;
        now += Duration::from_millis(1);
    }
    core.shut_down(now);
    drain(&mut core, now, &mut peers)?;
    match peers.is_empty() {
        true => Ok(()),
        false => Err("connections stay open after the end".into()),
    }
}

fn drain(core: &mut Core, now: Duration, peers: &mut BTreeMap<usize, Peer>) -> Result<(), String> {
    while let Some(action) = core.poll_action() {
        match action {
            Action::Send { connection, bytes } => {
                let peer = peers
                    .values_mut()
                    .find(|peer| peer.id == connection)
                    .ok_or("sent to a connection that has ended")?;
                peer.framer.feed(&bytes);
                while let Some(packet) = peer.framer.next_packet().map_err(|e| e.to_string())? {
                    check(&packet, peer.version)?;
                }
                match &mut peer.stalled {
                    Some(waiting) => *waiting += bytes.len(),
                    None => core.handle(now, connection, Input::Written(bytes.len())),
                }
            }
            Action::Close { connection } => {
                let at = peers.iter().find(|(_, peer)| peer.id == connection);
                let at = *at.ok_or("closed a connection that has ended")?.0;
                peers.remove(&at);
            }
            Action::Log(_) => {}
        }
    }
    Ok(())
}

fn check(packet: &[u8], version: Version) -> Result<(), String> {
    let context = |version| Context {
        version,
        from: Some(Side::Server),
    };
    // A refusal may be in another version's form than a peer that is hard to understand.
    let is_packet = [version, Version::V5, Version::V311]
        .into_iter()
        .any(|version| decode(packet, context(version), &mut Strict).is_ok());
    match is_packet {
        true => Ok(()),
        false => Err(format!("no packet was sent: {packet:x?}")),
    }
}

/// The packet of a step, whatever the state of its client.
fn packet(op: &Op, dice: &mut Dice<'_>) -> Vec<u8> {
    let version = match dice.below(4) {
        0 => Version::V311,
        1 => Version::V31,
        _ => Version::V5,
    };
    match *op {
        Op::Connect {
            client,
            version,
            clean_start,
            expiry,
            receive_maximum,
            aliases,
            ref will,
        } => {
            let connect = client::Connect {
                version,
                clean_start,
                expiry,
                receive_maximum,
                aliases,
                will: will.as_ref().map(|will| Will {
                    topic: TOPICS[will.topic],
                    payload: "will".into(),
                    qos: will.qos,
                    retain: will.retain,
                    delay: will.delay,
                }),
            };
            Client::default().connect(client, ConnectionId(0), &connect)
        }
        Op::Subscribe {
            filter,
            qos,
            no_local,
            retain_handling,
            ..
        } => {
            let options = SubscriptionOptions {
                qos,
                no_local,
                retain_handling,
                ..SubscriptionOptions::default()
            };
            client::subscribe(version, FILTERS[filter], options, None)
        }
        Op::Unsubscribe { filter, .. } => client::unsubscribe(version, FILTERS[filter]),
        Op::Publish {
            topic,
            qos,
            retain,
            expiry,
            alias,
            ..
        } => {
            let message = Message {
                topic: TOPICS[topic],
                payload: "x".repeat(dice.below(120)),
                mark: String::new(),
                qos,
                retain,
                expiry,
            };
            let alias = alias.map(|alias| (alias, dice.below(2) == 1));
            let packet_id = 1 + dice.below(6) as u16;
            client::publish(version, &message, packet_id, dice.below(3) == 0, alias)
        }
        Op::Answer { which, refuses, .. } => {
            let kinds = [
                AckKind::PubAck,
                AckKind::PubRec,
                AckKind::PubRel,
                AckKind::PubComp,
            ];
            let reason = match refuses {
                true => ReasonCode::UNSPECIFIED_ERROR,
                false => ReasonCode::SUCCESS,
            };
            let packet_id = 1 + dice.below(6) as u16;
            client::ack(version, kinds[which % 4], packet_id, reason)
        }
        Op::Leave {
            with_will, expiry, ..
        } => client::disconnect(
            version,
            with_will,
            expiry.filter(|_| version == Version::V5),
        ),
        Op::Read { .. } | Op::Cut { .. } | Op::Wait { .. } => Vec::new(),
    }
}

/// Mostly nothing.
fn change(packet: &mut Vec<u8>, dice: &mut Dice<'_>) {
    if packet.is_empty() {
        return;
    }
    let at = dice.below(packet.len());
    match dice.below(16) {
        0 => packet[at] = dice.byte(),
        1 => packet[at] ^= 1 << dice.below(8),
        2 => packet.truncate(at),
        3 => packet.extend_from_within(at..),
        4 => {
            packet.insert(at, dice.byte());
        }
        5 => {
            packet.remove(at);
        }
        6 => packet.extend_from_slice(EXTRA[dice.below(EXTRA.len())]),
        7 => packet.extend_from_slice(&[0xc0, 0x00]),
        _ => {}
    }
}

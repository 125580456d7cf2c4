//! What records hold, as bytes: written here, read here. Numbers have their highest byte first.

use std::rc::Rc;
use std::time::Duration;

use crate::broker::core::message::Message;
use crate::broker::core::permission::{Source, Who};
use crate::broker::core::session::{Outbound, Session};
use crate::broker::core::subscriptions::Subscriber;
use crate::broker::core::will::Will;
use crate::broker::core::{SessionId, Time};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::encode::encode;
use crate::mqtt::packet::{Publish, SubscriptionOptions};
use crate::mqtt::{Packet, QoS, Version};

/// A time that never comes.
const NEVER: u64 = u64::MAX;

/// Milliseconds since 1970.
pub(super) fn wall(wall_at_zero: Duration, at: Time) -> u64 {
    u64::try_from((wall_at_zero + at).as_millis()).unwrap_or(NEVER - 1)
}

/// The same moment in the time of this process; zero for what was before it began.
fn time(wall_at_zero: Duration, wall: u64) -> Time {
    Duration::from_millis(wall).saturating_sub(wall_at_zero)
}

fn optional_wall(wall_at_zero: Duration, at: Option<Time>) -> u64 {
    at.map_or(NEVER, |at| wall(wall_at_zero, at))
}

fn optional_time(wall_at_zero: Duration, wall: u64) -> Option<Time> {
    (wall != NEVER).then(|| time(wall_at_zero, wall))
}

/// When the message expires, who published it if that is asked, then itself.
pub(super) fn message(wall_at_zero: Duration, message: &Message) -> Vec<u8> {
    let mut out = optional_wall(wall_at_zero, message.expires_at())
        .to_be_bytes()
        .to_vec();
    out.push(u8::from(message.source.is_some()));
    if let Some(source) = &message.source {
        let (client_id, who) = source.parts();
        put_text(client_id, &mut out);
        put_who(who, &mut out);
    }
    put_publish(&message.as_publish(), &mut out);
    out
}

pub(super) fn read_message(wall_at_zero: Duration, bytes: &[u8]) -> Option<Message> {
    let mut rest = bytes;
    let expires_at = optional_time(wall_at_zero, take_u64(&mut rest)?);
    let source = match take_u8(&mut rest)? {
        0 => None,
        _ => {
            let client_id = take_text(&mut rest)?.into();
            let who = take_who(&mut rest)?;
            Some(Box::new(Source::restored(client_id, who)))
        }
    };
    let publish = take_publish(&mut rest)?;
    Some(Message::restored(&publish, expires_at).from(source))
}

pub(super) fn retained(message: u64) -> Vec<u8> {
    message.to_be_bytes().to_vec()
}

pub(super) fn read_retained(bytes: &[u8]) -> Option<u64> {
    take_u64(&mut &*bytes)
}

/// A session as it is read back.
#[derive(Debug)]
pub(super) struct SessionRecord {
    pub(super) client_id: Rc<str>,
    pub(super) who: Who,
    pub(super) expiry_interval: u32,
    /// `None`: never, or the client was connected.
    pub(super) ends_at: Option<Time>,
    /// With the moment that it waits for, unless the client was connected.
    pub(super) will: Option<(Option<Time>, Will)>,
}

/// `will` is that of the connection, or the one that waits for its delay, with its moment.
pub(super) fn session(
    wall_at_zero: Duration,
    session: &Session,
    will: Option<(Option<Time>, &Will)>,
) -> Vec<u8> {
    let mut out = session.expiry_interval.to_be_bytes().to_vec();
    out.extend(optional_wall(wall_at_zero, session.ends_at).to_be_bytes());
    put_text(&session.client_id, &mut out);
    put_who(&session.who, &mut out);
    if let Some((at, will)) = will {
        out.extend(optional_wall(wall_at_zero, at).to_be_bytes());
        let delay = u32::try_from(will.delay.as_secs()).unwrap_or(u32::MAX);
        out.extend(delay.to_be_bytes());
        put_publish(&will.as_publish(), &mut out);
    }
    out
}

pub(super) fn read_session(wall_at_zero: Duration, bytes: &[u8]) -> Option<SessionRecord> {
    let mut rest = bytes;
    let expiry_interval = take_u32(&mut rest)?;
    let ends_at = optional_time(wall_at_zero, take_u64(&mut rest)?);
    let client_id = take_text(&mut rest)?.into();
    let who = take_who(&mut rest)?;
    let will = match rest.is_empty() {
        true => None,
        false => {
            let at = optional_time(wall_at_zero, take_u64(&mut rest)?);
            let delay = Duration::from_secs(take_u32(&mut rest)?.into());
            Some((at, Will::restored(&take_publish(&mut rest)?, delay)))
        }
    };
    Some(SessionRecord {
        client_id,
        who,
        expiry_interval,
        ends_at,
        will,
    })
}

pub(super) fn subscription(subscriber: &Subscriber) -> Vec<u8> {
    let mut out = vec![subscriber.options.to_byte(Version::V5)];
    out.extend(subscriber.identifier.to_be_bytes());
    out
}

pub(super) fn read_subscription(session: SessionId, bytes: &[u8]) -> Option<Subscriber> {
    let mut rest = bytes;
    Some(Subscriber {
        session,
        options: SubscriptionOptions::from_byte(take_u8(&mut rest)?)?,
        identifier: take_u32(&mut rest)?,
    })
}

/// A copy for one client as it is read back, without its message.
#[derive(Debug)]
pub(super) struct OutboundRecord {
    pub(super) number: u64,
    /// `None`: PUBREL is out, and the message is no longer needed.
    pub(super) copy: Option<CopyRecord>,
}

#[derive(Debug)]
pub(super) struct CopyRecord {
    pub(super) message: u64,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) subscription_ids: Box<[u32]>,
}

/// A message that waits or is out; `message` is its number.
pub(super) fn outbound(outbound: &Outbound, message: u64) -> Vec<u8> {
    let mut out = outbound.number.to_be_bytes().to_vec();
    out.extend(message.to_be_bytes());
    out.push(outbound.qos.as_u8() | u8::from(outbound.retain) << 2);
    for id in &outbound.subscription_ids {
        out.extend(id.to_be_bytes());
    }
    out
}

/// PUBREL is out.
pub(super) fn released(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

pub(super) fn read_outbound(bytes: &[u8]) -> Option<OutboundRecord> {
    let mut rest = bytes;
    let number = take_u64(&mut rest)?;
    if rest.is_empty() {
        return Some(OutboundRecord { number, copy: None });
    }
    let message = take_u64(&mut rest)?;
    let flags = take_u8(&mut rest)?;
    let mut subscription_ids = Vec::with_capacity(rest.len() / 4);
    while !rest.is_empty() {
        subscription_ids.push(take_u32(&mut rest)?);
    }
    Some(OutboundRecord {
        number,
        copy: Some(CopyRecord {
            message,
            qos: QoS::from_u8(flags & 0b11)?,
            retain: flags & 0b100 != 0,
            subscription_ids: subscription_ids.into(),
        }),
    })
}

/// As a packet, in the older form where that says everything: a 3.1.1 message of the greatest
/// length has no room for the Property Length.
fn put_publish(publish: &Publish<'_>, out: &mut Vec<u8>) {
    let version = match publish.properties.is_empty() {
        true => Version::V311,
        false => Version::V5,
    };
    out.push(u8::from(version == Version::V5));
    let publish = Publish {
        // Not its own: a packet of QoS 1 and 2 must have one.
        packet_id: u16::from(publish.qos != QoS::AtMostOnce),
        ..*publish
    };
    // It came in a packet, so it fits one; a topic that an alias stood for may make one too large
    // for the protocol, and then nobody can ever get it.
    let _ = encode(&Packet::Publish(publish), version, out);
}

fn take_publish<'a>(rest: &mut &'a [u8]) -> Option<Publish<'a>> {
    let version = match take_u8(rest)? {
        0 => Version::V311,
        _ => Version::V5,
    };
    let from = None;
    match decode(rest, Context { version, from }, &mut Strict).ok()? {
        Packet::Publish(publish) => Some(publish),
        _ => None,
    }
}

fn put_who(who: &Who, out: &mut Vec<u8>) {
    let address = match who.address {
        None => String::new(),
        Some(address) => address.to_string(),
    };
    put_text(&address, out);
    let listener = u32::try_from(who.listener).unwrap_or(u32::MAX);
    out.extend(listener.to_be_bytes());
    out.push(u8::from(who.username.is_some()));
    if let Some(username) = &who.username {
        put_text(username, out);
    }
}

fn take_who(rest: &mut &[u8]) -> Option<Who> {
    let address = match take_text(rest)? {
        "" => None,
        address => Some(address.parse().ok()?),
    };
    let listener = usize::try_from(take_u32(rest)?).ok()?;
    let username = match take_u8(rest)? {
        0 => None,
        _ => Some(take_text(rest)?.into()),
    };
    Some(Who {
        username,
        address,
        listener,
    })
}

/// At most 65535 bytes, as it came in a packet.
fn put_text(text: &str, out: &mut Vec<u8>) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(len.to_be_bytes());
    out.extend_from_slice(text.get(..usize::from(len)).unwrap_or_default().as_bytes());
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::from(take_u16(rest)?);
    let (text, left) = rest.split_at_checked(len)?;
    *rest = left;
    std::str::from_utf8(text).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_u8(rest: &mut &[u8]) -> Option<u8> {
    take(rest).map(u8::from_be_bytes)
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    take(rest).map(u16::from_be_bytes)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_be_bytes)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_be_bytes)
}

//! What a publisher sends: packets that are ready, where there are few different ones, and else
//! messages that are made one by one.

use bytes::{Bytes, BytesMut};

use super::plan::{Group, Payload, Random, Topics, Values};
use super::stamp::Stamp;
use crate::client::{Engine, Prepared, Publication, PublishError, Token, TopicName};
use crate::cmd::Failure;
use crate::mqtt::PropertiesBuf;

/// Different packets of one publisher that are kept ready.
const READY: usize = 1024;

/// Their bytes, all together.
const READY_BYTES: usize = 64 * 1024;

/// Bytes of payloads that are allocated at once.
const PAYLOADS: usize = 64 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Source {
    random: Random,
    /// Topics of this client.
    topics: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The packets of each topic, for each size; the first of them is there.
    Ready {
        first: Prepared,
        packets: Vec<Prepared>,
        sizes: usize,
    },
    /// None is ready.
    Made(Maker),
}

/// Makes messages.
#[derive(Debug)]
struct Maker {
    first: TopicName,
    /// Topics that are made once; none if each message has another.
    names: Vec<TopicName>,
    /// Payloads are pieces of it, so that not each of them is an allocation.
    payloads: BytesMut,
    text: Vec<u8>,
}

impl Source {
    /// What this publisher of the group sends.
    ///
    /// # Errors
    /// Wrong usage: its topics are none.
    pub(super) fn new(
        group: &Group,
        topics: &Topics,
        run: u32,
        number: u32,
    ) -> Result<Source, Failure> {
        let client = group.client(number);
        let mut random = Random::new(run, number);
        let names = (0..topics.kept().unwrap_or(0))
            .map(|n| topics.name(client, n, &mut random))
            .collect::<Result<Vec<_>, _>>()?;
        let first = topics.name(client, 0, &mut random)?;
        let ready = ready_payloads(group).and_then(|payloads| ready(group, &names, &payloads));
        Ok(Source {
            random,
            topics: u64::from(topics.per_client()),
            kind: ready.unwrap_or(Kind::Made(Maker {
                first,
                names,
                payloads: BytesMut::new(),
                text: Vec::new(),
            })),
        })
    }

    /// Whether messages say the time of day.
    pub(super) fn wants_time(&self, group: &Group) -> bool {
        matches!(
            (&self.kind, &group.payload),
            (Kind::Made(_), Payload::Template(_))
        )
    }

    /// Makes the message that [`send`](Self::send) is about to make, for nothing: what was not needed
    /// for a while comes back into the caches, and is not waited for between the time that the
    /// message says and its sending.
    pub(super) fn rehearse(&mut self, group: &Group, stamp: Stamp) {
        if let Kind::Made(maker) = &mut self.kind {
            let mut random = self.random.clone();
            let values = Values {
                client: group.client(stamp.publisher),
                topic: topic(self.topics, stamp),
                sequence: stamp.sequence,
                time: stamp.time,
            };
            let head = stamp.to_bytes();
            drop(maker.make(group, &values, &head, &mut random));
        }
    }

    /// Hands the next message over; the bytes of its payload. `time` is that of the day, in ns since
    /// 1970, if [`wants_time`](Self::wants_time).
    ///
    /// # Errors
    /// [`PublishError`].
    #[inline]
    pub(super) fn send(
        &mut self,
        engine: &mut Engine,
        group: &Group,
        stamp: Stamp,
        time: u64,
    ) -> Result<(Token, usize), PublishError> {
        let topic = topic(self.topics, stamp);
        let head = stamp.to_bytes();
        let head: &[u8] = if group.is_stamped { &head } else { &[] };
        match &mut self.kind {
            Kind::Ready {
                first,
                packets,
                sizes,
            } => {
                let size = match (&group.payload, *sizes) {
                    (Payload::Sizes(of), 2..) => of.pick(&mut self.random),
                    _ => 0,
                };
                let packet = packets.get(topic as usize * *sizes + size);
                let packet = packet.unwrap_or(first);
                let token = engine.publish_prepared(packet, head)?;
                Ok((token, packet.publication().payload.len()))
            }
            Kind::Made(maker) => {
                let values = Values {
                    client: group.client(stamp.publisher),
                    topic,
                    sequence: stamp.sequence,
                    time,
                };
                let publication = maker.make(group, &values, head, &mut self.random);
                let bytes = publication.payload.len();
                Ok((engine.publish(publication)?, bytes))
            }
        }
    }
}

/// Number of a message's topic.
#[inline]
fn topic(topics: u64, stamp: Stamp) -> u32 {
    match topics {
        1 => 0,
        topics => (stamp.sequence % topics) as u32,
    }
}

impl Maker {
    fn make(
        &mut self,
        group: &Group,
        values: &Values,
        head: &[u8],
        random: &mut Random,
    ) -> Publication {
        let name = match self.names.get(values.topic as usize) {
            Some(name) => name.clone(),
            // The longest was checked, and so were its characters.
            None => (group.topics.as_ref())
                .and_then(|topics| topics.name(values.client, values.topic, random).ok())
                .unwrap_or_else(|| self.first.clone()),
        };
        let payloads = &mut self.payloads;
        let mut fill = |size: usize, head: &[u8], rest: &[u8]| {
            if payloads.capacity() < size {
                payloads.reserve(size.max(PAYLOADS));
            }
            payloads.extend_from_slice(head.get(..size).unwrap_or(head));
            payloads.extend_from_slice(rest);
            payloads.resize(size, 0);
            payloads.split().freeze()
        };
        let payload = match &group.payload {
            Payload::Sizes(sizes) => fill(sizes.next(random) as usize, head, &[]),
            Payload::Bytes(bytes) => fill(head.len() + bytes.len(), head, bytes),
            Payload::Template(template) => {
                self.text.clear();
                template.fill(values, random, &mut self.text);
                fill(head.len() + self.text.len(), head, &self.text)
            }
        };
        Publication {
            topic: name,
            payload,
            qos: group.qos,
            retain: group.retain,
            properties: group.properties.clone(),
        }
    }
}

/// Payloads that only a stamp tells apart: one for each size.
fn ready_payloads(group: &Group) -> Option<Vec<Bytes>> {
    match &group.payload {
        Payload::Sizes(sizes) => {
            let sizes = sizes.each(READY)?;
            let is_small = sizes.iter().all(|size| *size as usize <= READY_BYTES);
            is_small.then(|| sizes.iter().map(|size| zeros(*size as usize)).collect())
        }
        Payload::Bytes(bytes) if bytes.len() <= READY_BYTES => {
            let mut payload = vec![0; group.stamp_len()];
            payload.extend_from_slice(bytes);
            Some(vec![Bytes::from(payload)])
        }
        Payload::Bytes(_) | Payload::Template(_) => None,
    }
}

fn zeros(size: usize) -> Bytes {
    Bytes::from(vec![0; size])
}

/// A packet for each topic and payload, if they are few.
fn ready(group: &Group, names: &[TopicName], payloads: &[Bytes]) -> Option<Kind> {
    let count = names.len() * payloads.len();
    let bytes: usize = payloads.iter().map(Bytes::len).sum();
    if names.is_empty() || count > READY || names.len() * bytes > READY_BYTES {
        return None;
    }
    let mut packets = Vec::with_capacity(count);
    for name in names {
        for payload in payloads {
            let publication = Publication {
                topic: name.clone(),
                payload: payload.clone(),
                qos: group.qos,
                retain: group.retain,
                properties: match group.connect.version() {
                    crate::mqtt::Version::V5 => group.properties.clone(),
                    _ => PropertiesBuf::new(),
                },
            };
            packets.push(Prepared::new(publication, group.connect.version()).ok()?);
        }
    }
    Some(Kind::Ready {
        first: packets.first()?.clone(),
        packets,
        sizes: payloads.len(),
    })
}

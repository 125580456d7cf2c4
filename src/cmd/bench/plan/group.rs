//! A group of clients that do the same, checked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Run;
use super::flags::{
    check_counts, default_topic, inflight, more, parse_rate, payload, reconnect_every,
};
use super::sizes::Sizes;
use super::template::Template;
use super::topics::{self, Hears, Topics};
use crate::cli;
use crate::client::{LocalPorts, Options, Retry};
use crate::cmd::Failure;
use crate::cmd::bench::pace::{Pace, Schedule};
use crate::cmd::bench::stamp;
use crate::cmd::connect::ConnectPlan;
use crate::cmd::publish::parse_qos;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, PropertiesBuf, QoS, varint};

/// The fastest that any broker acknowledges: a packet and its answer take two system calls on
/// either side.
const FASTEST_ACK: f64 = 5e-6;

/// Bytes of a PUBLISH beside topic, properties and payload: their lengths and the packet id.
const PUBLISH_OVERHEAD: u64 = 8;

/// The numbers of clients of one kind in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::cmd::bench) struct Numbers {
    /// The first.
    pub(in crate::cmd::bench) first: u32,
    pub(in crate::cmd::bench) count: u32,
}

/// What messages carry.
#[derive(Debug, Clone)]
pub(in crate::cmd::bench) enum Payload {
    /// Zeros behind the stamp, which is counted.
    Sizes(Sizes),
    /// These bytes, behind the stamp if there is one.
    Bytes(Bytes),
    /// This text, behind the stamp if there is one.
    Template(Template),
}

/// See the [module](self).
#[derive(Debug)]
pub(in crate::cmd::bench) struct Group {
    /// As in the scenario.
    pub(in crate::cmd::bench) name: Option<String>,
    pub(in crate::cmd::bench) connect: ConnectPlan,
    /// Client ids begin with it.
    prefix: String,
    pub(in crate::cmd::bench) publishers: Numbers,
    pub(in crate::cmd::bench) subscribers: Numbers,
    pub(in crate::cmd::bench) idle: Numbers,
    /// Messages per second, all publishers of the group together; `None`: as fast as they are taken.
    pub(in crate::cmd::bench) rate: Option<f64>,
    pub(in crate::cmd::bench) count: Option<u64>,
    pub(in crate::cmd::bench) payload: Payload,
    /// Whether payloads begin with a stamp: somebody hears them, or it fits anyway.
    pub(in crate::cmd::bench) is_stamped: bool,
    /// None without publishers.
    pub(in crate::cmd::bench) topics: Option<Topics>,
    /// What subscribers hear; without `$share/NAME/`.
    pub(in crate::cmd::bench) filter: String,
    /// What they ask for.
    pub(in crate::cmd::bench) subscription: String,
    pub(in crate::cmd::bench) is_shared: bool,
    pub(in crate::cmd::bench) qos: QoS,
    pub(in crate::cmd::bench) retain: bool,
    /// Of PUBLISH.
    pub(in crate::cmd::bench) properties: PropertiesBuf,
    /// Of SUBSCRIBE.
    pub(in crate::cmd::bench) subscribe_properties: PropertiesBuf,
    /// QoS 1 and 2 messages in flight per publisher.
    pub(in crate::cmd::bench) inflight: u16,
    pub(in crate::cmd::bench) reconnect_every: Option<Duration>,
    /// How its connections are opened: one for each of the local addresses, which take turns.
    options: Vec<Arc<Options>>,
    /// What was asked for and has no field of its own in the result, by flag.
    pub(in crate::cmd::bench) more: Vec<(&'static str, String)>,
}

/// The numbers that the next group's clients begin with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Next {
    pub(super) publisher: u32,
    pub(super) subscriber: u32,
    pub(super) idle: u32,
}

impl Next {
    /// As many numbers as that, of `most` in all groups together.
    fn take(next: &mut u32, count: u32, flag: &str, most: u32) -> Result<Numbers, Failure> {
        let first = *next;
        *next = first
            .checked_add(count)
            .filter(|next| *next <= most)
            .ok_or_else(|| Failure::usage(format!("{flag} takes at most {most}")))?;
        Ok(Numbers { first, count })
    }
}

impl Group {
    /// Checks the flags of one group. `index` is its number if there are several.
    ///
    /// # Errors
    /// Wrong usage, or a payload file that cannot be read.
    pub(super) fn new(
        args: &cli::Bench,
        name: Option<String>,
        index: Option<usize>,
        run: &Run,
        next: &mut Next,
    ) -> Result<Group, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &cli::Reconnect::default())?;
        // A load test is not to paper over what it is to find.
        connect.options.fall_back = false;
        connect.options.retry = Retry::Never;
        connect.options.plain = true;
        if let Some(target) = &run.target {
            connect.options.target = target.clone();
        }
        let qos = parse_qos("--qos", args.qos.unwrap_or(0))?;
        let counts = [args.publishers.unwrap_or(1), args.subscribers.unwrap_or(1)];
        let [publishers, subscribers] = counts;
        let typed = args.topic.clone().or_else(|| connect.topic.take());
        check_counts(args, counts, typed.is_some(), index.is_some())?;
        let per_client = args.topics_per_client.unwrap_or(1);
        let topic = match typed {
            Some(topic) => topic,
            None => default_topic(index, per_client),
        };
        let topic = topic.replace("{run}", &run.name());
        let (share, topic) = topics::shared(&topic)?;
        let share = args.share.clone().or(share);
        let topics = match publishers {
            0 => None,
            count => Some(Topics::parse(&topic, per_client, count)?),
        };
        let filter = match &topics {
            Some(topics) => topics.filter(),
            None => Topics::parse(&topic, per_client, 1).map_or(topic, |topics| topics.filter()),
        };
        let rate = parse_rate(args, publishers)?;
        let group = Group {
            prefix: match &args.connection.id {
                Some(id) => id.clone(),
                // With up to seven digits behind it within the 23 characters that every 3.1 server
                // takes.
                None => format!("midge-{}", run.name()),
            },
            publishers: Next::take(
                &mut next.publisher,
                publishers,
                "--publishers",
                stamp::MAX_PUBLISHERS,
            )?,
            subscribers: Next::take(&mut next.subscriber, subscribers, "--subscribers", u32::MAX)?,
            idle: Next::take(&mut next.idle, args.idle.unwrap_or(0), "--idle", u32::MAX)?,
            count: args.count.filter(|_| publishers > 0),
            payload: payload(args)?,
            is_stamped: false,
            topics,
            subscription: topics::subscription(share.as_deref(), &filter)?,
            is_shared: share.is_some(),
            filter,
            qos,
            retain: args.retain,
            properties: connect.packets.of(PacketType::PUBLISH).clone(),
            subscribe_properties: connect.packets.of(PacketType::SUBSCRIBE).clone(),
            inflight: inflight(args, qos, rate)?,
            rate,
            reconnect_every: reconnect_every(args, &connect, subscribers)?,
            options: options(&connect.options, &args.bind),
            more: more(args),
            name,
            connect,
        };
        group.check_packet_ids()?;
        group.check_client_ids()?;
        Ok(group)
    }

    /// Decides on the stamps, now that it is known whether anybody hears this group.
    ///
    /// # Errors
    /// Wrong usage: no room for them, or a packet that is too long.
    pub(super) fn stamp(&mut self, is_heard: bool) -> Result<(), Failure> {
        self.is_stamped = is_heard || matches!(self.payload, Payload::Sizes(_));
        let stamp = self.stamp_len() as u64;
        let payload = match &self.payload {
            Payload::Sizes(sizes) => {
                if is_heard && (sizes.min() as usize) < stamp::LEN {
                    return Err(Failure::usage(format!(
                        "--size {} is too small: run, publisher, number and time of a message take {} bytes of its payload (without subscribers any size will do)",
                        sizes.min(),
                        stamp::LEN
                    )));
                }
                u64::from(sizes.max())
            }
            Payload::Bytes(bytes) => bytes.len() as u64 + stamp,
            Payload::Template(template) => template.max_len() as u64 + stamp,
        };
        let Some(topics) = &self.topics else {
            return Ok(());
        };
        let properties = self.properties.as_properties().as_bytes().len() as u64;
        let packet = payload + topics.max_len() as u64 + properties + PUBLISH_OVERHEAD;
        if packet > u64::from(varint::MAX) {
            return Err(Failure::usage(format!(
                "--size {payload} is more than an MQTT packet takes: {} bytes, its topic included",
                varint::MAX
            )));
        }
        Ok(())
    }

    /// Bytes that stand in front of a payload that was given; those of `--size` have them in it.
    pub(in crate::cmd::bench) fn stamp_len(&self) -> usize {
        match (self.is_stamped, &self.payload) {
            (false, _) | (_, Payload::Sizes(_)) => 0,
            (true, Payload::Bytes(_) | Payload::Template(_)) => stamp::LEN,
        }
    }

    /// What a group's subscribers hear of the publisher with this number in this group.
    pub(super) fn hears(&self, other: &Group, client: u32) -> Hears {
        match &other.topics {
            Some(topics) => topics.heard_by(&self.filter, client),
            None => Hears::None,
        }
    }

    /// All connections, in all shards.
    pub(in crate::cmd::bench) fn connections(&self) -> u64 {
        [self.publishers, self.subscribers, self.idle]
            .iter()
            .map(|numbers| u64::from(numbers.count))
            .sum()
    }

    /// The number of a publisher in this group.
    pub(in crate::cmd::bench) fn client(&self, publisher: u32) -> u32 {
        publisher.saturating_sub(self.publishers.first)
    }

    /// How the connection with this number in this role (`p`, `s`, `i`) presents itself.
    /// Those that present themselves from the same local address share everything but the name.
    pub(in crate::cmd::bench) fn options(
        &self,
        role: char,
        number: u32,
    ) -> (Arc<Options>, Arc<str>) {
        let own = self
            .options
            .get(number as usize % self.options.len().max(1));
        let options = own
            .cloned()
            .unwrap_or_else(|| Arc::new(self.connect.options.clone()));
        (options, self.client_id(role, number).into())
    }

    /// Lets its connections choose their ports, unless they start at addresses of their own.
    pub(in crate::cmd::bench) fn choose_ports(&mut self, ports: &Arc<LocalPorts>) {
        for options in &mut self.options {
            let target = &mut Arc::make_mut(options).target;
            if target.bind.is_none() {
                target.ports = Some(ports.clone());
            }
        }
    }

    /// How many local addresses connections start at.
    pub(in crate::cmd::bench) fn addresses(&self) -> usize {
        self.options.len().max(1)
    }

    fn client_id(&self, role: char, number: u32) -> String {
        format!("{}-{role}{number}", self.prefix)
    }

    /// What subscribers ask for.
    pub(in crate::cmd::bench) fn subscription_options(&self) -> SubscriptionOptions {
        SubscriptionOptions::at(self.qos)
    }

    /// A publisher's times.
    pub(in crate::cmd::bench) fn pace(&self, publisher: u32) -> Pace {
        match self.rate {
            None => Pace::Closed,
            Some(rate) => {
                let client = self.client(publisher);
                Pace::Open(Schedule::new(rate, client, self.publishers.count))
            }
        }
    }

    /// A publisher's share of the count.
    pub(in crate::cmd::bench) fn share(&self, publisher: u32) -> Option<u64> {
        let publishers = u64::from(self.publishers.count.max(1));
        let client = u64::from(self.client(publisher));
        self.count
            .map(|count| count / publishers + u64::from(client < count % publishers))
    }

    /// A name for sentences.
    pub(in crate::cmd::bench) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("the group '{}'", name.escape_debug()),
            None => format!("the publishers of {}", Quoted(&self.filter)),
        }
    }

    fn check_packet_ids(&self) -> Result<(), Failure> {
        let Some(rate) = self.rate.filter(|_| self.qos > QoS::AtMostOnce) else {
            return Ok(());
        };
        let each = rate / f64::from(self.publishers.count.max(1));
        let most = f64::from(self.inflight) / FASTEST_ACK;
        if each > most {
            return Err(Failure::usage(format!(
                "--rate wants {each:.0} messages per second of each publisher, and with --inflight {} there are packet ids for {most:.0} at most: each is free again when its message is acknowledged, which takes {} µs at the very least",
                self.inflight,
                FASTEST_ACK * 1e6
            )));
        }
        Ok(())
    }

    fn check_client_ids(&self) -> Result<(), Failure> {
        let longest = self.client_id('p', u32::MAX).len();
        if longest > usize::from(u16::MAX) {
            return Err(Failure::usage(
                "the client id (-i) leaves no room for the number of the connection: 65535 bytes is the limit",
            ));
        }
        Ok(())
    }
}

fn options(options: &Options, bind: &[String]) -> Vec<Arc<Options>> {
    let bound = |address: &String| {
        let mut options = options.clone();
        options.target.bind = Some(address.clone());
        Arc::new(options)
    };
    match bind {
        [] => vec![Arc::new(options.clone())],
        several => several.iter().map(bound).collect(),
    }
}

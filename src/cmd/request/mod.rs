//! `midge rr`: publishes a request, and prints the response to it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::connect::{self, Answer, ConnectPlan};
use super::publish::{parse_qos, publish_failure, read_file, read_stdin};
use super::signals::Signals;
use super::subscribe::{self, Printer, Style};
use super::typed_bytes::bytes_of;
use super::{Exit, Failure, duration, mosquitto, note};
use crate::cli::{self, Program};
use crate::client::{
    Engine, Event, Lost, Message, Publication, PublishError, Says, Token, TopicName,
};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::Value;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, PropertiesBuf, PropertyId, QoS, ReasonCode, Version};

/// What to ask, and how to show what comes back; checked.
#[derive(Debug)]
struct Plan {
    connect: ConnectPlan,
    topic: TopicName,
    /// `None`: the broker's response information, or a topic of our own.
    response_topic: Option<String>,
    payload: Bytes,
    qos: QoS,
    no_retained: bool,
    wait: Option<Duration>,
    latency: bool,
    options: SubscriptionOptions,
    style: Style,
}

impl Plan {
    fn new(args: &cli::Request) -> Result<Plan, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &args.reconnect)?;
        let version = connect.version();
        let topic = args
            .topic
            .clone()
            .or_else(|| connect.topic.take())
            .ok_or_else(|| Failure::usage("no topic to publish the request to: give -t"))?;
        let publish = connect.packets.of(PacketType::PUBLISH).as_properties();
        let response_topic = args.response_topic.clone().or_else(|| {
            let topic = publish.text(PropertyId::RESPONSE_TOPIC);
            topic.map(str::to_owned)
        });
        if response_topic.is_none() && version < Version::V5 {
            return Err(Failure::usage(format!(
                "MQTT {version} does not tell who answers where to: give the topic of the response \
                 with -e"
            )));
        }
        if let Some(topic) = &response_topic {
            name("-e", topic)?;
        }
        // Who has fallen back to 3.1.1 cannot say where the response has to go.
        connect.options.fall_back = false;
        Ok(Plan {
            topic: name("-t", &topic)?,
            response_topic,
            payload: payload(args)?,
            qos: parse_qos("-q", args.qos)?,
            no_retained: args.receive.no_retained,
            wait: match &args.timeout {
                Some(text) => Some(duration::parse("-W", text)?),
                None => None,
            },
            latency: args.latency,
            options: subscribe::subscription_options(args.qos, false, &args.receive, &mut connect)?,
            style: subscribe::style(&args.receive, version)?,
            connect,
        })
    }

    fn is_midge(&self) -> bool {
        self.connect.program == Program::Midge
    }

    /// Where the response is to come: what was asked for, or below what the broker offers.
    fn choose_response_topic(&self, client: &Engine) -> Result<TopicName, Failure> {
        if let Some(topic) = &self.response_topic {
            return name("-e", topic);
        }
        let random = connect::random();
        let properties = client.connected().properties.as_properties();
        let topic = match properties.text(PropertyId::RESPONSE_INFORMATION) {
            Some(base) => format!("{}/{random:016x}", base.trim_end_matches('/')),
            None => format!("midge/response/{random:016x}"),
        };
        TopicName::new(topic.clone()).map_err(|error| {
            Failure::new(
                Exit::NoConnection,
                format!(
                    "the broker's response information makes no topic, {}: {error}; give one with \
                     -e",
                    Quoted(&topic)
                ),
            )
        })
    }

    /// The properties of the request, with where the response goes and, from midge, what it has to
    /// carry.
    fn request_properties(&self, response_topic: &TopicName) -> Result<PropertiesBuf, Failure> {
        let mut properties = self.connect.packets.of(PacketType::PUBLISH).clone();
        if self.connect.version() < Version::V5 {
            return Ok(properties);
        }
        let has = |id| properties.as_properties().get(id).is_some();
        let (has_topic, has_data) = (
            has(PropertyId::RESPONSE_TOPIC),
            has(PropertyId::CORRELATION_DATA),
        );
        let mut push = |id, value| {
            properties
                .push(id, value)
                .map_err(|error| Failure::usage(format!("the request: {error}")))
        };
        if !has_topic {
            let value = Value::Str(response_topic.as_bytes());
            push(PropertyId::RESPONSE_TOPIC, value)?;
        }
        if !has_data && self.is_midge() {
            let data = connect::random().to_be_bytes();
            push(PropertyId::CORRELATION_DATA, Value::Binary(&data))?;
        }
        Ok(properties)
    }
}

/// The request itself, of exactly one of -m, -f, -s and -n. Read before there is a connection: a
/// file that cannot be read needs none.
fn payload(args: &cli::Request) -> Result<Bytes, Failure> {
    match (
        &args.message,
        &args.file,
        args.stdin_file,
        args.null_message,
    ) {
        (Some(text), None, false, false) => Ok(Bytes::copy_from_slice(bytes_of("-m", text)?)),
        (None, Some(path), false, false) => read_file(path),
        (None, None, true, false) => {
            let payload = read_stdin()?;
            if args.connection.program != Program::Midge {
                mosquitto::check_stdin(true, Some(&payload))?;
            }
            Ok(payload)
        }
        (None, None, false, true) => Ok(Bytes::new()),
        (None, None, false, false) => Err(Failure::usage(
            "no request to send: give one of -m, -f, -s and -n",
        )),
        _ => Err(Failure::usage(
            "more than one request: give only one of -m, -f, -s and -n",
        )),
    }
}

fn name(flag: &str, topic: &str) -> Result<TopicName, Failure> {
    TopicName::new(topic).map_err(|error| {
        Failure::usage(format!(
            "{} ({flag}) is not a topic to publish to: {error}",
            Quoted(topic)
        ))
    })
}

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code.
pub fn run(args: &cli::Request) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    connect::runtime()?.block_on(request(plan))
}

async fn request(plan: Plan) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let mut stop = std::pin::pin!(signals.recv_within(plan.wait));
    let client = tokio::select! {
        biased;
        exit = &mut stop => return Ok(exit),
        client = plan.connect.connect() => client?,
    };
    let response_topic = plan.choose_response_topic(&client)?;
    let mut run = Run {
        properties: plan.request_properties(&response_topic)?,
        plan: &plan,
        client,
        response_topic,
        request: None,
        sent_at: None,
    };
    let result = tokio::select! {
        biased;
        exit = &mut stop => Ok(exit),
        result = run.work() => result,
    };
    run.leave(&result).await;
    result
}

/// A connection and the request on it.
struct Run<'p> {
    plan: &'p Plan,
    client: Engine,
    response_topic: TopicName,
    properties: PropertiesBuf,
    /// The request, once it is sent.
    request: Option<Token>,
    sent_at: Option<Instant>,
}

impl Run<'_> {
    async fn work(&mut self) -> Result<Exit, Failure> {
        let options = self.plan.options;
        let packets = &self.plan.connect.packets;
        self.client
            .subscribe(
                [(self.response_topic.as_str(), options)],
                packets.of(PacketType::SUBSCRIBE).as_properties(),
            )
            .map_err(|error| Failure::usage(format!("cannot subscribe: {error}")))?;
        loop {
            let event = self.client.next_event().await;
            match event {
                Ok(Event::Message(message)) if self.is_response(&message) => {
                    return self.print(&message);
                }
                Ok(Event::Subscribed {
                    reasons,
                    reason_string,
                    ..
                }) => {
                    self.check_granted(&reasons, reason_string.as_deref())?;
                    self.send()?;
                }
                Ok(Event::Resubscribed {
                    reasons,
                    reason_string,
                    ..
                }) => self.check_granted(&reasons, reason_string.as_deref())?,
                Ok(Event::Published {
                    token,
                    reason,
                    reason_string,
                }) if Some(token) == self.request => {
                    self.check_taken(reason, reason_string.as_deref())?;
                }
                Ok(event) => {
                    if let Some(end) = connect::ends(&self.plan.connect, &event) {
                        return Err(end);
                    }
                    self.plan.connect.tell(&event);
                    let is_lost = matches!(event, Event::Retrying { .. });
                    if is_lost && self.request.is_some() && self.plan.qos == QoS::AtMostOnce {
                        return Err(self.lost_request());
                    }
                }
                Err(lost) => return Err(self.plan.connect.lost_failure(&lost)),
            }
        }
    }

    fn send(&mut self) -> Result<(), Failure> {
        let plan = self.plan;
        let mut publication = Publication::new(plan.topic.clone(), plan.payload.clone(), plan.qos);
        publication.properties = self.properties.clone();
        self.sent_at = Some(Instant::now());
        match self.client.publish(publication) {
            Ok(token) => {
                self.request = Some(token);
                Ok(())
            }
            Err(error) if plan.is_midge() || matches!(error, PublishError::NotConnected(_)) => {
                Err(publish_failure(&error, plan.topic.as_str()))
            }
            Err(error) => Err(mosquitto::strerror(&error)),
        }
    }

    /// Whether a message answers the request.
    fn is_response(&self, message: &Message) -> bool {
        if !self.plan.is_midge() {
            return true;
        }
        if self.request.is_none() || (self.plan.no_retained && message.retain) {
            return false;
        }
        let asked = self.properties.as_properties();
        let answered = message.properties.as_properties();
        let data = |list: crate::mqtt::Properties<'_>| -> Option<Vec<u8>> {
            let data = list.get(PropertyId::CORRELATION_DATA)?;
            data.bytes().map(<[u8]>::to_vec)
        };
        message.topic == self.response_topic && data(asked) == data(answered)
    }

    fn print(&self, message: &Message) -> Result<Exit, Failure> {
        if self.plan.latency
            && let Some(sent_at) = self.sent_at
        {
            let milliseconds = sent_at.elapsed().as_secs_f64() * 1000.0;
            note(format_args!("the response took {milliseconds:.3} ms"));
        }
        let mut printer = Printer::new(self.plan.style.clone());
        let shown = printer.push(message);
        let mut stdout = io::stdout().lock();
        let printed = stdout
            .write_all(printer.as_bytes())
            .and_then(|()| stdout.flush());
        match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                Exit::Io,
                format!("cannot write to stdout: {error}"),
            )),
            _ => match shown {
                Ok(()) => Ok(Exit::Done),
                Err(error) if !self.plan.is_midge() => {
                    mosquitto::warn(&mosquitto::unshown(message.topic.as_str(), &error));
                    Ok(Exit::Done)
                }
                Err(error) => Err(Failure::new(
                    Exit::Verdict,
                    format!("the response: {error}"),
                )),
            },
        }
    }

    fn check_granted(
        &self,
        reasons: &[ReasonCode],
        reason_string: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(reason) = reasons.iter().find(|reason| reason.is_error()) else {
            return Ok(());
        };
        if !self.plan.is_midge() {
            return Err(mosquitto::denied(*reason));
        }
        let answer = Answer {
            packet: PacketType::SUBACK,
            version: self.client.connected().version,
            reason: *reason,
        };
        let topic = Quoted(self.response_topic.as_str());
        let what = format_args!("the subscription to the response topic {topic}");
        Err(answer.refusal(what, reason_string))
    }

    fn check_taken(&self, reason: ReasonCode, reason_string: Option<&str>) -> Result<(), Failure> {
        if reason == ReasonCode::NO_MATCHING_SUBSCRIBERS && self.plan.is_midge() {
            note(format_args!(
                "nobody has subscribed to {}, so that nobody may answer",
                Quoted(self.plan.topic.as_str())
            ));
        }
        // mosquitto_rr waits on.
        if !reason.is_error() || !self.plan.is_midge() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Refused(reason),
            format!(
                "the broker refused the request to {}: {reason}{}",
                Quoted(self.plan.topic.as_str()),
                Says(reason_string)
            ),
        ))
    }

    fn lost_request(&self) -> Failure {
        let lost = Lost::Closed { pending: 0 };
        let mut failure = self.plan.connect.lost_failure(&lost);
        if self.plan.is_midge() {
            failure
                .message
                .push_str(", and a request of QoS 0 may be lost with it");
        }
        failure
    }

    /// Says farewell. mosquitto_rr says none when it has what it wants.
    async fn leave(&mut self, result: &Result<Exit, Failure>) {
        let plan = self.plan;
        let reason = match result {
            _ if plan.is_midge() => ReasonCode::SUCCESS,
            Ok(Exit::Done) => return mosquitto::wait_for_releases(&mut self.client).await,
            Ok(exit) => mosquitto::farewell(*exit),
            Err(_) => ReasonCode::SUCCESS,
        };
        let farewell = plan.connect.farewell.as_properties();
        let _ = self.client.disconnect(reason, farewell).await;
    }
}

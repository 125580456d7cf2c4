//! What `midge sub` does with what happens on its connection.

use tokio::time::Instant;

use super::clear;
use super::plan::Retained;
use super::print::Unshown;
use super::run::Run;
use crate::client::{Event, Message};
use crate::cmd::connect::{self, Answer};
use crate::cmd::{Exit, Failure, mosquitto, note};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, ReasonCode};

impl Run<'_> {
    /// `Some` ends the work.
    pub(super) fn handle(&mut self, event: Event) -> Result<Option<Exit>, Failure> {
        match event {
            Event::Message(message) => return self.handle_message(&message),
            Event::Subscribed {
                reasons,
                reason_string,
                ..
            } => {
                let filters = &self.plan.filters;
                self.check_granted(filters, &reasons, reason_string.as_deref())?;
                if let Some(recording) = &mut self.targets.recording {
                    recording.subscribed(filters, self.plan.options, &reasons)?;
                }
                return self.handle_answer();
            }
            Event::Unsubscribed { .. } if !self.plan.is_midge() => {
                if self.plan.filters.is_empty() {
                    return self.handle_answer();
                }
            }
            Event::Unsubscribed { reasons, .. } => {
                self.check_gone(&reasons)?;
                return self.handle_answer();
            }
            Event::Resubscribed {
                filters,
                reasons,
                reason_string,
            } => self.check_granted(&filters, &reasons, reason_string.as_deref())?,
            Event::Pong => {
                if self.plan.retained == Retained::Whole {
                    self.barrier.open();
                }
            }
            Event::Published {
                reason,
                reason_string,
                ..
            } => {
                clear::check(reason, reason_string.as_deref())?;
                self.clearing.proceed(&mut self.client)?;
            }
            event => {
                self.rate.clear();
                if let Some(end) = connect::ends(&self.plan.connect, &event) {
                    return Err(end);
                }
                self.plan.connect.tell(&event);
                match event {
                    Event::Retrying { .. } => {
                        self.barrier.close();
                        // Nothing can come: that is not what --idle is to end.
                        self.idle_end = None;
                    }
                    Event::Connected(_) if self.unanswered == 0 => {
                        self.raise_barrier();
                        self.put_idle_off();
                    }
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// SUBACK or UNSUBACK has come.
    fn handle_answer(&mut self) -> Result<Option<Exit>, Failure> {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered > 0 {
            return Ok(None);
        }
        self.ready.tell()?;
        if self.plan.subscribe_only {
            return Ok(Some(Exit::Done));
        }
        self.raise_barrier();
        self.put_idle_off();
        Ok(None)
    }

    /// Asks the broker whether all retained messages have come.
    fn raise_barrier(&mut self) {
        if self.plan.retained != Retained::Whole {
            return;
        }
        if self.client.ping().is_err() {
            self.barrier.open_unasked();
        }
    }

    fn put_idle_off(&mut self) {
        if let Some(idle) = self.plan.idle {
            // More than a clock reaches is never.
            self.idle_end = Instant::now().checked_add(idle);
        }
    }

    /// A refusal ends the work.
    fn check_granted(
        &self,
        filters: &[String],
        reasons: &[ReasonCode],
        reason_string: Option<&str>,
    ) -> Result<(), Failure> {
        if !self.plan.is_midge() {
            return mosquitto::check_granted(reasons);
        }
        for (filter, reason) in filters.iter().zip(reasons) {
            let filter = Quoted(filter);
            let answer = self.answer(PacketType::SUBACK, *reason);
            if reason.is_error() {
                let what = format_args!("the subscription to {filter}");
                return Err(answer.refusal(what, reason_string));
            }
            let plan = &self.plan.connect;
            plan.debug(format_args!("subscribed to {filter}: {}", answer.name()));
        }
        Ok(())
    }

    /// The same for UNSUBACK, which before 5.0 says nothing.
    fn check_gone(&self, reasons: &[ReasonCode]) -> Result<(), Failure> {
        for (filter, reason) in self.plan.unsubscribe.iter().zip(reasons) {
            let filter = Quoted(filter);
            let answer = self.answer(PacketType::UNSUBACK, *reason);
            if reason.is_error() {
                let what = format_args!("to end the subscription to {filter}");
                return Err(answer.refusal(what, None));
            }
            let plan = &self.plan.connect;
            plan.debug(format_args!(
                "unsubscribed from {filter}: {}",
                answer.name()
            ));
        }
        Ok(())
    }

    fn answer(&self, packet: PacketType, reason: ReasonCode) -> Answer {
        let version = self.client.connected().version;
        Answer {
            packet,
            version,
            reason,
        }
    }

    /// `Some` ends the work.
    fn handle_message(&mut self, message: &Message) -> Result<Option<Exit>, Failure> {
        self.plan.connect.debug(format_args!(
            "message on {}, {} bytes, QoS {}{}",
            Quoted(message.topic.as_str()),
            message.payload.len(),
            message.qos,
            if message.retain { ", retained" } else { "" }
        ));
        if let Some(recording) = &mut self.targets.recording {
            recording.message(message)?;
        }
        if message.retain {
            self.barrier.extend();
            if self.plan.remove_retained && self.plan.lets_through(message) {
                self.clearing.push(&mut self.client, message)?;
            }
        } else if self.plan.retained == Retained::Only {
            return Ok(Some(self.plan.end_before_until(Exit::Done)));
        }
        if !self.plan.wants(message) || !self.is_lucky() {
            return Ok(None);
        }
        self.put_idle_off();
        self.rate.count(message.payload.len());
        if let Err(error) = self.printer.push(message) {
            self.misfits += u64::from(matches!(error, Unshown::NotDecoded(_)));
            self.rate.clear();
            let topic = message.topic.as_str();
            match self.plan.is_midge() {
                true => note(format_args!("a message on {}: {error}", Quoted(topic))),
                false => mosquitto::warn(&mosquitto::unshown(topic, &error)),
            }
        }
        if let Some(files) = &mut self.targets.files {
            files.push(message)?;
        }
        if let Some(commands) = &mut self.targets.commands {
            commands.push(message);
        }
        let until = self.plan.until.as_ref();
        if until.is_some_and(|until| until.holds(&message.payload)) {
            return Ok(Some(Exit::Done));
        }
        let Some(left) = self.left.as_mut() else {
            return Ok(None);
        };
        *left = left.saturating_sub(1);
        Ok((*left == 0).then(|| self.plan.end_before_until(Exit::Done)))
    }

    /// --random-filter.
    fn is_lucky(&mut self) -> bool {
        let Some(chance) = self.plan.chance else {
            return true;
        };
        // xorshift64: good enough to leave some messages out.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000 < u64::from(chance)
    }
}

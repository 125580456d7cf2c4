//! The variable part of each message type (5.4).

use super::super::message::{Ack, Message, Topic};
use super::super::rule::{Detail, Rule, Violation};
use super::super::{Flags, MessageType, ReturnCode, TopicIdType};
use super::cursor::Decoder;
use super::{Field, Sink};
use crate::mqtt::property::Value;
use crate::mqtt::{QoS, Side};

/// The longest client identifier (5.3.1), in characters.
const MAX_CLIENT_ID: usize = 23;

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    pub(super) fn message(&mut self, message_type: MessageType) -> Result<Message<'a>, Violation> {
        let type_at = self.pos.saturating_sub(1);
        if let Some(from) = self.from
            && !message_type.may_be_sent_by(from)
        {
            self.violate(Rule::WrongDirection, type_at, 1, Detail::None)?;
        }
        let message = match message_type {
            MessageType::ADVERTISE => Message::Advertise {
                gw_id: self.byte(Field::GwId)?,
                duration: self.u16(Field::Duration)?,
            },
            MessageType::SEARCHGW => Message::SearchGw {
                radius: self.byte(Field::Radius)?,
            },
            MessageType::GWINFO => Message::GwInfo {
                gw_id: self.byte(Field::GwId)?,
                gw_add: match self.is_at_end() {
                    true => &[],
                    false => self.data(Field::GwAdd),
                },
            },
            MessageType::CONNECT => self.connect()?,
            MessageType::CONNACK => Message::ConnAck {
                return_code: self.return_code()?,
            },
            MessageType::WILLTOPICREQ => Message::WillTopicReq,
            MessageType::WILLTOPIC => Message::WillTopic(self.will_topic(message_type)?),
            MessageType::WILLMSGREQ => Message::WillMsgReq,
            MessageType::WILLMSG => Message::WillMsg(self.data(Field::WillMsg)),
            MessageType::REGISTER => self.register()?,
            MessageType::REGACK => Message::RegAck(self.ack(false)?),
            MessageType::PUBLISH => self.publish()?,
            MessageType::PUBACK => Message::PubAck(self.ack(true)?),
            MessageType::PUBCOMP => Message::PubComp {
                msg_id: self.msg_id()?,
            },
            MessageType::PUBREC => Message::PubRec {
                msg_id: self.msg_id()?,
            },
            MessageType::PUBREL => Message::PubRel {
                msg_id: self.msg_id()?,
            },
            MessageType::SUBSCRIBE => {
                let (flags, msg_id, topic) = self.subscribe(message_type)?;
                Message::Subscribe {
                    flags,
                    msg_id,
                    topic,
                }
            }
            MessageType::SUBACK => self.suback()?,
            MessageType::UNSUBSCRIBE => {
                let (flags, msg_id, topic) = self.subscribe(message_type)?;
                Message::Unsubscribe {
                    flags,
                    msg_id,
                    topic,
                }
            }
            MessageType::UNSUBACK => Message::UnsubAck {
                msg_id: self.msg_id()?,
            },
            MessageType::PINGREQ => Message::PingReq {
                client_id: match self.is_at_end() {
                    true => None,
                    false => Some(self.client_id()?),
                },
            },
            MessageType::PINGRESP => Message::PingResp,
            MessageType::DISCONNECT => Message::Disconnect {
                duration: match self.is_at_end() {
                    true => None,
                    false => Some(self.u16(Field::Duration)?),
                },
            },
            MessageType::WILLTOPICUPD => Message::WillTopicUpd(self.will_topic(message_type)?),
            MessageType::WILLTOPICRESP => Message::WillTopicResp {
                return_code: self.return_code()?,
            },
            MessageType::WILLMSGUPD => Message::WillMsgUpd(self.data(Field::WillMsg)),
            MessageType::WILLMSGRESP => Message::WillMsgResp {
                return_code: self.return_code()?,
            },
            _ => {
                self.record_raw(Field::Extra, self.pos, self.end);
                let found = Detail::Found(u32::from(message_type.0));
                return Err(self.fatal(Rule::ReservedType, type_at, 1, found));
            }
        };
        self.finish()?;
        Ok(message)
    }

    fn flags(&mut self, message_type: MessageType) -> Result<Flags, Violation> {
        let flags = Flags(self.byte(Field::Flags)?);
        if flags.0 & !Flags::used_by(message_type) != 0 {
            self.violate_last(Rule::FlagsUnused, 1)?;
        }
        let uses_qos = Flags::used_by(message_type) & Flags::QOS != 0;
        if uses_qos && message_type != MessageType::PUBLISH && flags.qos().is_none() {
            self.violate_last(Rule::QosMinusOne, 1)?;
        }
        Ok(flags)
    }

    fn connect(&mut self) -> Result<Message<'a>, Violation> {
        let flags = self.flags(MessageType::CONNECT)?;
        let protocol_id = self.byte(Field::ProtocolId)?;
        if protocol_id != 1 {
            let detail = Detail::Found(u32::from(protocol_id));
            self.violate(Rule::ProtocolId, self.pos - 1, 1, detail)?;
        }
        Ok(Message::Connect {
            flags,
            protocol_id,
            duration: self.u16(Field::KeepAlive)?,
            client_id: self.client_id()?,
        })
    }

    fn client_id(&mut self) -> Result<&'a str, Violation> {
        let len = self.rest().len();
        let client_id = self.rest_as_text(Field::ClientId)?;
        if len == 0 && !self.is_cut {
            self.violate_last(Rule::ClientIdEmpty, 0)?;
        }
        if client_id.chars().count() > MAX_CLIENT_ID {
            self.violate_last(Rule::ClientIdLong, len)?;
        }
        Ok(client_id)
    }

    fn will_topic(
        &mut self,
        message_type: MessageType,
    ) -> Result<Option<(Flags, &'a str)>, Violation> {
        if self.is_at_end() {
            return Ok(None);
        }
        let flags = self.flags(message_type)?;
        Ok(Some((flags, self.rest_as_text(Field::WillTopic)?)))
    }

    fn register(&mut self) -> Result<Message<'a>, Violation> {
        let topic_id = self.u16(Field::TopicId)?;
        match self.from {
            Some(Side::Client) if topic_id != 0 => self.violate_last(Rule::RegisterTopicId, 2)?,
            Some(Side::Server) => self.check_topic_id(topic_id)?,
            _ => {}
        }
        let msg_id = self.msg_id()?;
        let len = self.rest().len();
        let topic_name = self.rest_as_text(Field::TopicName)?;
        if len == 0 && !self.is_cut {
            self.violate_last(Rule::TopicNameEmpty, 0)?;
        }
        Ok(Message::Register {
            topic_id,
            msg_id,
            topic_name,
        })
    }

    /// The topic id that was just read must not be one of the two reserved ones (5.3.11).
    fn check_topic_id(&mut self, topic_id: u16) -> Result<(), Violation> {
        if matches!(topic_id, 0 | 0xffff) {
            self.violate_last(Rule::TopicIdReserved, 2)?;
        }
        Ok(())
    }

    /// REGACK and PUBACK. `may_be_zero`: PUBACK says message id 0 when it refuses a PUBLISH of
    /// QoS 0 or -1.
    fn ack(&mut self, may_be_zero: bool) -> Result<Ack, Violation> {
        let topic_id_at = self.pos;
        let topic_id = self.u16(Field::TopicId)?;
        let msg_id_at = self.pos;
        let msg_id = self.u16(Field::MsgId)?;
        let return_code = self.return_code()?;
        let is_accepted = return_code == ReturnCode::ACCEPTED;
        if is_accepted && matches!(topic_id, 0 | 0xffff) {
            self.violate(Rule::TopicIdReserved, topic_id_at, 2, Detail::None)?;
        }
        if msg_id == 0 && (is_accepted || !may_be_zero) {
            self.violate(Rule::MsgIdZero, msg_id_at, 2, Detail::None)?;
        }
        Ok(Ack {
            topic_id,
            msg_id,
            return_code,
        })
    }

    fn publish(&mut self) -> Result<Message<'a>, Violation> {
        let flags = self.flags(MessageType::PUBLISH)?;
        let id_type = flags.topic_id_type();
        if flags.qos().is_none() {
            if self.from == Some(Side::Server) {
                self.violate_last(Rule::QosMinusOneFromGateway, 1)?;
            }
            if id_type == TopicIdType::Normal {
                self.violate_last(Rule::QosMinusOneTopic, 1)?;
            }
        }
        let topic_id = match id_type {
            TopicIdType::Short => {
                let name = self.rest().first_chunk::<2>().copied();
                self.text(Field::ShortTopic, 2)?;
                name.map_or(0, u16::from_be_bytes)
            }
            TopicIdType::Reserved => {
                self.violate_last(Rule::TopicIdTypeReserved, 1)?;
                self.u16(Field::TopicId)?
            }
            TopicIdType::Normal | TopicIdType::Predefined => {
                let topic_id = self.u16(Field::TopicId)?;
                self.check_topic_id(topic_id)?;
                topic_id
            }
        };
        let msg_id = match flags.qos() {
            Some(QoS::AtLeastOnce | QoS::ExactlyOnce) => self.msg_id()?,
            Some(QoS::AtMostOnce) | None => {
                let id = self.u16(Field::MsgId)?;
                if id != 0 {
                    self.violate_last(Rule::MsgIdNotZero, 2)?;
                }
                id
            }
        };
        Ok(Message::Publish {
            flags,
            topic_id,
            msg_id,
            data: self.data(Field::Data),
        })
    }

    /// SUBSCRIBE and UNSUBSCRIBE.
    fn subscribe(
        &mut self,
        message_type: MessageType,
    ) -> Result<(Flags, u16, Topic<'a>), Violation> {
        let flags = self.flags(message_type)?;
        let flags_at = self.pos - 1;
        let msg_id = self.msg_id()?;
        let topic = match flags.topic_id_type() {
            TopicIdType::Normal => {
                let len = self.rest().len();
                let name = self.rest_as_text(Field::Filter)?;
                if len == 0 && !self.is_cut {
                    self.violate_last(Rule::TopicNameEmpty, 0)?;
                }
                Topic::Name(name)
            }
            TopicIdType::Short => Topic::Name(self.text(Field::Filter, 2)?),
            TopicIdType::Predefined => {
                let topic_id = self.u16(Field::TopicId)?;
                self.check_topic_id(topic_id)?;
                Topic::Predefined(topic_id)
            }
            TopicIdType::Reserved => {
                // What follows can be anything, and so the model has no place for it.
                self.break_message(Rule::TopicIdTypeReserved, flags_at, 1, Detail::None)?;
                let rest = self.rest();
                self.sink
                    .field(Field::Filter, self.pos, self.end, Value::Binary(rest));
                self.pos = self.end;
                Topic::Name("")
            }
        };
        Ok((flags, msg_id, topic))
    }

    fn suback(&mut self) -> Result<Message<'a>, Violation> {
        let flags = self.flags(MessageType::SUBACK)?;
        let topic_id = self.u16(Field::TopicId)?;
        // 0 stands for a filter with wildcards (6.9).
        if topic_id == 0xffff {
            self.violate_last(Rule::TopicIdReserved, 2)?;
        }
        let msg_id = self.msg_id()?;
        let return_code = self.return_code()?;
        let ack = Ack {
            topic_id,
            msg_id,
            return_code,
        };
        Ok(Message::SubAck { flags, ack })
    }
}

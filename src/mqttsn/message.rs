//! Messages, borrowed from the datagram they came in.

use super::{Flags, MessageType, ReturnCode};

/// A datagram: one message, and what a forwarder put around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The forwarder encapsulation, if there is one (5.5).
    pub forwarder: Option<Forwarder<'a>>,
    /// The message.
    pub message: Message<'a>,
}

/// What a forwarder puts in front of a message (5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarder<'a> {
    /// Bits 1 and 0: the broadcast radius, from the gateway to the forwarder. The rest is reserved.
    pub ctrl: u8,
    /// The client behind the forwarder.
    pub wireless_node_id: &'a [u8],
}

/// What SUBSCRIBE and UNSUBSCRIBE are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic<'a> {
    /// A topic name, which may have wildcards; short names too.
    Name(&'a str),
    /// A predefined id.
    Predefined(u16),
}

/// A message of 1.2. A field that a short form leaves out is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields have the standard's names (5.3)")]
pub enum Message<'a> {
    /// Duration: seconds until the next one.
    Advertise { gw_id: u8, duration: u16 },
    /// 5.4.2. Radius 0: the whole network.
    SearchGw { radius: u8 },
    /// 5.4.3. The address is there if a client answers.
    GwInfo { gw_id: u8, gw_add: &'a [u8] },
    /// 5.4.4. Duration: keep alive in seconds.
    Connect {
        flags: Flags,
        protocol_id: u8,
        duration: u16,
        client_id: &'a str,
    },
    /// 5.4.5.
    ConnAck { return_code: ReturnCode },
    /// 5.4.6.
    WillTopicReq,
    /// 5.4.7. `None` deletes the will.
    WillTopic(Option<(Flags, &'a str)>),
    /// 5.4.8.
    WillMsgReq,
    /// 5.4.9.
    WillMsg(&'a [u8]),
    /// 5.4.10. A client sends topic id 0.
    Register {
        topic_id: u16,
        msg_id: u16,
        topic_name: &'a str,
    },
    /// 5.4.11.
    RegAck(Ack),
    /// 5.4.12. A short topic name stands in `topic_id`.
    Publish {
        flags: Flags,
        topic_id: u16,
        msg_id: u16,
        data: &'a [u8],
    },
    /// 5.4.13.
    PubAck(Ack),
    /// 5.4.14.
    PubComp { msg_id: u16 },
    /// 5.4.14.
    PubRec { msg_id: u16 },
    /// 5.4.14.
    PubRel { msg_id: u16 },
    /// 5.4.15.
    Subscribe {
        flags: Flags,
        msg_id: u16,
        topic: Topic<'a>,
    },
    /// 5.4.16. The flags hold the granted QoS; topic id 0 for filters with wildcards.
    SubAck { flags: Flags, ack: Ack },
    /// 5.4.17.
    Unsubscribe {
        flags: Flags,
        msg_id: u16,
        topic: Topic<'a>,
    },
    /// 5.4.18.
    UnsubAck { msg_id: u16 },
    /// 5.4.19. With a client id: a sleeping client wakes.
    PingReq { client_id: Option<&'a str> },
    /// 5.4.20.
    PingResp,
    /// 5.4.21. With a duration in seconds: the client goes to sleep.
    Disconnect { duration: Option<u16> },
    /// 5.4.22. `None` deletes the will.
    WillTopicUpd(Option<(Flags, &'a str)>),
    /// 5.4.24.
    WillTopicResp { return_code: ReturnCode },
    /// 5.4.23.
    WillMsgUpd(&'a [u8]),
    /// 5.4.25.
    WillMsgResp { return_code: ReturnCode },
}

/// What REGACK, PUBACK and SUBACK have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The topic id that the answer is about.
    pub topic_id: u16,
    /// The message that is answered.
    pub msg_id: u16,
    /// Whether it was accepted.
    pub return_code: ReturnCode,
}

impl Message<'_> {
    /// The type.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Message::Advertise { .. } => MessageType::ADVERTISE,
            Message::SearchGw { .. } => MessageType::SEARCHGW,
            Message::GwInfo { .. } => MessageType::GWINFO,
            Message::Connect { .. } => MessageType::CONNECT,
            Message::ConnAck { .. } => MessageType::CONNACK,
            Message::WillTopicReq => MessageType::WILLTOPICREQ,
            Message::WillTopic(_) => MessageType::WILLTOPIC,
            Message::WillMsgReq => MessageType::WILLMSGREQ,
            Message::WillMsg(_) => MessageType::WILLMSG,
            Message::Register { .. } => MessageType::REGISTER,
            Message::RegAck(_) => MessageType::REGACK,
            Message::Publish { .. } => MessageType::PUBLISH,
            Message::PubAck(_) => MessageType::PUBACK,
            Message::PubComp { .. } => MessageType::PUBCOMP,
            Message::PubRec { .. } => MessageType::PUBREC,
            Message::PubRel { .. } => MessageType::PUBREL,
            Message::Subscribe { .. } => MessageType::SUBSCRIBE,
            Message::SubAck { .. } => MessageType::SUBACK,
            Message::Unsubscribe { .. } => MessageType::UNSUBSCRIBE,
            Message::UnsubAck { .. } => MessageType::UNSUBACK,
            Message::PingReq { .. } => MessageType::PINGREQ,
            Message::PingResp => MessageType::PINGRESP,
            Message::Disconnect { .. } => MessageType::DISCONNECT,
            Message::WillTopicUpd(_) => MessageType::WILLTOPICUPD,
            Message::WillTopicResp { .. } => MessageType::WILLTOPICRESP,
            Message::WillMsgUpd(_) => MessageType::WILLMSGUPD,
            Message::WillMsgResp { .. } => MessageType::WILLMSGRESP,
        }
    }
}

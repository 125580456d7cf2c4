//! The fields of messages.

/// The fields of all messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Encapsulation: its Length, which ends before the message.
    ForwarderLength,
    /// Encapsulation: MsgType 0xfe.
    ForwarderType,
    /// Encapsulation: Ctrl.
    Ctrl,
    /// Encapsulation: Wireless Node Id.
    WirelessNodeId,
    /// Length, of one octet or three.
    Length,
    /// MsgType.
    MsgType,
    /// ADVERTISE, GWINFO: gateway id.
    GwId,
    /// GWINFO: gateway address.
    GwAdd,
    /// SEARCHGW: broadcast radius.
    Radius,
    /// ADVERTISE, DISCONNECT: seconds.
    Duration,
    /// CONNECT: Duration, which is the keep alive in seconds.
    KeepAlive,
    /// Flags.
    Flags,
    /// CONNECT: protocol id.
    ProtocolId,
    /// CONNECT, PINGREQ: client identifier.
    ClientId,
    /// Return code.
    ReturnCode,
    /// Topic id, normal or predefined.
    TopicId,
    /// PUBLISH: short topic name in the place of the topic id.
    ShortTopic,
    /// Message id.
    MsgId,
    /// REGISTER: topic name.
    TopicName,
    /// SUBSCRIBE, UNSUBSCRIBE: topic name, short ones too, which may have wildcards.
    Filter,
    /// PUBLISH: the published data.
    Data,
    /// WILLTOPIC, WILLTOPICUPD: will topic.
    WillTopic,
    /// WILLMSG, WILLMSGUPD: will message.
    WillMsg,
    /// Bytes that belong to no field.
    Extra,
}

/// The parts of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Forwarder encapsulation (5.5).
    Forwarder,
    /// Message header (5.2).
    Header,
    /// Message variable part (5.3).
    Variable,
}

impl Field {
    /// The part of the datagram that the field stands in.
    pub const fn section(self) -> Section {
        match self {
            Field::ForwarderLength | Field::ForwarderType | Field::Ctrl | Field::WirelessNodeId => {
                Section::Forwarder
            }
            Field::Length | Field::MsgType => Section::Header,
            _ => Section::Variable,
        }
    }
}

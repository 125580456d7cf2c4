//! Where the decoder puts what it finds.

use super::super::property::{PropertyId, Value};
use super::super::rule::{Severity, Violation};

/// Takes what a decoder finds: fields `F` and violations `V`, those of MQTT unless said otherwise.
pub trait Sink<'a, F = Field, V = Violation> {
    /// Whether fields are kept. Where not, the compiler drops the work for them.
    const RECORDS: bool;

    /// A field was read: its bytes in the packet, `start..end`, and its value. A string's bytes
    /// include its length prefix, a property's its identifier.
    fn field(&mut self, field: F, start: usize, end: usize, value: Value<'a>);

    /// Something is wrong. `Err` stops the decoder; after `Ok` it goes on as far as the bytes
    /// allow.
    fn violation(&mut self, violation: V) -> Result<(), V>;
}

/// The fast sink: ignores fields and stops at the first violation that is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

impl<'a> Sink<'a> for Strict {
    const RECORDS: bool = false;

    #[inline]
    fn field(&mut self, _: Field, _: usize, _: usize, _: Value<'a>) {}

    #[inline]
    fn violation(&mut self, violation: Violation) -> Result<(), Violation> {
        match violation.severity() {
            Severity::Error => Err(violation),
            Severity::Warning | Severity::Info => Ok(()),
        }
    }
}

/// The recording sink: keeps everything, stops at nothing.
#[derive(Debug, Clone)]
pub struct Recorder<'a, F = Field, V = Violation> {
    /// The fields in the order of the packet.
    pub fields: Vec<FieldRecord<'a, F>>,
    /// The violations in the order in which they were found.
    pub violations: Vec<V>,
}

impl<F, V> Default for Recorder<'_, F, V> {
    fn default() -> Self {
        Recorder {
            // Most packets have no more, and growing to it would cost as much as decoding.
            fields: Vec::with_capacity(12),
            violations: Vec::new(),
        }
    }
}

impl<'a, F, V> Sink<'a, F, V> for Recorder<'a, F, V> {
    const RECORDS: bool = true;

    fn field(&mut self, field: F, start: usize, end: usize, value: Value<'a>) {
        self.fields.push(FieldRecord {
            field,
            start,
            end,
            value,
        });
    }

    fn violation(&mut self, violation: V) -> Result<(), V> {
        self.violations.push(violation);
        Ok(())
    }
}

/// A field, its place and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRecord<'a, F = Field> {
    /// Which field.
    pub field: F,
    /// First byte, counted from the start of the packet.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// What it holds. A field that the packet's end cuts off has [`Value::Binary`] with what is
    /// there of it.
    pub value: Value<'a>,
}

/// The fields of all packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Packet type and flags.
    Byte1,
    /// Remaining Length.
    RemainingLength,
    /// CONNECT: Protocol Name.
    ProtocolName,
    /// CONNECT: Protocol Level, in 5.0 Protocol Version.
    ProtocolLevel,
    /// CONNECT: Connect Flags.
    ConnectFlags,
    /// CONNECT: Keep Alive.
    KeepAlive,
    /// CONNACK: Connect Acknowledge Flags.
    AckFlags,
    /// The single code of CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH.
    ReasonCode,
    /// PUBLISH: Topic Name.
    Topic,
    /// Packet Identifier.
    PacketId,
    /// Property Length.
    PropertyLength,
    /// A property.
    Property(PropertyId),
    /// CONNECT: Client Identifier.
    ClientId,
    /// CONNECT: Property Length of the will.
    WillPropertyLength,
    /// CONNECT: a property of the will.
    WillProperty(PropertyId),
    /// CONNECT: Will Topic.
    WillTopic,
    /// CONNECT: Will Payload.
    WillPayload,
    /// CONNECT: User Name.
    UserName,
    /// CONNECT: Password.
    Password,
    /// SUBSCRIBE, UNSUBSCRIBE: a Topic Filter.
    Filter,
    /// SUBSCRIBE: the options of the filter before it.
    SubscriptionOptions,
    /// SUBACK, UNSUBACK: the code of one filter.
    Code,
    /// PUBLISH: Application Message.
    Payload,
    /// Bytes that belong to no field.
    Extra,
}

/// The parts of a packet (2, 5.0 and 3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Type, flags and Remaining Length.
    FixedHeader,
    /// What comes before the payload.
    VariableHeader,
    /// The rest.
    Payload,
}

impl Field {
    /// The part of the packet that the field stands in.
    pub const fn section(self) -> Section {
        match self {
            Field::Byte1 | Field::RemainingLength => Section::FixedHeader,
            Field::ProtocolName
            | Field::ProtocolLevel
            | Field::ConnectFlags
            | Field::KeepAlive
            | Field::AckFlags
            | Field::ReasonCode
            | Field::Topic
            | Field::PacketId
            | Field::PropertyLength
            | Field::Property(_) => Section::VariableHeader,
            Field::ClientId
            | Field::WillPropertyLength
            | Field::WillProperty(_)
            | Field::WillTopic
            | Field::WillPayload
            | Field::UserName
            | Field::Password
            | Field::Filter
            | Field::SubscriptionOptions
            | Field::Code
            | Field::Payload
            | Field::Extra => Section::Payload,
        }
    }
}

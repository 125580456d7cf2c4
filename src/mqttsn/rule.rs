//! What can be wrong with a message, which section says so, and how bad it is.
//!
//! 1.2 says "should" nearly everywhere. An error is what a receiver cannot read or has to refuse;
//! what implementations in the field get along with is a warning.

use std::fmt;

use crate::mqtt::rule::Severity;

macro_rules! rules {
    ($($name:ident $severity:ident [$($section:literal)*] $text:literal;)*) => {
        /// Something that can be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rule {
            $(#[doc = $text] $name),*
        }

        impl Rule {
            /// What was found, as the beginning of a sentence.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Rule::$name => $text),*
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Rule::$name => Severity::$severity),*
                }
            }

            /// The sections that the rule stands on, most direct first.
            pub const fn citations(self) -> &'static [&'static str] {
                match self {
                    $(Rule::$name => &[$(concat!("MQTT-SN 1.2 section ", $section)),*]),*
                }
            }
        }
    };
}

// name, severity, sections, text
rules! {
    // Length and type
    Incomplete Error ["5.2.1"] "the bytes end before the message does";
    LengthTooSmall Error ["5.2.1"] "the length is smaller than the header";
    LengthLong Info ["5.2.1"] "the length takes three octets and would fit in one";
    LeftOver Error ["5.2.1"] "bytes are left over behind the message";
    ReservedType Error ["5.2.2"] "the message type is reserved";
    WrongDirection Error ["5.4"] "this side may not send this message type";

    // Forwarder encapsulation
    CtrlReserved Warning ["5.5"] "reserved bits of Ctrl are set";
    Nested Error ["5.5"] "an encapsulated message is encapsulated again";

    // Fields
    Overrun Error ["5.4"] "a field runs past the end of the message";
    Extra Error ["5.4"] "bytes are left over behind the last field";
    Utf8 Error ["5.3"] "a string is not UTF-8";
    ClientIdEmpty Error ["5.3.1"] "the client identifier is empty";
    ClientIdLong Warning ["5.3.1"] "the client identifier is longer than 23 characters";
    FlagsUnused Info ["5.3.4"] "flags are set that this message does not use";
    QosMinusOne Error ["5.3.4"] "QoS -1 is for PUBLISH only";
    QosMinusOneFromGateway Error ["5.3.4" "6.8"] "QoS -1 is for clients only";
    QosMinusOneTopic Error ["6.8"] "QoS -1 needs a predefined topic id or a short topic name";
    TopicIdTypeReserved Error ["5.3.4"] "the topic id type is reserved";
    MsgIdZero Warning ["5.3.7"] "the message id is 0, and an answer has to name it";
    MsgIdNotZero Warning ["5.4.12"] "the message id is not 0 at QoS 0 or -1";
    ProtocolId Error ["5.3.8"] "the protocol id is not 1";
    ReturnCodeReserved Warning ["5.3.10"] "the return code is reserved";
    TopicIdReserved Warning ["5.3.11"] "the topic id is reserved";
    RegisterTopicId Warning ["5.4.10"] "a client does not know the topic id when it registers";
    TopicNameEmpty Error ["5.3.12"] "the topic name is empty";
}

/// The figures that make a violation's message concrete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The rule's text says it all.
    None,
    /// The value that was found.
    Found(u32),
    /// A length that does not fit.
    Length {
        /// What the length says, or a field wants.
        says: u32,
        /// What is there.
        has: u32,
    },
}

/// A rule that was broken, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// First offending byte, counted from the start of the datagram.
    pub offset: u32,
    /// Offending bytes.
    pub len: u32,
    /// What was found.
    pub detail: Detail,
}

impl Violation {
    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// The sections that the rule stands on.
    pub const fn citations(&self) -> &'static [&'static str] {
        self.rule.citations()
    }
}

/// One sentence without a full stop: what was found, and how much.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.text())?;
        match self.detail {
            Detail::None => Ok(()),
            Detail::Found(value) => write!(f, ": {value}"),
            Detail::Length { says, has } => write!(f, ": {says} announced, {has} there"),
        }
    }
}

//! Colour: on for terminals, off for pipes and `NO_COLOR`, or as the user says.

use colored::{Color, Colorize};

use crate::mqtt::PacketType;
use crate::mqtt::rule::Severity;

/// Colours for all that is printed from now on; without a call, `colored` decides by the
/// terminal and the environment.
pub fn force(on: bool) {
    colored::control::set_override(on);
}

/// The name of a packet type in the colour of its family.
pub fn packet_type(name: &str, packet_type: PacketType) -> String {
    let colour = match packet_type {
        PacketType::CONNECT | PacketType::CONNACK | PacketType::AUTH => Color::Green,
        PacketType::PUBLISH => Color::Cyan,
        PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP => {
            Color::Blue
        }
        PacketType::SUBSCRIBE
        | PacketType::SUBACK
        | PacketType::UNSUBSCRIBE
        | PacketType::UNSUBACK => Color::Magenta,
        PacketType::PINGREQ | PacketType::PINGRESP => Color::BrightBlack,
        PacketType::DISCONNECT => Color::Yellow,
        _ => Color::Red,
    };
    name.color(colour).bold().to_string()
}

/// The mark of a violation.
pub fn severity(severity: Severity) -> String {
    let colour = match severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
        Severity::Info => Color::Blue,
    };
    severity.as_str().color(colour).bold().to_string()
}

/// Lines, offsets and raw bytes: there, but not in front.
pub fn dim(text: &str) -> String {
    text.bright_black().to_string()
}

/// Headings.
pub fn bold(text: &str) -> String {
    text.bold().to_string()
}

/// The bytes of a field: neighbours differ.
pub fn field(text: &str, number: usize) -> String {
    let colours = [
        Color::Cyan,
        Color::Yellow,
        Color::Green,
        Color::Magenta,
        Color::Blue,
    ];
    let colour = colours.get(number % colours.len());
    text.color(colour.copied().unwrap_or(Color::White))
        .to_string()
}

/// Something that a person should see.
pub fn alert(text: &str) -> String {
    text.yellow().to_string()
}

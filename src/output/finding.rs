//! What lint found, as a line for people and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::line::Lines;
use super::text::Safe;
use super::{Place, colour, json};
use crate::mqtt::ReasonCode;
use crate::mqtt::rule::Severity;
use crate::mqttsn;

/// Something that is wrong with the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it showed: the packet that shows it, or that got no answer.
    pub place: Place,
    /// The version of the protocol, which the ids belong to.
    pub version: &'static str,
    /// The statements that are broken, most direct first.
    pub ids: Vec<&'static str>,
    /// How bad it is.
    pub severity: Severity,
    /// What was there and what the standard wants.
    pub message: String,
    /// The frames concerned; of text, the packets, from 1.
    pub frames: Vec<u64>,
    /// First offending byte and offending bytes, if one packet alone is at fault.
    pub bytes: Option<(u32, u32)>,
    /// What a 5.0 receiver answers.
    pub reason: Option<ReasonCode>,
}

impl Finding {
    /// The statements, and where else to look.
    pub(super) fn source(&self) -> String {
        let mut source = format!("{}: {}", self.version, self.ids.join(", "));
        let others: Vec<String> = self
            .frames
            .iter()
            .filter(|&&frame| Some(frame) != self.place.frame)
            .map(u64::to_string)
            .collect();
        if !others.is_empty() {
            let what = match (self.place.frame, others.len()) {
                (Some(_), 1) => "frame",
                (Some(_), _) => "frames",
                (None, 1) => "packet",
                (None, _) => "packets",
            };
            // Writing to a String does not fail.
            let _ = write!(source, "; {what} {}", others.join(", "));
        }
        source
    }

    /// The name of the protocol.
    pub(super) fn protocol(&self) -> &'static str {
        match self.version {
            mqttsn::VERSION => "MQTT-SN",
            _ => "MQTT",
        }
    }

    /// Appends severity, sentence and statements.
    pub(super) fn describe(&self, text: &mut String) {
        let name = self.severity.as_str();
        let padding = " ".repeat(9usize.saturating_sub(name.len()));
        let _ = write!(
            text,
            "{}{padding}{}",
            colour::severity(self.severity),
            Safe(&self.message)
        );
        if let Some((offset, _)) = self.bytes {
            let _ = write!(text, " (byte {offset})");
        }
        let source = format!("[{}]", self.source());
        let _ = write!(text, "  {}", colour::dim(&source));
    }
}

/// Writes it as a line for people.
///
/// # Errors
/// Those of `out`.
pub fn write_line(
    out: &mut impl Write,
    lines: &mut Lines,
    finding: &Finding,
    client: Option<&str>,
) -> io::Result<()> {
    let mut text = String::new();
    finding.describe(&mut text);
    lines.columns(&finding.place, client);
    lines.end_with(out, &text)
}

/// Writes it as a JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    json::write_object(out, |object| {
        json::place(object, &finding.place);
        let protocol = match finding.version {
            mqttsn::VERSION => "mqtt-sn",
            _ => "mqtt",
        };
        object.entry("protocol", protocol);
        object.entry("version", finding.version);
        object.entry("record", "finding");
        object.entry("ids", json::List(finding.ids.iter().copied()));
        object.entry("severity", finding.severity.as_str());
        object.entry("message", finding.message.as_str());
        object.entry("frames", json::List(finding.frames.iter().copied()));
        if let Some((offset, len)) = finding.bytes {
            object.entry("offset", offset);
            object.entry("len", len);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Side;

    fn finding() -> Finding {
        Finding {
            place: Place {
                frame: Some(12),
                stream: Some(3),
                from: Some(Side::Server),
                transport: Some("tcp"),
                ..Place::default()
            },
            version: "5.0",
            ids: vec!["MQTT-2.2.1-5"],
            severity: Severity::Error,
            message: "PUBACK of \u{1b}[2J".into(),
            frames: vec![4, 12],
            bytes: None,
            reason: Some(ReasonCode::PROTOCOL_ERROR),
        }
    }

    #[test]
    fn as_json() {
        let mut out = Vec::new();
        let finding = Finding {
            bytes: Some((2, 1)),
            message: "PUBACK".into(),
            ..finding()
        };
        write_json(&mut out, &finding).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"frame":12,"stream":3,"from":"server","transport":"tcp","#,
                r#""protocol":"mqtt","version":"5.0","#,
                r#""record":"finding","ids":["MQTT-2.2.1-5"],"severity":"error","#,
                r#""message":"PUBACK","frames":[4,12],"offset":2,"len":1}"#,
                "\n"
            )
        );
    }

    #[test]
    fn as_a_line_without_controls() {
        let mut out = Vec::new();
        write_line(&mut out, &mut Lines::default(), &finding(), None).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(
            line.contains("error    PUBACK of \\u{1b}[2J  [5.0: MQTT-2.2.1-5; frame 4]"),
            "{line}"
        );
    }
}

//! What lint found, as a line for people and as JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::line::Lines;
use super::text::Safe;
use super::{Place, colour, json};
use crate::mqtt::rule::Severity;

/// Something that is wrong with the traffic.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    /// Where it showed; the sender is who is at fault, if that is known.
    pub place: Place,
    /// The version of the protocol, which the ids belong to.
    pub version: &'a str,
    /// The statements that are broken, most direct first.
    pub ids: &'a [&'static str],
    /// How bad it is.
    pub severity: Severity,
    /// What was there and what the standard wants.
    pub message: &'a str,
    /// The frames concerned; of hex text, the packets, from 1.
    pub frames: &'a [u64],
    /// First offending byte and offending bytes, if one packet is at fault.
    pub bytes: Option<(u32, u32)>,
}

/// Writes it as a line for people.
///
/// # Errors
/// Those of `out`.
pub fn write_line(
    out: &mut impl Write,
    lines: &mut Lines,
    finding: &Finding<'_>,
    client: Option<&str>,
) -> io::Result<()> {
    let text = lines.columns(&finding.place, client);
    let name = finding.severity.as_str();
    let padding = " ".repeat(9usize.saturating_sub(name.len()));
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "{}{padding}{}",
        colour::severity(finding.severity),
        Safe(finding.message)
    );
    if let Some((offset, _)) = finding.bytes {
        let _ = write!(text, " (byte {offset})");
    }
    let mut source = format!("{}: {}", finding.version, finding.ids.join(", "));
    let others: Vec<String> = finding
        .frames
        .iter()
        .filter(|&&frame| Some(frame) != finding.place.frame)
        .map(u64::to_string)
        .collect();
    if !others.is_empty() {
        let what = match (finding.place.frame, others.len()) {
            (Some(_), 1) => "frame",
            (Some(_), _) => "frames",
            (None, 1) => "packet",
            (None, _) => "packets",
        };
        let _ = write!(source, "; {what} {}", others.join(", "));
    }
    let _ = write!(text, "  {}", colour::dim(&format!("[{source}]")));
    lines.end(out)
}

/// Writes it as a JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, finding: &Finding<'_>) -> io::Result<()> {
    json::write_object(out, |object| {
        json::place(object, &finding.place);
        object.entry("version", finding.version);
        object.entry("record", "finding");
        object.entry("ids", json::List(finding.ids.iter().copied()));
        object.entry("severity", finding.severity.as_str());
        object.entry("message", finding.message);
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

    const FINDING: Finding<'_> = Finding {
        place: Place {
            frame: Some(12),
            time: None,
            stream: Some(3),
            endpoints: None,
            from: Some(Side::Server),
            transport: Some("tcp"),
        },
        version: "5.0",
        ids: &["MQTT-2.2.1-5"],
        severity: Severity::Error,
        message: "PUBACK of \u{1b}[2J",
        frames: &[4, 12],
        bytes: None,
    };

    #[test]
    fn as_json() {
        let mut out = Vec::new();
        let finding = Finding {
            bytes: Some((2, 1)),
            message: "PUBACK",
            ..FINDING
        };
        write_json(&mut out, &finding).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"frame":12,"stream":3,"from":"server","transport":"tcp","version":"5.0","#,
                r#""record":"finding","ids":["MQTT-2.2.1-5"],"severity":"error","#,
                r#""message":"PUBACK","frames":[4,12],"offset":2,"len":1}"#,
                "\n"
            )
        );
    }

    #[test]
    fn as_a_line_without_controls() {
        let mut out = Vec::new();
        write_line(&mut out, &mut Lines::default(), &FINDING, None).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(
            line.contains("error    PUBACK of \\u{1b}[2J  [5.0: MQTT-2.2.1-5; frame 4]"),
            "{line}"
        );
    }
}

//! Flags that ask for what only some inputs have. What a flag cannot do is said, and not left out.

use super::super::Failure;
use crate::cli;

/// The flags that were given of these.
#[derive(Debug)]
pub(super) struct Needs {
    /// Those that need a capture.
    capture: Vec<&'static str>,
    /// Those that need its times.
    times: Vec<&'static str>,
}

impl Needs {
    /// What was typed.
    pub(super) fn of(args: &cli::Decode) -> Needs {
        let given = |flags: &[(bool, &'static str)]| {
            let given = flags.iter().filter(|(is_given, _)| *is_given);
            given.map(|(_, flag)| *flag).collect::<Vec<_>>()
        };
        let times = given(&[
            (args.selection.since.is_some(), "--since"),
            (args.selection.until.is_some(), "--until"),
            (args.time.is_some(), "--time"),
        ]);
        let mut capture = given(&[
            (!args.selection.stream.is_empty(), "--stream"),
            (!args.selection.frame.is_empty(), "--frame"),
            (!args.port.is_empty(), "--port"),
            (!args.not_port.is_empty(), "--not-port"),
            (args.sn_topics.is_some(), "--sn-topics"),
            (args.keylog.is_some(), "--keylog"),
            (args.write.is_some(), "--write"),
        ]);
        capture.extend(&times);
        Needs { capture, times }
    }

    /// Packets without a capture have no frames, connections and times.
    pub(super) fn refuse_packets(&self, name: &str) -> Result<(), Failure> {
        refuse(
            &self.capture,
            "a capture",
            &format!("{name} holds packets alone"),
        )
    }

    /// Nor have frames in a text times.
    pub(super) fn refuse_frames_without_times(&self, name: &str) -> Result<(), Failure> {
        refuse(
            &self.times,
            "the times of a capture",
            &format!("{name} has none"),
        )
    }
}

fn refuse(flags: &[&str], what: &str, but: &str) -> Result<(), Failure> {
    let (needs, it) = match flags {
        [] => return Ok(()),
        [_] => ("needs", "it"),
        _ => ("need", "them"),
    };
    Err(Failure::usage(format!(
        "{} {needs} {what}, and {but}: leave {it} out, or give a pcap or pcapng file",
        listed(flags)
    )))
}

/// Flags as a sentence has them: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(flags: &[&str]) -> String {
    match flags {
        [others @ .., one, last] => {
            let others: String = others.iter().map(|flag| format!("{flag}, ")).collect();
            format!("{others}{one} and {last}")
        }
        flags => flags.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_sentence() {
        assert_eq!(listed(&["-a"]), "-a");
        assert_eq!(listed(&["-a", "-b"]), "-a and -b");
        assert_eq!(listed(&["-a", "-b", "-c"]), "-a, -b and -c");
    }
}

//! `midge sub -F` beside `mosquitto_sub -F`: the same message, the same bytes.
//!
//! Ignored by default: `cargo test -- --ignored` runs them where mosquitto is installed.

use std::process::Command;

use crate::interop_client::Mosquitto;
use crate::program::{Running, midge, run, run_with_input};

/// Formats without the time; each stands in brackets, so that blanks show.
const FORMATS: &[&str] = &[
    "%p",
    "%20p",
    "%-20p",
    "%020p",
    "%-020p",
    "%5p",
    "%05p",
    "%-5p",
    "%.3p",
    "%20.3p",
    "%-p",
    "%0p",
    "%x",
    "%X",
    "%30x",
    "%-30x",
    "%030x",
    "%-030X",
    "%10x",
    "%7x",
    "%1x",
    "%2X",
    "%.5x",
    "%30.6X",
    "%-x",
    "%t",
    "%10t",
    "%-10t",
    "%010t",
    "%10.2t",
    "%.2t",
    "%.t",
    "%5.t",
    "%-10.1t",
    "%1t",
    "%.99t",
    "%l",
    "%5l",
    "%05l",
    "%-5l",
    "%-05l",
    "%.1l",
    "%1l",
    "%q",
    "%5q",
    "%05q",
    "%r",
    "%05r",
    "%m",
    "%5m",
    "%05m",
    "%-5m",
    "%-05m",
    "%A",
    "%5A",
    "%05A",
    "%-5A",
    "%-05A",
    "%C",
    "%15C",
    "%-15C",
    "%.4C",
    "%015.3C",
    "%1.99C",
    "%D",
    "%5D",
    "%.2D",
    "%P",
    "%40P",
    "%F",
    "%6F",
    "%06F",
    "%-06F",
    "%R",
    "%10R",
    "%10.3R",
    "%-10.3R",
    "%S",
    "%5S",
    "%05S",
    "%-05S",
    "%%",
    "%5%",
    "%-%",
    "%05.3%",
    "@@",
    "@%",
    "@n",
    "@t",
    "@Q",
    "@E",
    "@-",
    "\\\\",
    "\\0",
    "\\a",
    "\\e",
    "\\n",
    "\\r",
    "\\t",
    "\\v",
    "%00t",
    "\u{fc}%t\u{20ac}",
];

/// Parts of the time that two runs in a row share, nearly always.
const TIMES: &str =
    "@a|@A|@b|@B|@C|@d|@D|@e|@F|@g|@G|@h|@j|@m|@p|@P|@u|@U|@V|@w|@W|@x|@y|@Y|@z|@Z|@H|@I|@k|@l";

/// Payloads, and what goes with them.
const MESSAGES: &[(&[u8], &[&str])] = &[
    (b"hello world", &[]),
    (b"", &[]),
    (b"a\"\\/\x01\n\t\x7f\xc3\xa9\x08\x0c", &["content-type", "text/plain"]),
    (b"x", &["user-property", "k", "1"]),
    (
        br#" [1, 2.0, 0.1, 1e300, 12345678901234567890, -0, 1E2, 0.30000000000000004, 5e-324, 1e-5, 0.00012] "#,
        &["response-topic", "re/sp"],
    ),
    (
        br#"{"a":[{"b":[]},{"c":{}}],"s":"\u00e9\/\n","n":null,"t":true,"e":{},"nested":{"x":[1,[2]]}}"#,
        &["correlation-data", "corr"],
    ),
    (b"\"text\"", &["payload-format-indicator", "1"]),
];

struct Both {
    broker: Mosquitto,
}

impl Both {
    /// What each prints of one retained message: mosquitto_sub, then midge.
    fn print(&self, version: &str, zone: &str, args: &[&str]) -> [Vec<u8>; 2] {
        let common = [
            "-h",
            "127.0.0.1",
            "-p",
            &self.broker.port,
            "-t",
            "x/y",
            "-q",
            "1",
            "-C",
            "1",
            "-V",
            version,
        ];
        let mut theirs = Command::new("mosquitto_sub");
        theirs.args(common).args(args).env("TZ", zone);
        let mut ours = midge(&[&["sub"], &common[..], args].concat());
        ours.env("TZ", zone);
        [theirs, ours].map(|command| Running::start(command).wait().stdout)
    }

    fn publish(&self, payload: &[u8], property: &[&str]) {
        let to = [
            "pub",
            "-h",
            "127.0.0.1",
            "-p",
            &self.broker.port,
            "-t",
            "x/y",
        ];
        let clear = [&to[..], &["-n", "-r", "-q", "1"]].concat();
        run(&clear).expect(0, "");
        let property = match property {
            [] => vec![],
            property => [&["-D", "publish"], property].concat(),
        };
        let args = [&to[..], &["-s", "-r", "-q", "1"], &property].concat();
        run_with_input(&args, payload).expect(0, "");
    }

    #[track_caller]
    fn compare(&self, version: &str, zone: &str, args: &[&str], change: impl Fn(&str) -> String) {
        let [theirs, ours] = self.print(version, zone, args);
        let text = |bytes: &[u8]| change(&String::from_utf8_lossy(bytes));
        assert_eq!(text(&ours), text(&theirs), "{version} {args:?}");
    }
}

/// The time of `%j` without what hangs on the moment, and without the Z that is wrong in 2.0.11.
fn without_moment(text: &str) -> String {
    let Some(start) = text.find("\"20") else {
        return text.to_owned();
    };
    let (before, from) = text.split_at(start);
    let end = from[1..].find('"').expect("a string ends") + 1;
    let offset = &from[end - 5..end];
    format!("{before}\"TIME{offset}{}", &from[end..])
}

#[test]
#[ignore = "needs mosquitto"]
fn formats_are_mosquittos() {
    let both = Both {
        broker: Mosquitto::start(),
    };
    let format: String = FORMATS.iter().map(|format| format!("[{format}]")).collect();
    for (payload, property) in MESSAGES {
        // An empty one is not retained: it is compared by the unit tests.
        if payload.is_empty() {
            continue;
        }
        both.publish(payload, property);
        for version in ["311", "5"] {
            both.compare(version, "UTC", &["-F", &format], str::to_owned);
            both.compare(version, "UTC", &["-N", "-F", "%p"], str::to_owned);
            both.compare(version, "UTC", &["-v"], str::to_owned);
            for form in ["%j", "%J", "<%J>"] {
                both.compare(version, "UTC", &["-F", form], without_moment);
                let pretty = ["--pretty", "-F", form];
                both.compare(version, "America/St_Johns", &pretty, without_moment);
            }
        }
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn times_are_mosquittos() {
    let both = Both {
        broker: Mosquitto::start(),
    };
    both.publish(b"x", &[]);
    for zone in ["UTC", "America/New_York", "Asia/Kolkata"] {
        // The hour may turn between the two.
        let same = (0..3).any(|_| {
            let [theirs, ours] = both.print("5", zone, &["-F", TIMES]);
            let differ = theirs != ours;
            if differ {
                eprintln!(
                    "{}{}",
                    String::from_utf8_lossy(&theirs),
                    String::from_utf8_lossy(&ours)
                );
            }
            !differ
        });
        assert!(same, "{zone}");
        // The shape of the others.
        let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
        both.compare(
            "5",
            zone,
            &["-F", "@c|@r|@R|@T|@X|@s|@S|@M|@N|%I|%30I|%-30.4I|%.13I|%U"],
            shape,
        );
    }
}

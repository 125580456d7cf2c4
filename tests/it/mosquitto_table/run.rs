//! Runs one row.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::peer::{Peer, name};
use super::row::{Outcome, Row};

/// More than any row takes. Some of the real programs' runs have no end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the three programs are.
pub(super) struct Programs {
    dir: PathBuf,
    /// Holds the links, if they are ours.
    _links: Option<tempfile::TempDir>,
}

const NAMES: [&str; 3] = ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"];

impl Programs {
    pub(super) fn mosquitto() -> Programs {
        Programs {
            dir: PathBuf::from("/usr/bin"),
            _links: None,
        }
    }

    /// midge under their names.
    pub(super) fn midge() -> Programs {
        let links = tempfile::tempdir().expect("a directory");
        for name in NAMES {
            let link = links.path().join(name);
            #[cfg(unix)]
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_midge"), link).expect("a link");
            #[cfg(not(unix))]
            std::fs::copy(env!("CARGO_BIN_EXE_midge"), link.with_extension("exe")).expect("a copy");
        }
        Programs {
            dir: links.path().to_owned(),
            _links: Some(links),
        }
    }

    pub(super) fn run(&self, row: &Row) -> Outcome {
        let home = tempfile::tempdir().expect("a directory");
        let peer = Peer::start(row.peer.clone());
        let port = peer.port.to_string();
        let around = |text: &str| {
            text.replace("{port}", &port)
                .replace("{home}", &home.path().display().to_string())
        };
        for (name, text) in &row.files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            let text = match std::str::from_utf8(text) {
                Ok(text) => around(text).into_bytes(),
                Err(_) => text.clone(),
            };
            std::fs::write(path, text).expect("written");
        }
        let words = row.words();
        let (program, args) = words.split_first().expect("a program");
        let mut command = Command::new(self.dir.join(format!("mosquitto_{program}")));
        command
            .args(args.iter().map(|word| argument(&around(word))))
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("TZ", "UTC");
        for (name, value) in &row.env {
            command.env(name, around(value));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let pid = child.id().to_string();
        let stdout = read(child.stdout.take());
        let stderr = read(child.stderr.take());
        // A program that has ended reads nothing more.
        let _ = (child.stdin.take().expect("piped")).write_all(&row.stdin);
        let mut lines = vec![format!("exit {}", wait(child))];
        let [stdout, stderr] = [stdout, stderr].map(|text| text.join().expect("read"));
        let mask = |text: String| {
            text.replace(&home.path().display().to_string(), "{home}")
                .replace(&port, "{port}")
                .replace(&format!("_{pid}"), "_{pid}")
        };
        let stdout = own_texts(&mask(stdout.escape_ascii().to_string()));
        let stderr = mask(stderr.escape_ascii().to_string());
        for (name, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.is_empty() {
                lines.push(format!("{name} {text}"));
            }
        }
        for (i, connection) in peer.finish().iter().enumerate() {
            if i > 0 {
                lines.push("connects".to_owned());
            }
            for packet in connection {
                lines.push(format!("sends {} {}", name(packet[0]), shown(packet, &pid)));
            }
        }
        if let Some(name) = &row.without {
            let begin = format!("sends {name} ");
            lines.retain(|line| !line.starts_with(&begin));
        }
        if row.any_order {
            lines.sort();
        }
        Outcome(lines)
    }
}

/// The texts of --help and --version are every program's own, and so are their numbers.
fn own_texts(stdout: &str) -> String {
    match stdout.split_once(" version ") {
        Some((name, _)) if stdout.contains("Usage: mosquitto_") => {
            format!("help of {}", name.rsplit("\\n").next().unwrap_or(name))
        }
        Some((name, rest)) if rest.contains(" running on ") => format!("{name} version ..."),
        _ => stdout.to_owned(),
    }
}

fn read(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.expect("piped").read_to_end(&mut bytes);
        bytes
    })
}

/// The exit code in words.
fn wait(mut child: Child) -> String {
    let start = Instant::now();
    loop {
        match child.try_wait().expect("it is waited for") {
            Some(status) => return status.code().map_or("signal".to_owned(), |c| c.to_string()),
            None if start.elapsed() > PATIENCE => {
                child.kill().expect("it can be ended");
                child.wait().expect("it is waited for");
                return "never".to_owned();
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Bytes as text, with what changes from run to run left out.
fn shown(packet: &[u8], pid: &str) -> String {
    let text = packet.escape_ascii().to_string();
    match text.contains(&format!("_{pid}")) {
        true => {
            // The length of the number is in two lengths before it.
            let from = text
                .find('_')
                .map_or(0, |at| text.get(..at).map_or(0, str::len));
            let tail = text.get(from..).unwrap_or_default();
            format!("..{}", tail.replace(pid, "{pid}"))
        }
        false => text,
    }
}

/// `\xff` in a word of the table is that byte.
#[cfg(unix)]
fn argument(word: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    match word.contains("\\x") {
        true => std::ffi::OsString::from_vec(super::row::unescape(word)),
        false => word.into(),
    }
}

#[cfg(not(unix))]
fn argument(word: &str) -> std::ffi::OsString {
    word.into()
}

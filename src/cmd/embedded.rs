//! `--embedded`: midge's own broker in a process of its own, on a free port of this machine.
//!
//! It ends with [`Embedded`], and, since it waits for the end of its stdin, with this process in
//! any case. It keeps nothing, listens on 127.0.0.1 alone, and writes nothing but complaints.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Exit, Failure};

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);

/// How long it may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// A broker that runs.
#[derive(Debug)]
pub struct Embedded {
    child: Child,
    /// Closed to end it.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Embedded {
    /// Starts `midge broker` with these arguments more, such as `--record` and a file, and waits
    /// until it listens.
    ///
    /// # Errors
    /// If it does not come up; it has said why on stderr.
    pub fn start<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Embedded, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| failed(format_args!("where midge is, is not known: {error}")))?;
        let mut command = Command::new(&program);
        command
            .args(["broker", "--port", "0", "--exit-after", "end of stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Ctrl-C on a terminal is for this process, which still has to take its leave.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // By another name it would be mosquitto's.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, "midge");
        let mut child = command
            .spawn()
            .map_err(|error| failed(format_args!("cannot run {}: {error}", program.display())))?;
        let stdin = child.stdin.take();
        let (tell, told) = mpsc::channel();
        let stdout = child.stdout.take().map(BufReader::new);
        // Nobody waits for it: it ends with the broker.
        thread::spawn(move || {
            let mut line = String::new();
            if let Some(mut stdout) = stdout {
                // What cannot be read is no address.
                let _ = stdout.read_line(&mut line);
            }
            let _ = tell.send(line);
        });
        let mut embedded = Embedded {
            child,
            stdin,
            // Until it is known.
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let line = told.recv_timeout(START).unwrap_or_default();
        match address(&line) {
            Some(address) => embedded.address = address,
            None => {
                let how = match embedded.stop() {
                    Some(status) if line.is_empty() => format!("it ended with {status}"),
                    _ => "it did not say where it listens".to_owned(),
                };
                return Err(failed(format_args!("{how}")));
            }
        }
        Ok(embedded)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and waits for that: what it writes is written then.
    ///
    /// # Errors
    /// If it ended otherwise than it was asked to.
    pub fn end(mut self) -> Result<(), Failure> {
        match self.stop() {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(failed(format_args!("it ended with {status}"))),
            None => Err(failed(format_args!("it did not end when it was asked to"))),
        }
    }

    /// How it ended; `None` if it had to be killed.
    fn stop(&mut self) -> Option<ExitStatus> {
        drop(self.stdin.take());
        let asked = Instant::now();
        while asked.elapsed() < END {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => thread::sleep(LOOK),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first address in the line of a broker that is ready.
fn address(line: &str) -> Option<SocketAddr> {
    let ready: serde_json::Value = serde_json::from_str(line).ok()?;
    let url = ready.get("url")?.as_str()?;
    url.strip_prefix("mqtt://")?.parse().ok()
}

fn failed(why: std::fmt::Arguments<'_>) -> Failure {
    Failure::new(Exit::Io, format!("the embedded broker: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_in_the_line() {
        let line = r#"{"event":"ready","host":"127.0.0.1","port":7,"url":"mqtt://127.0.0.1:7"}"#;
        assert_eq!(address(line), "127.0.0.1:7".parse().ok());
        for line in ["", "{}", "midge: no", r#"{"url":"mqtts://127.0.0.1:7"}"#] {
            assert_eq!(address(line), None, "{line}");
        }
    }
}

//! Runs the built program, and never waits for it for ever.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// More than any test needs; a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with these arguments, apart from the environment of whoever runs the tests.
pub(crate) fn midge(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command
        .args(args)
        .env_remove("MQTT_URL")
        .env_remove("MQTT_HOST")
        .env_remove("MQTT_PORT");
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"MIDGE_") {
            command.env_remove(name);
        }
    }
    command
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// The exit code; a signal has none.
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// The exit code, which must come with exactly this on stderr.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, stderr: &str) {
        assert_eq!((self.code(), self.stderr.as_str()), (code, stderr));
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8 on stdout")
    }
}

/// A program that runs.
pub(crate) struct Running {
    child: Child,
    output: mpsc::Receiver<(Vec<u8>, Vec<u8>)>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = child.stdout.take().expect("piped");
        let mut stderr = child.stderr.take().expect("piped");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let errors = thread::spawn(move || {
                let mut bytes = Vec::new();
                stderr.read_to_end(&mut bytes).map(|_| bytes)
            });
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).expect("stdout is read");
            let errors = errors.join().expect("no panic").expect("stderr is read");
            let _ = sender.send((bytes, errors));
        });
        Running { child, output }
    }

    pub(crate) fn stdin(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().expect("not closed yet")
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .expect("it runs");
    }

    /// Closes stdin and waits.
    pub(crate) fn wait(mut self) -> Ended {
        drop(self.child.stdin.take());
        self.wait_for_end()
    }

    /// Waits with stdin open.
    pub(crate) fn wait_for_end(mut self) -> Ended {
        let stdin = self.child.stdin.take();
        let output = self.output.recv_timeout(PATIENCE);
        if output.is_err() {
            self.child.kill().expect("it can be ended");
        }
        let status = self.child.wait().expect("it is waited for");
        drop(stdin);
        let (stdout, stderr) = output.expect("it ends in time");
        Ended {
            status,
            stdout,
            stderr: String::from_utf8(stderr).expect("UTF-8 on stderr"),
        }
    }
}

/// The line with which a broker says that it listens, from its piped stdout.
pub(crate) fn ready(broker: &mut Child) -> serde_json::Value {
    let mut line = String::new();
    let mut stdout = BufReader::new(broker.stdout.take().expect("piped"));
    stdout.read_line(&mut line).expect("stdout is read");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// Where a broker with this line listens, of its first listener.
pub(crate) fn port(ready: &serde_json::Value) -> u16 {
    let port = ready["port"].as_u64().and_then(|port| port.try_into().ok());
    port.unwrap_or_else(|| panic!("no port in {ready}"))
}

/// Runs the program with nothing on stdin.
pub(crate) fn run(args: &[&str]) -> Ended {
    Running::start(midge(args)).wait()
}

/// Runs the program with this on stdin.
pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Ended {
    let mut running = Running::start(midge(args));
    running.stdin().write_all(input).expect("it reads stdin");
    running.wait()
}

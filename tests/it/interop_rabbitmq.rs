//! pub and sub against RabbitMQ's MQTT plugin: a broker that shares no code with mosquitto or with
//! us, and that has its own mind about versions and QoS 2.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::program::{midge, run, run_with_input};

/// Where Debian keeps the program itself; the one on the PATH changes the user first.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A broker with the MQTT plugin on a free port, and nothing outside of its directory.
struct RabbitMq {
    child: Child,
    port: String,
    epmd_port: String,
    _dir: tempfile::TempDir,
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port().to_string()
}

impl RabbitMq {
    fn start() -> RabbitMq {
        let dir = tempfile::tempdir().expect("a directory");
        let (port, epmd_port) = (free_port(), free_port());
        let path = |name: &str| dir.path().join(name);
        let config = format!(
            "listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\n\
             mqtt.allow_anonymous = true\nlog.file = false\nlog.console = true\n"
        );
        fs::write(path("rabbitmq.conf"), config).expect("written");
        fs::write(path("plugins"), "[rabbitmq_mqtt].").expect("written");
        let mut child = Command::new(PROGRAM)
            .env("HOME", dir.path())
            .env("RABBITMQ_NODENAME", format!("midge-{port}@localhost"))
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_DIST_PORT", free_port())
            .env("ERL_EPMD_PORT", &epmd_port)
            .env("ERL_EPMD_RELAXED_COMMAND_CHECK", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // The shell script starts others, which end with the group.
            .process_group(0)
            .spawn()
            .expect("rabbitmq-server is installed");
        let stdout = child.stdout.take().expect("piped");
        wait_for(stdout, "Server startup complete");
        RabbitMq {
            child,
            port,
            epmd_port,
            _dir: dir,
        }
    }

    fn args<'a>(&'a self, command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        [&[command, "-h", "127.0.0.1", "-p", &self.port], rest].concat()
    }

    /// A subscriber that the broker has answered.
    fn subscriber(&self, rest: &[&str]) -> Child {
        let mut child = midge(&[&self.args("sub", rest)[..], &["-d"]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = child.stderr.take().expect("piped");
        wait_for(stderr, "subscribed to");
        child
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        // The name server that it has started is a daemon of its own.
        let _ = Command::new("epmd")
            .args(["-port", &self.epmd_port, "-kill"])
            .output();
    }
}

/// Reads until a line has this text, and goes on reading behind the back of the caller.
fn wait_for(output: impl Read + Send + 'static, text: &str) {
    let mut lines = BufReader::new(output).lines();
    let found = lines.by_ref().find(|line| match line {
        Ok(line) => line.contains(text),
        Err(_) => false,
    });
    assert!(found.is_some(), "it ended without '{text}'");
    thread::spawn(move || lines.for_each(drop));
}

fn output(mut child: Child) -> String {
    let mut text = String::new();
    let mut stdout: ChildStdout = child.stdout.take().expect("piped");
    stdout.read_to_string(&mut text).expect("UTF-8");
    assert!(child.wait().expect("it ends").success());
    text
}

#[test]
#[ignore = "needs rabbitmq-server"]
fn rabbitmq() {
    assert!(Path::new(PROGRAM).exists(), "rabbitmq-server is installed");
    let broker = RabbitMq::start();

    for version in ["31", "311"] {
        for (qos, granted) in [("0", "0"), ("1", "1"), ("2", "1")] {
            let topic = format!("v{version}/q{qos}");
            let common = ["-V", version, "-t", &topic, "-q", qos];
            let subscriber = broker.subscriber(&[&common[..], &["-C", "3", "--json"]].concat());
            let publish = ["-V", version, "-t", &topic, "-q", granted, "-l"];
            run_with_input(&broker.args("pub", &publish), b"one\ntwo\nthree\n").expect(0, "");
            let lines = output(subscriber);
            for (line, payload) in lines.lines().zip(["one", "two", "three"]) {
                let message: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(message["payload"], payload);
                assert_eq!(message["qos"].to_string(), granted);
                assert_eq!(message["topic"], topic.as_str());
            }
            assert_eq!(lines.lines().count(), 3);
        }
    }

    // It hangs up on 5.0, and has no QoS 2.
    let target = format!("127.0.0.1:{}", broker.port);
    let retained = broker.args("pub", &["-t", "kept", "-m", "value", "-r"]);
    run(&retained).expect(
        0,
        &format!(
            "midge: {target} does not take MQTT 5.0, it closes the connection without an answer: \
             going on with MQTT 3.1.1\n"
        ),
    );
    let ended = run(&broker.args("sub", &["-V", "311", "-t", "kept", "-C", "1", "-v"]));
    assert_eq!(ended.text(), "kept value\n");
    ended.expect(0, "");
    let twice = ["-V", "311", "-t", "t", "-m", "x", "-q", "2"];
    run(&broker.args("pub", &twice)).expect(
        4,
        &format!(
            "midge: lost the connection to {target}: the broker answers a message of QoS 2 with \
             PUBACK: it seems to have no QoS 2 (0 of 1 messages were acknowledged)\n"
        ),
    );

    // A session that is kept misses nothing.
    let session = ["-V", "311", "-t", "later", "-q", "1", "-c", "-i", "keeper"];
    let mut first = broker.subscriber(&session);
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    let many: String = (0..500).map(|i| format!("message {i}\n")).collect();
    let publish = ["-V", "311", "-t", "later", "-q", "1", "-l"];
    run_with_input(&broker.args("pub", &publish), many.as_bytes()).expect(0, "");
    let ended = run(&broker.args("sub", &[&session[..], &["-C", "500"]].concat()));
    assert!(ended.text() == many, "every message, in order");
    ended.expect(0, "");

    // A wrong password is a refusal.
    let wrong = [
        "-V", "311", "-t", "t", "-m", "x", "-u", "guest", "-P", "wrong",
    ];
    let ended = run(&broker.args("pub", &wrong));
    assert_eq!(ended.code(), 134, "{}", ended.stderr);
}

//! pub and sub against mosquitto and its clients.
//!
//! Ignored by default: `cargo test -- --ignored` runs them where mosquitto is installed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Running, midge, run, run_with_input};

/// mosquitto on a free port, ended with this value.
pub(crate) struct Mosquitto {
    child: Child,
    pub(crate) port: String,
    log: mpsc::Receiver<String>,
    dir: tempfile::TempDir,
}

impl Mosquitto {
    pub(crate) fn start() -> Mosquitto {
        Mosquitto::with(|_| "allow_anonymous true\n".to_owned())
    }

    /// With these lines of configuration; the function gets a directory for files they name.
    fn with(configure: impl FnOnce(&std::path::Path) -> String) -> Mosquitto {
        let dir = tempfile::tempdir().expect("a directory");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let config = dir.path().join("mosquitto.conf");
        let lines = configure(dir.path());
        // "root" keeps mosquitto from changing its user, who could not read the directory.
        let text = format!("listener {port} 127.0.0.1\nuser root\nlog_type all\n{lines}");
        fs::write(&config, text).expect("the configuration is written");
        let mosquitto = match PathBuf::from("/usr/sbin/mosquitto") {
            path if path.exists() => path,
            _ => PathBuf::from("mosquitto"),
        };
        let mut child = Command::new(mosquitto)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mosquitto is installed");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mosquitto = Mosquitto {
            child,
            port: port.to_string(),
            log,
            dir,
        };
        mosquitto.wait_for(" running");
        mosquitto
    }

    /// Waits for a line of the log.
    pub(crate) fn wait_for(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(text) => return,
                Ok(_) => {}
                Err(error) => panic!("mosquitto never says '{text}': {error}"),
            }
        }
    }

    fn args<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut args = rest.to_vec();
        args.extend(["-h", "127.0.0.1", "-p", &self.port]);
        args
    }

    /// Starts `midge sub` and waits until it is subscribed.
    pub(crate) fn subscribe(&self, id: &str, args: &[&str]) -> Running {
        let mut all = self.args(&["sub", "-i", id]);
        all.extend_from_slice(args);
        let running = Running::start(midge(&all));
        self.wait_for(&format!("Sending SUBACK to {id}"));
        running
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const VERSIONS: [&str; 3] = ["31", "311", "5"];
const QOS: [&str; 3] = ["0", "1", "2"];

#[test]
#[ignore = "needs mosquitto"]
fn every_version_and_qos() {
    let broker = Mosquitto::start();
    for engine in ["native", "rumqttc"] {
        for version in VERSIONS {
            if (engine, version) == ("rumqttc", "31") {
                continue;
            }
            for qos in QOS {
                let id = format!("{engine}-{version}-{qos}");
                let common = ["-V", version, "-q", qos, "-t", "t", "--engine", engine];
                let sub = [&common[..], &["-C", "3"]].concat();
                let subscriber = broker.subscribe(&id, &sub);
                let publish = [&broker.args(&["pub", "-l"]), &common[..]].concat();
                run_with_input(&publish, b"one\ntwo\nthree\n").expect(0, "");
                let ended = subscriber.wait();
                assert_eq!(ended.text(), "one\ntwo\nthree\n", "{id}");
                ended.expect(0, "");
            }
        }
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn mosquittos_clients_on_the_other_side() {
    let broker = Mosquitto::start();
    for (version, theirs) in [("31", "mqttv31"), ("311", "mqttv311"), ("5", "mqttv5")] {
        let common = ["-t", "t", "-q", "2"];
        let id = format!("ours-{version}");
        let subscriber =
            broker.subscribe(&id, &[&common[..], &["-V", version, "-C", "1"]].concat());
        let args = [&broker.args(&["-V", theirs, "-m", "theirs"]), &common[..]].concat();
        let status = Command::new("mosquitto_pub").args(args).status();
        assert!(status.expect("mosquitto-clients is installed").success());
        assert_eq!(subscriber.wait().text(), "theirs\n");

        let id = format!("theirs-{version}");
        let args = ["-i", &id, "-V", theirs, "-C", "1"];
        let args = [&broker.args(&args), &common[..]].concat();
        let mut command = Command::new("mosquitto_sub");
        command.args(args);
        let subscriber = Running::start(command);
        broker.wait_for(&format!("Sending SUBACK to {id}"));
        let args = ["pub", "-V", version, "-m", "ours"];
        run(&[&broker.args(&args), &common[..]].concat()).expect(0, "");
        assert_eq!(subscriber.wait().text(), "ours\n");
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn retained_messages_come_and_go() {
    let broker = Mosquitto::start();
    run(&broker.args(&["pub", "-r", "-t", "a/1", "-m", "one"])).expect(0, "");
    run(&broker.args(&["pub", "-r", "-t", "a/2", "-m", "two"])).expect(0, "");
    let ended = run(&broker.args(&["sub", "-t", "a/#", "-C", "2", "-v"]));
    assert_eq!(ended.text(), "a/1 one\na/2 two\n");
    run(&broker.args(&["pub", "-r", "-t", "a/1", "-n"])).expect(0, "");
    let ended = run(&broker.args(&["sub", "-t", "a/#", "-W", "0.5"]));
    assert_eq!(ended.text(), "two\n");
    ended.expect(27, "");
}

#[test]
#[ignore = "needs mosquitto"]
fn files_and_stdin() {
    let broker = Mosquitto::start();
    // Over many reads, at either end, and with every byte value.
    let large: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
    let path = broker.dir.path().join("large");
    fs::write(&path, &large).expect("the file is written");
    let path = path.to_str().expect("UTF-8");
    for qos in QOS {
        let id = format!("large-{qos}");
        let subscriber = broker.subscribe(&id, &["-t", "t", "-q", qos, "-N", "-C", "2"]);
        run(&broker.args(&["pub", "-t", "t", "-q", qos, "-f", path])).expect(0, "");
        run_with_input(&broker.args(&["pub", "-t", "t", "-q", qos, "-s"]), &large).expect(0, "");
        let ended = subscriber.wait();
        assert!(ended.stdout == [&large[..], &large].concat(), "QoS {qos}");
    }
    let subscriber = broker.subscribe("repeat", &["-t", "t", "-C", "3"]);
    run(&broker.args(&["pub", "-t", "t", "-m", "x", "--repeat", "3"])).expect(0, "");
    assert_eq!(subscriber.wait().text(), "x\nx\nx\n");
}

#[test]
#[ignore = "needs mosquitto"]
fn many_lines_at_every_qos() {
    let broker = Mosquitto::with(|_| {
        "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n".to_owned()
    });
    let lines: String = (0..20_000).map(|i| format!("line {i}\n")).collect();
    for qos in QOS {
        let id = format!("lines-{qos}");
        let subscriber = broker.subscribe(&id, &["-t", "t", "-q", qos, "-C", "20000"]);
        let args = broker.args(&["pub", "-t", "t", "-q", qos, "-l"]);
        run_with_input(&args, lines.as_bytes()).expect(0, "");
        let ended = subscriber.wait();
        assert!(ended.text() == lines, "QoS {qos}");
        ended.expect(0, "");
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn a_session_that_is_kept_misses_nothing() {
    let broker = Mosquitto::start();
    for version in VERSIONS {
        let id = format!("kept-{version}");
        let args = ["sub", "-V", version, "-i", &id, "-c", "-q", "1", "-t", "t"];
        run(&[&broker.args(&args)[..], &["-W", "0.5"]].concat()).expect(27, "");
        let publish = broker.args(&["pub", "-t", "t", "-q", "1", "-l"]);
        run_with_input(&publish, b"a\nb\n").expect(0, "");
        let ended = run(&[&broker.args(&args)[..], &["-C", "2"]].concat());
        assert_eq!(ended.text(), "a\nb\n", "{version}");
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn refusals_of_a_real_broker() {
    let broker = Mosquitto::with(|_| "allow_anonymous false\n".to_owned());
    for (engine, version) in [
        ("native", "31"),
        ("native", "311"),
        ("native", "5"),
        ("rumqttc", "311"),
        ("rumqttc", "5"),
    ] {
        let args = [
            "pub", "-V", version, "--engine", engine, "-t", "t", "-m", "x",
        ];
        let ended = run(&broker.args(&args));
        assert_eq!(ended.code(), 135, "{engine} {version}: {ended:?}");
    }
    let broker = Mosquitto::with(|dir| {
        let acl = dir.join("acl");
        fs::write(&acl, "topic read open/#\n").expect("the list is written");
        format!("allow_anonymous true\nacl_file {}\n", acl.display())
    });
    for engine in ["native", "rumqttc"] {
        for qos in ["1", "2"] {
            let args = [
                "pub", "--engine", engine, "-q", qos, "-t", "secret", "-m", "x",
            ];
            run(&broker.args(&args)).expect(
                135,
                "midge: the broker refused the message to 'secret': 0x87 Not authorized\n",
            );
        }
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn a_broker_that_goes_away_is_exit_4() {
    let mut broker = Mosquitto::start();
    let subscriber = broker.subscribe("left", &["-V", "311", "-t", "t"]);
    broker.child.kill().expect("it runs");
    let ended = subscriber.wait();
    let port = &broker.port;
    ended.expect(
        4,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker closed the connection\n"
        ),
    );
}

#[test]
#[ignore = "needs mosquitto"]
fn keep_alive_keeps_an_idle_connection() {
    let broker = Mosquitto::start();
    let subscriber = broker.subscribe("idle", &["-k", "1", "-t", "t", "-C", "1", "-W", "30"]);
    for _ in 0..3 {
        broker.wait_for("Received PINGREQ from idle");
    }
    run(&broker.args(&["pub", "-t", "t", "-m", "x"])).expect(0, "");
    assert_eq!(subscriber.wait().text(), "x\n");
}

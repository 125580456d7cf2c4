//! Password files, access rules and configuration files beside mosquitto's own programs.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::broker_access::Folder;

fn mosquitto_passwd(folder: &Folder, arguments: &str) {
    let status = Command::new("mosquitto_passwd")
        .args(arguments.split_whitespace())
        .current_dir(folder.path("."))
        .status()
        .unwrap();
    assert!(status.success(), "{arguments}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A broker that is ended with this.
struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// mosquitto, or midge under its name, with `m.conf`.
fn start(folder: &Folder, program: &str) -> Broker {
    let mut command = match program {
        "midge" => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
            command.arg0("mosquitto");
            command
        }
        _ => {
            let path = std::env::var("PATH").unwrap_or_default();
            let mut command = Command::new("mosquitto");
            // Debian keeps it where ordinary users do not look.
            command.env("PATH", format!("{path}:/usr/sbin"));
            command
        }
    };
    let mut child = command
        .args(["-c", "m.conf"])
        .current_dir(folder.path("."))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(" running") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "{program} ended");
    }
    // Whoever logs to a pipe that nobody reads waits in the end.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Broker(child)
}

/// What a client of mosquitto's says and how it ends.
fn client(program: &str, port: u16, arguments: &str) -> (String, Option<i32>) {
    let output = Command::new(program)
        .args(["-p", &port.to_string()])
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code())
}

#[test]
#[ignore = "needs mosquitto"]
fn each_takes_the_password_files_of_the_other() {
    let folder = Folder::new(&[]);
    let port = free_port();
    std::fs::write(
        folder.path("m.conf"),
        format!("listener {port} 127.0.0.1\npassword_file users\n"),
    )
    .unwrap();
    for maker in ["midge", "mosquitto"] {
        for kind in ["sha512", "sha512-pbkdf2"] {
            let arguments = format!("-H {kind} -c -b users ann secret");
            match maker {
                "midge" => {
                    let (_, stderr, code) = folder.run(&format!("broker passwd {arguments}"));
                    assert_eq!((stderr.as_str(), code), ("", Some(0)));
                }
                _ => mosquitto_passwd(&folder, &arguments),
            }
            // mosquitto may run as another user.
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            std::fs::set_permissions(folder.path("users"), open).unwrap();
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(folder.path("."), open).unwrap();
            for taker in ["midge", "mosquitto"] {
                let broker = start(&folder, taker);
                let publish =
                    |user: &str| client("mosquitto_pub", port, &format!("-t t -m x {user}")).1;
                let codes = [
                    publish("-u ann -P secret"),
                    publish("-u ann -P wrong"),
                    publish("-u bob -P secret"),
                    publish(""),
                ];
                assert_eq!(
                    codes,
                    [Some(0), Some(5), Some(5), Some(5)],
                    "{maker} {kind} {taker}"
                );
                drop(broker);
            }
        }
    }
}

/// The same questions to both brokers.
#[test]
#[ignore = "needs mosquitto"]
fn access_rules_mean_the_same() {
    let acl = "topic read news/#\nuser ann\ntopic a/#\ntopic deny a/secret\n\
               pattern write in/%c/%u\npattern read out/%c\n";
    let folder = Folder::new(&[("acl", acl)]);
    let port = free_port();
    std::fs::write(
        folder.path("m.conf"),
        format!("listener {port} 127.0.0.1\nallow_anonymous true\nacl_file acl\n"),
    )
    .unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path("."), open).unwrap();
    let mut answers = Vec::new();
    for program in ["mosquitto", "midge"] {
        let broker = start(&folder, program);
        let mut said = String::new();
        for version in ["mqttv31", "mqttv311", "mqttv5"] {
            for (who, topic) in [
                ("-u ann", "a/b"),
                ("-u ann", "a/secret"),
                ("-u ann", "news/x"),
                ("-u ann -i c1", "in/c1/ann"),
                ("-u ann -i c2", "in/c1/ann"),
                ("-u bob -i c1", "in/c1/bob"),
                ("-i c1", "in/c1/"),
                ("-u eve", "a/b"),
                ("", "news/x"),
                ("", "$SYS/x"),
            ] {
                for qos in [1, 2] {
                    let arguments = format!("-V {version} {who} -t {topic} -q {qos} -m x -d");
                    let (text, code) = client("mosquitto_pub", port, &arguments);
                    let acknowledged = text
                        .lines()
                        .filter(|line| line.contains("received PUB"))
                        .map(|line| line.split_once("received ").unwrap().1);
                    said.push_str(&format!("{arguments}: {code:?}"));
                    acknowledged.for_each(|line| said.push_str(&format!(" {line}")));
                    said.push('\n');
                }
            }
            for (who, topic) in [("-u ann", "a/#"), ("", "a/#"), ("-u ann -i c1", "out/c1")] {
                let arguments = format!("-V {version} {who} -t {topic} -E -d");
                let (text, code) = client("mosquitto_sub", port, &arguments);
                let granted = text.lines().find(|line| line.starts_with("Subscribed"));
                said.push_str(&format!("{arguments}: {code:?} {granted:?}\n"));
            }
        }
        answers.push(said);
        drop(broker);
    }
    assert_eq!(answers[0], answers[1]);
}

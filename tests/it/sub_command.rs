//! `midge sub` for scripts, with real sockets against our own broker.

use std::fs;
#[cfg(target_os = "linux")]
use std::io::Read;
#[cfg(target_os = "linux")]
use std::os::unix::net::UnixStream;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::client_scripted::{Connection, Peer, Script};
use crate::program::{Ended, Running, midge, run, run_with_input};
use crate::test_broker::TestBroker;

/// A broker, and midge at it.
struct Scene {
    _broker: TestBroker,
    port: String,
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let broker = TestBroker::start();
        Scene {
            port: broker.address.port().to_string(),
            _broker: broker,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut all = args.to_vec();
        all.extend(["-h", "127.0.0.1", "-p", &self.port]);
        all
    }

    /// Starts `midge sub` and waits until it is subscribed.
    fn sub(&self, args: &[&str]) -> Running {
        let ready = self.path("ready");
        let _ = fs::remove_file(&ready);
        let args = [&["sub", "--ready-file", &ready], args].concat();
        let running = Running::start(midge(&self.args(&args)));
        wait_for_file(&ready);
        running
    }

    /// A `midge sub` that ends by itself.
    fn sub_to_end(&self, args: &[&str]) -> Ended {
        run(&self.args(&[&["sub"], args].concat()))
    }

    fn publish(&self, args: &[&str]) {
        run(&self.args(&[&["pub"], args].concat())).expect(0, "");
    }

    fn lines(&self, topic: &str, lines: &str) {
        let args = self.args(&["pub", "-t", topic, "-l"]);
        run_with_input(&args, lines.as_bytes()).expect(0, "");
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Waits for a file; a program that is asked to write it does.
fn wait_for_file(path: &str) -> String {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => assert!(Instant::now() < until, "{path} never comes"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn until_a_payload_matches() {
    let scene = Scene::new();
    let sub = scene.sub(&["-t", "t", "--until", "^do.e$"]);
    scene.lines("t", "one\ndone not\ndone\nmore\n");
    let ended = sub.wait();
    assert_eq!(ended.text(), "one\ndone not\ndone\n");
    ended.expect(0, "");

    let sub = scene.sub(&["-t", "t", "--until-json", "state.n>=2"]);
    scene.lines(
        "t",
        "no json\n{\"state\":{\"n\":1}}\n{\"state\":{\"n\":2}}\n{}\n",
    );
    let ended = sub.wait();
    assert_eq!(ended.text().lines().count(), 3);
    ended.expect(0, "");
}

#[test]
fn an_end_without_what_until_waits_for_is_a_no() {
    let scene = Scene::new();
    let sub = scene.sub(&["-t", "t", "--until", "never", "-C", "2"]);
    scene.lines("t", "one\ntwo\n");
    sub.wait().expect(5, "");
    let with_until = |more: &[&str]| {
        let args = [&["-t", "t", "--until", "never"], more].concat();
        scene.sub_to_end(&args).expect(5, "");
    };
    with_until(&["-W", "200ms"]);
    with_until(&["--idle", "100ms"]);
    scene.sub_to_end(&["-t", "t", "-W", "200ms"]).expect(27, "");
}

#[test]
fn idle_begins_again_with_every_message() {
    let scene = Scene::new();
    let sub = scene.sub(&["-t", "t", "--idle", "600ms", "-v"]);
    let start = Instant::now();
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(300));
        scene.publish(&["-t", "t", "-m", "x"]);
    }
    let ended = sub.wait();
    assert_eq!(ended.text(), "t x\nt x\nt x\n");
    ended.expect(0, "");
    assert!(start.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn idle_stands_still_without_a_connection() {
    const CONNACK: &[u8] = b"\x20\x03\x00\x00\x00";
    let answer = |connection: &mut Connection| {
        let subscribe = connection.packet();
        connection.send(&[0x90, 4, subscribe[2], subscribe[3], 0, 0]);
    };
    let first = move |connection: &mut Connection| {
        connection.packet();
        connection.send(CONNACK);
        answer(connection);
    };
    let second = move |connection: &mut Connection| {
        connection.packet();
        // Longer than --idle.
        thread::sleep(Duration::from_millis(1500));
        connection.send(CONNACK);
        answer(connection);
        connection.send(b"\x30\x05\x00\x01t\x00x");
        assert_eq!(connection.packet()[0], 0xe0, "DISCONNECT");
    };
    let peer = Peer::each([Box::new(first) as Script, Box::new(second)]);
    let sub = run(&peer.args("sub", &["-t", "t", "--idle", "1s", "--retry", "forever"]));
    assert_eq!(sub.text(), "x\n", "{sub:?}");
    assert_eq!(sub.code(), 0);
    peer.finish();
}

#[test]
fn ready_is_said_after_suback() {
    let scene = Scene::new();
    let path = scene.path("ready");
    // What an earlier run left is not taken for an answer.
    fs::write(&path, "").unwrap();
    let args = scene.args(&["sub", "-t", "t", "-C", "1", "--ready-file", &path]);
    let sub = Running::start(midge(&args));
    assert_eq!(wait_for_file(&path), "ready\n");
    scene.publish(&["-t", "t", "-m", "x"]);
    assert_eq!(sub.wait().text(), "x\n");

    let ended = scene.sub_to_end(&["-t", "t", "-E", "--ready-file", "/no/such/dir/f"]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended.stderr.contains("cannot write /no/such/dir/f"),
        "{}",
        ended.stderr
    );
}

#[cfg(target_os = "linux")]
#[test]
fn ready_is_said_to_a_descriptor() {
    let scene = Scene::new();
    // 1 is stdout, which the test reads.
    let ended = scene.sub_to_end(&["-t", "t", "-E", "--ready-fd", "1"]);
    assert_eq!(ended.text(), "ready\n");
    ended.expect(0, "");
    let ended = scene.sub_to_end(&["-t", "t", "-E", "--ready-fd", "77"]);
    ended.expect(
        1,
        "midge: cannot write to descriptor 77: Bad file descriptor (os error 9)\n",
    );
}

/// The shell and midge share the place in the file, and a socket is no file that could be opened.
#[cfg(target_os = "linux")]
#[test]
fn ready_is_said_to_the_descriptor_itself() {
    let scene = Scene::new();
    let path = scene.path("log");
    let script = "(echo first; \"$@\" --ready-fd 1; echo last) >\"$0\"";
    let own = env!("CARGO_BIN_EXE_midge");
    let words = scene.args(&["sub", "-t", "t", "-E"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, &path, own]).args(words);
    Running::start(shell).wait().expect(0, "");
    assert_eq!(fs::read_to_string(&path).unwrap(), "first\nready\nlast\n");

    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut command = midge(&scene.args(&["sub", "-t", "t", "-E", "--ready-fd", "0"]));
    command.stdin(std::os::fd::OwnedFd::from(theirs));
    assert!(command.status().unwrap().success());
    drop(command);
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ready\n");
}

/// Only a file that an earlier run left is removed.
#[cfg(unix)]
#[test]
fn a_fifo_to_say_ready_to_stays_one() {
    let scene = Scene::new();
    let path = scene.path("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let reader = {
        let path = path.clone();
        thread::spawn(move || fs::read_to_string(path).unwrap())
    };
    let ended = scene.sub_to_end(&["-t", "t", "-E", "--ready-file", &path]);
    ended.expect(0, "");
    assert_eq!(reader.join().unwrap(), "ready\n");

    let folder = scene.path("folder");
    fs::create_dir(&folder).unwrap();
    let ended = scene.sub_to_end(&["-t", "t", "-E", "--ready-file", &folder]);
    ended.expect(
        1,
        &format!("midge: cannot remove {folder}: it is a directory\n"),
    );
}

#[test]
fn all_retained_messages_and_no_other() {
    let scene = Scene::new();
    let ended = scene.sub_to_end(&["-t", "#", "--retained"]);
    assert_eq!(ended.text(), "");
    ended.expect(0, "");
    for i in 0..50 {
        scene.publish(&["-r", "-t", &format!("r/{i}"), "-m", "kept", "-q", "1"]);
    }
    for qos in ["0", "1", "2"] {
        for version in ["311", "5"] {
            // A Receive Maximum of 1: the answer to the PINGREQ overtakes most of them.
            let limit = ["-D", "connect", "receive-maximum", "1"];
            let mut args = vec!["-t", "#", "--retained", "-q", qos, "-V", version];
            if version == "5" {
                args.extend(limit);
            }
            let ended = scene.sub_to_end(&args);
            assert_eq!(ended.text().lines().count(), 50, "{args:?}");
            ended.expect(0, "");
        }
    }
}

#[test]
fn retained_messages_are_cleared() {
    let scene = Scene::new();
    for topic in ["a/1", "a/2", "b"] {
        scene.publish(&["-r", "-t", topic, "-m", "kept"]);
    }
    let args = [
        "-t",
        "#",
        "-T",
        "b",
        "--retained",
        "--remove-retained",
        "-R",
    ];
    assert_eq!(scene.sub_to_end(&args).code(), 2);
    let ended = scene.sub_to_end(&[
        "-t",
        "#",
        "-T",
        "b",
        "--retained",
        "--remove-retained",
        "-v",
    ]);
    assert_eq!(ended.text().lines().count(), 2);
    ended.expect(0, "");
    let ended = scene.sub_to_end(&["-t", "#", "--retained", "-v"]);
    assert_eq!(ended.text(), "b kept\n");
}

#[test]
fn subscriptions_come_and_go() {
    let scene = Scene::new();
    let session = ["-i", "c", "-c", "-q", "1"];
    let with = |args: &[&str]| scene.sub_to_end(&[&session, args].concat());
    with(&["-t", "t", "-E"]).expect(0, "");
    scene.publish(&["-t", "t", "-m", "kept", "-q", "1"]);
    let ended = with(&["-t", "t", "-C", "1"]);
    assert_eq!(ended.text(), "kept\n");
    with(&["-U", "t", "-E"]).expect(0, "");
    scene.publish(&["-t", "t", "-m", "lost", "-q", "1"]);
    let ended = with(&["-t", "other", "--idle", "300ms"]);
    assert_eq!(ended.text(), "");
    ended.expect(0, "");
}

#[test]
fn a_count_leaves_the_rest_in_the_session() {
    let scene = Scene::new();
    for qos in ["1", "2"] {
        let id = format!("c{qos}");
        let session = ["-i", &id, "-c", "-q", qos, "-t", "t"];
        let with = |args: &[&str]| scene.sub_to_end(&[&session[..], args].concat());
        with(&["-E"]).expect(0, "");
        for payload in ["1", "2", "3", "4", "5"] {
            scene.publish(&["-t", "t", "-m", payload, "-q", qos]);
        }
        // Nothing of what comes later was sent before.
        let ended = with(&["-C", "2", "--json"]);
        assert_eq!(ended.text().matches("\"dup\":false").count(), 2);
        assert_eq!(with(&["-C", "1"]).text(), "3\n", "QoS {qos}");
        let ended = with(&["-C", "2", "-F", "%p"]);
        assert_eq!(ended.text(), "4\n5\n", "QoS {qos}");
    }
}

#[test]
fn a_command_for_each_message() {
    let scene = Scene::new();
    let command = "sh -c 'printf \"%s|%s|%s|%s|\" \"$1\" \"$MIDGE_TOPIC\" $MIDGE_QOS $MIDGE_RETAIN; cat; echo' x {topic}";
    let sub = scene.sub(&["-t", "#", "-C", "3", "-q", "1", "--exec", command]);
    for topic in ["a b", "$(touch pwned);`id`'\"{qos}", "-n"] {
        // A topic with $ first is not for everybody.
        let topic = topic.trim_start_matches('$');
        let topic = format!("--topic={topic}");
        scene.publish(&[&topic, "-m", "payload", "-q", "1"]);
    }
    let ended = sub.wait();
    assert_eq!(
        ended.text(),
        "a b|a b|1|0|payload\n\
         (touch pwned);`id`'\"{qos}|(touch pwned);`id`'\"{qos}|1|0|payload\n\
         -n|-n|1|0|payload\n"
    );
    ended.expect(0, "");
}

#[test]
fn failing_commands_are_counted() {
    let scene = Scene::new();
    let sub = scene.sub(&["-t", "t", "-C", "3", "--exec", "grep -q 1"]);
    scene.lines("t", "1\n2\n3\n");
    sub.wait()
        .expect(5, "midge: 2 of 3 commands failed (--exec)\n");
    let sub = scene.sub(&["-t", "t", "--exec", "/no/such/program"]);
    scene.lines("t", "1\n");
    let ended = sub.wait();
    assert_eq!(ended.code(), 1);
    assert!(
        ended.stderr.contains("cannot run '/no/such/program'"),
        "{}",
        ended.stderr
    );
    for args in [
        &["--exec", "a '"][..],
        &["--exec", "true", "--exec-jobs", "0"],
    ] {
        assert_eq!(scene.sub_to_end(&[&["-t", "t"], args].concat()).code(), 2);
    }
}

#[test]
fn commands_run_side_by_side_and_in_order() {
    let scene = Scene::new();
    let messages: String = (0..1500).map(|i| format!("{i}\n")).collect();
    // More than may wait.
    let sub = scene.sub(&["-t", "t", "-C", "1500", "--exec", "cat", "-k", "1"]);
    scene.lines("t", &messages);
    let ended = sub.wait();
    assert_eq!(ended.text().len(), messages.len() - 1500);
    assert!(ended.text().starts_with("0123456789101112"));
    ended.expect(0, "");

    // Each waits for the other: with one at a time neither would end.
    let fifo = scene.path("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let command =
        format!("sh -c 'if [ $1 = w ]; then echo met > {fifo}; else cat {fifo}; fi' x {{topic}}");
    let sub = scene.sub(&["-t", "#", "-C", "2", "--exec", &command, "--exec-jobs", "2"]);
    scene.publish(&["-t", "r", "-m", "x"]);
    scene.publish(&["-t", "w", "-m", "x"]);
    let ended = sub.wait();
    assert_eq!(ended.text(), "met\n");
}

#[test]
fn a_file_for_each_message() {
    let scene = Scene::new();
    let dir = scene.path("out");
    for round in 0..2 {
        let sub = scene.sub(&["-t", "#", "-C", "2", "--output-dir", &dir]);
        scene.publish(&["-t", "../../x", "-m", "first"]);
        scene.publish(&["-t", "a/b", "-n"]);
        let ended = sub.wait();
        assert_eq!(ended.text(), "", "{round}");
        ended.expect(0, "");
    }
    let mut names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "000001-.._.._x",
            "000002-a_b",
            "000003-.._.._x",
            "000004-a_b"
        ]
    );
    let read = |name| fs::read(Path::new(&dir).join(name)).unwrap();
    assert_eq!(read("000003-.._.._x"), b"first");
    assert_eq!(read("000004-a_b"), b"");
}

#[test]
fn what_is_received_is_recorded() {
    let scene = Scene::new();
    for version in ["31", "311", "5"] {
        let path = scene.path("file.pcapng");
        let sub = scene.sub(&[
            "-t", "#", "-C", "3", "-q", "2", "-V", version, "-u", "u", "-P", "secret", "--record",
            &path,
        ]);
        scene.publish(&["-t", "a", "-m", "zero"]);
        scene.publish(&["-t", "a", "-m", "one", "-q", "1"]);
        scene.publish(&["-t", "a", "-m", "two", "-q", "2"]);
        sub.wait().expect(0, "");
        let ended = run(&["decode", "--lint", "--json", &path]);
        ended.expect(0, &format!("midge: {path}: nothing is wrong\n"));
        let types: Vec<_> = ended
            .text()
            .lines()
            .filter_map(|line| line.split("\"type\":\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(
            types,
            [
                "CONNECT",
                "CONNACK",
                "SUBSCRIBE",
                "SUBACK",
                "PUBLISH",
                "PUBLISH",
                "PUBACK",
                "PUBLISH",
                "PUBREC",
                "PUBREL",
                "PUBCOMP"
            ],
            "{version}"
        );
        assert!(!ended.text().contains("violations"), "{}", ended.text());
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
    }
}

#[test]
fn payloads_are_shown_decoded() {
    let scene = Scene::new();
    for (form, shown) in [
        ("hex", "a1616101"),
        ("base64", "oWFhAQ=="),
        ("cbor", "{\"a\":1}"),
    ] {
        let sub = scene.sub(&["-t", "t", "-C", "1", "--decode", form, "-v"]);
        // {"a": 1} in CBOR.
        let publish = scene.args(&["pub", "-t", "t", "-s"]);
        run_with_input(&publish, b"\xa1\x61a\x01").expect(0, "");
        assert_eq!(sub.wait().text(), format!("t {shown}\n"));
    }
    let sub = scene.sub(&["-t", "t", "-C", "2", "--decode", "json"]);
    scene.lines("t", "{ \"a\" : [1] }\nno\n");
    let ended = sub.wait();
    assert_eq!(ended.text(), "{\"a\":[1]}\n");
    assert_eq!(ended.code(), 5);
    assert!(
        ended
            .stderr
            .contains("a message on 't': the payload is no JSON: ")
            && ended
                .stderr
                .ends_with("midge: 1 payload was not what --decode is to show\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn binary_payloads_and_properties_go_through_json() {
    let scene = Scene::new();
    let sub = scene.sub(&["-t", "t", "-C", "1", "--json"]);
    let properties = [
        "-D",
        "publish",
        "user-property",
        "a",
        "1",
        "-D",
        "publish",
        "user-property",
        "a",
        "2",
        "-D",
        "publish",
        "correlation-data",
        "c",
        "-D",
        "publish",
        "content-type",
        "x/y",
    ];
    let publish = scene.args(&[&["pub", "-t", "t", "-s"], &properties[..]].concat());
    run_with_input(&publish, b"\x00\xff\n\"").expect(0, "");
    let ended = sub.wait();
    let line: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(line["payload_hex"], "00ff0a22");
    assert_eq!(line["properties"]["content_type"], "x/y");
    assert_eq!(
        line["properties"]["user_property"],
        serde_json::json!([["a", "1"], ["a", "2"]])
    );
}

#[test]
fn options_of_5_0_reach_the_broker() {
    let scene = Scene::new();
    scene.publish(&["-r", "-t", "t", "-m", "old"]);
    let sub = scene.sub(&[
        "-t",
        "t",
        "-C",
        "1",
        "--retain-handling",
        "never",
        "--retain-as-published",
        "-F",
        "%r %p",
    ]);
    scene.publish(&["-r", "-t", "t", "-m", "new"]);
    assert_eq!(sub.wait().text(), "1 new\n");
    for flags in [
        &["--no-local"][..],
        &["--retain-handling", "new"],
        &["--retain-as-published"],
    ] {
        let ended = scene.sub_to_end(&[&["-t", "t", "-V", "311"], flags].concat());
        assert_eq!(ended.code(), 2);
        assert!(
            ended.stderr.contains("does not exist in MQTT 3.1.1"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn chance_and_rate() {
    let scene = Scene::new();
    let lines = "x\n".repeat(2000);
    let sub = scene.sub(&["-t", "t", "--random-filter", "50", "--idle", "500ms"]);
    scene.lines("t", &lines);
    let count = sub.wait().text().lines().count();
    // Ten standard deviations.
    assert!((776..=1224).contains(&count), "{count}");
    let ended = scene.sub_to_end(&["-t", "t", "--random-filter", "0.01"]);
    assert_eq!(ended.code(), 2);

    let sub = scene.sub(&["-t", "t", "--message-rate", "-W", "2.5"]);
    scene.lines("t", &lines);
    let ended = sub.wait();
    let counts: Vec<u32> = ended
        .text()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!((counts.len(), counts.iter().sum::<u32>()), (2, 2000));
    ended.expect(27, "");
}

#[test]
fn each_batch_leaves_at_once() {
    let scene = Scene::new();
    let path = scene.path("ready");
    // The command reads the first line and then says so, while sub goes on.
    let mut command = std::process::Command::new("sh");
    let midge = env!("CARGO_BIN_EXE_midge");
    let script = format!(
        "'{midge}' sub -h 127.0.0.1 -p {} -t t --ready-file {path} -W 30 | {{ read line; echo \"got $line\"; }}",
        scene.port
    );
    command.args(["-c", &script]);
    let running = Running::start(command);
    wait_for_file(&path);
    scene.lines("t", "one\n");
    // The pipe is closed by now, or soon; then sub ends quietly.
    let until = Instant::now() + Duration::from_secs(20);
    let publisher = thread::spawn({
        let args: Vec<String> = scene
            .args(&["pub", "-t", "t", "-m", "x"])
            .into_iter()
            .map(str::to_owned)
            .collect();
        move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            for _ in 0..5 {
                thread::sleep(Duration::from_millis(100));
                run(&args).expect(0, "");
            }
        }
    });
    let ended = running.wait();
    publisher.join().unwrap();
    assert_eq!(ended.text(), "got one\n");
    ended.expect(0, "");
    assert!(Instant::now() < until, "the closed pipe was not seen");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_sentence() {
    let scene = Scene::new();
    scene.publish(&["-r", "-t", "t", "-m", "x"]);
    let mut command = midge(&scene.args(&["sub", "-t", "t"]));
    command.stdout(
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "midge: cannot write to stdout: No space left on device (os error 28)\n"
    );
    let ended = scene.sub_to_end(&["-t", "t", "--record", "/dev/full"]);
    assert_eq!(ended.code(), 1);
    assert_eq!(
        ended.stderr,
        "midge: cannot write /dev/full: No space left on device (os error 28)\n"
    );
}

#[test]
fn wrong_usage_is_one_sentence() {
    for (args, sentence) in [
        (
            &["-F", "%Z"][..],
            "'%Z' (-F) is no format: '%Z' means nothing",
        ),
        (
            &["--until", "("],
            "'(' (--until) is no regular expression: unclosed group",
        ),
        (
            &["--until-json", "a="],
            "'a=' (--until-json) is no condition: a comparison is ==, !=, <, <=, > or >=",
        ),
        (
            &["-U", "a/#/b"],
            "'a/#/b' (-U) is not a topic filter: '#' must be the last character and fill a level of its own (byte 2)",
        ),
    ] {
        let ended = run(&[&["sub", "-t", "t"], args].concat());
        assert_eq!(ended.code(), 2);
        assert_eq!(ended.stderr.trim_end(), format!("midge: {sentence}"));
    }
}

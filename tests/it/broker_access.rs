//! Users, access rules and configuration files, through the binary and over real sockets.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::program;

/// A folder with files, and brokers that are run in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn midge(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// stdout, stderr and exit code.
    pub(crate) fn run(&self, arguments: &str) -> (String, String, Option<i32>) {
        outcome(&mut self.midge(arguments))
    }

    /// What a script prints that runs against `midge broker -p 0 ARGUMENTS`.
    fn around(&self, arguments: &str, script: &str) -> String {
        let mut command = self.midge(&format!("broker -p 0 {arguments}"));
        let (stdout, stderr, _) = outcome(command.args(["--", "sh", "-c", script]));
        assert_eq!(stderr, "", "{arguments}");
        stdout
    }

    pub(crate) fn passwd(&self, arguments: &str) {
        let (_, stderr, code) = self.run(&format!("broker passwd {arguments}"));
        assert_eq!((stderr.as_str(), code), ("", Some(0)), "{arguments}");
    }
}

pub(crate) fn outcome(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Tries a publication, quietly: the exit code.
const TRY: &str = "try() { midge pub -q 1 -m x \"$@\" 2>/dev/null; echo $?; }\n";

#[test]
fn users_and_passwords() {
    let folder = Folder::new(&[]);
    folder.passwd("-c -b users ann secret");
    folder.passwd("-b -H sha512 users bob hunter2");
    let script = format!(
        "{TRY}try -t t -u ann -P secret; try -t t -u bob -P hunter2
         try -t t -u ann -P Secret; try -t t -u eve -P secret; try -t t -u ann; try -t t
         try -V 3.1.1 -t t -u ann -P x"
    );
    let codes = "0\n0\n135\n135\n135\n135\n135\n";
    assert_eq!(folder.around("--password-file users", &script), codes);
    // Without one, unless it is allowed.
    let arguments = "--password-file users --allow-anonymous true";
    let script = format!("{TRY}try -t t; try -t t -u ann -P x");
    assert_eq!(folder.around(arguments, &script), "0\n135\n");
    let script = format!("{TRY}try -t t; try -t t -u ann");
    let arguments = "--allow-anonymous false";
    assert_eq!(folder.around(arguments, &script), "135\n135\n");
}

#[test]
fn rules_in_either_form() {
    let acl = "topic read open/#\nuser ann\ntopic a/#\npattern write in/%c\n";
    let table = "allow,ipaddr,username,clientid,access,topic\n\
                 1,127.0.0.0/8,ann,,3,a/#\n1,,$all,,1,open/#\n1,,ann,,2,in/%c\n";
    let folder = Folder::new(&[("acl", acl), ("acl.csv", table)]);
    let script = format!(
        "{TRY}try -t a/b -u ann; try -t b -u ann; try -t a/b; try -t in/me -u ann -i me
         try -t in/me -u ann -i you; try -V 3.1.1 -t b -u ann
         midge pub -r -m kept -t a/r -u ann
         midge sub -t a/r -C 1 -u ann
         midge sub -t a/r -C 1 -W 2 2>/dev/null; echo $?"
    );
    let expected = "0\n135\n135\n0\n135\n0\nkept\n135\n";
    for file in ["acl", "acl.csv"] {
        let arguments = format!("--acl-file {file}");
        assert_eq!(folder.around(&arguments, &script), expected, "{file}");
    }
    let arguments = "--acl-file acl.csv --acl-nomatch allow";
    assert_eq!(folder.around(arguments, &format!("{TRY}try -t b")), "0\n");
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new(&[
        ("users", "ann:secret\n"),
        ("acl", "# rules\ntopic reed a\n"),
        ("acl.csv", "1,,,,3,a\n1,,,,4,a\n"),
        ("m.conf", "listener 0 127.0.0.1\n\nbridge_cafile x\n"),
        ("n.conf", "listenr 1\n"),
        ("good", "topic a\n"),
    ]);
    for (arguments, message) in [
        (
            "--password-file users",
            "midge: password file users:1: user 'ann': the password is not hashed; 'midge broker \
             passwd -U FILE' hashes all of the file\n",
        ),
        (
            "--acl-file acl",
            "midge: access rules acl:2: 'reed' is no access; it is read, write, readwrite or \
             deny, and needed before a filter with a space\n",
        ),
        (
            "--acl-file acl.csv",
            "midge: access rules acl.csv:2: access is '4', and is 1 (subscribe), 2 (publish) or \
             3 (both)\n",
        ),
        (
            "-c m.conf",
            "midge: m.conf:3: midge has no bridge_cafile: it is no bridge; without this line the \
             rest can be used\n",
        ),
        (
            "-c n.conf",
            "midge: n.conf:1: 'listenr' is no option of mosquitto\n",
        ),
        (
            "--acl-file good --acl-nomatch allow",
            "midge: access rules good:1: only a table can say what happens where no rule \
             matches, and this file is in mosquitto's form, where that is denied\n",
        ),
    ] {
        let (stdout, stderr, code) = folder.run(&format!("broker -p 0 {arguments}"));
        assert_eq!((stdout.as_str(), stderr.as_str()), ("", message));
        assert_eq!(code, Some(2), "{arguments}");
    }
    // All of them at once, and only what was typed.
    folder.write("many.conf", "max_qos 3\nlistenr 1\npassword_file nowhere\n");
    let (_, stderr, _) = folder.run("broker -c many.conf");
    assert_eq!(
        stderr,
        "midge: many.conf:1: max_qos is '3', and is 0 to 2\n\
         many.conf:2: 'listenr' is no option of mosquitto\n"
    );
    folder.write("many.conf", "\npassword_file nowhere\n");
    let (_, stderr, code) = folder.run("broker -p 0 -c many.conf");
    assert_eq!(
        stderr,
        "midge: many.conf:2: cannot read password file nowhere: No such file or directory (os \
         error 2)\n"
    );
    assert_eq!(code, Some(1));
    let (_, stderr, _) = folder.run("broker -c many.conf --max-qos 1");
    assert!(
        stderr.contains("--config <FILE>' cannot be used with '--max-qos <QOS>'\n")
            || stderr.contains("'--max-qos <QOS>' cannot be used with '--config <FILE>'\n"),
        "{stderr}"
    );
    for (arguments, what) in [
        (
            "--max-memory 1",
            "--max-memory is '1', and clients have no room in less than 1MB",
        ),
        ("--max-packet-size 1", "1 is not in 20..=268435460"),
    ] {
        let (_, stderr, code) = folder.run(&format!("broker -p 0 {arguments}"));
        assert!(stderr.contains(what), "{stderr}");
        assert_eq!(code, Some(2));
    }
    let (_, stderr, code) = folder.run("broker -p 0 --acl-file nowhere");
    assert!(
        stderr.starts_with("midge: cannot read access rules nowhere: "),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn password_files() {
    let folder = Folder::new(&[("plain", "# who\nann:se cret\n")]);
    folder.passwd("-U plain");
    let text = folder.read("plain");
    assert!(text.starts_with("# who\nann:$7$101$"), "{text}");
    folder.passwd("-D plain ann");
    assert_eq!(folder.read("plain"), "# who\n");
    // From stdin, where that is no terminal.
    let mut child = folder
        .midge("broker passwd -c new bob")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"word\n").unwrap();
    assert!(child.wait().unwrap().success());
    let script = format!("{TRY}try -t t -u bob -P word");
    assert_eq!(folder.around("--password-file new", &script), "0\n");
    for (arguments, message, code) in [
        ("nowhere ann -b x", "midge: cannot read nowhere: ", 1),
        (
            "-D new ann",
            "midge: new: there is no user 'ann' in it\n",
            1,
        ),
        (
            "-D nowhere ann",
            "midge: cannot read nowhere: No such file or directory (os error 2)\n",
            1,
        ),
        (
            "-U nowhere",
            "midge: cannot read nowhere: No such file or directory (os error 2)\n",
            1,
        ),
        (
            "-c -b no/folder ann x",
            "midge: cannot write no/folder: No such file or directory (os error 2)\n",
            1,
        ),
        ("-b new a:b x", "midge: 'a:b' cannot be a user name", 2),
        ("new", "error: the following required arguments", 2),
    ] {
        let (_, stderr, ended) = folder.run(&format!("broker passwd {arguments}"));
        assert!(stderr.starts_with(message), "{arguments}: {stderr}");
        assert_eq!(ended, Some(code), "{arguments}");
    }
}

#[test]
fn a_password_file_behind_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new(&[("there", "")]);
    fs::set_permissions(folder.path("there"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("there", folder.path("link")).unwrap();
    symlink("not-yet", folder.path("new-link")).unwrap();
    folder.passwd("-b link dan y");
    folder.passwd("-c -b new-link eve z");
    for (link, file, user) in [("link", "there", "dan:"), ("new-link", "not-yet", "eve:")] {
        let is_link = folder.path(link).symlink_metadata().unwrap().is_symlink();
        assert!(is_link, "{link}");
        assert!(folder.read(file).starts_with(user), "{file}");
    }
    let mode = |name| folder.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("there"), mode("not-yet")), (0o640, 0o600));
}

/// A broker whose stderr is read line by line.
pub(crate) struct Broker {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Broker {
    pub(crate) fn start(command: &mut Command) -> Broker {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Broker { child, stderr }
    }

    /// Reads up to a line that holds this.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        self.lines_to(part).pop().unwrap()
    }

    /// Reads up to a line that holds this: all of them.
    pub(crate) fn lines_to(&mut self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let len = self.stderr.read_line(&mut line).unwrap();
            assert!(len > 0, "stderr ended before {part}: {lines:?}");
            lines.push(line.trim_end().to_owned());
            if line.contains(part) {
                return lines;
            }
        }
    }

    /// Waits until it listens.
    pub(crate) fn wait_until_ready(&mut self) {
        program::ready(&mut self.child);
    }

    pub(crate) fn end(mut self) {
        signal(&self.child, Signal::TERM);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody had a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_configuration_file() {
    let (first, second) = (free_port(), free_port());
    let conf = format!(
        "per_listener_settings true\n\
         listener {first} 127.0.0.1\n\
         password_file users\n\
         max_qos 1\n\
         listener {second} 127.0.0.1\n\
         allow_anonymous true\n\
         mount_point in/\n\
         pid_file pid\n\
         log_dest file log\n\
         log_type all\n"
    );
    let folder = Folder::new(&[("m.conf", &conf)]);
    folder.passwd("-c -b users ann secret");
    let mut command = folder.midge("broker -c m.conf");
    let script = format!(
        "{TRY}[ \"$MQTT_PORT\" = {first} ] && echo first
         try -t t -u ann -P secret; try -t t; try -p {second} -t t
         midge pub -p {second} -r -t x -m there
         midge sub -u ann -P secret -t in/x -C 1
         [ -s pid ] && echo pid"
    );
    let (stdout, stderr, code) = outcome(command.args(["--", "sh", "-c", &script]));
    assert_eq!(stderr, "");
    assert_eq!(stdout, "first\n0\n135\n0\nthere\npid\n");
    assert_eq!(code, Some(0));
    assert!(!folder.path("pid").exists());
    let log = folder.read("log");
    assert!(log.contains(&format!(" on port {second}.\n")), "{log}");
    assert!(log.contains("(p5, c1, k60, u'ann').\n"), "{log}");
    assert!(log.contains(" disconnected, not authorised.\n"), "{log}");

    let (_, stderr, code) = folder.run("broker -c m.conf -p 0");
    assert!(
        stderr.contains("--port is for a configuration without listeners"),
        "{stderr}"
    );
    assert_eq!(code, Some(2));
    let (_, stderr, code) = folder.run("broker -c m.conf --max-qos 1");
    assert!(stderr.contains("cannot be used with"), "{stderr}");
    assert_eq!(code, Some(2));
}

/// midge under the name `mosquitto`.
pub(crate) fn mosquitto(folder: &Folder, arguments: &str) -> Command {
    let mut command = folder.midge(arguments);
    command.arg0("mosquitto");
    command
}

#[test]
fn called_as_mosquitto() {
    let folder = Folder::new(&[("open.conf", ""), ("bad.conf", "\nmax_qos 4\n")]);
    let port = free_port();
    let mut broker = Broker::start(&mut mosquitto(&folder, &format!("-p {port}")));
    broker.wait_for(": Starting in local only mode.");
    broker.wait_for(&format!(": Opening ipv4 listen socket on port {port}."));
    broker.wait_for(" running");
    let (_, stderr, code) = folder.run(&format!("pub -p {port} -t t -m x -q 1 -i me -u ann"));
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    broker.wait_for(&format!(" on port {port}."));
    broker.wait_for(" as me (p5, c1, k60, u'ann').");
    broker.wait_for("Client me disconnected.");
    broker.end();

    // A listener: nobody without a user.
    let conf = format!("listener {port} 127.0.0.1\n");
    fs::write(folder.path("m.conf"), conf).unwrap();
    let mut broker = Broker::start(&mut mosquitto(&folder, "-c m.conf"));
    broker.wait_for(": Config loaded from m.conf.");
    broker.wait_for(" running");
    assert_eq!(folder.run(&format!("pub -p {port} -t t -m x")).2, Some(135));
    broker.end();

    let (_, stderr, code) = outcome(&mut mosquitto(&folder, "-t -c open.conf"));
    assert_eq!(
        (stderr.as_str(), code),
        ("Configuration file is OK.\n", Some(0))
    );
    let (_, stderr, code) = outcome(&mut mosquitto(&folder, "--test-config -c bad.conf"));
    assert_eq!(
        stderr,
        "Error: bad.conf:2: max_qos is '4', and is 0 to 2.\n"
    );
    assert_eq!(code, Some(2));
    let (_, stderr, code) = outcome(&mut mosquitto(&folder, "-x"));
    assert!(
        stderr.starts_with("Error: Unknown option '-x'.\n"),
        "{stderr}"
    );
    assert_eq!(code, Some(3));
}

#[test]
fn in_the_background_as_mosquitto() {
    let port = free_port();
    let folder = Folder::new(&[]);
    folder.write("m.conf", "pid_file pid\n");
    // Returns once nobody holds stdout and stderr any more.
    let (stdout, stderr, code) =
        outcome(&mut mosquitto(&folder, &format!("-d -c m.conf -p {port}")));
    assert_eq!((stdout.as_str(), code), ("", Some(0)), "{stderr}");
    assert_eq!(folder.run(&format!("pub -p {port} -t t -m x")).2, Some(0));
    let pid = folder.read("pid").parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    wait_until_gone(&folder.path("pid"));

    let (_, stderr, code) = outcome(&mut mosquitto(&folder, "-d -c nowhere.conf"));
    assert!(
        stderr.starts_with("Error: cannot read configuration nowhere.conf"),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

/// The process is not a child of this one: its file is what can be waited for.
fn wait_until_gone(path: &Path) {
    for _ in 0..1000 {
        if !path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} is still there", path.display());
}

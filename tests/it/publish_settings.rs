//! Flags from elsewhere: option files, `MIDGE_*` variables, profiles, files with passwords.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client_scripted::Peer;
use crate::program::{Ended, Running, midge};

const CONNACK_311: &[u8] = b"\x20\x02\x00\x00";

/// CONNECT of 3.1.1 with client id c and these.
fn connect(user: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c".to_vec();
    for text in [user, password] {
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(text.as_bytes());
    }
    let mut packet = vec![0x10, body.len() as u8];
    packet.extend(body);
    packet
}

/// A broker that wants this CONNECT and one message "x" to "t".
fn broker(user: &'static str, password: &'static str) -> Peer {
    let script = move |connection: &mut crate::client_scripted::Connection| {
        connection.expect(&connect(user, password));
        connection.send(CONNACK_311);
        connection.expect(b"\x30\x04\x00\x01tx");
        connection.expect(b"\xe0\x00");
    };
    Peer::each([Box::new(script) as crate::client_scripted::Script])
}

fn end(command: Command) -> Ended {
    Running::start(command).wait()
}

/// Writes a file that only its owner can read.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    readable_by_others(&path, false);
    path
}

#[cfg(unix)]
fn readable_by_others(path: &Path, readable: bool) {
    use std::os::unix::fs::PermissionsExt;
    let mode = if readable { 0o644 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path, _: bool) {}

const MESSAGE: [&str; 8] = ["-V", "311", "-i", "c", "-t", "t", "-m", "x"];

/// `midge pub` with the message, and nothing of this machine's user.
fn publish(front: &[&str], behind: &[&str]) -> Command {
    let words = [front, &["pub"], &MESSAGE, behind].concat();
    let mut command = midge(&words);
    command.env_remove("XDG_CONFIG_HOME").env_remove("HOME");
    command
}

#[test]
fn variables_stand_for_flags() {
    let peer = broker("u", "p");
    let mut command = publish(&[], &[]);
    command
        .env("MIDGE_HOST", "127.0.0.1")
        .env("MIDGE_PORT", &peer.port)
        .env("MIDGE_USERNAME", "u")
        .env("MIDGE_PASSWORD", "p")
        .env("MIDGE_WS", "false")
        .env("MIDGE_SOMETHING_ELSE", "x");
    end(command).expect(0, "");
    peer.finish();
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let peer = broker("flag", "variable");
    let port = &peer.port;
    let text = format!(
        "[profiles.staging]\nhost = \"127.0.0.1\"\nport = {port}\nusername = \"profile\"\n\
         password = \"profile\"\nprotocol-version = 5\n[profiles.other]\nhost = \"nowhere\"\n"
    );
    write(folder.path(), "midge/config.toml", &text);
    let mut command = publish(&["--profile", "staging"], &["-u", "flag"]);
    command
        .env("XDG_CONFIG_HOME", folder.path())
        .env("MIDGE_USERNAME", "variable")
        .env("MIDGE_PASSWORD", "variable")
        // The profile has a host and a port.
        .env("MQTT_URL", "mqtt://nowhere:1");
    end(command).expect(0, "");
    peer.finish();
}

#[test]
fn the_file_of_profiles_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = ".config/midge/config.toml";
    for (place, names) in [
        (file, &[("HOME", "")][..]),
        ("midge/config.toml", &[("XDG_CONFIG_HOME", "")]),
        ("p.toml", &[("MIDGE_CONFIG", "/p.toml")]),
    ] {
        let peer = broker("u", "p");
        let port = &peer.port;
        let text = format!("[profiles.a]\nurl = \"mqtt://u:p@127.0.0.1:{port}\"\n");
        let path = write(folder.path(), place, &text);
        let mut command = publish(&[], &[]);
        command.env("MIDGE_PROFILE", "a");
        for (name, behind) in names {
            command.env(name, format!("{}{behind}", folder.path().display()));
        }
        end(command).expect(0, "");
        peer.finish();
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_profile_is_taken_behind_the_subcommand_too() {
    let folder = tempfile::tempdir().unwrap();
    let peer = broker("u", "p");
    let text = "[profiles.a]\nhost = \"127.0.0.1\"\nport = 1\nusername = \"u\"\npassword = \"p\"\n\
                retry = \"none\"\n";
    let path = write(folder.path(), "p.toml", text);
    let config = path.to_str().unwrap();
    let flags = ["--profile", "a", "--config", config, "-p", &peer.port];
    end(publish(&[], &flags)).expect(0, "");
    peer.finish();
}

#[test]
fn what_is_wrong_with_settings_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[profiles.a]\nport = \"http\"\n[profiles.b]\nhots = \"h\"\n";
    let path = write(folder.path(), "p.toml", text);
    let config = path.to_str().unwrap();
    let gone = folder.path().join("gone.toml");
    let gone = gone.to_str().unwrap();
    for (flags, code, sentence) in [
        (
            &["--profile", "c", "--config", config][..],
            2,
            format!("there is no profile 'c' in {config}, only a, b"),
        ),
        (
            &["--profile", "a", "--config", config],
            2,
            format!(
                "{config}, line 2, column 8: invalid value 'http' for '--port <PORT>': invalid digit found in string"
            ),
        ),
        (
            &["--profile", "b", "--config", config],
            2,
            format!(
                "{config}, line 4, column 1: 'hots' is no key of a profile; did you mean host?"
            ),
        ),
        (
            &["--config", config],
            2,
            "--config names a file with profiles: say which one with --profile".to_owned(),
        ),
        (
            &["--profile", "a", "--config", gone],
            1,
            format!("cannot read {gone}: No such file or directory (os error 2)"),
        ),
        (
            &["--profile", "a"],
            2,
            "neither XDG_CONFIG_HOME nor HOME says where profiles are: give --config".to_owned(),
        ),
    ] {
        let ended = end(publish(&[], flags));
        assert_eq!(ended.code(), code, "{ended:?}");
        let start = format!("midge: {sentence}");
        assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    for (name, value, sentence) in [
        (
            "MIDGE_PORT",
            "http",
            "midge: MIDGE_PORT: invalid value 'http' for '--port <PORT>'",
        ),
        (
            "MIDGE_WS",
            "maybe",
            "midge: MIDGE_WS takes true or false, not 'maybe'\n",
        ),
    ] {
        let mut command = publish(&[], &[]);
        command.env(name, value);
        let ended = end(command);
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.starts_with(sentence), "{}", ended.stderr);
    }
}

#[test]
fn other_subcommands_have_no_profiles() {
    let ended = end(midge(&["--profile", "a", "decode", "30 03 00 01 61"]));
    assert_eq!(ended.code(), 2);
    assert!(ended.stderr.contains("'--profile'"), "{}", ended.stderr);
}

#[test]
fn a_password_comes_from_the_first_line_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["p w", "p w\n", "p w\r\nmore\n"] {
        let path = write(folder.path(), "password", text);
        let peer = broker("u", "p w");
        let file = path.to_str().unwrap();
        let flags = [
            "-h",
            "127.0.0.1",
            "-p",
            &peer.port,
            "-u",
            "u",
            "--password-file",
            file,
        ];
        end(publish(&[], &flags)).expect(0, "");
        peer.finish();
    }
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let password = write(folder.path(), "password", "p");
    let text = "[profiles.a]\nhost = \"nowhere\"\nusername = \"u\"\npassword = \"p\"\n";
    let config = write(folder.path(), "p.toml", text);
    for (path, flag) in [(password, "--password-file"), (config, "--config")] {
        readable_by_others(&path, true);
        let file = path.to_str().unwrap();
        let peer = broker("u", "p");
        let mut flags = vec![flag, file, "-h", "127.0.0.1", "-p", &peer.port, "-u", "u"];
        if flag == "--config" {
            flags.extend(["--profile", "a"]);
        }
        end(publish(&[], &flags)).expect(
            0,
            &format!(
                "midge: others can read {file}, which holds a password: chmod 600 would keep it to you\n"
            ),
        );
        peer.finish();
    }
}

#[test]
fn an_option_file_stands_in_front_of_what_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let peer = broker("typed", "p w");
    let text = format!(
        "# who\n-h 127.0.0.1\n-p {}\n-u file\n-P p w\n-V 311\n-i c\n-t t\n\n-m from the file\n",
        peer.port
    );
    let path = write(folder.path(), "options", &text);
    let file = path.to_str().unwrap();
    end(midge(&["pub", "-m", "x", "-o", file, "-u", "typed"])).expect(0, "");
    peer.finish();

    let path = write(folder.path(), "options", "-q 1\nhost\n");
    let file = path.to_str().unwrap();
    end(midge(&["sub", "-o", file]))
        .expect(2, &format!("midge: {file}, line 2: it begins with no -\n"));
    let gone = format!("{file}.gone");
    end(midge(&["sub", "-o", &gone])).expect(
        1,
        &format!("midge: cannot read {gone}: No such file or directory (os error 2)\n"),
    );
}

/// A terminal where the password is asked for, and not shown.
#[cfg(unix)]
#[test]
fn a_password_is_asked_for_on_a_terminal() {
    use std::io::Write;
    use std::process::Stdio;

    let peer = broker("u", "secret");
    let program = env!("CARGO_BIN_EXE_midge");
    let line = format!(
        "{program} pub -h 127.0.0.1 -p {} -V 311 -i c -t t -m x -u u --ask-password",
        peer.port
    );
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        // Not every machine has it.
        return;
    };
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    while !shown.ends_with(b"Password for u: ") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stdout, &mut byte).unwrap();
        shown.push(byte[0]);
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"secret\n").unwrap();
    std::io::Read::read_to_end(&mut stdout, &mut shown).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8_lossy(&shown);
    assert!(!shown.contains("secret"), "{shown:?}");
    peer.finish();
}

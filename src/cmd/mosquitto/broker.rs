//! midge under the name `mosquitto`: the broker's arguments and exit codes. Its configuration
//! files and its log are the affair of [`cmd::broker`](crate::cmd::broker).

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::super::broker::{Asked, run_as_mosquitto};
use super::super::{Exit, Failure};
use super::{number, say, usage};

/// Set for the process that `-d` starts.
const DETACHED: &str = "MIDGE_DETACHED";
/// mosquitto's code for wrong arguments and configurations.
const INVALID: u8 = 3;

/// Whether this name (`argv[0]`) is the broker's.
pub fn is_broker(name: &OsStr) -> bool {
    super::stem(name) == Some("mosquitto")
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    Serve(Asked),
    /// The same in the background.
    Detach,
    Help,
    Version,
}

/// Runs the broker: the exit code.
pub fn run_broker(words: impl Iterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.collect();
    let mut asked = match parse(&words) {
        Ok(Work::Serve(asked)) => asked,
        Ok(Work::Detach) if std::env::var_os(DETACHED).is_none() => return detach(&words),
        Ok(Work::Detach) => {
            // Parsed again as what it is here.
            let words: Vec<OsString> = words.into_iter().filter(|w| !is_daemon(w)).collect();
            match parse(&words) {
                Ok(Work::Serve(asked)) => asked,
                _ => return INVALID,
            }
        }
        Ok(Work::Help) => {
            print(&help());
            return INVALID;
        }
        Ok(Work::Version) => {
            print(&format!("{}\n", version()));
            return INVALID;
        }
        Err(text) => {
            say(&text);
            return INVALID;
        }
    };
    if std::env::var_os(DETACHED).is_some() {
        asked.tells_ready = true;
        #[cfg(unix)]
        // It leads a group already only if somebody has made it do so: then it is alone as well.
        let _ = rustix::process::setsid();
    }
    let is_test = asked.test;
    match run_as_mosquitto(&asked) {
        Ok(Exit::Done | Exit::Interrupted | Exit::Terminated) => {
            if is_test {
                say("Configuration file is OK.");
            }
            0
        }
        Ok(exit) => exit.code(),
        Err(Failure { exit, message }) => {
            say(&format!("Error: {message}."));
            exit.code()
        }
    }
}

fn parse(words: &[OsString]) -> Result<Work, String> {
    let mut asked = Asked::default();
    let mut detached = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("-c" | "--config-file") => {
                let path = words
                    .next()
                    .ok_or("Error: -c argument given, but no config file specified.")?;
                asked.config = Some(path.into());
            }
            Some("-p" | "--port") => {
                let port = words
                    .next()
                    .ok_or("Error: -p argument given, but no port specified.")?;
                let port = number::integer(&port.to_string_lossy());
                match u16::try_from(port) {
                    Ok(port) if port > 0 => asked.ports.push(port),
                    _ => return Err(format!("Error: Invalid port specified ({port}).")),
                }
            }
            Some("-d" | "--daemon") => detached = true,
            Some("-v" | "--verbose") => asked.verbose = true,
            Some("-q" | "--quiet") => asked.quiet = true,
            Some("-t" | "--test-config") => asked.test = true,
            Some("-h" | "--help") => return Ok(Work::Help),
            Some("--version") => return Ok(Work::Version),
            _ => {
                let word = word.to_string_lossy();
                return Err(format!(
                    "Error: Unknown option '{}'.\n{}",
                    word.escape_debug(),
                    help()
                ));
            }
        }
    }
    if asked.test && asked.config.is_none() {
        return Err("Error: Please provide a configuration file to test.".to_owned());
    }
    Ok(match detached && !asked.test {
        true => Work::Detach,
        false => Work::Serve(asked),
    })
}

fn is_daemon(word: &OsStr) -> bool {
    word == "-d" || word == "--daemon"
}

/// Starts another process with the same arguments, and ends when that listens.
fn detach(words: &[OsString]) -> u8 {
    let child = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, "mosquitto");
        command
            .args(words)
            .env(DETACHED, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    });
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            say(&format!("Error: cannot start in the background: {error}."));
            return 1;
        }
    };
    // What it says until then is for whoever has started it. Nobody holds its end afterwards: a
    // shell that reads what this process writes does not wait for the broker.
    let stderr = child.stderr.take();
    let relay = std::thread::spawn(move || {
        for line in BufReader::new(stderr?).lines() {
            say(&line.ok()?);
        }
        Some(())
    });
    let mut ready = String::new();
    let stdout = child.stdout.take().map(BufReader::new);
    let is_ready = stdout.is_some_and(|mut stdout| stdout.read_line(&mut ready).is_ok());
    if is_ready && !ready.is_empty() {
        return 0;
    }
    let status = child.wait();
    let _ = relay.join();
    status
        .ok()
        .and_then(|status| u8::try_from(status.code()?).ok())
        .unwrap_or(1)
}

fn version() -> String {
    let midge = env!("CARGO_PKG_VERSION");
    format!(
        "mosquitto version {} running on midge {midge}.",
        usage::RELEASE
    )
}

fn help() -> String {
    format!(
        "{}\n\n\
         Usage: mosquitto [-c config_file] [-d] [-h] [-p port] [-q] [-t] [-v]\n\n \
         -c, --config-file : configuration file\n \
         -d, --daemon : go to the background once it listens\n \
         -h, --help : this\n \
         -p, --port : port to listen on, where the configuration has no listener; may be repeated\n \
         -q, --quiet : no log, whatever the configuration says\n \
         -t, --test-config : look whether the configuration can be used, and end\n \
         -v, --verbose : log of every kind, whatever the configuration says\n\n\
         Which options a configuration may have: midge broker --help\n",
        version()
    )
}

fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Work, String> {
        parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn arguments() {
        assert_eq!(parsed(&[]), Ok(Work::Serve(Asked::default())));
        let asked = Asked {
            config: Some("m.conf".into()),
            ports: vec![1884, 1885],
            verbose: true,
            ..Asked::default()
        };
        assert_eq!(
            parsed(&["-p", "1884", "-v", "-c", "m.conf", "--port", "1885"]),
            Ok(Work::Serve(asked))
        );
        assert_eq!(parsed(&["-d", "-p", "1884"]), Ok(Work::Detach));
        assert_eq!(parsed(&["-v", "-h", "-x"]), Ok(Work::Help));
        let asked = Asked {
            config: Some("m".into()),
            test: true,
            ..Asked::default()
        };
        assert_eq!(parsed(&["-t", "-c", "m"]), Ok(Work::Serve(asked)));
        for (words, text) in [
            (&["-c"][..], "Error: -c argument given, but no config file"),
            (&["-p"], "Error: -p argument given, but no port specified."),
            (&["-p", "0"], "Error: Invalid port specified (0)."),
            (&["-p", "x"], "Error: Invalid port specified (0)."),
            (&["-p", "65536"], "Error: Invalid port specified (65536)."),
            (&["-x"], "Error: Unknown option '-x'."),
            (&["-t"], "Error: Please provide a configuration file"),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(error.starts_with(text), "{words:?}: {error}");
        }
    }

    #[test]
    fn names() {
        for (name, is_it) in [
            ("mosquitto", true),
            ("/usr/sbin/mosquitto", true),
            ("mosquitto.exe", true),
            ("mosquitto_pub", false),
            ("midge", false),
        ] {
            assert_eq!(is_broker(OsStr::new(name)), is_it, "{name}");
        }
    }
}

//! `midge broker passwd`: makes and changes password files, as mosquitto_passwd does.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::num::NonZeroU32;
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};

use super::internal;
use crate::broker::access::users::Line;
use crate::broker::access::{Algorithm, Hash, HashError, SALT_LEN};
use crate::cli::{HashKind, Passwd};
use crate::cmd::connect::hidden;
use crate::cmd::whole_file::{Readers, WholeFile};
use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::output::text::Safe;

/// Bytes of a password, at most (3.1.3.6).
const MAX_LEN: usize = u16::MAX as usize;

/// Does it.
///
/// # Errors
/// If the file cannot be read or written, the user is not in it, or the name or the password
/// cannot be.
pub(super) fn run(args: &Passwd) -> Result<Exit, Failure> {
    let path = &args.file;
    let text = match args.create {
        true => String::new(),
        false => read(path, args.user.is_some() && !args.delete)?,
    };
    let new = match (&args.user, args.upgrade) {
        (Some(user), false) if args.delete => delete(&text, user, path)?,
        (Some(user), false) => {
            check_name(user)?;
            let password = match &args.password {
                Some(password) => password.clone().into_bytes(),
                None => ask()?,
            };
            if password.is_empty() || password.len() > MAX_LEN {
                return Err(Failure::usage(format!(
                    "a password has 1 to {MAX_LEN} bytes, and this has {}",
                    password.len()
                )));
            }
            set(&text, user, &hash(args, &password)?)
        }
        _ => upgrade(&text, |password| hash(args, password))?,
    };
    write(path, &new)?;
    Ok(Exit::Done)
}

fn check_name(user: &str) -> Result<(), Failure> {
    // The rest would be lost on the next reading.
    let is_lost = user.trim() != user || user.starts_with('#') || user.is_empty();
    if is_lost || user.contains(|c: char| c == ':' || c.is_control()) {
        return Err(Failure::usage(format!(
            "{} cannot be a user name in a password file: it may not be empty, begin with #, hold \
             ':' or control characters, nor begin or end with a space",
            Quoted(user)
        )));
    }
    Ok(())
}

/// The user's line in place of the one before, or at the end.
fn set(text: &str, user: &str, hash: &Hash) -> String {
    let mut new = String::new();
    let mut is_set = false;
    for line in text.lines() {
        match Line::new(line) {
            Line::User(name, _) if name == user => {
                if !is_set {
                    let _ = writeln!(new, "{user}:{hash}");
                }
                is_set = true;
            }
            _ => new.extend([line, "\n"]),
        }
    }
    if !is_set {
        let _ = writeln!(new, "{user}:{hash}");
    }
    new
}

fn delete(text: &str, user: &str, path: &Path) -> Result<String, Failure> {
    let is_user = |line: &&str| matches!(Line::new(line), Line::User(name, _) if name == user);
    if !text.lines().any(|line| is_user(&line)) {
        return Err(Failure::new(
            Exit::Io,
            format!("{}: there is no user {} in it", shown(path), Quoted(user)),
        ));
    }
    let others = text.lines().filter(|line| !is_user(line));
    Ok(others.flat_map(|line| [line, "\n"]).collect())
}

/// Hashes what is not hashed.
fn upgrade(text: &str, hash: impl Fn(&[u8]) -> Result<Hash, Failure>) -> Result<String, Failure> {
    let mut new = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        match Line::new(line) {
            Line::User(name, Some(password))
                if Hash::parse(password) == Err(HashError::Plain) && !password.is_empty() =>
            {
                let hash = hash(password.as_bytes())?;
                let _ = writeln!(new, "{name}:{hash}");
            }
            Line::User(name, None | Some("")) => {
                return Err(Failure::new(
                    Exit::Io,
                    format!("line {number}: user {} has no password", Quoted(name)),
                ));
            }
            _ => new.extend([line, "\n"]),
        }
    }
    Ok(new)
}

fn hash(args: &Passwd, password: &[u8]) -> Result<Hash, Failure> {
    let mut salt = [0; SALT_LEN];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| Failure::new(Exit::Io, "the system gives no random numbers"))?;
    let algorithm = match (args.hash, NonZeroU32::new(args.iterations)) {
        (HashKind::Sha512, _) => Algorithm::Sha512,
        (HashKind::Sha512Pbkdf2, Some(iterations)) => Algorithm::Pbkdf2(iterations),
        (HashKind::Sha512Pbkdf2, None) => Algorithm::DEFAULT,
    };
    Ok(Hash::new(password, algorithm, salt))
}

/// Twice on a terminal, where nobody sees what is typed; else a line of stdin.
fn ask() -> Result<Vec<u8>, Failure> {
    if io::stdin().is_terminal() {
        let first = hidden("passwd", "Password: ")?;
        let second = hidden("passwd", "Reenter password: ")?;
        return match first == second {
            true => Ok(first),
            false => Err(Failure::new(Exit::Io, "the passwords are not the same")),
        };
    }
    let mut line = Vec::new();
    // One more than a CONNECT has room for, and a line end.
    io::stdin()
        .lock()
        .take(MAX_LEN as u64 + 3)
        .read_until(b'\n', &mut line)
        .map_err(|error| internal("cannot read the password from stdin", &error))?;
    while line.pop_if(|last| b"\r\n".contains(last)).is_some() {}
    Ok(line)
}

/// `may_begin`: whether what is asked for can be done with a new file.
fn read(path: &Path, may_begin: bool) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound if may_begin => "; -c makes it",
            _ => "",
        };
        Failure::new(
            Exit::Io,
            format!("cannot read {}: {error}{remedy}", shown(path)),
        )
    })
}

/// In one step where that can be, so that no broker ever reads half of it. A new file is its
/// owner's alone.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let whole = WholeFile::begin(path, Readers::Owner);
    if whole
        .and_then(|file| file.finish(|out| out.write_all(text.as_bytes())))
        .is_ok()
    {
        return Ok(());
    }
    // What cannot be replaced may be written still: a file that is mounted, or stands in a folder
    // of somebody else's, or is to belong to somebody else.
    write_into(path, text)
        .map_err(|error| Failure::new(Exit::Io, format!("cannot write {}: {error}", shown(path))))
}

fn write_into(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    // A device has nothing to sync.
    let _ = file.sync_all();
    Ok(())
}

fn shown(path: &Path) -> String {
    Safe(&path.display().to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(password: &[u8]) -> Hash {
        Hash::new(password, Algorithm::Sha512, [1; SALT_LEN])
    }

    #[test]
    fn lines_stay_where_they_are() {
        let (old, new) = (made(b"old"), made(b"new"));
        let text = format!("# who\nann:{old}\n\nbob:{old}\n");
        assert_eq!(
            set(&text, "ann", &new),
            format!("# who\nann:{new}\n\nbob:{old}\n")
        );
        assert_eq!(set(&text, "eve", &new), format!("{text}eve:{new}\n"));
        assert_eq!(
            delete(&text, "ann", Path::new("f")).unwrap(),
            format!("# who\n\nbob:{old}\n")
        );
        assert!(delete(&text, "eve", Path::new("f")).is_err());
    }

    #[test]
    fn plain_passwords_are_hashed() {
        let hashed = made(b"x");
        let text = format!("# plain\nann:se:cret\nbob:{hashed}\n");
        let new = upgrade(&text, |password| Ok(made(password))).unwrap();
        let expected = made(b"se:cret");
        assert_eq!(new, format!("# plain\nann:{expected}\nbob:{hashed}\n"));
        assert!(upgrade("ann\n", |password| Ok(made(password))).is_err());
    }

    #[test]
    fn names() {
        for name in ["ann", "a b", "ä"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a:b", " a", "a ", "#a", "a\nb"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}

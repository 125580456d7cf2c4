//! The password file: a line `NAME:HASH` for each user; `#` begins a comment line.

use std::collections::HashMap;

use super::{FileError, Hash, HashError};
use crate::mqtt::topic::Quoted;

/// Who is known, and by which password.
#[derive(Debug, Clone, Default)]
pub struct Users(HashMap<Box<str>, Hash>);

/// A line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A comment, or nothing.
    Blank,
    /// `NAME:HASH`; the second is none if there is no colon.
    User(&'a str, Option<&'a str>),
}

impl<'a> Line<'a> {
    /// Splits a line.
    pub fn new(text: &'a str) -> Line<'a> {
        let text = text.trim_end();
        if text.is_empty() || text.starts_with('#') {
            return Line::Blank;
        }
        match text.split_once(':') {
            Some((name, password)) => Line::User(name.trim(), Some(password.trim())),
            None => Line::User(text.trim(), None),
        }
    }
}

impl Users {
    /// Reads a file. Of two lines for a user the first counts.
    ///
    /// # Errors
    /// The first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Users, FileError> {
        let mut users = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let Line::User(name, password) = Line::new(line) else {
                continue;
            };
            let fail = |what| Err(FileError { line: number, what });
            if name.is_empty() {
                return fail("a user name is missing; a line is NAME:HASH".to_owned());
            }
            let Some(password) = password else {
                return fail(format!(
                    "user {} has no password; a line is NAME:HASH",
                    Quoted(name)
                ));
            };
            match Hash::parse(password) {
                Ok(hash) => {
                    users.entry(name.into()).or_insert(hash);
                }
                Err(error) => {
                    let remedy = match error {
                        HashError::Plain => "'midge broker passwd -U FILE' hashes all of the file",
                        _ => "'midge broker passwd FILE NAME' gives a new password",
                    };
                    return fail(format!("user {}: {error}; {remedy}", Quoted(name)));
                }
            }
        }
        Ok(Users(users))
    }

    /// Whether both files know the user, by the same line.
    pub(super) fn same(&self, other: &Users, name: &str) -> bool {
        let hash = self.0.get(name);
        hash.is_some() && hash == other.0.get(name)
    }

    /// Whether the user is known and this is the password.
    pub fn admit(&self, name: &str, password: &[u8]) -> bool {
        self.0.get(name).is_some_and(|hash| hash.verify(password))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, SALT_LEN};
    use super::*;

    fn hash(password: &str) -> String {
        Hash::new(password.as_bytes(), Algorithm::Sha512, [1; SALT_LEN]).to_string()
    }

    #[test]
    fn a_file() {
        let (one, two) = (hash("one"), hash("two"));
        let text = format!("# who\n\nann:{one}\r\n bob : {two} \nann:{two}\n");
        let users = Users::parse(&text).unwrap();
        assert!(users.admit("ann", b"one"));
        assert!(!users.admit("ann", b"two"));
        assert!(users.admit("bob", b"two"));
        assert!(!users.admit("# who", b""));
    }

    #[test]
    fn errors_name_the_line() {
        let good = format!("ann:{}", hash("x"));
        for (line, what) in [
            ("bob", "user 'bob' has no password"),
            (":$6$YQ==$YQ==", "a user name is missing"),
            ("bob:secret", "not hashed; 'midge broker passwd -U FILE'"),
            ("bob:$9$x", "another kind than $6$ and $7$"),
        ] {
            let error = Users::parse(&format!("{good}\n{line}\n")).unwrap_err();
            assert_eq!(error.line, 2);
            assert!(error.what.contains(what), "{error}");
        }
    }
}

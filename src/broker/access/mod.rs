//! Who may connect, and what they may publish and receive.
//!
//! Pure: the files come as text, so that whoever reads them decides when, and nothing here waits.
//! Which file it is stands in front of the errors there; here they say line and remedy.
//!
//! | file | what it is |
//! |---|---|
//! | `password` | password hashes as mosquitto writes them |
//! | [`users`] | the password file |
//! | `acl` | rules in mosquitto's form |
//! | `table` | rules as a table |
//! | `filter` | what filters say of each other, and `%c` and `%u` in them |
//! | `address` | one address or a range |

mod acl;
mod address;
mod filter;
mod password;
mod table;
pub mod users;

use std::net::IpAddr;

pub use acl::Acl;
pub use password::{Algorithm, Hash, HashError, SALT_LEN};
pub use table::{NoMatch, Table};
pub use users::Users;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {what}")]
pub struct FileError {
    /// From 1.
    pub line: usize,
    /// What, and what to do about it.
    pub what: String,
}

/// A client, as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// None: anonymous.
    pub username: Option<&'a str>,
    /// As it is known to the broker, an assigned one too.
    pub client_id: &'a str,
    /// None behind a unix socket.
    pub address: Option<IpAddr>,
}

/// Rules in either form.
#[derive(Debug, Clone)]
pub enum Rules {
    /// In mosquitto's.
    Acl(Acl),
    /// As a table.
    Table(Table),
}

/// What one listener asks of its clients. The default lets everybody do everything.
#[derive(Debug, Clone)]
pub struct Access {
    /// Whether a client without user name may connect.
    pub anonymous: bool,
    /// Who may connect with which password; without it a user name is taken as it is.
    pub users: Option<Users>,
    /// What they may do then.
    pub rules: Option<Rules>,
    /// Whether the user name comes from the client's certificate, so that CONNECT's is not asked
    /// for, and a client without one is refused.
    pub by_certificate: bool,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            anonymous: true,
            users: None,
            rules: None,
            by_certificate: false,
        }
    }
}

impl Access {
    /// Whether a client that gives this user name and password in its CONNECT is let in.
    ///
    /// As in mosquitto, a name alone is no way in where there is no password file and anonymous
    /// clients are not allowed.
    pub fn admits(&self, username: Option<&str>, password: Option<&[u8]>) -> bool {
        match (&self.users, username) {
            (_, None) | (None, Some(_)) => self.anonymous,
            (Some(users), Some(name)) => users.admit(name, password.unwrap_or_default()),
        }
    }

    /// Whether a client with this user name that `old` has let in may stay: its password is not
    /// there to be looked at any more, so its user's line has to be the same.
    pub fn keeps(&self, old: &Access, username: Option<&str>) -> bool {
        if self.by_certificate {
            return old.by_certificate;
        }
        match (&self.users, username) {
            (_, None) | (None, Some(_)) => self.anonymous,
            (Some(users), Some(name)) => {
                let had = old.users.as_ref().is_some_and(|old| old.same(users, name));
                had && !old.by_certificate
            }
        }
    }
}

impl Rules {
    /// Reads a file in either form: a table begins with its column names, or with a row of it.
    /// `no_match` is for what no row of a table covers; deny if not given.
    ///
    /// # Errors
    /// The first line that is wrong. Giving `no_match` with a file in mosquitto's form.
    pub fn parse(text: &str, no_match: Option<NoMatch>) -> Result<Rules, FileError> {
        if Table::looks_like(text) {
            return Table::parse(text, no_match.unwrap_or(NoMatch::Deny)).map(Rules::Table);
        }
        if no_match.is_some() {
            return Err(FileError {
                line: 1,
                what: "only a table can say what happens where no rule matches, and this file is \
                       in mosquitto's form, where that is denied"
                    .to_owned(),
            });
        }
        Acl::parse(text).map(Rules::Acl)
    }

    /// Whether the client may publish to this topic.
    pub fn may_publish(&self, client: &Client<'_>, topic: &str) -> bool {
        match self {
            Rules::Acl(acl) => acl.may_publish(client, topic),
            Rules::Table(table) => table.may_publish(client, topic),
        }
    }

    /// Whether the client may get a message of this topic.
    pub fn may_receive(&self, client: &Client<'_>, topic: &str) -> bool {
        match self {
            Rules::Acl(acl) => acl.may_receive(client, topic),
            Rules::Table(table) => table.may_receive(client, topic),
        }
    }

    /// Whether the client may subscribe to this filter, `$share/NAME/` left out.
    pub fn may_subscribe(&self, client: &Client<'_>, filter: &str) -> bool {
        match self {
            Rules::Acl(acl) => acl.may_subscribe(client, filter),
            Rules::Table(table) => table.may_subscribe(client, filter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_may_stay() {
        let hash = |password: &[u8]| Hash::new(password, Algorithm::Sha512, [7; SALT_LEN]);
        let access = |anonymous, users: Option<&str>| Access {
            anonymous,
            users: users.map(|users| Users::parse(users).unwrap()),
            ..Access::default()
        };
        let both = format!("ann:{}\nbob:{}\n", hash(b"a"), hash(b"b"));
        let other = format!("ann:{}\n", hash(b"x"));
        let closed = access(false, Some(&both));
        for (new, name, stays) in [
            (access(false, Some(&both)), Some("ann"), true),
            (access(false, Some(&both)), None, false),
            (access(true, Some(&both)), None, true),
            (access(false, Some(&other)), Some("ann"), false),
            (access(false, Some(&other)), Some("bob"), false),
            (access(true, None), Some("ann"), true),
            (access(false, None), Some("ann"), false),
        ] {
            assert_eq!(new.keeps(&closed, name), stays, "{new:?} {name:?}");
        }
        // Nobody has asked for a password then.
        assert!(!closed.keeps(&access(true, None), Some("ann")));
    }

    /// What mosquitto 2.0.11 does with the four combinations.
    #[test]
    fn who_is_let_in() {
        let open = Access::default();
        assert!(open.admits(None, None));
        assert!(open.admits(Some("anybody"), None));
        let closed = Access {
            anonymous: false,
            ..Access::default()
        };
        assert!(!closed.admits(None, None));
        assert!(!closed.admits(Some("anybody"), Some(b"x")));
        let hash = Hash::new(b"secret", Algorithm::Sha512, [7; SALT_LEN]);
        let users = Users::parse(&format!("ann:{hash}\n")).unwrap();
        for (anonymous, without_name) in [(true, true), (false, false)] {
            let access = Access {
                anonymous,
                users: Some(users.clone()),
                ..Access::default()
            };
            assert_eq!(access.admits(None, None), without_name);
            assert!(access.admits(Some("ann"), Some(b"secret")));
            assert!(!access.admits(Some("ann"), Some(b"Secret")));
            assert!(!access.admits(Some("ann"), None));
            assert!(!access.admits(Some("bob"), Some(b"secret")));
        }
    }

    proptest! {
        /// Whatever stands in a file, it is read or refused, and what is read gives answers.
        #[test]
        fn any_file_is_read(
            words in proptest::collection::vec(
                prop_oneof![
                    "[a-c%u+#/$ ,\"]{0,6}",
                    Just("topic ".to_owned()), Just("pattern ".to_owned()), Just("user ".to_owned()),
                    Just("read ".to_owned()), Just("deny ".to_owned()), Just("\n".to_owned()),
                    Just("allow,ipaddr,username,clientid,access,topic\n".to_owned()),
                    Just("1,,$all,,3,".to_owned()), Just("0,::/0,,,1,eq ".to_owned()),
                    Just("$7$1$".to_owned()), Just(":".to_owned()), any::<String>(),
                ],
                0..12,
            ),
            name in "[a-c%+/]{1,6}",
        ) {
            let text = words.concat();
            let _ = Users::parse(&text);
            let _ = Hash::parse(&text);
            if let Ok(rules) = Rules::parse(&text, None) {
                let client = Client { username: Some(&name), client_id: &name, address: None };
                rules.may_publish(&client, &name);
                rules.may_receive(&client, &name);
                rules.may_subscribe(&client, &name);
            }
        }
    }

    #[test]
    fn either_form() {
        let table = "allow,ipaddr,username,clientid,access,topic\n1,,$all,,3,#\n";
        assert!(matches!(Rules::parse(table, None), Ok(Rules::Table(_))));
        let acl = "topic a/b,c,d,e,f,g\n";
        assert!(matches!(Rules::parse(acl, None), Ok(Rules::Acl(_))));
        let error = Rules::parse(acl, Some(NoMatch::Allow)).unwrap_err();
        assert!(error.to_string().starts_with("1: only a table"), "{error}");
    }
}

//! Flags of `midge broker`: who may connect and do what, and `passwd`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Who may connect, and what they may do.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Access")]
pub struct Access {
    /// Users and their passwords, in mosquitto's form: 'midge broker passwd' makes such a file.
    /// SIGHUP reads it again.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Whether clients may connect without a user name [default: true, and false with
    /// --password-file].
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = false)]
    pub allow_anonymous: Option<bool>,

    /// What clients may publish and subscribe to: a file in mosquitto's form (topic, user and
    /// pattern lines), or a table (CSV) with the columns allow, ipaddr, username, clientid,
    /// access, topic. SIGHUP reads it again.
    ///
    /// In a table the first row that matches decides. allow is 0 or 1; ipaddr an address or a
    /// range as 10.0.0.0/8; username $all is everybody; access is 1 (subscribe), 2 (publish) or 3
    /// (both); topic is a filter in which %c is the client identifier and %u the user name, and
    /// 'eq FILTER' means that very filter. An empty ipaddr, username or clientid is any.
    #[arg(long, value_name = "FILE")]
    pub acl_file: Option<PathBuf>,

    /// What happens where no row of the table matches [default: deny].
    #[arg(long, value_name = "WHAT", value_enum, requires = "acl_file")]
    pub acl_nomatch: Option<NoMatch>,
}

/// What happens where no rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoMatch {
    /// It is denied.
    Deny,
    /// It is allowed.
    Allow,
}

/// What else `midge broker` does.
#[derive(Debug, Clone, Subcommand)]
#[expect(
    missing_docs,
    reason = "the doc of each struct is its help text, and one on the variant would replace it"
)]
pub enum BrokerCommand {
    Passwd(Passwd),
}

/// Make or change a password file, in mosquitto's form.
///
/// Without -b the password is asked for: on a terminal twice and unseen, otherwise it is the first
/// line of stdin. The file is replaced in one step; a broker that runs reads it again at SIGHUP.
#[derive(Debug, Clone, Args)]
#[command(after_help = PASSWD_HELP)]
pub struct Passwd {
    /// The password file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Whose password to set.
    #[arg(value_name = "USER", required_unless_present = "upgrade")]
    pub user: Option<String>,

    /// The password; with -b only. Else it is asked for, or is the first line of stdin.
    #[arg(value_name = "PASSWORD", requires = "batch")]
    pub password: Option<String>,

    /// Take the password from the command line, where others on this machine can see it.
    #[arg(short, long, requires = "password")]
    pub batch: bool,

    /// Begin a new file; one that is there is overwritten.
    #[arg(short, long, conflicts_with_all = ["delete", "upgrade"])]
    pub create: bool,

    /// Remove the user.
    #[arg(short = 'D', long, conflicts_with_all = ["batch", "upgrade"])]
    pub delete: bool,

    /// Hash the plain passwords of the whole file.
    #[arg(short = 'U', long, conflicts_with_all = ["user", "batch"])]
    pub upgrade: bool,

    /// How passwords are hashed.
    #[arg(short = 'H', long, value_name = "KIND", value_enum, default_value_t = HashKind::Sha512Pbkdf2)]
    pub hash: HashKind,

    /// Iterations of sha512-pbkdf2: each guess of whoever has the file costs as many, and so does
    /// each CONNECT, for which other clients wait; 101 are a tenth of a millisecond.
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 101,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    pub iterations: u32,
}

/// How passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HashKind {
    /// PBKDF2 with HMAC-SHA512 ($7$).
    Sha512Pbkdf2,
    /// One round of SHA-512 ($6$), for mosquitto before 2.0.
    Sha512,
}

const PASSWD_HELP: &str = "\
Examples:
  midge broker passwd -c users ann           a new file; asks for the password
  printf '%s\\n' \"$SECRET\" | midge broker passwd users bob
  midge broker passwd -D users ann           ann is no user any more
  midge broker passwd -U users               hash lines as 'eve:secret'";

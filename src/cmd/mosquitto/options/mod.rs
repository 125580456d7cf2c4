//! The one table of their options.

mod value;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::Stop;
use super::typed::{Source, Typed};
use crate::cli::Program;
pub(super) use value::add_topic;
use value::set_source;

/// The programs that have an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    All,
    Pub,
    Sub,
    /// pub and rr.
    Senders,
    /// sub and rr.
    Receivers,
    Rr,
}

impl Of {
    pub(super) fn includes(self, program: Program) -> bool {
        let (publishes, subscribes) = match program {
            Program::Midge => (false, false),
            Program::MosquittoPub => (true, false),
            Program::MosquittoSub => (false, true),
            Program::MosquittoRr => (true, true),
        };
        match self {
            Of::All => publishes || subscribes,
            Of::Pub => publishes && !subscribes,
            Of::Sub => subscribes && !publishes,
            Of::Senders => publishes,
            Of::Receivers => subscribes,
            Of::Rr => publishes && subscribes,
        }
    }
}

/// What an option does.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// It stands alone, and is true then.
    Flag(fn(&mut Typed) -> &mut bool),
    /// It stands alone, and does this.
    Act(fn(&mut Typed) -> Result<(), Stop>),
    /// It takes the next word as it is; the text is what they say is not given if there is none.
    Text(&'static str, fn(&mut Typed) -> &mut Option<String>),
    /// The same for a word whose bytes are what counts.
    Bytes(&'static str, fn(&mut Typed) -> &mut Option<OsString>),
    /// The same for the name of a file.
    Path(&'static str, fn(&mut Typed) -> &mut Option<PathBuf>),
    /// The same for a word that is to be checked.
    Value(&'static str, fn(&mut Typed, &OsStr) -> Result<(), Stop>),
    /// -D: three or four words.
    Property,
    Help,
    Version,
    /// midge does not have it. The text as in [`Does::Value`]; empty: it stands alone.
    NotHad(&'static str),
}

/// An option.
pub(super) struct Row {
    /// `-t`, or empty.
    pub(super) short: &'static str,
    /// `--topic`, or empty.
    pub(super) long: &'static str,
    pub(super) of: Of,
    pub(super) does: Does,
}

impl Row {
    /// How they call it in a message: by its short name.
    pub(super) fn name(&self) -> &'static str {
        match self.short {
            "" | "-V" => self.long,
            short => short,
        }
    }
}

use Does::{Act, Bytes, Flag, Help, NotHad, Path, Property, Text, Value};

macro_rules! options {
    ($($short:literal $long:literal $of:ident => $does:expr;)*) => {
        /// Every option of the three programs at 2.1.2.
        pub(super) const TABLE: &[Row] = &[$(Row {
            short: $short,
            long: $long,
            of: Of::$of,
            does: $does,
        }),*];
    };
}

options! {
    "-A" "" All => Text("no address specified", |t| &mut t.connection.transport.bind_address);
    "-c" "--disable-clean-session" All => Flag(|t| &mut t.session.disable_clean_session);
    "-C" "" Sub => Value("no count specified", value::count);
    "-d" "--debug" All => Flag(|t| &mut t.connection.debug);
    "-D" "--property" All => Property;
    "-e" "" Rr => Value("no response topic specified", value::response_topic);
    "-E" "" Sub => Flag(|t| &mut t.exit_after_subscribing);
    "-f" "--file" Senders => Value("no file specified", value::file);
    "-F" "" Receivers => Value("no format specified", value::format);
    "-h" "--host" All => Text("no host specified", |t| &mut t.connection.host);
    "-i" "--id" All => Value("no id specified", value::id);
    "-I" "--id-prefix" All => Value("no id prefix specified", value::id_prefix);
    "-k" "--keepalive" All => Value("no keepalive specified", value::keepalive);
    "-L" "--url" All => Value("no URL specified", value::url);
    "-l" "--stdin-line" Pub => Act(|t| set_source(t, Source::Lines));
    "-m" "--message" Senders => Value("no message specified", value::message);
    "-M" "" All => Value("max_inflight not specified", value::max_inflight);
    "-n" "--null-message" Senders => Act(|t| set_source(t, Source::Null));
    "-N" "" Receivers => Flag(|t| &mut t.no_eol);
    "-o" "" All => Value("no options file specified", value::options_file);
    "-p" "--port" All => Value("no port specified", value::port);
    "-P" "--pw" All => Bytes("no password specified", |t| &mut t.connection.password);
    "-q" "--qos" All => Value("no QoS specified", value::qos);
    "-r" "--retain" Pub => Flag(|t| &mut t.retain);
    "-R" "" Receivers => Flag(|t| &mut t.no_retained);
    "-s" "--stdin-file" Senders => Act(|t| set_source(t, Source::Stdin));
    "-S" "" All => Flag(|t| &mut t.connection.srv);
    "-t" "--topic" All => Value("no topic specified", value::topic);
    "-T" "--filter-out" Sub => Value("no topic filter specified", value::filter_out);
    "-u" "--username" All => Text("no username specified", |t| &mut t.connection.username);
    "-U" "--unsubscribe" Sub => Value("no unsubscribe topic specified", value::unsubscribe);
    "-v" "--verbose" Receivers => Flag(|t| &mut t.verbose);
    "-V" "--protocol-version" All => Value("no version specified", value::version);
    "-w" "--watch" Sub => Flag(|t| &mut t.watch);
    "-W" "" Receivers => Value("no timeout specified", value::timeout);
    "-x" "" All => Value("no session expiry interval specified", value::session_expiry);
    "" "--cafile" All => Path("no file specified", |t| &mut t.connection.transport.cafile);
    "" "--capath" All => Path("no directory specified", |t| &mut t.connection.transport.capath);
    "" "--cert" All => Path("no file specified", |t| &mut t.connection.transport.cert);
    "" "--ciphers" All => Text("no ciphers specified", |t| &mut t.connection.transport.ciphers);
    "" "--help" All => Help;
    "" "--insecure" All => Flag(|t| &mut t.connection.transport.insecure);
    "" "--key" All => Path("no file specified", |t| &mut t.connection.transport.key);
    "" "--keyform" All => Text("no keyform specified", |t| &mut t.keyform);
    "" "--latency" Rr => Flag(|t| &mut t.latency);
    "" "--message-rate" Sub => Flag(|t| &mut t.message_rate);
    "" "--no-tls" All => Flag(|t| &mut t.connection.transport.no_tls);
    "" "--nodelay" All => Flag(|t| &mut t.connection.transport.nodelay);
    "" "--pretty" Receivers => Flag(|t| &mut t.pretty);
    "" "--proxy" All => Value("no proxy url specified", value::proxy);
    "" "--psk" All => NotHad("no key specified");
    "" "--psk-identity" All => NotHad("no identity specified");
    "" "--quiet" All => Flag(|t| &mut t.session.quiet);
    "" "--random-filter" Sub => Value("no chance specified", value::random_filter);
    "" "--remove-retained" Sub => Flag(|t| &mut t.remove_retained);
    "" "--repeat" Pub => Value("no count specified", value::repeat);
    "" "--repeat-delay" Pub => Value("no time specified", value::repeat_delay);
    "" "--retain-as-published" Receivers => Flag(|t| &mut t.retain_as_published);
    "" "--retain-handling" Receivers => Value("no option specified", value::retain_handling);
    "" "--retained-only" Sub => Flag(|t| &mut t.retained_only);
    "" "--tls-alpn" All => Text("no protocol specified", |t| &mut t.connection.transport.tls_alpn);
    "" "--tls-engine" All => NotHad("no engine_id specified");
    "" "--tls-engine-kpass-sha1" All => NotHad("no kpass sha1 specified");
    "" "--tls-keylog" All => Path("no file specified", |t| &mut t.connection.transport.tls_keylog);
    "" "--tls-use-os-certs" All => Flag(|t| &mut t.connection.transport.tls_use_os_certs);
    "" "--tls-version" All => Text("no version specified", |t| &mut t.connection.transport.tls_version);
    "" "--unix" All => Path("no socket path specified", |t| &mut t.connection.transport.unix);
    "" "--version" All => Does::Version;
    "" "--will-payload" All => Bytes("no will payload specified", |t| &mut t.session.will_payload);
    "" "--will-qos" All => Value("no will QoS specified", value::will_qos);
    "" "--will-retain" All => Flag(|t| &mut t.session.will_retain);
    "" "--will-topic" All => Value("no will topic specified", value::will_topic);
    "" "--ws" All => Flag(|t| &mut t.connection.transport.ws);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn every_option_is_a_flag_of_the_subcommand() {
        let midge = cli::command();
        for (program, subcommand) in [
            (Program::MosquittoPub, "pub"),
            (Program::MosquittoSub, "sub"),
            (Program::MosquittoRr, "rr"),
        ] {
            let command = midge.find_subcommand(subcommand).unwrap();
            for row in TABLE.iter().filter(|row| row.of.includes(program)) {
                // PEM is what midge reads; --version is that of midge itself.
                let is_theirs_alone = matches!(row.does, NotHad(_) | Does::Version)
                    || matches!(row.long, "--keyform");
                if is_theirs_alone {
                    continue;
                }
                let short = row
                    .short
                    .strip_prefix('-')
                    .and_then(|name| name.chars().next());
                let long = row.long.strip_prefix("--");
                let found = command.get_arguments().any(|arg| {
                    (short.is_none() || arg.get_short() == short)
                        && (long.is_none() || arg.get_long() == long)
                });
                assert!(found, "{subcommand} {} {}", row.short, row.long);
            }
        }
    }

    #[test]
    fn names_are_there_once_in_a_program() {
        for program in [
            Program::MosquittoPub,
            Program::MosquittoSub,
            Program::MosquittoRr,
        ] {
            let rows = TABLE.iter().filter(|row| row.of.includes(program));
            let mut names: Vec<_> = rows
                .flat_map(|row| [row.short, row.long])
                .filter(|name| !name.is_empty())
                .collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{program:?}");
        }
    }
}

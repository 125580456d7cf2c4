//! From the files that say who may do what to [`Access`].

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::broker::access::{Access, FileError, NoMatch, Rules, Users};
use crate::cli;
use crate::cmd::{Exit, Failure};
use crate::output::text::Safe;

/// What one listener asks of its clients, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessPlan {
    pub(super) password_file: Option<FilePlan>,
    pub(super) acl_file: Option<FilePlan>,
    pub(super) no_match: Option<NoMatch>,
    pub(super) anonymous: bool,
    /// Whether user names come from certificates.
    pub(super) by_certificate: bool,
    /// Whether rules in mosquitto's form leave subscriptions alone, as mosquitto does.
    pub(super) grants_subscriptions: bool,
}

/// A file, and where it is named, if that is in a file, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePlan {
    pub(super) path: PathBuf,
    pub(super) at: Option<Rc<str>>,
}

impl AccessPlan {
    pub(super) fn new(flags: &cli::Access, by_certificate: bool) -> AccessPlan {
        let typed = |path: &Option<PathBuf>| {
            let path = path.clone()?;
            Some(FilePlan { path, at: None })
        };
        let anonymous = flags
            .allow_anonymous
            .unwrap_or(flags.password_file.is_none());
        AccessPlan {
            password_file: typed(&flags.password_file),
            acl_file: typed(&flags.acl_file),
            no_match: flags.acl_nomatch.map(|no_match| match no_match {
                cli::NoMatch::Deny => NoMatch::Deny,
                cli::NoMatch::Allow => NoMatch::Allow,
            }),
            anonymous,
            by_certificate,
            grants_subscriptions: false,
        }
    }

    /// Whether there are files to read.
    pub(super) fn has_files(&self) -> bool {
        self.password_file.is_some() || self.acl_file.is_some()
    }

    /// Whether anybody can connect who reaches the listener.
    pub(super) fn is_open(&self) -> bool {
        self.anonymous && !self.by_certificate
    }

    fn load(&self) -> Result<Access, Failure> {
        let users = self
            .password_file
            .as_ref()
            .map(|file| parse(file, "password file", Users::parse))
            .transpose()?;
        let rules = self
            .acl_file
            .as_ref()
            .map(|file| {
                parse(file, "access rules", |text| {
                    Rules::parse(text, self.no_match)
                })
            })
            .transpose()?;
        Ok(Access {
            anonymous: self.anonymous,
            users,
            rules: match rules {
                Some(Rules::Acl(acl)) if self.grants_subscriptions => {
                    Some(Rules::Acl(acl.granting_subscriptions()))
                }
                rules => rules,
            },
            by_certificate: self.by_certificate,
        })
    }
}

/// Reads the files of every listener.
///
/// # Errors
/// The first file that cannot be read, and the first line that is wrong.
pub(super) fn load(plans: &[AccessPlan]) -> Result<Vec<Arc<Access>>, Failure> {
    let mut loaded: Vec<(&AccessPlan, Arc<Access>)> = Vec::new();
    for plan in plans {
        // Mostly they are all the same.
        let same = loaded.iter().find(|(other, _)| *other == plan);
        let access = match same {
            Some((_, access)) => access.clone(),
            None => Arc::new(plan.load()?),
        };
        loaded.push((plan, access));
    }
    Ok(loaded.into_iter().map(|(_, access)| access).collect())
}

fn parse<T>(
    file: &FilePlan,
    what: &str,
    parse: impl FnOnce(&str) -> Result<T, FileError>,
) -> Result<T, Failure> {
    let shown = file.path.display().to_string();
    let shown = Safe(&shown);
    let text = std::fs::read_to_string(&file.path).map_err(|error| {
        let at = file.at.as_ref().map(|at| format!("{at}: "));
        let at = at.unwrap_or_default();
        Failure::new(Exit::Io, format!("{at}cannot read {what} {shown}: {error}"))
    })?;
    parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{what} {shown}:{error}")))
}

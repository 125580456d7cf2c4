//! Named profiles: tables of connection flags in a TOML file.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::secrets::warn_if_readable;
use super::{Exit, Failure, env};
use crate::cli::settings::{Flag, Layer, Setting, Takes};

/// Bytes that the file may have.
const MAX_LEN: u64 = 1024 * 1024;

/// Reads a profile from `path`, or from where the file is by default.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub(super) fn read(path: Option<&Path>, name: &str, flags: &[Flag]) -> Result<Layer, Failure> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => default_path()?,
    };
    let shown = path.display().to_string();
    let cannot = |why: &str| Failure::new(Exit::Io, format!("cannot read {shown}: {why}"));
    let len = fs::metadata(&path)
        .map_err(|error| cannot(&error.to_string()))?
        .len();
    if len > MAX_LEN {
        return Err(cannot(&format!(
            "it has {len} bytes, and {MAX_LEN} is the limit"
        )));
    }
    let text = fs::read_to_string(&path).map_err(|error| cannot(&error.to_string()))?;
    let file = File {
        text: &text,
        path: &shown,
    };
    let (layer, has_secret) = file.profile(name, flags)?;
    if has_secret {
        warn_if_readable(&path);
    }
    Ok(layer)
}

/// `$XDG_CONFIG_HOME/midge/config.toml`, or the same in `$HOME/.config`.
fn default_path() -> Result<PathBuf, Failure> {
    if let Some(path) = env("MIDGE_CONFIG") {
        return Ok(PathBuf::from(path));
    }
    let folder = match (env("XDG_CONFIG_HOME"), env("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => Path::new(&home).join(".config"),
        (None, None) => {
            return Err(Failure::usage(
                "neither XDG_CONFIG_HOME nor HOME says where profiles are: give --config",
            ));
        }
    };
    Ok(folder.join("midge").join("config.toml"))
}

struct File<'a> {
    text: &'a str,
    /// For sentences.
    path: &'a str,
}

impl File<'_> {
    /// The settings of a profile, and whether a password stands among them.
    fn profile(&self, name: &str, flags: &[Flag]) -> Result<(Layer, bool), Failure> {
        let file = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, error.message())
        })?;
        let mut profiles = None;
        for (key, value) in file.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("profiles", DeValue::Table(table)) => profiles = Some(table),
                (other, _) => {
                    let other = other.escape_debug();
                    let what = format!("'{other}' is not known here, only [profiles.NAME] is");
                    return Err(self.wrong(key.span().start, &what));
                }
            }
        }
        let all = profiles.into_iter().flatten();
        let mut names = Vec::new();
        let mut found = None;
        for (key, value) in all {
            match value.get_ref() {
                DeValue::Table(table) if key.get_ref() == name => found = Some(table),
                DeValue::Table(_) => {}
                _ => {
                    let key = key.get_ref().escape_debug().to_string();
                    let what = format!("'{key}' is no profile, which would be a table");
                    return Err(self.wrong(value.span().start, &what));
                }
            }
            names.push(key.get_ref().as_ref());
        }
        let Some(table) = found else {
            let name = name.escape_debug();
            return Err(Failure::usage(match names.is_empty() {
                true => format!(
                    "there is no profile '{name}' in {}, and no other",
                    self.path
                ),
                false => format!(
                    "there is no profile '{name}' in {}, only {}",
                    self.path,
                    names.join(", ")
                ),
            }));
        };
        let mut layer = Layer::new();
        let mut has_secret = false;
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let Some(flag) = flags
                .iter()
                .find(|flag| flag.names.iter().any(|n| n == name))
            else {
                return Err(self.wrong(at, &unknown(name, flags)));
            };
            layer.extend(self.setting(flag, name, value)?);
            has_secret |= match value.get_ref() {
                DeValue::String(url) if name == "url" || name == "proxy" => url.contains('@'),
                _ => ["pw", "password"].contains(&name),
            };
        }
        Ok((layer, has_secret))
    }

    fn setting(
        &self,
        flag: &Flag,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Option<Setting>, Failure> {
        let at = value.span().start;
        let values = match (flag.takes, value.get_ref()) {
            (Takes::Nothing, DeValue::Boolean(true)) => Some(Vec::new()),
            (Takes::Nothing, DeValue::Boolean(false)) => return Ok(None),
            (Takes::One | Takes::Many, one) if scalar(one).is_some() => {
                scalar(one).map(|one| vec![one])
            }
            (Takes::Many, DeValue::Array(all)) => {
                all.iter().map(|one| scalar(one.get_ref())).collect()
            }
            _ => None,
        };
        let values = values.ok_or_else(|| {
            let what = match flag.takes {
                Takes::Nothing => "true or false",
                Takes::One => "a text or a number",
                Takes::Many => "a text, or an array of them",
            };
            self.wrong(at, &format!("{name} takes {what}"))
        })?;
        Ok(Some(flag.set(values, self.place(at))))
    }

    fn place(&self, at: usize) -> String {
        let before = self.text.as_bytes().iter().take(at);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        format!("{}, line {line}", self.path)
    }

    fn wrong(&self, at: usize, what: &str) -> Failure {
        // Parsers may say more than one line.
        let what = what.split('\n').next().unwrap_or_default();
        Failure::usage(format!("{}: {what}", self.place(at)))
    }
}

/// A text or a number.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unknown(name: &str, flags: &[Flag]) -> String {
    // By its last name: that is the long one where there are two.
    let names: Vec<_> = flags.iter().filter_map(|flag| flag.names.last()).collect();
    let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let name = name.escape_debug();
    format!(
        "'{name}' is no key of a profile; there are {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::settings;

    fn read(text: &str, name: &str) -> Result<(Layer, bool), String> {
        let file = File {
            text,
            path: "c.toml",
        };
        file.profile(name, &settings::flags())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn a_profile_is_flags() {
        let text = "[profiles.a]\nhost = \"h\"\nport = 8883\ntls-use-os-certs = true\nws = false\n\
                    ws-header = [\"a: b\", \"c: d\"]\npassword-file = \"p\"\n[profiles.b]\n";
        let (layer, has_secret) = read(text, "a").unwrap();
        let flags = settings::flags();
        let set = |name: &str, values: &[&str], line| {
            let flag = flags.iter().find(|flag| flag.names[0] == name).unwrap();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            flag.set(values, format!("c.toml, line {line}"))
        };
        let mut expected = vec![
            set("host", &["h"], 2),
            set("port", &["8883"], 3),
            set("tls-use-os-certs", &[], 4),
            set("ws-header", &["a: b", "c: d"], 6),
            set("password-file", &["p"], 7),
        ];
        let by_text = |setting: &Setting| format!("{setting:?}");
        let mut layer = layer;
        layer.sort_by_key(by_text);
        expected.sort_by_key(by_text);
        assert_eq!(layer, expected);
        assert!(!has_secret);
        assert_eq!(read(text, "b"), Ok((Vec::new(), false)));
        for secret in ["password = \"p\"", "url = \"mqtt://u:p@h\""] {
            let text = format!("[profiles.a]\n{secret}");
            assert!(read(&text, "a").unwrap().1, "{secret}");
        }
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        for (text, sentence) in [
            ("", "there is no profile 'a' in c.toml, and no other"),
            (
                "[profiles.b]\n[profiles.c]\n",
                "there is no profile 'a' in c.toml, only b, c",
            ),
            (
                "host = \"h\"\n",
                "c.toml, line 1: 'host' is not known here, only [profiles.NAME] is",
            ),
            (
                "[profiles]\na = 1\n",
                "c.toml, line 2: 'a' is no profile, which would be a table",
            ),
            (
                "[profiles.a]\nws = 1\n",
                "c.toml, line 2: ws takes true or false",
            ),
            (
                "[profiles.a]\n\nhost = []\n",
                "c.toml, line 3: host takes a text or a number",
            ),
        ] {
            assert_eq!(read(text, "a"), Err(sentence.to_owned()), "{text}");
        }
        let unknown = read("[profiles.a]\nhots = \"h\"\n", "a").unwrap_err();
        let start =
            "c.toml, line 2: 'hots' is no key of a profile; there are host, port, srv, url, id,";
        assert!(unknown.starts_with(start), "{unknown}");
        let broken = read("[profiles.a]\nhost = \n", "a").unwrap_err();
        assert!(broken.starts_with("c.toml, line 2: "), "{broken}");
    }
}

//! Named profiles: tables of connection flags in a TOML file.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::env;
use super::secrets::warn_if_readable;
use crate::cli::settings::{Flag, Layer};
use crate::cmd::Failure;
use crate::cmd::flags_file::{self, FlagsFile};

/// Reads a profile from `path`, or from where the file is by default.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub(super) fn read(path: Option<&Path>, name: &str, flags: &[Flag]) -> Result<Layer, Failure> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => default_path()?,
    };
    let text = flags_file::read(&path)?;
    let shown = path.display().to_string();
    let file = FlagsFile {
        text: &text,
        path: &shown,
    };
    let (layer, has_secret) = profile(&file, name, flags)?;
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

/// The settings of a profile, and whether a password stands among them.
fn profile(file: &FlagsFile<'_>, name: &str, flags: &[Flag]) -> Result<(Layer, bool), Failure> {
    let table = file.parse()?;
    let mut profiles = None;
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("profiles", DeValue::Table(table)) => profiles = Some(table),
            (other, _) => {
                let other = other.escape_debug();
                let what = format!("'{other}' is not known here, only [profiles.NAME] is");
                return Err(file.wrong(key.span().start, &what));
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
                return Err(file.wrong(value.span().start, &what));
            }
        }
        names.push(key.get_ref().as_ref());
    }
    let Some(table) = found else {
        let name = name.escape_debug();
        return Err(Failure::usage(match names.is_empty() {
            true => format!(
                "there is no profile '{name}' in {}, and no other",
                file.path
            ),
            false => format!(
                "there is no profile '{name}' in {}, only {}",
                file.path,
                names.join(", ")
            ),
        }));
    };
    let mut layer = Layer::new();
    let mut has_secret = false;
    for (key, value) in table {
        layer.extend(file.setting(key, value, flags, "a profile")?);
        let name = key.get_ref().as_ref();
        has_secret |= match value.get_ref() {
            DeValue::String(url) if name == "url" || name == "proxy" => url.contains('@'),
            _ => ["pw", "password"].contains(&name),
        };
    }
    Ok((layer, has_secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::settings::{self, Setting};

    fn read(text: &str, name: &str) -> Result<(Layer, bool), String> {
        let file = FlagsFile {
            text,
            path: "c.toml",
        };
        profile(&file, name, &settings::flags()).map_err(|failure| failure.message)
    }

    #[test]
    fn a_profile_is_flags() {
        let text = "[profiles.a]\nhost = \"h\"\nport = 8883\ntls-use-os-certs = true\nws = false\n\
                    ws-header = [\"a: b\", \"c: d\"]\npassword-file = \"p\"\n[profiles.b]\n";
        let (layer, has_secret) = read(text, "a").unwrap();
        let flags = settings::flags();
        let set = |name: &str, values: &[&str], line, column| {
            let flag = flags.iter().find(|flag| flag.names[0] == name).unwrap();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            flag.set(values, format!("c.toml, line {line}, column {column}"))
        };
        let mut expected = vec![
            set("host", &["h"], 2, 8),
            set("port", &["8883"], 3, 8),
            set("tls-use-os-certs", &[], 4, 20),
            set("ws-header", &["a: b", "c: d"], 6, 13),
            set("password-file", &["p"], 7, 17),
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
                "c.toml, line 1, column 1: 'host' is not known here, only [profiles.NAME] is",
            ),
            (
                "[profiles]\na = 1\n",
                "c.toml, line 2, column 5: 'a' is no profile, which would be a table",
            ),
            (
                "[profiles.a]\nws = 1\n",
                "c.toml, line 2, column 6: ws takes true or false",
            ),
            (
                "[profiles.a]\n\nhost = []\n",
                "c.toml, line 3, column 8: host takes a text or a number",
            ),
        ] {
            assert_eq!(read(text, "a"), Err(sentence.to_owned()), "{text}");
        }
        let unknown = |key: &str| read(&format!("[profiles.a]\n{key} = 1\n"), "a").unwrap_err();
        let start = "c.toml, line 2, column 1: 'hots' is no key of a profile; ";
        assert_eq!(unknown("hots"), format!("{start}did you mean host?"));
        let start = start.replace("hots", "speed") + "there are host, port, srv, url, id,";
        assert!(unknown("speed").starts_with(&start), "{}", unknown("speed"));
        let broken = read("[profiles.a]\nhost = \n", "a").unwrap_err();
        assert!(broken.starts_with("c.toml, line 2, column "), "{broken}");
    }
}

//! Connection flags in variables: `MIDGE_` and the flag's long name.

use super::{env, profile};
use crate::cli::settings::{Flag, Layer, Takes, Wanted, flags, place_flags};
use crate::cmd::Failure;

/// What the names of variables begin with.
const PREFIX: &str = "MIDGE_";

/// What is set in variables and in the profile that is asked for, the variables first.
///
/// # Errors
/// Wrong usage, or a file that cannot be read.
pub fn settings(wanted: &Wanted<'_>) -> Result<Vec<Layer>, Failure> {
    let is_asked = wanted.profile.is_some() || wanted.config.is_some() || has_variables();
    if !wanted.connects || !is_asked {
        return Ok(Vec::new());
    }
    let flags = flags();
    let mut layers = vec![variables(&flags)?];
    let of_variable = env("MIDGE_PROFILE");
    let name = wanted.profile.or(of_variable.as_deref());
    match name {
        Some(name) => layers.push(profile::read(wanted.config, name, &flags)?),
        None if wanted.config.is_some() => {
            return Err(Failure::usage(
                "--config names a file with profiles: say which one with --profile",
            ));
        }
        None => {}
    }
    Ok(layers)
}

/// Whether any variable is ours. Without one there is nothing to look for, which is to take no
/// time.
fn has_variables() -> bool {
    std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

/// The variables that say where a broker is and what carries the bytes to it; none if none at all
/// is set.
pub fn place_variables() -> Vec<String> {
    if !has_variables() {
        return Vec::new();
    }
    let names = place_flags().into_iter().flat_map(|flag| flag.names);
    names
        .chain(["profile".to_owned()])
        .map(|name| variable(&name))
        .collect()
}

/// The variable of a flag.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase().replace('-', "_"))
}

fn variables(flags: &[Flag]) -> Result<Layer, Failure> {
    let mut layer = Layer::new();
    for flag in flags {
        for name in &flag.names {
            let variable = variable(name);
            let Some(value) = env(&variable) else {
                continue;
            };
            let is_on = match flag.takes {
                Takes::Nothing => switch(&variable, &value)?,
                _ => true,
            };
            if is_on {
                layer.push(flag.set(vec![value], variable));
            }
            break;
        }
    }
    Ok(layer)
}

fn switch(name: &str, value: &str) -> Result<bool, Failure> {
    match value {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Failure::usage(format!(
            "{name} takes true or false, not '{}'",
            value.escape_debug()
        ))),
    }
}

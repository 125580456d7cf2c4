//! The MQTT version as users write it.

use super::Failure;
use crate::mqtt::Version;

/// The version of -V, or the default.
pub(super) fn parse_flag(text: Option<&str>) -> Result<Version, Failure> {
    text.map_or(Ok(Version::V5), parse)
}

/// Reads `5`, `311`, `31` and their other spellings (`mqttv5`, `5.0`, `3.1.1`).
pub(super) fn parse(text: &str) -> Result<Version, Failure> {
    let number = text.strip_prefix("mqttv").unwrap_or(text).replace('.', "");
    match number.as_str() {
        "5" | "50" => Ok(Version::V5),
        "4" | "311" => Ok(Version::V311),
        "3" | "31" => Ok(Version::V31),
        _ => Err(Failure::usage(format!(
            "'{text}' is not an MQTT version; use 5, 311 or 31"
        ))),
    }
}

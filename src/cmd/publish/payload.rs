//! --decode and --encode.

use bytes::Bytes;

use crate::cli;
use crate::cmd::Failure;
use crate::output::payload::{Coding, CodingError};

/// What becomes of each payload before it is sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Codings {
    decode: Option<Coding>,
    encode: Option<Coding>,
}

impl Codings {
    pub(super) fn new(args: &cli::Publish) -> Result<Codings, Failure> {
        Ok(Codings {
            decode: parse("--decode", args.decode.as_deref())?,
            encode: parse("--encode", args.encode.as_deref())?,
        })
    }

    #[inline]
    pub(super) fn apply(&self, payload: Bytes) -> Result<Bytes, CodingError> {
        if self.decode.is_none() && self.encode.is_none() {
            return Ok(payload);
        }
        let decoded = match self.decode {
            Some(form) => Bytes::from(form.decode(&payload)?),
            None => payload,
        };
        Ok(match self.encode {
            Some(form) => Bytes::from(form.encode(&decoded)?),
            None => decoded,
        })
    }
}

fn parse(flag: &str, name: Option<&str>) -> Result<Option<Coding>, Failure> {
    let Some(name) = name else { return Ok(None) };
    let coding = Coding::named(name).ok_or_else(|| {
        let name = name.escape_debug();
        Failure::usage(format!(
            "{flag} takes hex, base64, json, cbor or msgpack, not '{name}'"
        ))
    })?;
    Ok(Some(coding))
}

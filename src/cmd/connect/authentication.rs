//! Enhanced authentication as far as words on a command line go: a method, the data that opens it,
//! and one answer to whatever the broker asks.

use std::sync::Arc;

use super::super::Failure;
use super::properties::PacketProperties;
use crate::client::{Authentication, Exchange};
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, Properties, PropertyId};

/// `-D connect authentication-method`, `-D connect authentication-data` and
/// `-D auth authentication-data`.
#[derive(Debug, Clone)]
struct Fixed {
    method: String,
    first: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
}

/// What the properties say about it, if they do.
///
/// # Errors
/// Wrong usage: data without a method, or what AUTH cannot carry here.
pub(super) fn authentication(
    packets: &PacketProperties,
) -> Result<Option<Arc<dyn Authentication>>, Failure> {
    let connect = packets.of(PacketType::CONNECT).as_properties();
    let auth = packets.of(PacketType::AUTH).as_properties();
    let Some(method) = connect.text(PropertyId::AUTHENTICATION_METHOD) else {
        return match data(connect).is_none() && auth.is_empty() {
            true => Ok(None),
            false => Err(Failure::usage(
                "authentication wants a method (5.0, 4.12): give -D connect authentication-method",
            )),
        };
    };
    for property in auth {
        let fits = match (property.id, property.value) {
            (PropertyId::AUTHENTICATION_DATA, _) => true,
            (PropertyId::AUTHENTICATION_METHOD, Value::Str(name)) => name == method.as_bytes(),
            _ => false,
        };
        if !fits {
            return Err(Failure::usage(
                "-D auth takes authentication-data; the method is that of -D connect, and nothing \
                 else is sent in AUTH",
            ));
        }
    }
    Ok(Some(Arc::new(Fixed {
        method: method.to_owned(),
        first: data(connect),
        answer: data(auth),
    })))
}

/// Whether the exchange brings this property of CONNECT by itself.
pub(super) fn brings(id: PropertyId) -> bool {
    matches!(
        id,
        PropertyId::AUTHENTICATION_METHOD | PropertyId::AUTHENTICATION_DATA
    )
}

fn data(properties: Properties<'_>) -> Option<Vec<u8>> {
    let data = properties.get(PropertyId::AUTHENTICATION_DATA)?;
    data.bytes().map(<[u8]>::to_vec)
}

impl Authentication for Fixed {
    fn method(&self) -> &str {
        &self.method
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(self.clone())
    }
}

impl Exchange for Fixed {
    fn first(&mut self) -> Option<Vec<u8>> {
        self.first.clone()
    }

    fn answer(&mut self, _: Option<&[u8]>) -> Result<Option<Vec<u8>>, String> {
        // Asked twice, the same words would be asked for again and again.
        match self.answer.take() {
            Some(answer) => Ok(Some(answer)),
            None => Err(
                "the broker asks, and there is no answer (left): give -D auth authentication-data"
                    .to_owned(),
            ),
        }
    }

    fn finish(&mut self, _: Option<&[u8]>) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Option<Arc<dyn Authentication>>, Failure> {
        let words: Vec<_> = words.split_whitespace().map(Into::into).collect();
        authentication(&PacketProperties::parse(&words)?)
    }

    #[test]
    fn one_answer() {
        let method = read(
            "connect authentication-method M connect authentication-data a \
             auth authentication-data b",
        );
        let method = method.unwrap().unwrap();
        assert_eq!(method.method(), "M");
        let mut exchange = method.begin();
        assert_eq!(exchange.first(), Some(b"a".to_vec()));
        assert_eq!(exchange.answer(None), Ok(Some(b"b".to_vec())));
        assert!(exchange.answer(None).is_err());
        // Another connection begins anew.
        assert_eq!(method.begin().answer(None), Ok(Some(b"b".to_vec())));
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn wrong_usage() {
        for words in [
            "auth authentication-data b",
            "connect authentication-data b",
            "connect authentication-method M auth reason-string r",
            "connect authentication-method M auth authentication-method N",
        ] {
            assert!(read(words).is_err(), "{words}");
        }
    }
}

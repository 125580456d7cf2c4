//! The subject of an X.509 certificate (RFC 5280, 4.1.2.6): who it is about, by name.
//!
//! The certificate has been checked before, so this reads only as much as it needs to get there.

/// Names of a subject as they stand in user names and access rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::net) struct Subject {
    /// The Common Name; the last one if there are several.
    pub(in crate::net) common_name: Option<String>,
    /// All parts with the last one first, as in `CN=a,O=b,C=c` (RFC 2253).
    pub(in crate::net) name: String,
}

/// DER tags (X.690, 8).
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(super) const BMP_STRING: u8 = 0x1e;
    pub(super) const LATIN1_STRING: u8 = 0x14;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Attribute types (RFC 4519) with their names in RFC 2253 or, like the one of mail addresses, in
/// OpenSSL.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (COMMON_NAME, "CN"),
    (&[0x55, 0x04, 0x04], "SN"),
    (&[0x55, 0x04, 0x05], "serialNumber"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "street"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x0c], "title"),
    (&[0x55, 0x04, 0x2a], "GN"),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01],
        "UID",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19],
        "DC",
    ),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01],
        "emailAddress",
    ),
];

impl Subject {
    /// Reads it from a certificate in DER; `None` if that is none.
    pub(super) fn of(certificate: &[u8]) -> Option<Subject> {
        let (certificate, _) = take(certificate, tag::SEQUENCE)?;
        let (fields, _) = take(certificate, tag::SEQUENCE)?;
        let fields = take(fields, tag::VERSION).map_or(fields, |(_, rest)| rest);
        let (_, fields) = take(fields, tag::INTEGER)?;
        // The signature's algorithm, the issuer, the validity.
        let (_, fields) = take(fields, tag::SEQUENCE)?;
        let (_, fields) = take(fields, tag::SEQUENCE)?;
        let (_, fields) = take(fields, tag::SEQUENCE)?;
        let (mut names, _) = take(fields, tag::SEQUENCE)?;
        let mut subject = Subject::default();
        let mut parts = Vec::new();
        while !names.is_empty() {
            let (mut set, rest) = take(names, tag::SET)?;
            names = rest;
            let mut together = Vec::new();
            while !set.is_empty() {
                let (attribute, rest) = take(set, tag::SEQUENCE)?;
                set = rest;
                let (id, value) = take(attribute, tag::OBJECT_IDENTIFIER)?;
                let (kind, value, _) = element(value)?;
                let value = text(kind, value);
                let known = ATTRIBUTES.iter().find(|(known, _)| *known == id);
                let name = known.map_or_else(|| dotted(id), |(_, name)| (*name).to_owned());
                together.push(format!("{name}={}", escaped(&value)));
                if id == COMMON_NAME {
                    subject.common_name = Some(value);
                }
            }
            parts.push(together.join("+"));
        }
        parts.reverse();
        subject.name = parts.join(",");
        Some(subject)
    }
}

/// The content of the element at the front, which must have this tag, and what is behind it.
fn take(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// Tag, content and what is behind.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&len, bytes) = bytes.split_first()?;
    let (len, bytes) = match len {
        0..=0x7f => (usize::from(len), bytes),
        // No certificate needs more than four bytes of length.
        0x81..=0x84 => {
            let (digits, bytes) = bytes.split_at_checked(usize::from(len & 0x7f))?;
            let len = digits
                .iter()
                .try_fold(0u32, |len, &d| len.checked_mul(256)?.checked_add(d.into()))?;
            (usize::try_from(len).ok()?, bytes)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(len)?;
    Some((tag, content, rest))
}

fn text(kind: u8, value: &[u8]) -> String {
    match kind {
        tag::BMP_STRING => {
            let units: Vec<u16> = value
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| u16::from_be_bytes(*pair))
                .collect();
            String::from_utf16_lossy(&units)
        }
        tag::LATIN1_STRING => value.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// An object identifier as `1.2.840`.
fn dotted(id: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0u64;
    for &byte in id {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            match numbers.is_empty() {
                true => {
                    let first = (number / 40).min(2);
                    numbers.extend([first, number - 40 * first]);
                }
                false => numbers.push(number),
            }
            number = 0;
        }
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(".")
}

/// RFC 2253, 2.4.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        let at_edge = (i == 0 && matches!(c, ' ' | '#')) || (i == last && c == ' ');
        if at_edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn subject(names: &[(DnType, &str)]) -> Subject {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Subject::of(certificate.der()).unwrap()
    }

    #[test]
    fn names_come_last_first() {
        let read = subject(&[
            (DnType::CountryName, "AT"),
            (DnType::OrganizationName, "Müller, Sons"),
            (DnType::CommonName, "dev-1"),
        ]);
        assert_eq!(read.common_name.as_deref(), Some("dev-1"));
        assert_eq!(read.name, "CN=dev-1,O=Müller\\, Sons,C=AT");
        let own = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99999, 1]);
        assert_eq!(subject(&[(own, " x")]).name, "1.3.6.1.4.1.99999.1=\\ x");
        assert_eq!(subject(&[]), Subject::default());
    }

    #[test]
    fn a_cut_certificate_has_no_subject() {
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for len in 0..certificate.der().len() {
            assert_eq!(Subject::of(&certificate.der()[..len]), None, "{len}");
        }
    }
}

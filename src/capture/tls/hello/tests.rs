use ring::digest;

use super::*;

fn with_u16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_u16(value)].concat()
}

fn client_hello() -> Vec<u8> {
    let extensions = [
        extension(SERVER_NAME, &with_u16(b"\0\0\x0bbroker.test")),
        extension(0x1234, b""),
        extension(ALPN, &with_u16(b"\x08http/1.1\x04mqtt")),
        extension(EARLY_DATA, b""),
    ]
    .concat();
    [
        &[3, 3][..],
        &[0xab; 32],
        &[2, 9, 9],
        &[0, 4, 0x13, 1, 0x13, 2],
        &[1, 0],
        &with_u16(&extensions),
    ]
    .concat()
}

fn server_hello(extensions: &[u8]) -> Vec<u8> {
    let fixed = [&[3, 3][..], &[0xcd; 32], &[0], &[0x13, 2], &[0]].concat();
    [fixed, with_u16(extensions)].concat()
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    message
        .chunks(size)
        .flat_map(|part| [&[22, 3, 1][..], &with_u16(part)].concat())
        .collect()
}

#[test]
fn the_random_of_a_retry() {
    let hash = digest::digest(&digest::SHA256, b"HelloRetryRequest");
    assert_eq!(hash.as_ref(), RETRY_RANDOM);
}

#[test]
fn a_client_hello() {
    assert_eq!(
        client(&client_hello()),
        Some(ClientHello {
            random: [0xab; 32],
            server_name: Some("broker.test".into()),
            offers_mqtt: true,
            offers_early_data: true,
        })
    );
}

#[test]
fn a_cut_client_hello_gives_what_is_there() {
    let hello = client_hello();
    for len in 0..hello.len() {
        let found = client(&hello[..len]);
        assert_eq!(found.is_some(), len >= 34, "{len}");
        assert!(found.is_none_or(|hello| hello.random == [0xab; 32]));
    }
}

#[test]
fn server_names_that_are_no_host_names_are_left_out() {
    for name in [
        &b"\0\0\x03a\x1bb"[..],
        b"\x01\0\x01a",
        b"\0\0\x05a",
        b"\0\0\0",
        b"",
    ] {
        assert_eq!(server_name(&with_u16(name)), None, "{name:?}");
    }
}

#[test]
fn a_server_hello_says_its_version_in_an_extension() {
    let hello = server(&server_hello(&extension(SUPPORTED_VERSIONS, &[3, 4]))).unwrap();
    assert_eq!(hello.version, TlsVersion::TLS13);
    assert_eq!(
        (hello.suite, hello.is_compressed),
        (CipherSuite(0x1302), false)
    );
    assert!(!hello.is_retry());
    let hello = server(&server_hello(&extension(ALPN, &with_u16(b"\x04mqtt")))).unwrap();
    assert_eq!(
        (hello.version, hello.chose_mqtt),
        (TlsVersion::TLS12, Some(true))
    );
    let whole = server_hello(&[]);
    // TLS 1.2 may leave the extensions out.
    let hello = server(&whole[..whole.len() - 2]).unwrap();
    assert_eq!((hello.version, hello.chose_mqtt), (TlsVersion::TLS12, None));
    assert_eq!(server(&whole[..37]), None);
}

#[test]
fn encrypted_extensions_say_what_was_chosen() {
    let both = [
        extension(ALPN, &with_u16(b"\x02h2")),
        extension(EARLY_DATA, b""),
    ];
    let found = encrypted_extensions(&with_u16(&both.concat()));
    assert_eq!(
        (found.chose_mqtt, found.accepts_early_data),
        (Some(false), true)
    );
    let found = encrypted_extensions(b"\0");
    assert_eq!((found.chose_mqtt, found.accepts_early_data), (None, false));
}

#[test]
fn a_hello_is_known_in_any_records() {
    let body = client_hello();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    for size in [1, 2, 38, 39, message.len()] {
        let bytes = records(&message, size);
        let needed = 39 + 5 * 39usize.div_ceil(size);
        for len in 0..=bytes.len() {
            let expected = match len >= needed {
                true => Opening::Hello,
                false => Opening::Unclear,
            };
            assert_eq!(opening(&bytes[..len]), expected, "{size} {len}");
        }
    }
}

#[test]
fn what_begins_otherwise_is_seen_at_once() {
    let hello = |front: &[u8]| records(&[front, &[7; 60]].concat(), 500);
    for bytes in [
        vec![0x10], // CONNECT
        b"GET".to_vec(),
        vec![22, 3, 9],
        vec![23, 3, 3, 0, 9],
        vec![23],                    // in the middle
        hello(&[11, 0, 1, 0]),       // a certificate
        hello(&[1, 1, 0, 0, 3, 3]),  // over 64 KiB
        hello(&[1, 0, 0, 37, 3, 3]), // too short
        hello(&[1, 0, 2, 0, 2, 3]),  // version 2.3
        hello(&[&[1, 0, 2, 0, 3, 3][..], &[0; 32], &[33]].concat()),
    ] {
        assert_eq!(opening(&bytes), Opening::Other, "{bytes:02x?}");
    }
}

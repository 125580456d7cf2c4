use super::*;
use crate::capture::tls::{
    cipher::{Cipher, Opened},
    record::{APPLICATION_DATA, Header},
    suite::CipherSuite,
};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(char::is_whitespace, "")).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(&bytes(text)).unwrap()
}

fn aes_128() -> Method {
    CipherSuite(0x1301).method().unwrap()
}

/// RFC 8448, 3: a simple 1-RTT handshake.
#[test]
fn traffic_keys_of_rfc_8448() {
    for (of, key, iv) in [
        (
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
            "3fce516009c21727d0f2e4e86ee403bc",
            "5d313eb2671276ee13000b30",
        ),
        (
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            "dbfaa693d1762c5b666af5d950258d01",
            "5bd3c71b836e0b76bb73265f",
        ),
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984",
        ),
        (
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
            "17422dda596ed5d9acd890e3c63f5051",
            "5b78923dee08579033e523d9",
        ),
    ] {
        let keys = traffic_keys(aes_128(), &secret(of)).unwrap();
        assert_eq!((keys.key, keys.iv), (bytes(key), bytes(iv)));
    }
}

/// The client's application data in RFC 8448, 3: fifty bytes, 00 to 31.
#[test]
fn a_record_of_rfc_8448() {
    let record = bytes(
        "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc
         ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd
         1e 3d ea e6 3a ee bb 21 69 49 15 e4",
    );
    let of = secret("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    let keys = traffic_keys(aes_128(), &of).unwrap();
    let cipher = Cipher::new(aes_128(), &keys).unwrap();
    let header = Header::parse(&record).unwrap().unwrap();
    let mut scratch = Vec::new();
    let opened = cipher.open(0, header, &record[5..], &mut scratch);
    let expected = Opened {
        content_type: APPLICATION_DATA,
        len: 50,
    };
    assert_eq!(opened, Some(expected));
    assert_eq!(scratch[..50], (0..50).collect::<Vec<u8>>());
    assert_eq!(cipher.open(1, header, &record[5..], &mut scratch), None);
    for at in 5..record.len() {
        let mut damaged = record[5..].to_vec();
        damaged[at - 5] ^= 1;
        assert_eq!(cipher.open(0, header, &damaged, &mut scratch), None);
    }
}

#[test]
fn a_secret_of_another_hash_gives_no_keys() {
    let of = secret(&"00".repeat(48));
    assert!(traffic_keys(aes_128(), &of).is_none());
    assert!(next_secret(Hash::Sha256, &of).is_none());
    assert_eq!(next_secret(Hash::Sha384, &of).unwrap().bytes().len(), 48);
}

/// The vectors for the PRF with SHA-256 and SHA-384 that were published on the list of the IETF's
/// TLS working group.
#[test]
fn the_prf_of_tls_1_2() {
    let expected = bytes(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14
         baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e
         5a5110fff70187347b66",
    );
    let key = bytes("9bbe436ba940f017b17652849a71db35");
    let seed = [
        &b"test label"[..],
        &bytes("a0ba9f936cda311827a6f796ffd5198c"),
    ]
    .concat();
    assert_eq!(prf(Hash::Sha256, &key, &seed, expected.len()), expected);

    let expected = bytes(
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c
         9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abf
         dad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a2685430
         8d5eaa3be85e0990703d73e56f",
    );
    let key = bytes("b80b733d6ceefcdc71566e a48e5567df");
    let seed = [
        &b"test label"[..],
        &bytes("cd665cf6a8447dd6ff8b27555edb7465"),
    ]
    .concat();
    assert_eq!(prf(Hash::Sha384, &key, &seed, expected.len()), expected);
}

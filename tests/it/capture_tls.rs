//! `midge decode` of TLS as a program: where the keys come from, and what is said without them.
//! `captures_json` compares what is decrypted.

use std::fs;

use crate::program::{Ended, run};

fn file(name: &str) -> String {
    format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn decode(args: &[&str]) -> Ended {
    run(&[&["decode", "--json"], args].concat())
}

/// The two connections of `mosq20_tls12.pcap` that carry MQTT; in the others nobody says a word.
fn sealed(why: &str) -> String {
    [(0, 42403), (2, 55969)]
        .map(|(stream, port)| {
            format!(
                "midge: stream {stream}, 127.0.0.1:{port} -> 127.0.0.1:8883, is TLS 1.2 \
                 (TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) and {why}\n"
            )
        })
        .concat()
}

#[test]
fn without_keys_there_is_one_note_for_each_stream() {
    let ended = decode(&[&file("mosq20_tls12.pcap")]);
    ended.expect(0, &sealed("its keys are not known: give --keylog FILE"));
    assert_eq!(ended.text(), "");
    // Keys of other sessions.
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("keys").to_str().unwrap().to_owned();
    let other = format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48));
    fs::write(&log, other).unwrap();
    let ended = decode(&["--keylog", &log, &file("mosq20_tls12.pcap")]);
    let why = format!("its keys are not in the key log {log}");
    ended.expect(0, &sealed(&why));
    assert_eq!(ended.text(), "");
}

#[test]
fn a_pcapng_file_without_its_secrets() {
    // The secrets are in the block behind the section header.
    let whole = fs::read(file("mosq21_tls13_v5_dsb.pcapng")).unwrap();
    let mut rest = &whole[..];
    let mut without = Vec::new();
    while let Some(len) = rest.get(4..8) {
        let len = u32::from_le_bytes(len.try_into().unwrap()) as usize;
        if rest[..4] != 10u32.to_le_bytes() {
            without.extend_from_slice(&rest[..len]);
        }
        rest = &rest[len..];
    }
    assert!(without.len() < whole.len());
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("sealed.pcapng");
    fs::write(&name, without).unwrap();
    let ended = decode(&[name.to_str().unwrap()]);
    assert_eq!((ended.code(), ended.text()), (0, ""));
    let notes: Vec<_> = ended.stderr.lines().collect();
    assert!(!notes.is_empty());
    for note in notes {
        assert!(note.contains("is TLS 1.3 (TLS_"), "{note}");
        assert!(
            note.ends_with("its keys are not known: give --keylog FILE"),
            "{note}"
        );
    }
}

#[test]
fn a_key_log_that_cannot_be_read() {
    let capture = file("mosq20_tls12.pcap");
    let ended = decode(&["--keylog", "no/such/keys", &capture]);
    assert_eq!((ended.code(), ended.text()), (1, ""));
    let start = "midge: cannot read the key log no/such/keys: ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1);
    let ended = decode(&["--keylog", "src", &capture]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended
            .stderr
            .starts_with("midge: cannot read the key log src: ")
    );
}

#[test]
fn damaged_lines_of_a_key_log_are_counted() {
    let keys = fs::read_to_string(file("mosq20_tls12.keys")).unwrap();
    let whole = decode(&[
        "--keylog",
        &file("mosq20_tls12.keys"),
        &file("mosq20_tls12.pcap"),
    ]);
    whole.expect(0, "");
    assert_eq!(whole.text().lines().count(), 150);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("keys").to_str().unwrap().to_owned();
    // As written on another system, with rubbish in it and no end of line at the end.
    let damaged = format!(
        "rubbish\n{}\nCLIENT_RANDOM 00 11",
        keys.replace('\n', "\r\n")
    );
    fs::write(&log, damaged).unwrap();
    let ended = decode(&["--keylog", &log, &file("mosq20_tls12.pcap")]);
    ended.expect(0, "midge: 2 lines of the key log cannot be read\n");
    assert_eq!(ended.text(), whole.text());
}

#[test]
fn a_port_that_is_left_out_is_not_looked_at() {
    let ended = decode(&["--not-port", "8883", &file("mosq20_tls12.pcap")]);
    assert_eq!((ended.code(), ended.text()), (0, ""));
    assert!(ended.stderr.contains("no MQTT found"), "{}", ended.stderr);
}

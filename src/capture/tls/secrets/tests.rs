use std::{cell::RefCell, rc::Rc};

use super::*;

/// A file that grows while it is read.
#[derive(Clone, Default)]
struct Growing(Rc<RefCell<VecDeque<u8>>>);

impl Growing {
    fn write(&self, text: &str) {
        self.0.borrow_mut().extend(text.as_bytes());
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

fn random(byte: u8) -> [u8; 32] {
    [byte; 32]
}

fn line(label: &str, byte: u8, secret: &[u8]) -> String {
    format!(
        "{label} {} {}",
        hex::encode(random(byte)),
        hex::encode(secret)
    )
}

#[test]
fn comments_blank_lines_and_other_labels_are_in_order() {
    let mut secrets = Secrets::default();
    let text = [
        "# a comment".to_owned(),
        String::new(),
        "  ".to_owned(),
        line("CLIENT_RANDOM", 1, &[7; 48]) + "\r",
        line("EXPORTER_SECRET", 1, &[7; 32]),
        line("SOMETHING_NEW", 1, &[7; 5]),
        "RSA 0011223344556677 0011".to_owned(),
        line("SERVER_TRAFFIC_SECRET_0", 2, &[8; 32]) + "  ",
        line("CLIENT_EARLY_TRAFFIC_SECRET", 3, &[9; 48])
            .to_lowercase()
            .replace("client_early_traffic_secret", "CLIENT_EARLY_TRAFFIC_SECRET"),
    ]
    .join("\n");
    secrets.add(text.as_bytes());
    assert_eq!(secrets.damaged(), 0);
    let found = |label, byte| secrets.find(label, &random(byte)).map(Secret::bytes);
    assert_eq!(found(Label::Master, 1), Some(&[7; 48][..]));
    assert_eq!(found(Label::ServerTraffic, 2), Some(&[8; 32][..]));
    assert_eq!(found(Label::ClientEarly, 3), Some(&[9; 48][..]));
    assert_eq!(found(Label::ServerTraffic, 1), None);
}

#[test]
fn damaged_lines_are_counted_and_skipped() {
    let mut secrets = Secrets::default();
    let long = "X".repeat(MAX_LINE + 1);
    for text in [
        "CLIENT_RANDOM",
        "CLIENT_RANDOM 00 11",
        "hello, this is no key log",
        "\u{0}\u{1}\u{2}",
        &line("CLIENT_RANDOM", 1, &[7; 47]),
        &line("CLIENT_TRAFFIC_SECRET_0", 1, &[7; 33]),
        &line("CLIENT_TRAFFIC_SECRET_0", 1, &[7; 49]),
        &(line("CLIENT_RANDOM", 1, &[7; 48]) + " 00"),
        &line("CLIENT_RANDOM", 1, &[7; 48]).replace('7', "g"),
        &long,
    ] {
        let before = secrets.damaged();
        secrets.add(text.as_bytes());
        assert_eq!(secrets.damaged(), before + 1, "{text}");
    }
    assert!(secrets.known.is_empty());
    assert_eq!(secrets.version(), 0);
}

#[test]
fn a_growing_log_is_read_on() {
    let mut secrets = Secrets::default();
    let log = Growing::default();
    let first = line("CLIENT_RANDOM", 1, &[7; 48]);
    log.write(&first[..100]);
    secrets.follow(Box::new(log.clone())).unwrap();
    assert!(secrets.may_grow());
    assert_eq!(secrets.find(Label::Master, &random(1)), None);
    log.write(&first[100..]);
    secrets.look_again(5);
    // Whole but for the end of the line: good enough.
    assert!(secrets.find(Label::Master, &random(1)).is_some());
    let version = secrets.version();
    log.write("\nnonsense\n");
    log.write(&line("CLIENT_RANDOM", 2, &[8; 48]));
    secrets.look_again(5);
    assert_eq!(secrets.version(), version, "looked twice in one frame");
    secrets.look_again(6);
    assert!(secrets.find(Label::Master, &random(2)).is_some());
    assert_eq!(secrets.damaged(), 1);
    log.write("\nCLIENT_RANDOM 0011");
    secrets.end();
    assert_eq!(secrets.damaged(), 2);
    assert!(!secrets.may_grow());
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut secrets = Secrets::default();
    let good = line("CLIENT_RANDOM", 1, &[7; 48]);
    let log = io::repeat(b'A').take(10 << 20);
    let log = log.chain(io::Cursor::new(format!("\n{good}\n")));
    secrets.follow(Box::new(log)).unwrap();
    assert_eq!((secrets.known.len(), secrets.damaged()), (1, 1));
    assert!(secrets.log.as_ref().unwrap().tail.capacity() < 64 * 1024);
}

#[test]
fn the_first_ones_are_forgotten() {
    let mut secrets = Secrets::default();
    for i in 0..MAX_SECRETS + 3 {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&(i as u64).to_be_bytes());
        let text = format!("CLIENT_RANDOM {} {}", hex::encode(random), "11".repeat(48));
        secrets.add(text.as_bytes());
    }
    assert_eq!(secrets.known.len(), MAX_SECRETS);
    assert_eq!(secrets.order.len(), MAX_SECRETS);
    assert_eq!(secrets.find(Label::Master, &[0; 32]), None);
}

//! Unix sockets.

#![cfg(unix)]

use std::os::unix::net::UnixListener;
use std::thread;

use super::take_message;
use crate::program::run;

#[test]
fn a_message_arrives() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("broker.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("the client comes");
            take_message(&mut stream);
        }
    });
    let path = path.to_str().expect("UTF-8");
    run(&["pub", "-t", "t", "-m", "hello", "--unix", path]).expect(0, "");
    let url = format!("unix://{path}");
    run(&["pub", "-t", "t", "-m", "hello", "-L", &url]).expect(0, "");
    server.join().expect("what the server expects");
}

#[test]
fn nobody_listens() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("broker.sock");
    let path = path.to_str().expect("UTF-8");
    let ended = run(&["pub", "-t", "t", "-m", "x", "--unix", path]);
    let sentence = "No such file or directory";
    ended.expect(
        3,
        &format!("midge: could not connect to {path}: {sentence}\n"),
    );
    drop(UnixListener::bind(path).expect("a socket"));
    let ended = run(&["pub", "-t", "t", "-m", "x", "--unix", path]);
    ended.expect(
        3,
        &format!("midge: could not connect to {path}: Connection refused\n"),
    );
}

//! An authenticator to test with.

use midge::broker::core::{Authenticator, Exchange, Step};

/// Method `challenge`: the broker sends `riddle`, and who answers `answer` is let in. Method
/// `word`: who sends `answer` with CONNECT is let in at once.
#[derive(Debug)]
pub(crate) struct Challenge;

impl Authenticator for Challenge {
    fn begin(&self, method: &str, _: &str) -> Option<Box<dyn Exchange>> {
        match method {
            "challenge" => Some(Box::new(Talk { asked: false })),
            "word" => Some(Box::new(Talk { asked: true })),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Talk {
    asked: bool,
}

impl Exchange for Talk {
    fn step(&mut self, data: &[u8]) -> Step {
        if !std::mem::replace(&mut self.asked, true) {
            return Step::Continue(b"riddle".into());
        }
        match data {
            b"answer" => Step::Success(b"welcome".into()),
            _ => Step::Failure,
        }
    }
}

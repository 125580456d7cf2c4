//! A connection in place of one that is lost: the pause, the dialing, and what becomes of a failure.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;

use super::{Client, now};
use crate::client::error::{ConnectError, Lost};
use crate::client::event::Event;
use crate::net::{DialError, Stream};

/// What goes on while there is no connection. It stands in the client, so that nothing is lost if
/// the caller drops a future.
#[derive(Default)]
pub(super) enum Redial {
    /// Nothing: there is a connection, or there is to be none.
    #[default]
    Idle,
    /// The pause before the next try.
    Pause(Pin<Box<Sleep>>),
    /// A try, since when.
    Dial(Instant, Dialing),
}

type Dialing = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

impl fmt::Debug for Redial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Redial::Idle => "Idle",
            Redial::Pause(_) => "Pause",
            Redial::Dial(..) => "Dial",
        })
    }
}

impl Client {
    /// The connection is lost, or a try has failed: another one after a pause, or the end.
    pub(super) fn handle_setback(&mut self, why: Lost) -> Result<Event, Lost> {
        self.redial = Redial::Idle;
        if !self.was_connected || why.is_lasting() {
            return Err(why);
        }
        // The standard library seeds its hashers from the system's random numbers.
        let random = RandomState::new().build_hasher().finish();
        match self.backoff.next_pause(now(), random) {
            Some(pause) => {
                self.redial = Redial::Pause(Box::pin(tokio::time::sleep(pause)));
                Ok(Event::Retrying { why, pause })
            }
            None => Err(why),
        }
    }

    /// Goes on with the pause or the dialing. Ready with `None` when CONNECT is to be sent.
    pub(super) fn poll_redial(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, Lost>>> {
        loop {
            match &mut self.redial {
                Redial::Idle => return Poll::Ready(Some(Err(Lost::NotConnected))),
                Redial::Pause(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    let options = self.options.clone();
                    let dial = async move { options.target.connect(options.timeout).await };
                    self.redial = Redial::Dial(now(), Box::pin(dial));
                }
                Redial::Dial(since, dial) => {
                    let since = *since;
                    let stream = ready!(dial.as_mut().poll(cx));
                    self.redial = Redial::Idle;
                    let sent = match stream {
                        Ok(stream) => {
                            let clean = self.options.plain && self.options.connect.clean_start;
                            self.start(stream, since, clean)
                        }
                        Err(error) => Err(error.into()),
                    };
                    return Poll::Ready(match sent {
                        Ok(()) => None,
                        Err(error) => Some(self.handle_setback(reconnect_error(error))),
                    });
                }
            }
        }
    }
}

fn reconnect_error(error: ConnectError) -> Lost {
    Lost::Reconnect(Box::new(error))
}

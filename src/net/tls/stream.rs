//! The bytes inside of TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_rustls::client;

use super::error::Evidence;
use super::identity::Identity;
use super::pass::pass_writes;
use crate::net::Stream;

/// How many of the first bytes are kept: enough to tell a protocol by.
const SNIFFED: usize = 8;

/// A TLS connection after its handshake.
#[derive(Debug)]
pub struct TlsStream {
    inner: client::TlsStream<Sniffer>,
    identity: Arc<Identity>,
    /// Whether the server has sent anything after the handshake.
    heard: bool,
}

impl TlsStream {
    pub(super) fn new(inner: client::TlsStream<Sniffer>, identity: Arc<Identity>) -> TlsStream {
        TlsStream {
            inner,
            identity,
            heard: false,
        }
    }

    /// In TLS 1.3 our handshake is over before the server has seen our certificate, so what it
    /// thinks of it comes here.
    fn judge(&self, error: io::Error) -> io::Error {
        let evidence = Evidence {
            identity: &self.identity,
            answer: Vec::new(),
        };
        match self.heard {
            true => error,
            false => evidence.explain_later(error),
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut this.inner).poll_read(cx, buf));
        Poll::Ready(match read {
            Ok(()) if buf.filled().len() > before => {
                this.heard = true;
                Ok(())
            }
            // What carries the bytes has its own end marks, so that of TLS (RFC 8446, 6.1) is not
            // needed to know whether something was cut off.
            Err(error) if this.heard && error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(this.judge(error)),
            Ok(()) | Err(_) if buf.remaining() == 0 => Ok(()),
            Ok(()) | Err(_) => match this.identity.was_asked() && !this.identity.is_given() {
                true => Err(this.judge(io::ErrorKind::UnexpectedEof.into())),
                false => Ok(()),
            },
        })
    }
}

pass_writes!(TlsStream, inner);

/// A stream that remembers the first bytes that it has read.
#[derive(Debug)]
pub(super) struct Sniffer {
    stream: Stream,
    first: Vec<u8>,
}

impl Sniffer {
    pub(super) fn new(stream: Stream) -> Sniffer {
        Sniffer {
            stream,
            first: Vec::new(),
        }
    }

    /// At most [`SNIFFED`] bytes.
    pub(super) fn first_bytes(self) -> Vec<u8> {
        self.first
    }
}

impl AsyncRead for Sniffer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.first.len() < SNIFFED {
            let new = buf.filled().get(before..).unwrap_or_default();
            let room = SNIFFED - this.first.len();
            this.first.extend(new.iter().take(room));
        }
        read
    }
}

pass_writes!(Sniffer, stream);

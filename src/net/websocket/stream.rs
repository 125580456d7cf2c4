//! A byte stream in binary frames. How packets lie in frames means nothing, either way (5.0, 6,
//! `[MQTT-6.0.0-2]`); text is refused (`[MQTT-6.0.0-1]`); pings are answered by tungstenite.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::net::Stream;

/// The largest frame that is sent, in bytes.
pub(super) const MAX_FRAME: usize = 64 * 1024;

/// A WebSocket connection after its handshake.
#[derive(Debug)]
pub struct WebSocketStream {
    inner: tokio_tungstenite::WebSocketStream<Stream>,
    /// What is at the other end, in words.
    peer: &'static str,
    /// What is left of the message that came last.
    incoming: Bytes,
}

impl WebSocketStream {
    pub(super) fn new(
        inner: tokio_tungstenite::WebSocketStream<Stream>,
        peer: &'static str,
    ) -> WebSocketStream {
        WebSocketStream {
            inner,
            peer,
            incoming: Bytes::new(),
        }
    }
}

impl AsyncRead for WebSocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.incoming.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(Message::Binary(bytes))) => this.incoming = bytes,
                Some(Ok(Message::Text(_))) => {
                    let text = format!("the {} sent text, and MQTT is binary", this.peer);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Ok(_)) => {}
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
            }
        }
        let len = this.incoming.len().min(buf.remaining());
        buf.put_slice(this.incoming.get(..len).unwrap_or_default());
        this.incoming.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocketStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_ready(cx)).map_err(to_io)?;
        let frame = buf.get(..MAX_FRAME).unwrap_or(buf);
        let message = Message::Binary(Bytes::copy_from_slice(frame));
        Pin::new(&mut this.inner)
            .start_send(message)
            .map_err(to_io)?;
        Poll::Ready(Ok(frame.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner)
            .poll_flush(cx)
            .map_err(to_io)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A close frame, then the end of what carries it.
        ready!(Pin::new(&mut this.inner).poll_close(cx)).map_err(to_io)?;
        Pin::new(this.inner.get_mut()).poll_shutdown(cx)
    }
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::NotConnected.into(),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

//! `--metrics`: the figures so far over HTTP, for Prometheus.
//!
//! A thread of its own answers: who asks sees what was published last and takes no time from the
//! load. As much HTTP/1.1 as a scraper needs: GET and HEAD, one request per connection. Who is slow,
//! sends too much or comes with too many is cut off.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::cmd::{Exit, Failure};
use crate::output::bench::CONTENT_TYPE;

/// Bytes of a request's head.
const MAX_HEAD: usize = 8 * 1024;
/// For a whole exchange.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });
/// At the same time; the others wait in the system's queue.
const MAX_CONNECTIONS: usize = 16;

/// The endpoint, until it is dropped.
#[derive(Debug)]
pub(super) struct Metrics {
    address: SocketAddr,
    text: Text,
    /// Its end ends the thread.
    _stop: oneshot::Sender<()>,
}

/// What was published last.
type Text = Arc<Mutex<Arc<str>>>;

impl Metrics {
    /// Listens at `address`, as in `127.0.0.1:9464`.
    ///
    /// # Errors
    /// Wrong usage if that is no address; else what the system says.
    pub(super) fn start(address: &str) -> Result<Metrics, Failure> {
        let addresses: Vec<SocketAddr> = address
            .to_socket_addrs()
            .map_err(|error| {
                Failure::usage(format!(
                    "--metrics takes an address and a port as in 127.0.0.1:9464, not '{}': {error}",
                    address.escape_debug()
                ))
            })?
            .collect();
        let failure = |error| {
            let address = address.escape_debug();
            Failure::new(
                Exit::Io,
                format!("--metrics cannot listen on {address}: {error}"),
            )
        };
        let listener = StdListener::bind(&addresses[..]).map_err(failure)?;
        listener.set_nonblocking(true).map_err(failure)?;
        let address = listener.local_addr().map_err(failure)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failure)?;
        let text = Text::new(Mutex::new("".into()));
        let (stop, stopped) = oneshot::channel();
        let served = text.clone();
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        // Without a listener there is nothing to do; the load goes on.
                        _ = serve(listener, served) => {}
                    }
                });
            })
            .map_err(failure)?;
        Ok(Metrics {
            address,
            text,
            _stop: stop,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows this from now on.
    pub(super) fn publish(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }
}

async fn serve(listener: StdListener, text: Text) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return Ok(());
        };
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is left, or who came has gone: not for ever.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let text = text.clone();
        tokio::spawn(async move {
            // Who went away, or was too slow, gets nothing.
            let _ = timeout(PATIENCE, exchange(stream, &text)).await;
            drop(permit);
        });
    }
}

async fn exchange(mut stream: TcpStream, text: &Text) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            let answer = Answer::error("431 Request Header Fields Too Large", "too long");
            return answer.send(&mut stream, true).await;
        }
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            n => head.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
    let published = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (answer, with_body) = answer(&head, published);
    answer.send(&mut stream, with_body).await
}

/// What to say, and whether its body, too.
fn answer(head: &[u8], published: Arc<str>) -> (Answer, bool) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return (Answer::error("400 Bad Request", "no request"), true);
    };
    if !version.starts_with("HTTP/1.") {
        return (
            Answer::error("505 HTTP Version Not Supported", "HTTP/1.1 only"),
            true,
        );
    }
    if !matches!(method, "GET" | "HEAD") {
        return (Answer::error("405 Method Not Allowed", "GET only"), true);
    }
    let path = target.split('?').next().unwrap_or_default();
    let answer = match path {
        "/metrics" => Answer {
            status: "200 OK",
            kind: CONTENT_TYPE,
            body: published,
        },
        "/" => Answer {
            status: "200 OK",
            kind: "text/plain; charset=utf-8",
            body: "midge bench: the figures are at /metrics\n".into(),
        },
        _ => Answer::error("404 Not Found", "the figures are at /metrics"),
    };
    (answer, method == "GET")
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    body: Arc<str>,
}

impl Answer {
    fn error(status: &'static str, why: &str) -> Answer {
        Answer {
            status,
            kind: "text/plain; charset=utf-8",
            body: format!("{why}\n").into(),
        }
    }

    async fn send(&self, stream: &mut TcpStream, with_body: bool) -> io::Result<()> {
        // RFC 9110, 15.5.6: with 405 stands what is allowed.
        let allow = match self.status.starts_with("405") {
            true => "Allow: GET, HEAD\r\n",
            false => "",
        };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        if with_body {
            stream.write_all(self.body.as_bytes()).await?;
        }
        stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(metrics: &Metrics, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(metrics.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn what_was_published_last_is_served() {
        let metrics = Metrics::start("127.0.0.1:0").unwrap();
        metrics.publish("a 1\n".to_owned());
        metrics.publish("a 2\n".to_owned());
        let answer = ask(&metrics, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            answer,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: 4\r\nConnection: close\r\n\r\na 2\n"
        );
        let head = ask(&metrics, b"HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(
            head.ends_with("Content-Length: 4\r\nConnection: close\r\n\r\n"),
            "{head}"
        );
    }

    #[test]
    fn other_requests_are_refused() {
        let metrics = Metrics::start("127.0.0.1:0").unwrap();
        for (request, status) in [
            (&b"GET /other HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"GET /metrics HTTP/2.0\r\n\r\n", "505"),
            (b"\x16\x03\x01\x02\x00\r\n\r\n", "400"),
            (b"GET /metrics\r\n\r\n", "400"),
        ] {
            let answer = ask(&metrics, request);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        }
        let long = [b"GET /metrics HTTP/1.1\r\nX: ", &[b'x'; MAX_HEAD][..]].concat();
        assert!(ask(&metrics, &long[..MAX_HEAD]).starts_with("HTTP/1.1 431 "));
    }

    /// Those who send nothing are let in only up to a number, and for a while.
    #[test]
    fn silent_clients_do_not_keep_others_out() {
        let metrics = Metrics::start("127.0.0.1:0").unwrap();
        let silent: Vec<TcpStream> = (0..MAX_CONNECTIONS + 4)
            .map(|_| TcpStream::connect(metrics.address()).unwrap())
            .collect();
        let answer = ask(&metrics, b"GET / HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        drop(silent);
    }

    #[test]
    fn what_is_no_address_is_wrong_usage() {
        for bad in ["", "127.0.0.1", "9464", "127.0.0.1:70000"] {
            let failure = Metrics::start(bad).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{bad}");
        }
        let taken = Metrics::start("127.0.0.1:0").unwrap();
        let failure = Metrics::start(&taken.address().to_string()).unwrap_err();
        assert_eq!(failure.exit, Exit::Io);
    }
}

//! Byte streams: opening them here, accepting them in `listen`.
//!
//! One type, [`Stream`], for every transport; the rooms above read and write it and never learn
//! what carries the bytes. What never comes here: MQTT.
//!
//! | file | what it is |
//! |---|---|
//! | `target` | [`Target`]: where to, and through which layers |
//! | `connect` | name resolution, TCP, unix sockets; the order of the layers |
//! | `ports` | [`LocalPorts`]: local ports where there are very many connections |
//! | `proxy` | SOCKS5 |
//! | `srv` | SRV records |
//! | `tls` | TLS, either side of it, and why it fails |
//! | `websocket` | MQTT's bytes in frames of WebSocket, either side, and why the upgrade fails |
//! | `foreign` | answers of another protocol |
//! | `error` | [`DialError`]: why there is no connection |
//! | [`listen`] | accepting, and the handshakes of who comes |

mod connect;
mod error;
mod foreign;
pub mod listen;
mod ports;
mod proxy;
mod srv;
mod stream;
mod target;
mod tls;
mod websocket;

pub use error::{DialError, Step};
pub use foreign::Foreign;
pub use ports::LocalPorts;
pub use proxy::{Proxy, ProxyError, ProxyReason};
pub use stream::Stream;
pub use target::{Address, Target};
pub use tls::{
    Throwaway, ThrowawayError, Tls, TlsError, TlsOptions, TlsServer, TlsServerError,
    TlsServerOptions, TlsSetupError, TlsVersion,
};
pub use websocket::{WebSocket, WebSocketError, WebSocketServerError, WebSocketSetupError};

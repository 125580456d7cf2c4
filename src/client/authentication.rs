//! Enhanced authentication (5.0, 4.12): what a method has to say. The client carries it to the
//! server and back; it knows no method itself.

use std::fmt;

/// An Authentication Method, as a factory of exchanges: every connection has its own.
pub trait Authentication: fmt::Debug + Send + Sync {
    /// Its name, at most 65,535 bytes of UTF-8.
    fn method(&self) -> &str;

    /// A new exchange.
    fn begin(&self) -> Box<dyn Exchange>;
}

/// One exchange: on CONNECT, or on a re-authentication (4.12.1). Data has at most 65,535 bytes.
pub trait Exchange: fmt::Debug + Send {
    /// The Authentication Data that opens it.
    fn first(&mut self) -> Option<Vec<u8>>;

    /// The answer to what the server's AUTH asks.
    ///
    /// # Errors
    /// Why there is none; the connection ends with this sentence.
    fn answer(&mut self, data: Option<&[u8]>) -> Result<Option<Vec<u8>>, String>;

    /// The server is content, and this is its last data: does it prove what it has to?
    ///
    /// # Errors
    /// Why it does not; the connection ends with this sentence.
    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), String>;
}

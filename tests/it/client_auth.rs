//! Enhanced authentication of the native engine, against a broker that follows a script.

use std::time::Duration;

use midge::client::native::Client;
use midge::client::{
    Address, Authentication, ConnectError, ConnectOptions, Event, Exchange, Lost, Options, Target,
};
use midge::mqtt::{Properties, ReasonCode, Version};

use crate::client_scripted::{Connection, Peer, Script};

/// Says the data of the server twice.
#[derive(Debug)]
struct Echo;

#[derive(Debug)]
struct EchoExchange;

impl Authentication for Echo {
    fn method(&self) -> &str {
        "M"
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(EchoExchange)
    }
}

impl Exchange for EchoExchange {
    fn first(&mut self) -> Option<Vec<u8>> {
        Some(b"1".to_vec())
    }

    fn answer(&mut self, data: Option<&[u8]>) -> Result<Option<Vec<u8>>, String> {
        match data {
            Some(data) if !data.is_empty() => Ok(Some(data.repeat(2))),
            _ => Err("the broker asks nothing".to_owned()),
        }
    }

    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), String> {
        match data {
            Some(b"ok") => Ok(()),
            _ => Err("the broker does not prove itself".to_owned()),
        }
    }
}

const CONNECT: &[u8] =
    b"\x10\x16\x00\x04MQTT\x05\x02\x00\x3c\x08\x15\x00\x01M\x16\x00\x011\x00\x01c";

fn options(peer: &Peer) -> Options {
    let target = Target::new(Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port: peer.port.parse().unwrap(),
    });
    let connect = ConnectOptions::new(Version::V5, "c");
    let mut options = Options::new(target, connect, Duration::from_secs(30));
    options.authentication = Some(std::sync::Arc::new(Echo));
    options
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn peer(script: impl FnOnce(&mut Connection) + Send + 'static) -> Peer {
    Peer::each([Box::new(script) as Script])
}

#[test]
fn the_method_answers_at_connect_and_later() {
    let peer = peer(|connection| {
        connection.expect(CONNECT);
        connection.send(b"\xf0\x0a\x18\x08\x15\x00\x01M\x16\x00\x012");
        connection.expect(b"\xf0\x0b\x18\x09\x15\x00\x01M\x16\x00\x0222");
        connection.send(b"\x20\x0c\x00\x00\x09\x15\x00\x01M\x16\x00\x02ok");
        connection.expect(b"\xf0\x0a\x19\x08\x15\x00\x01M\x16\x00\x011");
        connection.send(b"\xf0\x0a\x18\x08\x15\x00\x01M\x16\x00\x013");
        connection.expect(b"\xf0\x0b\x18\x09\x15\x00\x01M\x16\x00\x0233");
        connection.send(b"\xf0\x0b\x00\x09\x15\x00\x01M\x16\x00\x02ok");
        connection.expect(b"\xe0\x00");
    });
    block_on(async {
        let mut client = Client::connect(options(&peer)).await.unwrap();
        client.authenticate_again().unwrap();
        let event = client.next_event().await.unwrap();
        assert!(matches!(
            event,
            Event::Auth {
                reason: ReasonCode::SUCCESS,
                ..
            }
        ));
        let left = client.disconnect(ReasonCode::SUCCESS, Properties::EMPTY);
        left.await.unwrap();
    });
    peer.finish();
}

#[test]
fn a_server_that_does_not_prove_itself_is_left() {
    for (connack, why) in [
        (
            &b"\x20\x0c\x00\x00\x09\x15\x00\x01M\x16\x00\x02no"[..],
            "the broker does not prove itself",
        ),
        (b"\xf0\x06\x18\x04\x15\x00\x01M", "the broker asks nothing"),
    ] {
        let peer = peer(move |connection| {
            connection.expect(CONNECT);
            connection.send(connack);
            if connack[0] == 0x20 {
                connection.expect(b"\xe0\x01\x80");
            }
            connection.expect_end();
        });
        match block_on(Client::connect(options(&peer))) {
            Err(ConnectError::Lost(Lost::Authentication(said))) => assert_eq!(said, why),
            other => panic!("{other:?}"),
        }
        peer.finish();
    }
}

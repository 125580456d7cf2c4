//! SRV records (RFC 2782): which hosts and ports offer a service of a domain.

use domain::base::name::{Name, RelativeName};
use domain::resolv::lookup::lookup_srv;
use domain::resolv::stub::StubResolver;

use super::DialError;

/// Where MQTT is offered: hosts and ports in the order in which they are to be tried.
///
/// # Errors
/// [`DialError::Srv`].
pub(super) async fn lookup(
    resolver: &StubResolver,
    domain: &str,
    secure: bool,
) -> Result<Vec<(String, u16)>, DialError> {
    let service = service(secure);
    let fail = |what: String| DialError::Srv {
        name: format!("{service}.{domain}"),
        what,
    };
    let name: Name<Vec<u8>> = domain
        .parse()
        .map_err(|_| fail("this is not a domain name".to_owned()))?;
    let prefix: RelativeName<Vec<u8>> = service
        .parse()
        .map_err(|_| fail("this is not a domain name".to_owned()))?;
    // No service has port 0: with it the library says that it has found nothing.
    let found = lookup_srv(resolver, prefix, name, 0)
        .await
        .map_err(|error| fail(error.to_string()))?
        .ok_or_else(|| fail("the domain says that it has no such service".to_owned()))?;
    let hosts: Vec<_> = found
        .into_srvs()
        .filter(|srv| srv.port() != 0)
        .map(|srv| (srv.target().to_string(), srv.port()))
        .collect();
    match hosts.is_empty() {
        true => Err(fail("there is none".to_owned())),
        false => Ok(hosts),
    }
}

/// The names that IANA has registered: mqtt and secure-mqtt.
fn service(secure: bool) -> &'static str {
    match secure {
        true => "_secure-mqtt._tcp",
        false => "_mqtt._tcp",
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use domain::resolv::stub::conf::{ResolvConf, ServerConf, Transport};

    use super::*;

    /// A name server that gives this answer section, with so many records, to one question.
    fn name_server(
        records: u8,
        answer: &'static [u8],
    ) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut query = [0; 512];
            let (len, client) = socket.recv_from(&mut query).unwrap();
            // The question ends behind the root label, type and class.
            let end = 12 + query[12..len].iter().position(|byte| *byte == 0).unwrap() + 5;
            let mut response = query[..end].to_vec();
            response[2] = 0x81;
            response[3] = 0x80;
            response[7] = records;
            response[8..12].fill(0);
            response.extend_from_slice(answer);
            socket.send_to(&response, client).unwrap();
            String::from_utf8_lossy(&query[12..end - 5]).into_owned()
        });
        (address, server)
    }

    fn resolver(server: SocketAddr) -> StubResolver {
        let mut conf = ResolvConf::new();
        conf.servers = vec![ServerConf::new(server, Transport::UdpTcp)];
        StubResolver::from_conf(conf)
    }

    /// RFC 2782: lower priorities first. The name is a pointer to the question's.
    const TWO: &[u8] = b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x09\
        \x00\x14\x00\x00\x07\x5c\x01b\x00\
        \xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x09\
        \x00\x0a\x00\x00\x07\x5b\x01a\x00";

    #[tokio::test]
    async fn hosts_in_the_order_of_their_priority() {
        let (address, server) = name_server(2, TWO);
        let hosts = lookup(&resolver(address), "example.org", false).await;
        assert_eq!(
            hosts.unwrap(),
            [("a".to_owned(), 1883), ("b".to_owned(), 1884)]
        );
        assert_eq!(
            server.join().unwrap(),
            "\u{5}_mqtt\u{4}_tcp\u{7}example\u{3}org"
        );
    }

    #[tokio::test]
    async fn none_is_said() {
        let (address, server) = name_server(0, b"");
        let error = lookup(&resolver(address), "example.org", true).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "no host from the SRV records of _secure-mqtt._tcp.example.org: there is none"
        );
        server.join().unwrap();
    }

    #[tokio::test]
    async fn a_domain_may_say_no() {
        // RFC 2782: the target "." means that the service is decidedly not available.
        let no = b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x07\x00\x00\x00\x00\x00\x00\x00";
        let (address, server) = name_server(1, no);
        let error = lookup(&resolver(address), "example.org", false).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "no host from the SRV records of _mqtt._tcp.example.org: the domain says that it has \
             no such service"
        );
        server.join().unwrap();
    }
}

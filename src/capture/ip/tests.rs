use etherparse::PacketBuilder;

use super::*;

fn ipv4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40_000, 1883, 7, 1000)
        .ack(9);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn segment(bytes: &[u8]) -> Segment<'_> {
    match packet(bytes, 0).and_then(|packet| transport(&packet)) {
        Ok(Transport::Tcp(segment)) => segment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn padding_is_not_payload() {
    let mut bytes = ipv4(b"");
    bytes.resize(46, 0);
    let read = segment(&bytes);
    assert_eq!((read.payload, read.missing), (&b""[..], 0));
    assert_eq!((read.seq, read.ack), (7, Some(9)));
    assert_eq!(read.src.to_string(), "10.0.0.1:40000");
}

#[test]
fn a_snapshot_length_leaves_missing_bytes() {
    let bytes = ipv4(b"0123456789");
    let read = segment(&bytes[..bytes.len() - 4]);
    assert_eq!((read.payload, read.missing), (&b"012345"[..], 4));
}

#[test]
fn ipv6_extension_headers_are_passed() {
    let mut tcp = ipv4(b"ab").split_off(20);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend_from_slice(&u16::try_from(16 + tcp.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&[0, 64]); // next header: hop-by-hop options
    bytes.extend_from_slice(&[0x20; 32]);
    bytes.extend_from_slice(&[60, 0, 1, 4, 0, 0, 0, 0]); // then destination options
    bytes.extend_from_slice(&[6, 0, 1, 4, 0, 0, 0, 0]); // then TCP
    bytes.append(&mut tcp);
    assert_eq!(segment(&bytes).payload, b"ab");
}

#[test]
fn fragments_are_named() {
    let mut bytes = ipv4(b"abcdefgh");
    bytes[6] = 0x20; // more fragments
    let read = packet(&bytes, 0).unwrap();
    assert_eq!(
        read.fragment,
        Some(Fragment {
            id: 0,
            offset: 0,
            more: true
        })
    );
    assert_eq!(transport(&read), Err(Skip::Fragment));
}

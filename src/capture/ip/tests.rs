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

#[test]
fn a_length_of_zero_is_that_of_the_frame() {
    let mut bytes = ipv4(b"0123456789");
    bytes[2..4].fill(0);
    assert_eq!(segment(&bytes).payload, b"0123456789");
    let short = packet(&bytes[..bytes.len() - 3], 3).unwrap();
    assert_eq!(short.missing, 3);
    let mut v6 = vec![0x60, 0, 0, 0, 0, 0, 6, 64];
    v6.extend([0x20; 32]);
    v6.extend(&ipv4(b"abc")[20..]);
    assert_eq!(segment(&v6).payload, b"abc");
}

#[test]
fn ipv4_options_are_passed() {
    let mut bytes = ipv4(b"abc");
    bytes[0] = 0x47;
    bytes[3] += 8;
    bytes.splice(20..20, [1; 8]);
    assert_eq!(segment(&bytes).payload, b"abc");
}

#[test]
fn headers_that_cannot_be() {
    let bytes = ipv4(b"abc");
    for cut in 1..40 {
        let read = packet(&bytes[..cut], 0).and_then(|packet| transport(&packet).map(drop));
        assert_eq!(read, Err(Skip::Damaged), "cut at {cut}");
    }
    let mut short = bytes.clone();
    short[3] = 19; // total length, under that of the header
    assert_eq!(packet(&short, 0), Err(Skip::Damaged));
    let mut header = bytes.clone();
    header[0] = 0x44; // a header of 16 bytes
    assert_eq!(packet(&header, 0), Err(Skip::Damaged));
    let mut other = bytes;
    other[0] = 0x55;
    assert_eq!(packet(&other, 0), Err(Skip::NotIp));
}

#[test]
fn authentication_and_atomic_fragments_are_passed() {
    let tcp = ipv4(b"ab").split_off(20);
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, 44, 64];
    bytes.extend([0x20; 32]);
    bytes.extend([51, 0, 0, 0, 0, 0, 0, 9]); // fragment header: offset 0, no more
    bytes.extend([6, 4, 0, 0]); // 24 bytes of authentication, then TCP
    bytes.extend([7; 20]);
    bytes.extend(&tcp);
    bytes[5] = (bytes.len() - 40) as u8;
    assert_eq!(segment(&bytes).payload, b"ab");
}

#[test]
fn pieces_of_ipv6() {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 16, 44, 64];
    bytes.extend([0x20; 32]);
    bytes.extend([6, 0, 0x05, 0xa9, 0, 1, 2, 3]); // offset 1448, more
    bytes.extend([7; 8]);
    let read = packet(&bytes, 0).unwrap();
    assert_eq!((read.protocol, read.payload), (6, &[7; 8][..]));
    assert_eq!(
        read.fragment,
        Some(Fragment {
            id: 0x10203,
            offset: 1448,
            more: true
        })
    );
}

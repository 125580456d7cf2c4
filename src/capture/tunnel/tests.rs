use super::*;
use crate::capture::ip;

/// An IPv4 packet with this protocol.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![
        0x45,
        0,
        0,
        20 + payload.len() as u8,
        0,
        0,
        0,
        0,
        64,
        protocol,
    ];
    bytes.extend([0; 2]);
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(payload);
    bytes
}

fn inner_of(bytes: &[u8]) -> Result<Option<Vec<u8>>, Skip> {
    let packet = ip::packet(bytes, 0).unwrap();
    inner(&packet).map(|found| found.map(|(bytes, _)| bytes.to_vec()))
}

#[test]
fn each_tunnel() {
    let inside = ipv4(6, b"segment");
    let found = Ok(Some(inside.clone()));
    assert_eq!(inner_of(&ipv4(4, &inside)), found);
    let gre = |head: &[u8]| ipv4(47, &[head, &inside].concat());
    assert_eq!(inner_of(&gre(&[0, 0, 8, 0])), found);
    // With checksum, key and sequence number.
    let head = [0xb0, 0, 8, 0, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3];
    assert_eq!(inner_of(&gre(&head)), found);
    let mac = [[2; 12].as_slice(), &[8, 0]].concat();
    assert_eq!(
        inner_of(&gre(&[&[0, 0, 0x65, 0x58][..], &mac].concat())),
        found
    );
    // PPTP is another GRE.
    assert_eq!(inner_of(&gre(&[0, 1, 8, 0])), Err(Skip::NotIp));
    let vxlan = |port: u16, flags: u8| {
        let mut udp = [[0x12, 0x34], port.to_be_bytes(), [0, 0], [0, 0]].concat();
        udp.extend([flags, 0, 0, 0, 0, 0, 7, 0]);
        ipv4(17, &[&udp[..], &mac, &inside].concat())
    };
    assert_eq!(inner_of(&vxlan(4789, 8)), found);
    assert_eq!(inner_of(&vxlan(4790, 8)), Ok(None));
    assert_eq!(inner_of(&vxlan(4789, 9)), Ok(None));
    assert_eq!(inner_of(&inside), Ok(None));
}

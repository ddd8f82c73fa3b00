//! A network that the operator listed: `10.1.0.0/16`, `fd00::/8`.

use std::net::IpAddr;

/// All addresses that begin with these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same_beginning(own.to_bits(), other.to_bits(), u32::leading_zeros) >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same_beginning(own.to_bits(), other.to_bits(), u128::leading_zeros) >= self.bits
            }
            _ => false,
        }
    }
}

fn same_beginning<T: std::ops::BitXor<Output = T>>(one: T, other: T, leading_zeros: fn(T) -> u32) -> u32 {
    leading_zeros(one ^ other)
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let refused = || format!("{text:?} is no network; write it as 10.1.0.0/16 or fd00::/8");
        let (address, bits) = text.split_once('/').ok_or_else(refused)?;
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= most && !text.contains('+')).ok_or_else(refused)?;
        Ok(Network { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn what_is_in_and_what_is_out() {
        let cases = [
            ("10.1.0.0/16", "10.1.255.255", true),
            ("10.1.0.0/16", "::ffff:10.1.2.3", true),
            ("10.1.0.0/16", "10.2.0.0", false),
            ("10.1.0.0/16", "fd00::1", false),
            ("10.0.0.7/32", "10.0.0.7", true),
            ("10.0.0.7/32", "10.0.0.6", false),
            ("0.0.0.0/0", "192.168.0.1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
        ];
        for (network, address, inside) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network:?} {address}");
        }
        for bad in ["10.0.0.0/33", "10.0.0/8", "fd00::/129", "/8", "10.0.0.0/", "host/8", "10.0.0.0/+8", "10.0.0.0/-1"]
        {
            bad.parse::<Network>().unwrap_err();
        }
    }
}

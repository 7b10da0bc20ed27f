//! Where deliveries may go.
//!
//! Whoever submits a job chooses the address, and the function stands inside the operator's cloud, where private
//! addresses mean something: the credentials at 169.254.169.254, other people's services. So nothing is sent to an address
//! that the registries of special-purpose addresses (RFC 6890, kept by IANA) do not call globally reachable. What a name
//! means is looked up once per delivery and the very addresses that were checked are connected to, so that a name cannot
//! mean something else a moment later.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Why nothing is sent to an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no address of the web.
    #[error("the address is not a URL")]
    NoUrl,
    /// It is not `https`.
    #[error("the address does not begin with https://")]
    NotSecure,
    /// It carries a user name or a password.
    #[error("the address carries a user name or a password")]
    WithCredentials,
    /// It leads to a private, local or reserved address.
    #[error("{host} is {address}, which is not a public address")]
    NotPublic {
        /// The host.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
}

/// The URL that a delivery goes to, if it may.
///
/// # Errors
/// [`Refused`] for what can be told from the URL alone; names are checked by [`Guard`] when they are looked up.
pub fn check(text: &str, allow_loopback: bool) -> Result<Url, Refused> {
    let url = Url::parse(text).map_err(|_| Refused::NoUrl)?;
    let host = url.host_str().ok_or(Refused::NoUrl)?.to_owned();
    let is_here = allow_loopback && is_loopback_host(&host);
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        return Err(Refused::NotSecure);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::WithCredentials);
    }
    // `url` has brought every spelling of an IPv4 address (octal, one number) into the usual one.
    if let Ok(address) = bare(&host).parse::<IpAddr>()
        && !is_here
        && !is_public(address)
    {
        return Err(Refused::NotPublic { host, address });
    }
    Ok(url)
}

/// Without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host is this machine whatever a name server says.
fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the registries call an address globally reachable.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    // Only 2000::/3 is given out; in it, the protocol assignments (2001::/23, Teredo among them), documentation
    // (2001:db8::/32, 3fff::/20) and 6to4 (2002::/16), behind which lies any IPv4 address.
    let segments = address.segments();
    let given_out = segments[0] & 0xe000 == 0x2000;
    let reserved = match segments {
        [0x2001, second, ..] => second < 0x0200 || second == 0x0db8,
        [0x2002, ..] => true,
        [0x3fff, second, ..] => second < 0x1000,
        _ => false,
    };
    given_out && !reserved
}

/// Looks names up and hands out public addresses only.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Whether `localhost` is this machine or nothing at all.
    pub allow_loopback: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { allow_loopback } = *self;
        Box::pin(async move {
            let host = name.as_str();
            let addresses = if allow_loopback && host == "localhost" {
                // Not asked for: what the name means is settled (RFC 6761, §6.3).
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
            } else {
                public(host, tokio::net::lookup_host((host, 0)).await?)?
            };
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// All addresses of a host, if every one of them is public: one that is not says what the host is.
fn public(host: &str, found: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = found.collect();
    match found.iter().find(|socket| !is_public(socket.ip())) {
        None => Ok(found),
        Some(socket) => Err(io::Error::other(Refused::NotPublic {
            host: host.to_owned(),
            address: socket.ip(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_mean_something_inside_are_not_public() {
        let inside = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "5f00::1",
        ];
        for text in inside {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        let outside = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "::ffff:8.8.8.8",
        ];
        for text in outside {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_url_is_judged_by_what_it_means_and_not_by_how_it_is_spelt() {
        for good in [
            "https://example.com/hook?a=b",
            "https://example.com:8443",
            "https://8.8.8.8/",
            "https://[2a00::1]/",
        ] {
            assert!(check(good, false).is_ok(), "{good}");
        }
        let inside = [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.1.2.3:8443/x",
            "https://127.0.0.1。/",
            "https://①②⑦.0.0.1/",
        ];
        for text in inside {
            assert!(matches!(check(text, false), Err(Refused::NotPublic { .. })), "{text}");
        }
        for text in [
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://127.0.0.1/",
            "gopher://1/",
        ] {
            let refused = check(text, false);
            assert!(
                matches!(refused, Err(Refused::NotSecure | Refused::NoUrl)),
                "{text}: {refused:?}"
            );
        }
        assert_eq!(check("https://a:b@example.com/", false), Err(Refused::WithCredentials));
        assert_eq!(check("example.com", false), Err(Refused::NoUrl));
    }

    #[test]
    fn this_machine_is_reached_only_where_the_deployment_allows_it() {
        for text in [
            "http://127.0.0.1:8080/x",
            "http://localhost:8080/",
            "https://localhost/",
            "http://[::1]:1/",
        ] {
            assert!(check(text, true).is_ok(), "{text}");
        }
        for text in [
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "https://10.0.0.1/",
        ] {
            assert!(check(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_with_one_private_address_is_private() {
        let socket = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        assert!(public("a", [socket("8.8.8.8")].into_iter()).is_ok());
        let error = public("a", [socket("8.8.8.8"), socket("10.0.0.1")].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "a is 10.0.0.1, which is not a public address");
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_not_followed() {
        let guard = Guard { allow_loopback: false };
        let Err(error) = guard.resolve("localhost".parse().unwrap()).await else {
            panic!("it was followed");
        };
        assert!(error.to_string().contains("not a public address"), "{error}");
        let here = Guard { allow_loopback: true };
        let found: Vec<_> = here.resolve("localhost".parse().unwrap()).await.ok().unwrap().collect();
        assert_eq!(found, ["127.0.0.1:0".parse().unwrap()]);
    }

    proptest! {
        #[test]
        fn an_address_in_another_dress_is_the_same_address(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public_v4(address), is_public(address.to_ipv6_mapped().into()));
            if address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast() {
                prop_assert!(!is_public(address.into()));
            }
        }
    }
}

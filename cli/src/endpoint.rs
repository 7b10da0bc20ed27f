//! Where Marey is: a base address, which may have a path, to which routes are joined; and what is connected to for it.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::Error;

/// The base address of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    connect_to: Option<SocketAddr>,
}

/// What an AWS host name says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsHost {
    /// The service that requests are signed for: `execute-api` or `lambda`.
    pub service: &'static str,
    /// The region, such as `eu-west-1`.
    pub region: String,
}

impl Endpoint {
    /// Reads a base address such as `https://abc.lambda-url.eu-west-1.on.aws/` or
    /// `http://127.0.0.1:4566/_aws/execute-api/abc/$default`.
    ///
    /// # Errors
    /// [`Error::BadEndpoint`] if it is no `http` or `https` address, or has credentials, a query or a fragment.
    pub fn parse(given: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::BadEndpoint {
            given: given.to_owned(),
            why: why.to_owned(),
        };
        if !given.starts_with("http://") && !given.starts_with("https://") {
            return Err(refuse("it must begin with http:// or https://"));
        }
        let base = Url::parse(given.trim_end()).map_err(|error| refuse(&error.to_string()))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::BadEndpoint {
                given: base.host_str().unwrap_or_default().to_owned(),
                why: "credentials do not belong in an address".to_owned(),
            });
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(refuse("a query or a fragment does not belong there"));
        }
        Ok(Self { base, connect_to: None })
    }

    /// The same endpoint behind an IP address and port such as `127.0.0.1:4566`: requests still name the endpoint's host,
    /// but its name is not resolved and its port not used.
    ///
    /// # Errors
    /// [`Error::BadConnectTo`] if that is no such address, or the endpoint's host is an IP address already.
    pub fn connecting_to(self, given: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::BadConnectTo {
            given: given.to_owned(),
            why: why.to_owned(),
        };
        let address: SocketAddr = given
            .trim()
            .parse()
            .map_err(|_| refuse("it must be an IP address and a port"))?;
        if address.port() == 0 {
            return Err(refuse("there is no port 0"));
        }
        if !matches!(self.base.host(), Some(Host::Domain(_))) {
            return Err(refuse(
                "the endpoint's host is an IP address already, with no name to resolve",
            ));
        }
        Ok(Self {
            connect_to: Some(address),
            ..self
        })
    }

    /// The host's name, and the address that is connected to in its place.
    pub(crate) fn detour(&self) -> Option<(&str, SocketAddr)> {
        self.base.host_str().zip(self.connect_to)
    }

    /// The address of a route: the segments behind the base path, and a query.
    pub fn route(&self, segments: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        // Only addresses without a host have no segments, and `parse` takes none of these.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Host and port, for people; and what is connected to instead.
    pub fn host(&self) -> String {
        let host = host_of(&self.base);
        match self.connect_to {
            Some(address) => format!("{host} at {address}"),
            None => host,
        }
    }

    /// Whether what is sent can be read on the way.
    pub fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether it is this machine that is connected to.
    pub fn is_loopback(&self) -> bool {
        match self.connect_to {
            Some(address) => address.ip().is_loopback(),
            None => self.names_loopback(),
        }
    }

    /// Whether it is this machine by its name, whatever is connected to.
    pub(crate) fn names_loopback(&self) -> bool {
        match self.base.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    /// Whether the host belongs to AWS, so that its routes are closed to unsigned requests.
    pub fn is_aws(&self) -> bool {
        self.base.host_str().is_some_and(|host| {
            [".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".api.aws"]
                .iter()
                .any(|end| host.ends_with(end))
        })
    }

    /// Service and region, if the host name tells them: `<id>.execute-api.<region>.…` or `<id>.lambda-url.<region>.on.aws`.
    pub fn aws_host(&self) -> Option<AwsHost> {
        let labels: Vec<&str> = self.base.host_str().filter(|_| self.is_aws())?.split('.').collect();
        labels.windows(2).find_map(|pair| {
            let service = match pair[0] {
                "execute-api" => "execute-api",
                "lambda-url" => "lambda",
                _ => return None,
            };
            Some(AwsHost {
                service,
                region: pair[1].to_owned(),
            })
        })
    }
}

/// Host and port of an address, for people.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the server");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(base: &str, segments: &[&str]) -> String {
        Endpoint::parse(base).unwrap().route(segments, &[]).to_string()
    }

    #[test]
    fn routes_follow_the_base_path_with_and_without_a_slash() {
        assert_eq!(route("http://127.0.0.1:4566", &["jobs"]), "http://127.0.0.1:4566/jobs");
        assert_eq!(
            route("https://abc.lambda-url.eu-west-1.on.aws/", &["jobs", "1"]),
            "https://abc.lambda-url.eu-west-1.on.aws/jobs/1"
        );
        let local = "http://127.0.0.1:4566/_aws/execute-api/abc/$default";
        assert_eq!(
            route(local, &["jobs", "1", "results"]),
            format!("{local}/jobs/1/results")
        );
        assert_eq!(route(&format!("{local}/"), &["health"]), format!("{local}/health"));
    }

    #[test]
    fn a_query_is_encoded() {
        let url = Endpoint::parse("http://localhost:1")
            .unwrap()
            .route(&["jobs"], &[("cursor", "a b&c=/+".to_owned())]);
        assert_eq!(url.as_str(), "http://localhost:1/jobs?cursor=a+b%26c%3D%2F%2B");
    }

    #[test]
    fn what_is_no_base_address_is_refused() {
        for given in [
            "",
            "127.0.0.1:4566",
            "localhost:4566",
            "ftp://a",
            "http://",
            "http://a/?x=1",
            "http://a/#x",
            "https://me:pw@a/",
        ] {
            let error = Endpoint::parse(given).unwrap_err();
            assert_eq!(error.code(), "BAD_ENDPOINT", "{given}");
            assert!(!error.to_string().contains("pw"), "a password must not be shown");
        }
    }

    #[test]
    fn aws_hosts_tell_service_and_region() {
        let aws = |base: &str| {
            Endpoint::parse(base)
                .unwrap()
                .aws_host()
                .map(|host| (host.service, host.region))
        };
        assert_eq!(
            aws("https://abc.execute-api.eu-west-1.amazonaws.com"),
            Some(("execute-api", "eu-west-1".to_owned()))
        );
        assert_eq!(
            aws("https://abc.execute-api.cn-north-1.amazonaws.com.cn/x"),
            Some(("execute-api", "cn-north-1".to_owned()))
        );
        assert_eq!(
            aws("https://abc.lambda-url.us-east-2.on.aws/"),
            Some(("lambda", "us-east-2".to_owned()))
        );
        assert_eq!(aws("http://abc.execute-api.localhost:4566"), None);
        assert_eq!(aws("https://execute-api.eu-west-1.example.com"), None);
    }

    #[test]
    fn loopback_is_this_machine_only() {
        let loopback = |base: &str| Endpoint::parse(base).unwrap().is_loopback();
        assert!(
            loopback("http://127.0.0.1:1")
                && loopback("http://[::1]:1")
                && loopback("http://abc.execute-api.localhost:1")
        );
        assert!(!loopback("http://10.0.0.1") && !loopback("http://localhost.example.com"));
        let behind = |base: &str, address: &str| Endpoint::parse(base).unwrap().connecting_to(address).unwrap();
        assert!(behind("http://marey.example.com", "[::1]:80").is_loopback());
        assert!(
            !behind("http://abc.localhost:4566", "10.0.0.1:4566").is_loopback(),
            "what counts is where requests go"
        );
    }

    #[test]
    fn only_a_name_is_connected_to_elsewhere_and_only_at_an_address() {
        let endpoint = |base: &str| Endpoint::parse(base).unwrap();
        let behind = endpoint("http://abc.localhost:4566/x")
            .connecting_to(" 127.0.0.1:80 ")
            .unwrap();
        assert_eq!(behind.host(), "abc.localhost:4566 at 127.0.0.1:80");
        assert_eq!(
            behind.route(&["jobs"], &[]).as_str(),
            "http://abc.localhost:4566/x/jobs"
        );
        for address in [
            "",
            "127.0.0.1",
            "localhost:4566",
            "http://127.0.0.1:4566",
            "127.0.0.1:0",
            "::1:80",
        ] {
            let error = endpoint("http://abc.localhost").connecting_to(address).unwrap_err();
            assert_eq!(error.code(), "BAD_CONNECT_TO", "{address}");
        }
        for base in ["http://127.0.0.1:4566", "http://[::1]"] {
            let error = endpoint(base).connecting_to("127.0.0.1:80").unwrap_err();
            assert_eq!(error.code(), "BAD_CONNECT_TO", "{base}");
        }
    }
}

//! Who may see the page.
//!
//! On the loopback interface everybody on this host, but no page of somebody else's in
//! a browser: its name would be in `Host` (DNS rebinding). Elsewhere only who knows
//! the token; a browser shows it once and gets a cookie, since it cannot add headers.

use std::io;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use url::{Host, Url, form_urlencoded};

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer it.
    Pass,
    /// It has shown the token: give it this cookie, and have it come again without.
    Cookie(String),
    /// It has to show the token.
    Token,
    /// It was meant for a host of another name.
    OtherHost,
}

/// Decides.
pub(super) struct Guard {
    /// Nobody reaches it but this host.
    local: bool,
    token: Option<String>,
    /// Cookies do not know ports: the name does, so that two runs do not fight.
    cookie: String,
    /// What the cookie holds, and not the token: other servers of this host get it too.
    session: String,
}

impl Guard {
    /// For a page at that address.
    pub(super) fn new(address: SocketAddr, token: Option<&str>) -> io::Result<Self> {
        let mut random = [0; 32];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| io::Error::other("no random numbers to be had"))?;
        Ok(Self {
            local: address.ip().to_canonical().is_loopback(),
            token: token.map(str::to_owned),
            cookie: format!("wsgiprobe_{}", address.port()),
            session: URL_SAFE_NO_PAD.encode(random),
        })
    }

    /// What to do with a request of this head.
    pub(super) fn judge(&self, uri: &Uri, headers: &HeaderMap) -> Verdict {
        if self.local && !named_locally(headers) {
            return Verdict::OtherHost;
        }
        let Some(token) = &self.token else {
            return Verdict::Pass;
        };
        if bearer(headers).is_some_and(|given| same(given, token))
            || self
                .cookies(headers)
                .any(|given| same(given, &self.session))
        {
            return Verdict::Pass;
        }
        let query = uri.query().unwrap_or_default();
        let mut given = form_urlencoded::parse(query.as_bytes());
        if given.any(|(key, value)| key == "token" && same(&value, token)) {
            let (name, session) = (&self.cookie, &self.session);
            return Verdict::Cookie(format!(
                "{name}={session}; Path=/; HttpOnly; SameSite=Strict"
            ));
        }
        Verdict::Token
    }

    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let lines = headers.get_all(COOKIE).into_iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        pairs.filter_map(|pair| pair.trim().strip_prefix(&self.cookie)?.strip_prefix('='))
    }
}

/// It never shows what it keeps.
impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard(..)")
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// In a time that tells no more than the length.
fn same(given: &str, wanted: &str) -> bool {
    given.as_bytes().ct_eq(wanted.as_bytes()).into()
}

/// Whether `Host` is a name of this host that no one else can have: a loopback
/// address, or `localhost`. The port may be another, that of a tunnel.
fn named_locally(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let Ok(url) = Url::parse(&format!("http://{host}/")) else {
        return false;
    };
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" {
        return false;
    }
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn guard(address: &str, token: Option<&str>) -> Guard {
        Guard::new(address.parse().unwrap(), token).unwrap()
    }

    fn judge(guard: &Guard, uri: &str, headers: &[(HeaderName, &str)]) -> Verdict {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        guard.judge(&uri.parse().unwrap(), &headers.collect())
    }

    #[test]
    fn on_loopback_only_local_names_are_answered() {
        let guard = guard("127.0.0.1:8300", None);
        for host in [
            "127.0.0.1:8300",
            "localhost",
            "LOCALHOST:9000",
            "[::1]:8300",
            "127.9.9.9",
            "a.localhost:8300",
        ] {
            assert_eq!(judge(&guard, "/", &[(HOST, host)]), Verdict::Pass, "{host}");
        }
        for host in [
            "evil.example:8300",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "evil.example/localhost",
            "10.0.0.1",
            "",
        ] {
            let verdict = judge(&guard, "/", &[(HOST, host)]);
            assert_eq!(verdict, Verdict::OtherHost, "{host}");
        }
        assert_eq!(judge(&guard, "/", &[]), Verdict::OtherHost);
        let twice = [(HOST, "localhost"), (HOST, "evil.example")];
        let mut headers = HeaderMap::new();
        for (name, value) in twice {
            headers.append(name, value.parse().unwrap());
        }
        assert_eq!(
            guard.judge(&"/".parse().unwrap(), &headers),
            Verdict::OtherHost
        );
    }

    #[test]
    fn elsewhere_the_token_is_asked_for() {
        let guard = guard("0.0.0.0:8300", Some(TOKEN));
        let host = (HOST, "probe.example:8300");
        let with =
            |name: HeaderName, value: &str| judge(&guard, "/", &[host.clone(), (name, value)]);
        assert_eq!(
            judge(&guard, "/", std::slice::from_ref(&host)),
            Verdict::Token
        );
        assert_eq!(
            with(AUTHORIZATION, &format!("Bearer {TOKEN}")),
            Verdict::Pass
        );
        assert_eq!(
            with(AUTHORIZATION, &format!("bearer {TOKEN}")),
            Verdict::Pass
        );
        for wrong in [
            "Bearer",
            "Bearer x",
            &format!("Basic {TOKEN}"),
            &format!("Bearer {TOKEN}0"),
        ] {
            assert_eq!(with(AUTHORIZATION, wrong), Verdict::Token, "{wrong}");
        }
    }

    #[test]
    fn a_token_in_the_address_becomes_a_cookie() {
        let guard = guard("127.0.0.1:8300", Some(TOKEN));
        let host = (HOST, "localhost:8300");
        let uri = format!("/?x=1&token={TOKEN}");
        let Verdict::Cookie(cookie) = judge(&guard, &uri, std::slice::from_ref(&host)) else {
            panic!("no cookie");
        };
        assert!(!cookie.contains(TOKEN));
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().unwrap();
        let both = format!("other=1; {pair}");
        let with = |cookies: &str| judge(&guard, "/", &[host.clone(), (COOKIE, cookies)]);
        assert_eq!(with(&both), Verdict::Pass);
        assert_eq!(with("wsgiprobe_8300=0"), Verdict::Token);
        assert_eq!(
            with(&format!("wsgiprobe_8301={}", &pair[15..])),
            Verdict::Token
        );
        assert_eq!(judge(&guard, "/?token=no", &[host]), Verdict::Token);
        assert_eq!(format!("{guard:?}"), "Guard(..)");
    }
}

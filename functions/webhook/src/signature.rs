//! The signature of a delivery.
//!
//! The scheme is Stripe's ("Webhook signatures", docs.stripe.com/webhooks/signature), because receivers' libraries know
//! it: the header says `t=<unix seconds>,v1=<hex>`, where the hexadecimal is HMAC-SHA256 (RFC 2104) of
//! `<unix seconds>.<body>`. The time is signed so that an old delivery cannot be played again, and while a secret is being
//! replaced there are two `v1`, of which one has to fit.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The shortest secret that is taken, in bytes.
const SHORTEST: usize = 16;

/// The secrets that sign: one, or two while one replaces the other.
#[derive(Clone)]
pub struct Secrets(Vec<String>);

/// Not shown: a log must not hold a secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// A setting without a usable secret. It does not repeat the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable MAREY_WEBHOOK_SECRET must hold a secret of at least {SHORTEST} bytes, or two with a comma between them"
)]
pub struct BadSecret;

impl Secrets {
    /// Reads the setting: a secret, or two with a comma between them.
    ///
    /// # Errors
    /// There is none, there are more than two, or one is too short.
    pub fn from_setting(text: &str) -> Result<Self, BadSecret> {
        let secrets: Vec<_> = text.split(',').map(|secret| secret.trim().to_owned()).collect();
        if secrets.len() > 2 || secrets.iter().any(|secret| secret.len() < SHORTEST) {
            return Err(BadSecret);
        }
        Ok(Self(secrets))
    }

    /// The value of the header `Marey-Signature` for a body that is sent at a time.
    pub fn sign(&self, unix_s: i64, body: &str) -> String {
        let signed = |secret: &String| format!(",v1={}", hmac_sha256(secret, &format!("{unix_s}.{body}")));
        let signatures: String = self.0.iter().map(signed).collect();
        format!("t={unix_s}{signatures}")
    }
}

/// HMAC-SHA256, lower-case hexadecimal.
fn hmac_sha256(secret: &str, text: &str) -> String {
    let keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    // A key of any length is one: longer than a block it is hashed, shorter it is filled up.
    let Ok(mut mac) = keyed else { return String::new() };
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_rfc() {
        // RFC 4231, test case 2.
        let code = hmac_sha256("Jefe", "what do ya want for nothing?");
        assert_eq!(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn time_body_and_secret_all_count() {
        let secrets = |text: &str| Secrets::from_setting(text).unwrap();
        let base = secrets("0123456789abcdef").sign(1_700_000_000, "{}");
        assert!(base.starts_with("t=1700000000,v1="));
        assert_eq!(base.len(), "t=1700000000,v1=".len() + 64);
        assert_ne!(base, secrets("0123456789abcdef").sign(1_700_000_001, "{}"));
        assert_ne!(base, secrets("0123456789abcdef").sign(1_700_000_000, "[]"));
        assert_ne!(base, secrets("0123456789abcdeg").sign(1_700_000_000, "{}"));
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let old = Secrets::from_setting("0123456789abcdef").unwrap().sign(1, "x");
        let new = Secrets::from_setting("fedcba9876543210").unwrap().sign(1, "x");
        let both = Secrets::from_setting("fedcba9876543210, 0123456789abcdef").unwrap();
        assert_eq!(both.sign(1, "x"), format!("{new},{}", old.trim_start_matches("t=1,")));
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_never_shown() {
        for text in [
            "",
            "short",
            ",",
            "0123456789abcdef,",
            "0123456789abcdef,0123456789abcdef,0123456789abcdef",
        ] {
            assert_eq!(Secrets::from_setting(text).map(drop), Err(BadSecret), "{text}");
        }
        let secrets = Secrets::from_setting("0123456789abcdef").unwrap();
        assert!(!format!("{secrets:?}").contains("0123"));
    }
}

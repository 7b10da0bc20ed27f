//! Who asks, and what they may do.
//!
//! Three ways lead in. `open` is for one's own machine: everybody may do everything. `iam` trusts the identity that AWS has
//! checked before the function ran; administrators are those whose ARN matches a pattern. `keys` asks for one of Marey's own
//! keys. A key is taken in every mode, and then counts alone: who shows a key has that key's rights and no others.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use lambda_http::request::RequestContext;
use marey_cloud::{
    settings::SettingsError,
    store::{KeepKeys, KeyScope, hash_of},
};
use marey_engine::upload::DEFAULT_OWNER;

use crate::{Api, Ports, answer::Refusal};

/// Who is let in without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody.
    Open,
    /// Whom IAM has authorised.
    Iam,
    /// Nobody.
    Keys,
}

/// The deployment's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who is let in without a key.
    pub mode: Mode,
    /// SHA-256 of the first administrator's key, with which other keys are made.
    pub admin_key: Option<String>,
    /// Patterns of ARNs of administrators; `*` stands for anything.
    pub admin_principals: Vec<String>,
}

impl Access {
    /// Reads `MAREY_ACCESS` (`iam` if it is not set), `MAREY_ADMIN_KEY_SHA256` and `MAREY_ADMIN_PRINCIPALS`.
    ///
    /// # Errors
    /// One of them is malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |name: &str| {
            lookup(name)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let wrong = |name: &str, problem: String| SettingsError {
            name: name.to_owned(),
            problem,
        };
        let mode = match optional("MAREY_ACCESS").as_deref() {
            None | Some("iam") => Mode::Iam,
            Some("open") => Mode::Open,
            Some("keys") => Mode::Keys,
            Some(other) => return Err(wrong("MAREY_ACCESS", format!("is {other:?}, not open, iam or keys"))),
        };
        let admin_key = optional("MAREY_ADMIN_KEY_SHA256").map(|hash| hash.to_lowercase());
        if admin_key
            .as_ref()
            .is_some_and(|hash| hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(wrong(
                "MAREY_ADMIN_KEY_SHA256",
                "is not 64 hexadecimal digits".to_owned(),
            ));
        }
        let principals = optional("MAREY_ADMIN_PRINCIPALS").unwrap_or_default();
        let admin_principals = principals.split(',').map(|one| one.trim().to_owned());
        Ok(Self {
            mode,
            admin_key,
            admin_principals: admin_principals.filter(|one| !one.is_empty()).collect(),
        })
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Whose jobs are meant where nobody else is named.
    pub(crate) owner: String,
    /// What the caller may do.
    pub(crate) scopes: BTreeSet<KeyScope>,
    /// Whether other owners' jobs exist for the caller.
    pub(crate) sees_all: bool,
    /// Who it is, for the record of what operators decide.
    pub(crate) name: String,
}

impl Caller {
    fn all_powerful(name: &str) -> Self {
        Self {
            owner: DEFAULT_OWNER.to_owned(),
            scopes: BTreeSet::from([KeyScope::Read, KeyScope::Write, KeyScope::Admin]),
            sees_all: true,
            name: name.to_owned(),
        }
    }

    /// Whether what this owner has exists for the caller.
    pub(crate) fn sees(&self, owner: &str) -> bool {
        self.sees_all || self.owner == owner
    }

    /// Whether the caller may see what developers are told.
    pub(crate) fn is_admin(&self) -> bool {
        self.scopes.contains(&KeyScope::Admin)
    }

    fn demand(self, scope: KeyScope) -> Result<Self, Refusal> {
        if self.scopes.contains(&scope) {
            return Ok(self);
        }
        let (what, hint) = match scope {
            KeyScope::Read => ("look at jobs", "Use a key with the scope read."),
            KeyScope::Write => ("change jobs", "Use a key with the scope write."),
            KeyScope::Admin => (
                "run the system",
                "Use a key with the scope admin, or an identity that MAREY_ADMIN_PRINCIPALS names.",
            ),
        };
        let message = format!("This caller may not {what}.");
        Err(Refusal::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", message, hint))
    }
}

/// Finds out who asks, before any route is run.
pub(crate) async fn authorise<P: Ports>(State(api): State<Arc<Api<P>>>, mut request: Request, next: Next) -> Response {
    let key = key_of(request.headers());
    let arn = arn_of(request.extensions().get::<RequestContext>());
    match caller(&api, key, arn).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The key of a request: where requests are signed, `Authorization` carries the signature.
fn key_of(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key)
    });
    text("x-marey-key").or(bearer).map(|key| key.trim().to_owned())
}

fn arn_of(context: Option<&RequestContext>) -> Option<String> {
    match context? {
        RequestContext::ApiGatewayV2(context) => context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone(),
        _ => None,
    }
}

async fn caller<P: Ports>(api: &Api<P>, key: Option<String>, arn: Option<String>) -> Result<Caller, Refusal> {
    if let Some(key) = key {
        return holder_of(api, &key).await;
    }
    match (api.access.mode, arn) {
        (Mode::Open, _) => Ok(Caller::all_powerful(DEFAULT_OWNER)),
        (Mode::Iam, Some(arn)) => {
            let is_admin = api.access.admin_principals.iter().any(|pattern| matches(pattern, &arn));
            let mut caller = Caller::all_powerful(&arn);
            if !is_admin {
                caller.scopes.remove(&KeyScope::Admin);
            }
            Ok(caller)
        }
        (Mode::Iam, None) => Err(refused(
            "IDENTITY_MISSING",
            "The request carries no identity.",
            "Sign it with AWS credentials, or send a key as X-Marey-Key.",
        )),
        (Mode::Keys, _) => Err(refused(
            "KEY_MISSING",
            "The request carries no key.",
            "Send a key as `Authorization: Bearer marey_…`; an administrator makes one.",
        )),
    }
}

async fn holder_of<P: Ports>(api: &Api<P>, key: &str) -> Result<Caller, Refusal> {
    let hash = hash_of(key);
    if api.access.admin_key.as_ref().is_some_and(|admin| is_same(admin, &hash)) {
        return Ok(Caller::all_powerful("the first administrator"));
    }
    let row = api.conductor.store.key(&hash).await?;
    match row.map(|row| row.value) {
        Some(key) if key.revoked_at.is_none() && is_same(&key.hash, &hash) => Ok(Caller {
            name: format!("key {}", key.id()),
            sees_all: key.scopes.contains(&KeyScope::Admin),
            owner: key.owner,
            scopes: key.scopes,
        }),
        // Whether there was such a key once is nobody's business.
        _ => Err(refused(
            "KEY_INVALID",
            "The key does not work.",
            "Ask an administrator for another.",
        )),
    }
}

fn refused(code: &str, message: &str, hint: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, code, message, hint)
}

/// Compares without telling by its time where two texts differ.
fn is_same(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0, |found, (a, b)| found | (a ^ b));
    a.len() == b.len() && differences == 0
}

/// Whether a text is what a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|at| matches(after, &rest[at..]))
}

/// A caller who may look at jobs.
pub(crate) struct Reader(pub(crate) Caller);

/// A caller who may change jobs.
pub(crate) struct Writer(pub(crate) Caller);

/// A caller who may run the system.
pub(crate) struct Admin(pub(crate) Caller);

fn known(parts: &Parts) -> Result<Caller, Refusal> {
    // A route without `authorise` would be a fault of this crate: it stays shut.
    let missing = || refused("IDENTITY_MISSING", "The request carries no identity.", "Report this.");
    parts.extensions.get::<Caller>().cloned().ok_or_else(missing)
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        known(parts)?.demand(KeyScope::Read).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Writer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        known(parts)?.demand(KeyScope::Write).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        known(parts)?.demand(KeyScope::Admin).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_arns_only() {
        let arn = "arn:aws:sts::123456789012:assumed-role/Admin/ann";
        assert!(matches("arn:aws:sts::123456789012:assumed-role/Admin/*", arn));
        assert!(matches("*", arn) && matches("arn:*:assumed-role/*/ann", arn) && matches(arn, arn));
        for other in [
            "",
            "arn:*:role/Admin",
            "arn:aws:sts::123456789012:assumed-role/Admin",
            "*bob",
        ] {
            assert!(!matches(other, arn), "{other}");
        }
    }

    #[test]
    fn only_equal_texts_are_the_same() {
        assert!(is_same("ab", "ab"));
        assert!(!is_same("ab", "ac") && !is_same("ab", "abc") && !is_same("", "a"));
    }

    #[test]
    fn rules_that_make_no_sense_fail_the_start() {
        let read = |name: &'static str, value: &'static str| {
            Access::from_lookup(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(read("", "").unwrap().mode, Mode::Iam, "closed unless somebody opens it");
        assert_eq!(read("MAREY_ACCESS", "open").unwrap().mode, Mode::Open);
        assert!(read("MAREY_ACCESS", "all").is_err());
        assert!(read("MAREY_ADMIN_KEY_SHA256", "abc").is_err());
        assert_eq!(
            read("MAREY_ADMIN_PRINCIPALS", "a, b,").unwrap().admin_principals,
            ["a", "b"]
        );
    }

    #[test]
    fn a_key_is_found_in_either_header() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(name),
                axum::http::HeaderValue::from_static(value),
            )])
        };
        assert_eq!(
            key_of(&headers("authorization", "Bearer marey_1")).as_deref(),
            Some("marey_1")
        );
        assert_eq!(key_of(&headers("x-marey-key", "marey_2")).as_deref(), Some("marey_2"));
        assert_eq!(key_of(&headers("authorization", "AWS4-HMAC-SHA256 Credential=x")), None);
    }
}

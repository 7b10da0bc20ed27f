//! Keys of the API.

use std::collections::BTreeSet;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use marey_cloud::{
    CloudError, Time,
    store::{ApiKey, KeepKeys, KeyScope, hash_of},
};
use marey_contract::{self as say, ErrorAnswer, KeyDetail, KeyList, KeyRequest, NewKey};

use super::{Answer, Shared};
use crate::{
    Api, Ports,
    access::{Admin, Caller},
    answer::{Refusal, parse},
};

/// What every key begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "marey_";

/// Longest note in bytes.
const LONGEST_NOTE: usize = 500;

/// Makes a key; the secret is shown once; for administrators
#[utoipa::path(post, path = "/keys", request_body = KeyRequest, responses((status = 201, body = NewKey),
    (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer)))]
pub(crate) async fn make<P: Ports>(
    State(api): Shared<P>,
    Admin(caller): Admin,
    body: Bytes,
) -> Result<(StatusCode, Json<NewKey>), Refusal> {
    let request: KeyRequest = parse(&body, "{\"owner\": \"lab\", \"scopes\": [\"read\"]}")?;
    check(&request)?;
    let mut scopes: BTreeSet<_> = request.scopes.iter().copied().map(scope).collect();
    if scopes.is_empty() {
        scopes.extend([KeyScope::Read, KeyScope::Write]);
    }
    if scopes.contains(&KeyScope::Admin) {
        scopes.extend([KeyScope::Read, KeyScope::Write]);
    }
    // Two random UUIDs: 244 bits that nobody can guess.
    let secret = format!(
        "{PREFIX}{:032x}{:032x}",
        api.conductor.time.random(),
        api.conductor.time.random()
    );
    let key = ApiKey {
        hash: hash_of(&secret),
        owner: request.owner,
        scopes,
        created_at: api.now(),
        note: request.note,
        revoked_at: None,
    };
    let row = api.conductor.store.put_key(&key, None).await?;
    tracing::warn!(key = key.id(), owner = key.owner, by = caller.name, "key made");
    let answer = NewKey {
        key: secret,
        detail: detail(&row.value),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn check(request: &KeyRequest) -> Result<(), Refusal> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let owner = &request.owner;
    // An owner is a part of keys and paths.
    if owner.is_empty() || owner.len() > 40 || !owner.chars().all(inner) {
        let hint = "Give 1 to 40 lower-case letters, digits and hyphens.";
        return Err(Refusal::bad_request(format!("{owner:?} cannot be an owner."), hint));
    }
    if request.note.as_ref().is_some_and(|note| note.len() > LONGEST_NOTE) {
        return Err(Refusal::bad_request(
            "The note is too long.",
            format!("Give at most {LONGEST_NOTE} bytes."),
        ));
    }
    Ok(())
}

fn scope(scope: say::KeyScope) -> KeyScope {
    match scope {
        say::KeyScope::Read => KeyScope::Read,
        say::KeyScope::Write => KeyScope::Write,
        say::KeyScope::Admin => KeyScope::Admin,
    }
}

fn detail(key: &ApiKey) -> KeyDetail {
    let scopes = key.scopes.iter().map(|scope| match scope {
        KeyScope::Read => say::KeyScope::Read,
        KeyScope::Write => say::KeyScope::Write,
        KeyScope::Admin => say::KeyScope::Admin,
    });
    KeyDetail {
        id: key.id().to_owned(),
        owner: key.owner.clone(),
        scopes: scopes.collect(),
        created_at: key.created_at.to_string(),
        note: key.note.clone(),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
    }
}

/// Lists the keys, without their secrets; for administrators
#[utoipa::path(get, path = "/keys", responses((status = 200, body = KeyList), (status = 403, body = ErrorAnswer)))]
pub(crate) async fn list<P: Ports>(State(api): Shared<P>, Admin(_): Admin) -> Answer<KeyList> {
    let keys = api.conductor.store.keys().await?;
    Ok(Json(KeyList {
        keys: keys.iter().map(detail).collect(),
    }))
}

/// Revokes a key; it works no more from the moment of the answer; for administrators
#[utoipa::path(delete, path = "/keys/{id}", params(("id" = String, Path, description = "the key's id")),
    responses((status = 200, body = KeyDetail), (status = 403, body = ErrorAnswer), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn revoke<P: Ports>(
    State(api): Shared<P>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Answer<KeyDetail> {
    revoke_key(&api, &caller, &id).await.map(Json)
}

async fn revoke_key<P: Ports>(api: &Api<P>, caller: &Caller, id: &str) -> Result<KeyDetail, Refusal> {
    let missing = || {
        Refusal::not_found(
            "KEY_NOT_FOUND",
            format!("There is no key {id}."),
            "GET /keys lists them.",
        )
    };
    let keys = api.conductor.store.keys().await?;
    let hash = keys.into_iter().find(|key| key.id() == id).ok_or_else(missing)?.hash;
    loop {
        let row = api.conductor.store.key(&hash).await?.ok_or_else(missing)?;
        if row.value.revoked_at.is_some() {
            return Ok(detail(&row.value));
        }
        let revoked = ApiKey {
            revoked_at: Some(api.now()),
            ..row.value
        };
        match api.conductor.store.put_key(&revoked, Some(row.version)).await {
            Ok(row) => {
                tracing::warn!(key = id, by = caller.name, "key revoked");
                return Ok(detail(&row.value));
            }
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

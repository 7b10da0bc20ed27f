//! Who may do what.

use marey_cloud::store::hash_of;

use super::*;

/// Makes a key by way of the API.
pub(super) async fn key(memory: &Memory, owner: &str, scopes: &[&str]) -> String {
    let body = json!({"owner": owner, "scopes": scopes, "note": "test"});
    let (status, made) = ask(memory, "POST", "/keys", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["key"].as_str().unwrap().to_owned()
}

fn keys_only() -> Access {
    Access {
        mode: Mode::Keys,
        admin_key: Some(hash_of("marey_first")),
        admin_principals: vec![],
    }
}

async fn code(memory: &Memory, access: Access, key: Option<&str>, method: &str, path: &str) -> (StatusCode, Value) {
    let (status, answer) = ask_as(memory, access, key, method, path, None).await;
    (status, answer["error"]["code"].clone())
}

#[tokio::test]
async fn without_a_key_nothing_but_health_is_answered() {
    let memory = Memory::default();
    for path in ["/jobs", "/workflows", "/system", "/batches", "/keys"] {
        let (status, told) = code(&memory, keys_only(), None, "GET", path).await;
        assert_eq!(
            (status, told),
            (StatusCode::UNAUTHORIZED, json!("KEY_MISSING")),
            "{path}"
        );
        let (status, told) = code(&memory, keys_only(), Some("marey_guess"), "GET", path).await;
        assert_eq!(
            (status, told),
            (StatusCode::UNAUTHORIZED, json!("KEY_INVALID")),
            "{path}"
        );
    }
    assert_eq!(
        code(&memory, keys_only(), None, "GET", "/health").await.0,
        StatusCode::OK
    );
    let iam = Access {
        mode: Mode::Iam,
        ..keys_only()
    };
    let (status, told) = code(&memory, iam, None, "GET", "/jobs").await;
    assert_eq!((status, told), (StatusCode::UNAUTHORIZED, json!("IDENTITY_MISSING")));
}

#[tokio::test]
async fn a_key_allows_what_its_scopes_say() {
    let memory = Memory::default();
    let reader = key(&memory, "lab", &["read"]).await;
    let (status, _) = code(&memory, keys_only(), Some(&reader), "GET", "/jobs").await;
    assert_eq!(status, StatusCode::OK);
    for (method, path) in [
        ("POST", "/videos"),
        ("POST", "/batches"),
        ("GET", "/system"),
        ("POST", "/system/pause"),
        ("POST", "/system/resume"),
        ("POST", "/system/drain"),
        ("DELETE", "/system/drain"),
        ("POST", "/system/concurrency"),
        ("POST", "/system/purge"),
        ("POST", "/queues/pose/redrive"),
        ("POST", "/keys"),
        ("GET", "/keys"),
        ("DELETE", "/keys/1"),
    ] {
        let (status, told) = code(&memory, keys_only(), Some(&reader), method, path).await;
        assert_eq!(
            (status, told),
            (StatusCode::FORBIDDEN, json!("SCOPE_MISSING")),
            "{method} {path}"
        );
    }
    let writer = key(&memory, "lab", &[]).await;
    let body = Some(json!({"name": "a.mp4"}));
    let (status, ticket) = ask_as(&memory, keys_only(), Some(&writer), "POST", "/videos", body).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(
        ticket["fields"]["key"]
            .as_str()
            .unwrap()
            .starts_with("uploads/lab/motion/")
    );
    assert_eq!(
        code(&memory, keys_only(), Some(&writer), "GET", "/system").await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn what_is_another_owners_does_not_exist() {
    let memory = Memory::default();
    let theirs = job_of(&memory, "a.mp4", "ann").await;
    let (_, batch) = ask(
        &memory,
        "POST",
        "/batches",
        Some(json!({"name": "b", "items": [{"name": "a.mp4"}]})),
    )
    .await;
    let stranger = key(&memory, "bob", &["read", "write"]).await;
    let id = theirs.id;
    let batch = batch["id"].as_str().unwrap();
    for (method, path, told) in [
        ("GET", format!("/jobs/{id}"), "JOB_NOT_FOUND"),
        ("GET", format!("/jobs/{id}/results"), "JOB_NOT_FOUND"),
        ("POST", format!("/jobs/{id}/cancel"), "JOB_NOT_FOUND"),
        ("POST", format!("/jobs/{id}/retry"), "JOB_NOT_FOUND"),
        ("POST", format!("/jobs/{id}/reprocess"), "JOB_NOT_FOUND"),
        ("GET", format!("/batches/{batch}"), "BATCH_NOT_FOUND"),
        ("GET", format!("/batches/{batch}/tickets"), "BATCH_NOT_FOUND"),
        ("POST", format!("/batches/{batch}/cancel"), "BATCH_NOT_FOUND"),
        ("POST", format!("/batches/{batch}/retry"), "BATCH_NOT_FOUND"),
    ] {
        let (status, found) = code(&memory, open(), Some(&stranger), method, &path).await;
        assert_eq!((status, found), (StatusCode::NOT_FOUND, json!(told)), "{method} {path}");
    }
    let (_, list) = ask_as(&memory, open(), Some(&stranger), "GET", "/jobs?owner=ann", None).await;
    assert_eq!(list["jobs"], json!([]));
    let body = Some(json!({"name": "a.mp4", "batch": batch}));
    let (status, _) = ask_as(&memory, open(), Some(&stranger), "POST", "/videos", body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!memory.job(id).await.unwrap().unwrap().value.has_ended());
    let owner = key(&memory, "ann", &["read"]).await;
    let (status, _) = ask_as(&memory, open(), Some(&owner), "GET", &format!("/jobs/{id}"), None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = ask_as(
        &memory,
        keys_only(),
        Some("marey_first"),
        "GET",
        &format!("/jobs/{id}"),
        None,
    )
    .await;
    assert_eq!(status, StatusCode::OK, "an administrator sees everything");
}

#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_revoked() {
    let memory = Memory::default();
    let secret = key(&memory, "lab", &["read"]).await;
    assert_eq!(secret.len(), 70);
    let (_, list) = ask_as(&memory, keys_only(), Some("marey_first"), "GET", "/keys", None).await;
    assert!(!list.to_string().contains(&secret));
    let id = list["keys"][0]["id"].as_str().unwrap();
    let path = format!("/keys/{id}");
    for _ in 0..2 {
        let (status, revoked) = ask_as(&memory, keys_only(), Some("marey_first"), "DELETE", &path, None).await;
        assert_eq!((status, revoked["revoked_at"].is_string()), (StatusCode::OK, true));
    }
    let (status, told) = code(&memory, open(), Some(&secret), "GET", "/jobs").await;
    assert_eq!(
        (status, told),
        (StatusCode::UNAUTHORIZED, json!("KEY_INVALID")),
        "not even where all is open"
    );
    let (status, _) = code(&memory, open(), None, "DELETE", "/keys/0000").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for owner in ["", "A", "a/b", &"x".repeat(41)] {
        let (status, _) = ask(&memory, "POST", "/keys", Some(json!({"owner": owner}))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{owner}");
    }
}

#[tokio::test]
async fn iam_callers_read_and_write_and_some_run_the_system() {
    let memory = Memory::default();
    let event = |path: &str, arn: &str| {
        let mut event: Value = serde_json::from_str(include_str!("../../../../events/api.json")).unwrap();
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["authorizer"] = json!({"iam": {"userArn": arn}});
        event.to_string()
    };
    let iam = || Access {
        mode: Mode::Iam,
        admin_key: None,
        admin_principals: vec!["arn:aws:iam::1:user/ops-*".into()],
    };
    for (path, arn, expected) in [
        ("/jobs", "arn:aws:iam::1:user/ann", StatusCode::OK),
        ("/system", "arn:aws:iam::1:user/ann", StatusCode::FORBIDDEN),
        ("/system", "arn:aws:iam::1:user/ops-1", StatusCode::OK),
    ] {
        let request = lambda_http::request::from_str(&event(path, arn)).unwrap();
        let request = request.map(|body| Body::from(body.to_vec()));
        let answer = api(&memory, iam()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{path} {arn}");
    }
}

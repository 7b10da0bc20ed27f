//! The sample requests in `events/`, read as `lambda_http` reads them.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

use super::*;

/// Sends an event of an HTTP API through the router.
async fn replay(memory: &Memory, event: &str) -> (StatusCode, Value) {
    let request = lambda_http::request::from_str(event).unwrap();
    let request = request.map(|body| Body::from(body.to_vec()));
    let answer = api(memory, open()).oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn the_sample_question_for_health_is_answered() {
    let (status, health) = replay(&Memory::default(), include_str!("../../../../events/api.json")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(health["status"], "ok");
    assert_eq!(health["workflows"], json!(["motion", "pose", "probe"]));
}

#[tokio::test]
async fn the_sample_request_for_leave_to_upload_is_granted() {
    let memory = Memory::default();
    let (status, ticket) = replay(&memory, include_str!("../../../../events/api-videos.json")).await;
    assert_eq!(status, StatusCode::CREATED);
    let id: JobId = ticket["job_id"].as_str().unwrap().parse().unwrap();
    let key = format!("uploads/default/motion/{id}/squat 2×5+1.mp4");
    assert_eq!(
        (&ticket["fields"]["key"], &ticket["fields"]["priority"]),
        (&json!(key), &json!("7"))
    );
}

/// A route of the template that the router does not know would be answered with 404.
#[tokio::test]
async fn the_sample_requests_name_their_own_route() {
    for event in [
        include_str!("../../../../events/api.json"),
        include_str!("../../../../events/api-videos.json"),
    ] {
        let parsed: ApiGatewayV2httpRequest = serde_json::from_str(event).unwrap();
        let http = &parsed.request_context.http;
        let route = format!("{} {}", http.method, parsed.raw_path.as_deref().unwrap());
        assert_eq!(parsed.route_key.as_deref(), Some(route.as_str()));
        assert_eq!(parsed.request_context.route_key, parsed.route_key);
    }
}

//! Batches.

use super::*;

fn announcement(videos: usize) -> Value {
    let items: Vec<_> = (0..videos)
        .map(|n| json!({"name": format!("{n}.mp4"), "params": {"cutoff_hz": n % 9 + 1}}))
        .collect();
    json!({"name": "squats", "token": "t", "items": items})
}

/// Makes the job of an item, as its upload would.
async fn arrive(memory: &Memory, job_id: &Value) -> Job {
    let base = job(memory, "base.mp4").await;
    let job = Job {
        id: job_id.as_str().unwrap().parse().unwrap(),
        ..base
    };
    store(memory, &job).await;
    job
}

#[tokio::test]
async fn a_batch_gives_leave_to_upload_page_by_page() {
    let memory = Memory::default();
    let (status, made) = ask(&memory, "POST", "/batches", Some(announcement(230))).await;
    assert_eq!((status, &made["videos"]), (StatusCode::CREATED, &json!(230)), "{made}");
    let mut seen: Vec<u64> = made["tickets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["item"].as_u64().unwrap())
        .collect();
    let first = &made["tickets"][3]["fields"];
    assert_eq!(
        (&first["params"], &first["batch"]),
        (&json!("{\"cutoff_hz\":4}"), &made["id"])
    );
    let mut cursor = made["next_cursor"].clone();
    while let Some(at) = cursor.as_str() {
        let path = format!("/batches/{}/tickets?cursor={at}", made["id"].as_str().unwrap());
        let (_, page) = ask(&memory, "GET", &path, None).await;
        assert!(page["tickets"].as_array().unwrap().len() <= 100);
        seen.extend(
            page["tickets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["item"].as_u64().unwrap()),
        );
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(seen, (0..230).collect::<Vec<_>>());
    let (status, again) = ask(&memory, "POST", "/batches", Some(announcement(230))).await;
    assert_eq!(
        (status, &again["id"]),
        (StatusCode::OK, &made["id"]),
        "a request that is sent again"
    );
    assert_eq!(again["tickets"][0]["job_id"], made["tickets"][0]["job_id"]);
    let (_, list) = ask(&memory, "GET", "/batches", None).await;
    assert_eq!(list["batches"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_stands_where_its_jobs_stand() {
    let memory = Memory::default();
    let (_, made) = ask(&memory, "POST", "/batches", Some(announcement(3))).await;
    let path = format!("/batches/{}", made["id"].as_str().unwrap());
    let (_, shown) = ask(&memory, "GET", &path, None).await;
    assert_eq!(
        (&shown["status"], &shown["counts"]["awaiting_upload"]),
        (&json!("uploading"), &json!(3))
    );
    let id = |item: usize| made["tickets"][item]["job_id"].clone();
    let done = arrive(&memory, &id(0)).await;
    let facts = json!({"duration_s": 2.5, "frames": 75, "frame_rate_hz": 30.0, "shards": 1});
    shard(&memory, done.id, "probe", |token| {
        complete(token, &["video.json"], facts)
    })
    .await;
    let complete = JobEvent::Complete {
        manifest: "m".into(),
        degraded: vec![],
    };
    end(&memory, &done, complete).await;
    let failed = arrive(&memory, &id(1)).await;
    let fail = JobEvent::Fail {
        failure: failure("PROBE_BROKE"),
    };
    end(&memory, &failed, fail).await;
    let (_, tickets) = ask(&memory, "GET", &format!("{path}/tickets"), None).await;
    assert_eq!(
        tickets["tickets"].as_array().unwrap().len(),
        1,
        "leave for what has not arrived"
    );
    arrive(&memory, &id(2)).await;
    let (_, shown) = ask(&memory, "GET", &path, None).await;
    assert_eq!(shown["status"], "running");
    assert_eq!(
        shown["counts"],
        json!({"awaiting_upload": 0, "queued": 1, "running": 0, "completed": 1, "failed": 1, "cancelled": 0})
    );
    let line = &shown["table"][0];
    assert_eq!((&line["duration_s"], &line["frames"]), (&json!(2.5), &json!(75)));
    assert_eq!(line["figures"]["probe.frame_rate_hz"], 30.0);
    assert_eq!(shown["table"][1]["error"]["code"], "PROBE_BROKE");
    let (_, page) = ask(&memory, "GET", &format!("{path}?limit=1&cursor=1"), None).await;
    assert_eq!(
        (&page["table"][0]["item"], &page["next_cursor"]),
        (&json!(1), &json!("2"))
    );

    let (_, changed) = ask(&memory, "POST", &format!("{path}/retry"), None).await;
    assert_eq!(changed["jobs"], json!([id(1)]), "only what failed");
    let (_, changed) = ask(&memory, "POST", &format!("{path}/cancel"), None).await;
    assert_eq!(changed["jobs"], json!([id(1), id(2)]));
    let (status, answer) = ask(&memory, "GET", &format!("{path}/tickets"), None).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("BATCH_CANCELLED"))
    );
    let (_, shown) = ask(&memory, "GET", &path, None).await;
    assert_eq!(
        (&shown["status"], &shown["progress"]),
        (&json!("partly_completed"), &json!(1.0))
    );
}

#[tokio::test]
async fn a_batch_with_one_wrong_item_stores_nothing() {
    let memory = Memory::default();
    let wrong = [
        (json!({"name": "b", "items": []}), "REQUEST_INVALID"),
        (json!({"name": "", "items": [{"name": "a.mp4"}]}), "REQUEST_INVALID"),
        (
            json!({"name": "b", "items": [{"name": "a.mp4"}, {"name": "../x"}]}),
            "REQUEST_INVALID",
        ),
        (
            json!({"name": "b", "items": [{"name": "a.mp4", "params": {"cutoff_hz": -1}}]}),
            "PARAMETER_INVALID",
        ),
        (
            json!({"name": "b", "priority": 11, "items": [{"name": "a.mp4"}]}),
            "REQUEST_INVALID",
        ),
        (announcement(1001), "REQUEST_INVALID"),
    ];
    for (body, code) in wrong {
        let (status, answer) = ask(&memory, "POST", "/batches", Some(body)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(code))
        );
    }
    let (_, list) = ask(&memory, "GET", "/batches", None).await;
    assert_eq!(list["batches"], json!([]));
    let (status, _) = ask(&memory, "GET", "/batches/nope", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_longest_answer_fits_into_what_lambda_takes() {
    let memory = Memory::default();
    let (_, made) = ask(&memory, "POST", "/batches", Some(announcement(1000))).await;
    let one = made["tickets"][0].to_string().len();
    // A real form adds a policy and a session token: at most some 9 KB.
    assert!(100 * (one + 9000) < 6_000_000);
}

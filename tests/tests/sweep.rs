//! What was lost is made good by the sweeper, in the deployed stack.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{Settings, aws::Table, store::WriteJobs};
use marey_contract::JobDetail;
use marey_engine::{Job, JobId, JobState, LeaseToken, Shard, ShardEvent, ShardKey, StageRow, Upload, Wishes, Workflow};
use marey_tests::{World, failure_code, in_world, setting};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

/// A job whose file is no video ends at its first stage: its end shows that the stage was run.
const CONTENT: &[u8] = b"This is not a video, whatever its name says.\n";

/// What such a job ends with.
const CODE: &str = "MEDIA_NOT_A_VIDEO";

/// Invokes the sweeper and answers its summary. The local cloud looks at no signature.
async fn sweep(payload: &Value) -> Result<Value> {
    let endpoint = setting("AWS_ENDPOINT_URL")?;
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let (function, body) = (setting("MAREY_SWEEP_FUNCTION")?, payload.to_string());
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "POST /2015-03-31/functions/{function}/invocations HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, \
         SignedHeaders=host, Signature=0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    // The body may come in chunks, whose lengths stand between lines: the summary is what begins with a brace.
    let summary = answer.split("\r\n").find(|line| line.starts_with('{'));
    let summary = summary.with_context(|| format!("the sweeper answered {answer}"))?;
    Ok(serde_json::from_str(summary)?)
}

/// Sweeps until a job has ended.
async fn swept_to_the_end(world: &World, id: &str) -> Result<JobDetail> {
    let started = Instant::now();
    loop {
        let summary = sweep(&json!({"uploads_after_s": 0})).await?;
        assert!(summary.get("repairs").is_some(), "{summary}");
        for _ in 0..5 {
            match world.api.job(id).await {
                Ok(job) if job.summary.status.has_ended() => return Ok(job),
                Err(error) if !error.is_not_found() => return Err(error).context("the job was not found"),
                _ => tokio::time::sleep(Duration::from_millis(400)).await,
            }
        }
        if started.elapsed() > Duration::from_mins(3) {
            bail!("the job did not end; the last sweep: {summary:#}");
        }
    }
}

/// Deletes a job's rows behind everybody's back.
async fn lose_rows(id: &str) -> Result<()> {
    let client = aws_sdk_dynamodb::Client::new(&marey_cloud::aws::sdk_config().await);
    let table = setting("MAREY_JOBS_TABLE")?;
    let partition = AttributeValue::S(format!("JOB#{id}"));
    let query = client.query().table_name(&table).key_condition_expression("PK = :pk");
    let rows = query.expression_attribute_values(":pk", partition).send().await?;
    for row in rows.items() {
        let call = client.delete_item().table_name(&table);
        call.key("PK", row["PK"].clone())
            .key("SK", row["SK"].clone())
            .send()
            .await?;
    }
    Ok(())
}

/// A job of an upload whose first task was sent some minutes ago; the task itself is nowhere. `change` says what became of
/// the shard since.
async fn job_without_its_task(world: &World, change: impl FnOnce(Shard) -> Result<Shard>) -> Result<JobId> {
    let key = format!("uploads/sweep/{}/lost.mp4", Uuid::new_v4());
    let stored = world.put(&key, CONTENT.to_vec()).await?;
    let stored = world.end_of(&stored).await?;
    assert_eq!(failure_code(&stored), CODE);
    let table = Table::new(&marey_cloud::aws::sdk_config().await, &Settings::from_env()?);
    let head = world.s3.head_object().bucket(&world.uploads).key(&key).send().await?;
    let input = Upload {
        bucket: world.uploads.clone(),
        name: "lost.mp4".into(),
        version: head
            .version_id()
            .filter(|version| *version != "null")
            .map(str::to_owned),
        etag: head.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
        bytes: CONTENT.len() as u64,
        key,
        member: None,
    };
    let created_at = Timestamp::now() - SignedDuration::from_mins(20);
    let id = JobId::reserved(Uuid::new_v4());
    let job = Job {
        id,
        owner: "default".into(),
        workflow: "motion".into(),
        input,
        priority: 5,
        created_at,
        deadline: None,
        round: 0,
        forgotten: false,
        wishes: Wishes::default(),
        trace: id.to_string().replace('-', ""),
        state: JobState::Running,
    };
    let workflow = Workflow::shipped("motion").context("motion is shipped")?;
    let stages: Vec<_> = workflow.stages().iter().map(StageRow::of).collect();
    let shard = Shard::queued(
        ShardKey {
            job: id,
            stage: workflow.stages()[0].name.clone(),
            shard: 0,
        },
        0,
        created_at,
    );
    // The shard first: a sweep that came in between would dispatch it.
    table.put_shard(&change(shard)?, None).await?;
    table.create(&job, &stages).await?;
    Ok(id)
}

#[test]
fn an_upload_without_a_job_gets_it() {
    in_world(|world| async move {
        let key = format!("uploads/sweep/{}/unannounced.mp4", Uuid::new_v4());
        let id = world.put(&key, CONTENT.to_vec()).await?;
        world.end_of(&id).await?;
        lose_rows(&id).await?;
        let job = swept_to_the_end(&world, &id).await?;
        assert_eq!(failure_code(&job), CODE);
        Ok(())
    });
}

#[test]
fn a_job_that_was_deleted_on_purpose_does_not_come_back() {
    in_world(|world| async move {
        let key = format!("uploads/sweep/{}/deleted.mp4", Uuid::new_v4());
        let id = world.put(&key, CONTENT.to_vec()).await?;
        world.end_of(&id).await?;
        let table = Table::new(&marey_cloud::aws::sdk_config().await, &Settings::from_env()?);
        table.delete_job(id.parse()?).await?;
        for _ in 0..2 {
            let summary = sweep(&json!({"uploads_after_s": 0})).await?;
            assert!(!summary["repairs"].to_string().contains(&id), "{summary}");
        }
        assert!(world.api.job(&id).await.is_err_and(|error| error.is_not_found()));
        Ok(())
    });
}

#[test]
fn a_task_whose_message_is_gone_is_sent_again() {
    in_world(|world| async move {
        let id = job_without_its_task(&world, Ok).await?;
        let job = swept_to_the_end(&world, &id.to_string()).await?;
        assert_eq!(failure_code(&job), CODE);
        assert_eq!(job.stages[0].attempts, 1);
        Ok(())
    });
}

#[test]
fn an_attempt_that_went_silent_is_followed_by_another() {
    in_world(|world| async move {
        let then = Timestamp::now() - SignedDuration::from_mins(10);
        let lease = ShardEvent::Lease {
            token: LeaseToken(Uuid::new_v4()),
            until: then + SignedDuration::from_mins(1),
            max_attempts: 3,
        };
        let id = job_without_its_task(&world, |shard| Ok(shard.apply(lease, then)?)).await?;
        let job = swept_to_the_end(&world, &id.to_string()).await?;
        assert_eq!(failure_code(&job), CODE);
        assert_eq!(job.stages[0].attempts, 2);
        Ok(())
    });
}

//! A zip archive of videos: `uploads/….zip` whose first bytes are those of an archive.
//!
//! The archive stays where it is and as it is. Its directory and the header before each video are read in ranges and judged before
//! anything is made; then the batch has a job for each video, whose input is a part of the archive. Whoever runs a stage
//! of such a job reads that part and unpacks it, counted while it is inflated. So nothing is stored twice, this function
//! needs neither disk nor time for videos, and a delivery that is repeated or ended in the middle finds the same plan again: it
//! follows from the archive alone.
//!
//! If anything is wrong there is no batch but one failed job, under the id that the batch would have, which lists all of it. The metadata
//! of the archive is that of all its jobs.

use std::{collections::BTreeMap, io, ops::Range};

use futures_util::{StreamExt, TryStreamExt, stream};
use marey_archive::{ArchiveError, Directory, Limits, Pieces, Plan, Refusal, Video, Violation};
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{BatchItem, Creation, KeepBatches, MOST_ITEMS, ReadControls, WriteJobs},
    uploads::ReadTexts,
};
use marey_engine::{
    Failure, FailureClass, Upload, Workflow,
    upload::{ARCHIVE_ENDING, Member, Request},
};

use crate::{
    Admitted,
    admit::{make_job, not_granted, settled},
    batch::{self, Wanted},
};

/// So many pieces are read at once.
const AT_ONCE: usize = 16;

/// The end, the end of Zip64, the directory, and as many again for what an archive says that is not so.
const MOST_READS: usize = 8;

/// Makes the batch of an archive, or goes on with it; `None` if it is no archive, whatever its key says.
pub(crate) async fn admit<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    max_bytes: u64,
    request: &Request,
    archive: &Upload,
) -> Result<Option<Admitted>, CloudError>
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts + ReadTexts,
    Q: SendTasks,
    T: Time,
{
    if archive.bytes < 4 {
        return Ok(None);
    }
    let own = archive.job_id();
    let id = batch::id_of(own)?;
    if conductor.store.job(own).await?.is_some() {
        return Ok(Some(Admitted::Existed(own)));
    }
    let known = conductor.store.batch(id).await?;
    if known.as_ref().is_some_and(|row| row.value.made_at.is_some()) {
        return Ok(Some(Admitted::Batch(id)));
    }
    if !marey_archive::is_archive(&conductor.artifacts.piece(archive, 0..4).await?) {
        return Ok(None);
    }
    let refuse = |failure| refuse(conductor, request.clone(), archive.clone(), failure);
    if request.reserved.is_some() {
        return refuse(unexpected()).await;
    }
    let mut request = request.clone();
    request.wishes.batch = Some(id);
    let (wishes, problem) = settled(&request, Workflow::shipped(&request.workflow).as_ref());
    if let Some(problem) = problem {
        return refuse(not_granted(&problem)).await;
    }
    request.wishes = wishes;
    let limits = Limits {
        videos: MOST_ITEMS,
        video_bytes: max_bytes,
        ..Limits::default()
    };
    let plan = match judge(&conductor.artifacts, archive, &limits).await? {
        Ok(plan) => plan,
        Err(refusal) => return refuse(refused(&refusal)).await,
    };
    let videos: Vec<_> = plan
        .videos()
        .iter()
        .map(|video| wanted(&request, archive, video))
        .collect();
    if known.is_none() {
        tell_of_skipped(archive, &plan);
        let items: Vec<_> = videos.iter().map(|wanted| wanted.item.clone()).collect();
        batch::create(conductor, id, &request, archive, ARCHIVE_ENDING, &items).await?;
    }
    batch::complete(conductor, id, &request, videos.into_iter().map(Ok).collect()).await?;
    Ok(Some(Admitted::Batch(id)))
}

/// The job that an archive makes of which something is wrong.
async fn refuse<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    request: Request,
    archive: Upload,
    failure: Failure,
) -> Result<Option<Admitted>, CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let (id, creation) = make_job(conductor, request, archive, Some(failure)).await?;
    Ok(Some(match creation {
        Creation::Created => Admitted::Created(id),
        Creation::Existed => Admitted::Existed(id),
    }))
}

/// A video of an archive as the input of a job.
fn wanted(request: &Request, archive: &Upload, video: &Video) -> Wanted {
    let packed = video.packed();
    let name = video.name().to_owned();
    Wanted {
        upload: Upload {
            bytes: packed.bytes(),
            name: name.clone(),
            member: Some(Member {
                path: video.path().to_owned(),
                at: packed.range().start,
                packed_bytes: packed.packed_bytes(),
                deflated: packed.is_deflated(),
                crc32: packed.crc32(),
            }),
            ..archive.clone()
        },
        request: request.clone(),
        item: BatchItem {
            name,
            params: BTreeMap::new(),
        },
    }
}

/// Reads as much of an archive as its judgement needs, and judges it.
async fn judge(
    uploads: &impl ReadTexts,
    archive: &Upload,
    limits: &Limits,
) -> Result<Result<Plan, Refusal>, CloudError> {
    let mut pieces = Pieces::new(archive.bytes);
    let directory = match in_reach(uploads, archive, &mut pieces, MOST_READS, |pieces| {
        Directory::read(pieces, limits)
    })
    .await?
    {
        Ok(directory) => directory,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let ranges = directory.ranges();
    // A header with long extra fields is read in two pieces.
    let most_reads = ranges.len() + MOST_READS;
    let reads = ranges.into_iter().map(|range| Box::pin(read(uploads, archive, range)));
    let reads: Vec<_> = reads.collect();
    let mut read = stream::iter(reads).buffer_unordered(AT_ONCE);
    while let Some((at, bytes)) = read.try_next().await? {
        pieces.add(at, bytes);
    }
    drop(read);
    in_reach(uploads, archive, &mut pieces, most_reads, |pieces| {
        directory.judge(pieces)
    })
    .await
}

async fn read(uploads: &impl ReadTexts, archive: &Upload, range: Range<u64>) -> Result<(u64, Vec<u8>), CloudError> {
    let at = range.start;
    Ok((at, uploads.piece(archive, range).await?))
}

/// Does what reads an archive until everything that it wants is here.
async fn in_reach<R>(
    uploads: &impl ReadTexts,
    archive: &Upload,
    pieces: &mut Pieces,
    most_reads: usize,
    work: impl Fn(&mut Pieces) -> Result<R, ArchiveError>,
) -> Result<Result<R, Refusal>, CloudError> {
    for _ in 0..=most_reads {
        let error = match work(pieces) {
            Ok(done) => return Ok(Ok(done)),
            Err(ArchiveError::Refused(refusal)) => return Ok(Err(refusal)),
            Err(ArchiveError::Read(error)) => error,
        };
        let Some(range) = pieces.missing() else {
            return Err(CloudError::service("read archive", error));
        };
        let (at, bytes) = read(uploads, archive, range).await?;
        pieces.add(at, bytes);
    }
    Err(CloudError::service(
        "read archive",
        io::Error::other("it wants more pieces than it can need"),
    ))
}

fn tell_of_skipped(archive: &Upload, plan: &Plan) {
    let housekeeping = plan.housekeeping();
    for skipped in plan.skipped() {
        tracing::info!(
            key = archive.key,
            path = skipped.path,
            reason = skipped.reason.text(),
            "member skipped"
        );
    }
    tracing::info!(
        key = archive.key,
        skipped = plan.skipped().len(),
        housekeeping,
        "archive judged"
    );
}

/// Why the job of an archive ends that makes no batch.
fn refused(refusal: &Refusal) -> Failure {
    let told = refusal.violations().iter().map(Violation::to_string);
    Failure {
        code: "ARCHIVE_REFUSED".to_owned(),
        message: batch::listed("The archive makes no batch, and nothing was begun:", told, "problems"),
        hint: refusal.hint(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

/// Why the job of a form ends whose file is an archive: its id is that of one video.
fn unexpected() -> Failure {
    Failure {
        code: "ARCHIVE_UNEXPECTED".to_owned(),
        message: "The file is an archive, and this is the job of one video.".to_owned(),
        hint: "Send it with `marey ingest`, or put it in the bucket as uploads/<owner>/<workflow>/<name>.zip."
            .to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

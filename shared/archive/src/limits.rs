//! How much an archive may be.

/// Bounds of an archive. The defaults are for a clinic's or a laboratory's archive of a day; a deployment sets its own size of a
/// video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the archive itself. Default: 20 GiB.
    pub archive_bytes: u64,
    /// Bytes of the directory, all of which is held in memory. Default: 16 MiB.
    pub directory_bytes: u64,
    /// Members, folders and files that are no videos among them. Default: 10,000.
    pub members: u64,
    /// Videos. Default: 1000, as many as a batch takes.
    pub videos: usize,
    /// Bytes of a member's path. Default: 1024.
    pub path_bytes: usize,
    /// Bytes of one video, unpacked. Default: 5 GiB, the most that S3 takes in one request.
    pub video_bytes: u64,
    /// Bytes of all videos together, unpacked. Default: 20 GiB.
    pub total_bytes: u64,
    /// How many times its packed size a video may have. Videos are compressed already: more than 2 is rare, and deflate ends
    /// at 1032. Default: 100.
    pub ratio: u64,
    /// Up to this size, unpacked, a video may have any ratio. Default: 1 MiB.
    pub any_ratio_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 20 << 30,
            directory_bytes: 16 << 20,
            members: 10_000,
            videos: 1000,
            path_bytes: 1024,
            video_bytes: 5 << 30,
            total_bytes: 20 << 30,
            ratio: 100,
            any_ratio_bytes: 1 << 20,
        }
    }
}

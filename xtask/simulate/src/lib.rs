//! A deterministic simulation: the real conductor, harness, dead letters and sweeper in a world that breaks on purpose.
//!
//! Everything that outlives a process (the jobs table, the buckets, the queues, AWS Batch) is simulated behind the ports of
//! `marey-cloud`, with one thread, a virtual clock and dice of its own. A run is a function of its seed. Messages come twice,
//! late, in any order or never; processes die before and after every call; clocks disagree; writes are throttled, lose their
//! answers and their races; leases run out under work; people cancel, retry, pause and resume. After a while the trouble ends,
//! and then every job must end too. What must hold all the time is said in [`invariants`]; that the invariants would notice is
//! shown by planting [`fault`]s.

pub mod batch;
pub mod bucket;
pub mod chance;
pub mod clock;
pub mod fault;
pub mod functions;
pub mod graphs;
pub mod invariants;
pub mod ledger;
pub mod people;
pub mod queues;
pub mod run;
pub mod scale;
pub mod scenario;
pub mod summary;
pub mod table;
pub mod trace;
pub mod world;

pub use fault::Planted;
pub use run::{Outcome, simulate};
pub use scenario::Options;
pub use summary::Summary;

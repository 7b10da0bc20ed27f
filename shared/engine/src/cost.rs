//! What running something costs: estimates from public list prices, without taxes, free tiers and discounts.
//!
//! Prices of us-east-1 in November 2026, in US dollars: AWS Lambda pricing (a second of a gibibyte, by processor; a million
//! requests), Amazon SQS pricing (a million requests to a standard queue), Amazon DynamoDB on-demand pricing (a million
//! write and read request units), Amazon S3 pricing (a thousand PUT requests), AWS Fargate pricing (an hour of a vCPU and
//! of a gibibyte, Linux).

use serde::{Deserialize, Serialize};

/// Which processor a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processor {
    /// Graviton.
    Arm64,
    /// Intel and AMD.
    X86_64,
}

impl Processor {
    /// The processor that this code was built for.
    pub const OWN: Self = if cfg!(target_arch = "aarch64") {
        Self::Arm64
    } else {
        Self::X86_64
    };
}

/// A million Lambda requests.
const REQUESTS_PER_MILLION: f64 = 0.20;
/// A million SQS requests; a task takes about three: send, receive, delete.
const QUEUE_REQUESTS_PER_MILLION: f64 = 0.40;
const QUEUE_REQUESTS_PER_TASK: f64 = 3.0;
/// A million writes and a million strongly consistent reads of 4 KiB.
const WRITES_PER_MILLION: f64 = 0.625;
const READS_PER_MILLION: f64 = 0.125;
/// Rows that an attempt writes and reads beside its heartbeats: lease, end, pulse; snapshot twice.
const WRITES_PER_ATTEMPT: f64 = 3.0;
const READS_PER_ATTEMPT: f64 = 4.0;
/// A heartbeat writes one row and reads one.
const HEARTBEAT_S: f64 = 2.0;
/// A thousand PUT requests.
const PUTS_PER_THOUSAND: f64 = 0.005;

/// Where an attempt ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Machine {
    /// In a function.
    Lambda {
        /// Its memory in MiB.
        memory_mib: u32,
        /// Its processor.
        processor: Processor,
    },
    /// In a container on Fargate.
    Fargate {
        /// Virtual processors.
        vcpus: f64,
        /// Memory in MiB.
        memory_mib: u32,
        /// Its processor.
        processor: Processor,
    },
    /// On a rented machine, such as one with a GPU.
    Hourly {
        /// Its price for an hour, in US dollars.
        usd_per_hour: f64,
    },
    /// On somebody's own machine.
    Own,
}

impl Machine {
    /// What so many seconds on it cost, in US dollars.
    pub fn time_usd(&self, seconds: f64) -> f64 {
        let memory_gib = |mib: u32| f64::from(mib) / 1024.0;
        match *self {
            Self::Lambda { memory_mib, processor } => {
                let per_gib_second = match processor {
                    Processor::Arm64 => 0.000_013_333_4,
                    Processor::X86_64 => 0.000_016_666_7,
                };
                seconds * memory_gib(memory_mib) * per_gib_second
            }
            Self::Fargate {
                vcpus,
                memory_mib,
                processor,
            } => {
                let (per_vcpu_hour, per_gib_hour) = match processor {
                    Processor::Arm64 => (0.032_38, 0.003_56),
                    Processor::X86_64 => (0.040_48, 0.004_445),
                };
                seconds / 3600.0 * (vcpus * per_vcpu_hour + memory_gib(memory_mib) * per_gib_hour)
            }
            Self::Hourly { usd_per_hour } => seconds / 3600.0 * usd_per_hour,
            Self::Own => 0.0,
        }
    }
}

/// What an attempt cost, in US dollars: its time, its request and messages, its rows and its artifacts.
pub fn attempt_usd(machine: &Machine, seconds: f64, artifacts: usize) -> f64 {
    if *machine == Machine::Own {
        return 0.0;
    }
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    let beats = seconds / HEARTBEAT_S;
    machine.time_usd(seconds)
        + REQUESTS_PER_MILLION / 1e6
        + QUEUE_REQUESTS_PER_TASK * QUEUE_REQUESTS_PER_MILLION / 1e6
        + (WRITES_PER_ATTEMPT + beats) * WRITES_PER_MILLION / 1e6
        + (READS_PER_ATTEMPT + beats) * READS_PER_MILLION / 1e6
        + artifacts as f64 * PUTS_PER_THOUSAND / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn time_costs_what_the_price_list_says() {
        let (memory_mib, processor) = (2048, Processor::Arm64);
        near(Machine::Lambda { memory_mib, processor }.time_usd(100.0), 0.002_666_68);
        let fargate = Machine::Fargate {
            vcpus: 4.0,
            memory_mib: 8192,
            processor: Processor::X86_64,
        };
        near(fargate.time_usd(3600.0), 0.161_92 + 0.035_56);
        near(Machine::Hourly { usd_per_hour: 1.006 }.time_usd(1800.0), 0.503);
    }

    #[test]
    fn an_attempt_costs_what_its_parts_cost() {
        // One request, three of the queue, 3 and 50 writes, 4 and 50 reads, and 1,000 artifacts, on a machine that costs nothing.
        let free = Machine::Hourly { usd_per_hour: 0.0 };
        let parts = [0.20e-6, 3.0 * 0.40e-6, 53.0 * 0.625e-6, 54.0 * 0.125e-6, 0.005];
        let sum: f64 = parts.iter().sum();
        assert!((attempt_usd(&free, 100.0, 1000) - sum).abs() < 1e-15);
        // The clock's share is that of the machine, and 0.75 dollars in a million seconds for heartbeats by half of them.
        let hourly = Machine::Hourly { usd_per_hour: 3.6 };
        let second = attempt_usd(&hourly, 101.0, 0) - attempt_usd(&hourly, 100.0, 0);
        assert!((second - (0.001 + 0.375e-6)).abs() < 1e-15);
    }

    #[test]
    fn an_attempt_costs_more_than_its_time_and_nothing_on_ones_own_machine() {
        let lambda = Machine::Lambda {
            memory_mib: 1024,
            processor: Processor::X86_64,
        };
        assert!(attempt_usd(&lambda, 1.0, 2) > lambda.time_usd(1.0));
        assert!(
            attempt_usd(&lambda, f64::NAN, 0) > 0.0,
            "a broken clock still sent a request"
        );
        near(attempt_usd(&Machine::Own, 900.0, 9), 0.0);
    }
}

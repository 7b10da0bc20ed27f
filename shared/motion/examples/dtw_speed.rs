//! How long warping takes. A peer runs on the same numbers: `tests/reference/dtw_speed.py` starts this program and prints
//! ratios of the same run.
//!
//! `dtw_speed ROUNDS` reads cases from standard input, one a line: `METHOD ROWS COLUMNS WIDTH RADIUS FILE`, where METHOD is
//! `distance`, `path` or `fast` and FILE holds the rows of both movements as little-endian doubles. For each it prints
//! `seconds=… distance=… steps=…` of the best of so many rounds.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use marey_motion::compare::{Cost, Method, Series, Warp, warp, warp_distance};

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(3), |rounds| rounds.parse())?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [method, rows, columns, width, radius, file] = words[..] else {
            return Err(format!("`{line}` is no case").into());
        };
        let (rows, columns, width): (usize, usize, usize) = (rows.parse()?, columns.parse()?, width.parse()?);
        let bytes = std::fs::read(file)?;
        let values: Vec<f64> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|&value| f64::from_le_bytes(value))
            .collect();
        if values.len() != (rows + columns) * width {
            return Err(format!("{file} does not hold {rows} and {columns} rows of {width}").into());
        }
        let (a, b) = values.split_at(rows * width);
        let (a, b) = (Series::new(width, a.to_vec())?, Series::new(width, b.to_vec())?);
        let radius = radius.parse()?;
        let run = || match method {
            "distance" => warp_distance(&a, &b, None, Cost::Squared).map(|distance| Warp {
                distance,
                path: Vec::new(),
            }),
            "path" => warp(&a, &b, Method::Exact { band: None }, Cost::Squared),
            _ => warp(&a, &b, Method::Fast { radius }, Cost::Euclidean),
        };
        let mut best = f64::INFINITY;
        let mut found = run()?;
        for _ in 0..rounds {
            let start = Instant::now();
            found = run()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        writeln!(
            out,
            "seconds={best:.6} distance={:e} steps={}",
            found.distance,
            found.path.len()
        )?;
        out.flush()?;
    }
    Ok(())
}

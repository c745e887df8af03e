//! Every figure that the server promises, measured and held against its budget in one run:
//! `make bench-serve`, or `cargo bench -p policy-host --bench serve -- SECTION…` for some sections.
//!
//! The server runs on one core and this program, its client, on the other. It prints, and asserts
//! nothing: how fast a machine is is no reason to fail.

#[path = "../../tests/server/authority.rs"]
mod authority;
#[path = "serve/burst.rs"]
mod burst;
#[path = "serve/client.rs"]
mod client;
#[path = "serve/reviews.rs"]
mod reviews;
#[path = "serve/server.rs"]
mod server;
#[path = "table.rs"]
mod table;

use authority::Authority;
use client::{Load, Target};
use reviews::Reviews;
use server::{Server, Setup};
use std::error::Error;
use std::time::Duration;
use table::{Budget, Row, Samples};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Connections that ask at once.
const CONNECTIONS: usize = 16;
/// Rounds of a figure, and how long each lasts.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |section: &str| asked.is_empty() || asked.iter().any(|name| name == section);
    // The client's core; the server gets the first.
    server::pin_this_process(1)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for section in ["reviews", "tls", "start", "memory", "bursts", "lost"].into_iter().filter(|section| wanted(section))
    {
        let measured = runtime.block_on(async {
            match section {
                "reviews" => reviews_per_second(&mut rows).await,
                "tls" => tls(&mut rows).await,
                "start" => start(&mut rows),
                "memory" => memory(&mut rows).await,
                "bursts" => bursts(&mut rows),
                _ => lost(&mut rows).await,
            }
        });
        if let Err(error) = measured {
            rows.push(Row::skipped(section, "", Budget::None, error.to_string()));
        }
    }
    table::print("figure", &rows);
    Ok(())
}

/// Throughput and latency, with and without memory.
async fn reviews_per_second(rows: &mut Vec<Row>) -> Result<()> {
    for (title, memo, reviews, rate, slowest) in [
        ("default bundle, memo off", false, Reviews::same(), 2_000.0, Some(15.0)),
        ("default bundle, memo on, 100 distinct objects", true, Reviews::distinct(100), 8_000.0, None),
    ] {
        let server = Server::start(&Setup { memo, ..Setup::default() })?;
        let load = Load { target: server.target(), connections: CONNECTIONS, reviews };
        load.run(ROUND).await?; // warm
        let mut per_second = Vec::new();
        let mut p99 = Vec::new();
        let mut p50 = Vec::new();
        for _ in 0..ROUNDS {
            let result = load.run(ROUND).await?;
            per_second.push(result.per_second());
            p50.push(result.quantile_millis(0.5));
            p99.push(result.quantile_millis(0.99));
        }
        rows.push(Row::new(title, "/s", Budget::AtLeast(rate), Samples::new(per_second)));
        rows.push(Row::detail("p50", "ms", Samples::new(p50)));
        let p99 = Samples::new(p99);
        rows.push(match slowest {
            Some(limit) => Row::new("  p99", "ms", Budget::AtMost(limit), p99),
            None => Row::detail("p99", "ms", p99),
        });
    }
    Ok(())
}

/// TLS 1.3 with client certificates against plain HTTP, both with keep-alive, in turns.
async fn tls(rows: &mut Vec<Row>) -> Result<()> {
    let authority = Authority::new();
    for (title, memo, budget) in [
        ("TLS 1.3 with mTLS against plain HTTP, memo off", false, Budget::AtLeast(80.0)),
        ("the same, memo on", true, Budget::AtLeast(80.0)),
    ] {
        let mut shares = Vec::new();
        for _ in 0..ROUNDS {
            let plain = Server::start(&Setup { memo, ..Setup::default() })?;
            let reviews = Reviews::distinct(100);
            let load = Load { target: plain.target(), connections: CONNECTIONS, reviews: reviews.clone() };
            load.run(ROUND / 3).await?;
            let plain_rate = load.run(ROUND).await?.per_second();
            drop(plain);
            let secured = Server::start(&Setup { memo, tls: Some(&authority) })?;
            let load = Load { target: secured.target(), connections: CONNECTIONS, reviews };
            load.run(ROUND / 3).await?;
            shares.push(100.0 * load.run(ROUND).await?.per_second() / plain_rate);
        }
        rows.push(Row::new(title, "%", budget, Samples::new(shares)));
    }
    Ok(())
}

/// From starting the process until `/readyz` says so.
fn start(rows: &mut Vec<Row>) -> Result<()> {
    let mut millis = Vec::new();
    for _ in 0..2 * ROUNDS + 1 {
        let server = Server::start(&Setup::default())?;
        millis.push(server.ready_after.as_secs_f64() * 1e3);
    }
    rows.push(Row::new("start to ready, embedded bundle", "ms", Budget::AtMost(300.0), Samples::new(millis)));
    Ok(())
}

/// Resident memory after 100,000 reviews of ever new objects, and half way.
async fn memory(rows: &mut Vec<Row>) -> Result<()> {
    let server = Server::start(&Setup { memo: true, ..Setup::default() })?;
    let load = Load { target: server.target(), connections: CONNECTIONS, reviews: Reviews::ever_new() };
    load.count(50_000).await?;
    let half = server.resident_megabytes()?;
    load.count(50_000).await?;
    let all = server.resident_megabytes()?;
    rows.push(Row::new("resident memory after 100,000 reviews", "MB", Budget::AtMost(120.0), Samples::new(vec![all])));
    rows.push(Row::detail("after 50,000", "MB", Samples::new(vec![half])));
    Ok(())
}

/// The most resident memory under what would take more, beside the container's limit, and what is left of it after ten
/// seconds.
fn bursts(rows: &mut Vec<Row>) -> Result<()> {
    for burst in burst::all() {
        let server = Server::start(&Setup { memo: true, ..Setup::default() })?;
        let counts = burst.run(server.target().address)?;
        std::thread::sleep(Duration::from_secs(10));
        let (peak, after) = (server.peak_megabytes()?, server.resident_megabytes()?);
        rows.push(Row::new(burst.name, "MB", Budget::AtMost(512.0), Samples::new(vec![peak])));
        rows.push(Row::new("  ten seconds later", "MB", Budget::AtMost(120.0), Samples::new(vec![after])));
        rows.push(Row::detail("answered", "", Samples::new(vec![counts.answered as f64])));
        rows.push(Row::detail("refused", "", Samples::new(vec![counts.refused as f64])));
    }
    Ok(())
}

/// Requests without an answer while bundles are reloaded and replicas restarted.
async fn lost(rows: &mut Vec<Row>) -> Result<()> {
    let mut replicas = [Server::start(&Setup::default())?, Server::start(&Setup::default())?];
    let targets: Vec<Target> = replicas.iter().map(Server::target).collect();
    let running = client::Persistent::start(&targets, 8, Reviews::distinct(100));
    for _ in 0..20 {
        for replica in &replicas {
            replica.change_bundle_and_reload()?;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..5 {
        for replica in &mut replicas {
            replica.restart().await?;
        }
    }
    let result = running.finish().await;
    let samples = |count: u64| Samples::new(vec![count as f64]);
    rows.push(Row::new(
        "requests lost over 20 reloads and 5 rolling restarts",
        "",
        Budget::AtMost(0.0),
        samples(result.lost),
    ));
    rows.push(Row::detail("answered meanwhile", "", samples(result.answered)));
    rows.push(Row::detail("of them asked again elsewhere", "", samples(result.repeated)));
    Ok(())
}

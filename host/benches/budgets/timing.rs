//! How long calls take.

use crate::table::Samples;
use std::time::{Duration, Instant};

/// How long a call takes, in microseconds: the mean of a batch that lasts about a millisecond.
pub fn micros_per_call(batch: usize, mut call: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..batch {
        call();
    }
    started.elapsed().as_secs_f64() * 1e6 / batch as f64
}

/// Calls until everything is warm, and says how many calls last about a millisecond.
fn warm_up(mut call: impl FnMut()) -> usize {
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < Duration::from_millis(30) {
        call();
        calls += 1;
    }
    (calls / 30).max(1)
}

/// Microseconds of one call, sampled `samples` times.
pub fn measure(samples: usize, mut call: impl FnMut()) -> Samples {
    let batch = warm_up(&mut call);
    Samples::new((0..samples).map(|_| micros_per_call(batch, &mut call)).collect())
}

/// Microseconds of one call, and how many times longer the other takes. The two take turns, so that whatever else
/// the machine does hits both.
pub fn in_turns(samples: usize, one: impl Fn(), other: impl Fn()) -> (Samples, Samples) {
    let (one_batch, other_batch) = (warm_up(&one), warm_up(&other));
    let samples = (0..samples).map(|_| {
        let micros = micros_per_call(one_batch, &one);
        (micros, micros_per_call(other_batch, &other) / micros)
    });
    let (micros, ratios) = samples.unzip();
    (Samples::new(micros), Samples::new(ratios))
}

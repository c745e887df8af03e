use policy_host::engine::*;
use policy_host::bundle::*;
use policy_host::evaluate::*;
use std::sync::Arc; use std::time::Instant;
fn main() {
    let engine = Engine::new(SandboxLimits::default(), None).unwrap();
    for f in std::env::args().skip(1) {
        let raw = std::fs::read(&f).unwrap();
        let m = engine.extract_manifest(&raw).unwrap();
        let c = embed_manifest(&raw, &m);
        let rule = Arc::new(RuleSource::from_component(c, &engine).unwrap());
        let text = std::fs::read_to_string("/tmp/w/deploy.json").unwrap();
        let bundle = Bundle::of_rules("x", [rule]);
        let judge = Judge::new(&engine, &bundle);
        let units = policy_host::parse::Unit::split(policy_host::parse::Form::Json, &Arc::from("x"), &text, &Default::default()).unwrap();
        let docs = units[0].parse(&Default::default()).unwrap();
        let prepared = judge.prepare(&docs[0]);
        let n = 20000;
        for _ in 0..2000 { std::hint::black_box(judge.judge(&prepared, 0, "{}")); }
        let mut best = f64::MAX;
        for _ in 0..15 { let t = Instant::now();
        for _ in 0..n { std::hint::black_box(judge.judge(&prepared, 0, "{}")); }
        best = best.min(t.elapsed().as_secs_f64()*1e6/n as f64); }
        println!("{f}: best {best:.2} us");
    }
}

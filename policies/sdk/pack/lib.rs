//! A pack: the rules in its folder, and the component that they make together.

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

policy_sdk::component!(RULES);

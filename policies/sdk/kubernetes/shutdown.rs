//! How a pod stops: preStop hooks and the grace period that they eat into.

use crate::input::Input;
use crate::json::View;
use crate::kubernetes::probe::Probe;
use crate::kubernetes::workload::{Class, Container};
use crate::language::sleep::sleep_millis;
use crate::uses::Uses;

crate::usable! {
    /// The subject's grace period and preStop hooks.
    pub Shutdown {
        reads: [
            "pod.spec.terminationGracePeriodSeconds",
            "container.lifecycle.preStop.sleep.seconds",
            "container.lifecycle.preStop.exec.command",
            "container.lifecycle.preStop.exec.command:exec",
            "container.lifecycle.preStop.httpGet.port",
            "container.lifecycle.preStop.tcpSocket.port",
        ],
    }
}

crate::choice! {
    /// What a lifecycle hook can be.
    pub HookHandler { Sleep = "sleep", Exec = "exec", HttpGet = "httpGet", TcpSocket = "tcpSocket" }
}

/// What Kubernetes sets when there is no `terminationGracePeriodSeconds`.
pub const DEFAULT_GRACE_SECONDS: i64 = 30;

/// Where the grace period stands.
pub fn grace_period<'d, P: Uses<Shutdown>>(input: &Input<'d, P>) -> View<'d> {
    input.workload().spec().get("terminationGracePeriodSeconds")
}

/// The grace period in seconds, defaulted.
pub fn grace_seconds<P: Uses<Shutdown>>(input: &Input<'_, P>) -> i64 {
    grace_period(input).as_i64().unwrap_or(DEFAULT_GRACE_SECONDS)
}

/// The preStop hook of a container, for a rule that uses [`Shutdown`].
pub fn pre_stop<'d>(container: &Container<'d>) -> Probe<'d> {
    Probe(container.at("lifecycle.preStop"))
}

/// How long a hook certainly waits, in whole seconds rounded up: its `sleep`, or what the command of
/// its `exec` sleeps. `None` when that cannot be told.
pub fn hook_seconds(hook: &Probe<'_>) -> Option<i64> {
    if let Some(seconds) = hook.at("sleep.seconds").as_i64() {
        return Some(seconds);
    }
    let millis = sleep_millis(&hook.at("exec.command:exec"))?;
    Some(millis / 1000 + i64::from(millis % 1000 > 0))
}

/// The container whose preStop hook takes longest, and the seconds that it takes; a hook whose time
/// cannot be told takes `default_hook_seconds`. Kubernetes starts the hooks of all containers
/// together. `None` when there is no hook.
pub fn longest_pre_stop<'d, P: Uses<Shutdown>>(
    input: &Input<'d, P>,
    default_hook_seconds: i64,
) -> Option<(Container<'d>, i64)> {
    input
        .workload()
        .containers()
        .filter(|container| matches!(container.class, Class::Main | Class::Sidecar))
        .filter_map(|container| {
            let hook = pre_stop(&container);
            let seconds = hook_seconds(&hook).unwrap_or(default_hook_seconds);
            hook.handlers().next().map(|_| (container, seconds))
        })
        .max_by_key(|(_, seconds)| *seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    fn longest(hooks: &[&str]) -> Option<i64> {
        let containers: Vec<String> =
            hooks.iter().map(|hook| format!(r#"{{"name":"a","lifecycle":{{"preStop":{hook}}}}}"#)).collect();
        let text = format!(r#"{{"pod":{{"spec":{{"containers":[{}]}}}}}}"#, containers.join(","));
        look("shop", &text, &[], &[], |input| longest_pre_stop(input, 7).map(|(_, seconds)| seconds))
    }

    #[test]
    fn the_longest_hook_counts() {
        assert_eq!(longest(&["null", "{}"]), None);
        assert_eq!(longest(&[r#"{"sleep":{"seconds":5}}"#, r#"{"sleep":{"seconds":15}}"#]), Some(15));
        let sleeps = r#"{"exec":{"command":["sleep","2.5"],"command:exec":{"commands":[
            {"name":"sleep","words":[{"text":"sleep"},{"text":"2.5"}]}]}}}"#;
        assert_eq!(longest(&[sleeps]), Some(3));
        assert_eq!(longest(&[r#"{"exec":{"command":["nginx","-s","quit"]}}"#]), Some(7));
        assert_eq!(longest(&[r#"{"httpGet":{"port":8080}}"#, r#"{"sleep":{"seconds":5}}"#]), Some(7));
    }
}

//! Values of charts, beside the chart that they are of.

use crate::input::Input;
use crate::json::View;
use crate::repository::files::folder;
use crate::uses::Uses;

crate::usable! {
    /// The subject, values of a chart, as they are written.
    pub Written {
        reads: ["*"],
    }
    /// The subject, values of a chart, with the chart and its templates.
    pub OwnValues {
        reads: ["*"],
        inventory: {
            chart_of_values: {
                kinds: ["file/HelmChart"],
                scope: "cluster",
                relation: calls {},
                reads: ["appVersion", "dependencies[*].name", "dependencies[*].alias"],
            },
            templates_of_values: {
                kinds: ["file/HelmTemplate", "file/HelmHelpers"],
                scope: "cluster",
                via: "chart_of_values",
                relation: called {},
                reads: ["lines"],
            },
        },
    }
}

/// A value, with where it stands.
pub struct Value<'d> {
    /// The keys that lead to it, joined by dots. Elements of a list are called as the list.
    pub way: String,
    /// The last of them.
    pub key: &'d str,
    /// It itself.
    pub view: View<'d>,
    /// Whether it belongs to something that is switched off by default (`enabled: false`).
    pub is_off: bool,
}

/// All values of the subject, in the order of the file; mappings and lists come before what they hold.
pub fn all<'d>(document: &View<'d>) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    let mut open = vec![Value { way: String::new(), key: "", view: document.clone(), is_off: false }];
    while let Some(mut value) = open.pop() {
        value.is_off |= value.view.get("enabled").as_bool() == Some(false);
        let (start, is_off) = (open.len(), value.is_off);
        open.extend(value.view.entries().map(|(key, view)| {
            let way = if value.way.is_empty() { key.to_owned() } else { [value.way.as_str(), ".", key].concat() };
            Value { way, key, view, is_off }
        }));
        open.extend(value.view.items().map(|view| Value { way: value.way.clone(), key: value.key, view, is_off }));
        open[start..].reverse();
        found.push(value);
    }
    found
}

/// Whether a template of the chart is among the files. Those of a chart that is rendered are not.
pub fn has_templates<P: Uses<OwnValues>>(input: &Input<'_, P>) -> bool {
    input.related("templates_of_values").any(|it| it.kind() == "HelmTemplate")
}

/// The `appVersion` of the chart; empty where it has none.
pub fn app_version<'d, P: Uses<OwnValues>>(input: &Input<'d, P>) -> &'d str {
    let charts = input.related("chart_of_values");
    charts.map(|it| it.document.get("appVersion").scalar_text().unwrap_or_default()).next().unwrap_or_default()
}

/// Whether a template of the chart takes its `appVersion` for something.
pub fn takes_app_version<P: Uses<OwnValues>>(input: &Input<'_, P>) -> bool {
    let mut templates = input.related("templates_of_values");
    // The version of the chart is as good.
    templates.any(|it| {
        it.document.get("lines").items().any(|line| line.text().contains("AppVersion") || is_version(line.text()))
    })
}

/// Whether a line of a template takes the chart's version for an image.
fn is_version(line: &str) -> bool {
    line.contains(".Chart.Version") && line.contains("tag")
}

/// Whether a key holds the values of a chart that this one depends on.
pub fn is_of_part<P: Uses<OwnValues>>(input: &Input<'_, P>, key: &str) -> bool {
    input.related("chart_of_values").any(|chart| {
        let dependencies: Vec<_> = chart.document.get("dependencies").items().collect();
        dependencies.iter().any(|it| it.get("name").text() == key || it.get("alias").text() == key)
    })
}

/// Whether a file holds the values that a chart has by itself.
pub fn is_default(path: &str) -> bool {
    path.rsplit('/').next() == Some("values.yaml")
}

/// Whether a file holds values with which a pipeline tests a chart.
pub fn is_for_ci(path: &str) -> bool {
    folder(path).rsplit('/').next() == Some("ci")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look_as;
    use crate::uses::Usable;

    #[test]
    fn values_are_told_in_the_order_of_the_file() {
        let json = Json::parse(r#"{"a":{"enabled":false,"b":[1,{"c":2}]},"d":3}"#).unwrap();
        let seen = all(&json.root());
        let seen: Vec<_> = seen.iter().map(|it| (it.way.as_str(), it.key, it.is_off)).collect();
        let expected = [
            ("", "", false),
            ("a", "a", true),
            ("a.enabled", "enabled", true),
            ("a.b", "b", true),
            ("a.b", "b", true),
            ("a.b", "b", true),
            ("a.b.c", "c", true),
            ("d", "d", false),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn values_know_their_chart() {
        let chart = r#"[{"subject":{"kind":"HelmChart"},"document":{"appVersion":1.5,"dependencies":[
            {"name":"redis","alias":"cache"}]}}]"#;
        let templates =
            r#"[{"subject":{"kind":"HelmTemplate"},"document":{"lines":["tag: {{ .Chart.AppVersion }}"]}}]"#;
        look_as(("HelmValues", ""), "{}", OwnValues::QUERIES, &[chart, templates], |input| {
            assert_eq!((app_version(input), takes_app_version(input), has_templates(input)), ("1.5", true, true));
            assert!(is_of_part(input, "redis") && is_of_part(input, "cache") && !is_of_part(input, "image"));
        });
        look_as(("HelmValues", ""), "{}", OwnValues::QUERIES, &["[]", "[]"], |input| {
            assert_eq!((app_version(input), takes_app_version(input), has_templates(input)), ("", false, false));
        });
        assert!(is_default("a/values.yaml") && !is_default("a/values-prod.yaml"));
        assert!(is_for_ci("a/ci/x-values.yaml") && !is_for_ci("ci/a/values.yaml"));
    }
}

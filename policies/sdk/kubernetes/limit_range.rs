//! What a namespace's LimitRanges write into containers that say nothing themselves.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;
use crate::values::quantity::Quantity;

crate::usable! {
    /// The LimitRanges of the subject's namespace.
    pub LimitRanges {
        inventory: {
            limit_ranges: { kinds: ["core/LimitRange"], scope: "namespace", reads: ["spec.limits"] },
        },
    }
}

/// The request that a container gets which sets neither a request nor a limit of a resource.
pub fn default_request<'d, P: Uses<LimitRanges>>(input: &Input<'d, P>, resource: &str) -> Option<View<'d>> {
    first(input, &["defaultRequest", "default", "max", "min"], resource)
}

/// The limit that a container gets which sets none: without a default it is the maximum.
pub fn default_limit<'d, P: Uses<LimitRanges>>(input: &Input<'d, P>, resource: &str) -> Option<View<'d>> {
    first(input, &["default", "max"], resource)
}

/// The first of some fields that one of the LimitRanges for containers sets to more than nothing.
fn first<'d, P>(input: &Input<'d, P>, fields: &[&str], resource: &str) -> Option<View<'d>> {
    let limits = input.related("limit_ranges").flat_map(|range| range.document.at("spec.limits").items());
    let of_containers: Vec<View<'d>> = limits.filter(|limit| limit.get("type").text() == "Container").collect();
    let values = fields.iter().flat_map(|field| of_containers.iter().map(|limit| limit.get(field).get(resource)));
    values.into_iter().find(|value| Quantity::from_view(value).is_some_and(Quantity::is_positive))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn defaults_are_those_of_containers() {
        let related = r#"[{"subject":{},"document":{"spec":{"limits":[
            {"type":"Pod","max":{"memory":"4Gi"}},
            {"type":"Container","default":{"memory":"512Mi"},"max":{"memory":"1Gi","cpu":"2"},"defaultRequest":{"cpu":"0"}}
        ]}}}]"#;
        look("shop", "{}", LimitRanges::QUERIES, &[related], |input| {
            let text = |view: Option<View<'_>>| view.and_then(|view| view.scalar_text().map(str::to_owned));
            assert_eq!(text(default_limit(input, "memory")).as_deref(), Some("512Mi"));
            assert_eq!(text(default_request(input, "memory")).as_deref(), Some("512Mi"));
            // A default of nothing is none; then the maximum becomes limit and request.
            assert_eq!(text(default_request(input, "cpu")).as_deref(), Some("2"));
            assert_eq!(text(default_limit(input, "ephemeral-storage")), None);
        });
    }
}

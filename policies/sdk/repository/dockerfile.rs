//! Dockerfiles: their stages, and the one that an image of a workload is built from.

use crate::input::{Input, Related};
use crate::json::View;
use crate::kubernetes::workload::Container;
use crate::uses::Uses;

crate::usable! {
    /// The Dockerfiles that the images of the subject's containers are built from: the one that a Compose file, Skaffold,
    /// a workflow or a Makefile of the repository names with the image, else the one whose directory is called as the
    /// image is.
    pub BuiltFrom {
        reads: ["container.image"],
        inventory: {
            dockerfiles: {
                kinds: ["file/Dockerfile"],
                scope: "cluster",
                relation: built { image: "container.image" },
                reads: ["args", "stages"],
            },
        },
    }
}

/// The Dockerfile that a container's image is built from; `None` where none is known, or several are.
pub fn of_container<'d, P: Uses<BuiltFrom>>(input: &Input<'d, P>, container: &Container<'d>) -> Option<Related<'d>> {
    let image = container.image();
    let mut found = input.related("dockerfiles").filter(|file| file.images().any(|other| other == image));
    let file = found.next()?;
    found.next().is_none().then_some(file)
}

/// A stage of a Dockerfile: an entry of `stages`.
#[derive(Clone)]
pub struct Stage<'d>(pub View<'d>);

impl<'d> Stage<'d> {
    /// Its instructions of one name, such as `USER`, in their order.
    pub fn instructions(&self, name: &'static str) -> impl Iterator<Item = View<'d>> + use<'d> {
        self.0.get("instructions").items().filter(move |it| it.get("instruction").text() == name)
    }

    /// The image that it begins with, with the defaults of its variables; `None` where it begins with a stage, or where a
    /// variable has no default.
    pub fn base(&self) -> Option<&'d str> {
        let is_stage = self.0.get("stage").exists();
        Some(self.0.get("resolved").text()).filter(|image| !is_stage && !image.is_empty())
    }
}

/// The last stage of a Dockerfile and those that it begins with, the last one first: an image has what they all say.
pub fn final_stages<'d>(dockerfile: &View<'d>) -> Vec<Stage<'d>> {
    let stages: Vec<View<'d>> = dockerfile.get("stages").items().collect();
    let mut lineage = Vec::new();
    let mut next = stages.len().checked_sub(1);
    while let Some(stage) = next.and_then(|index| stages.get(index)) {
        let parent = stage.get("stage").as_i64().and_then(|index| usize::try_from(index).ok());
        // A stage begins with an earlier one only.
        next = parent.filter(|parent| next.is_some_and(|own| *parent < own));
        lineage.push(Stage(stage.clone()));
    }
    lineage
}

/// The last instruction of a name that counts for the image: `USER`, `ENTRYPOINT`, `HEALTHCHECK`.
pub fn last<'d>(stages: &[Stage<'d>], name: &'static str) -> Option<View<'d>> {
    stages.iter().find_map(|stage| stage.instructions(name).last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::Usable;

    const FILE: &str = r#"{"stages":[
        {"index":0,"resolved":"golang:1","instructions":[{"instruction":"USER","command":"builder"}]},
        {"index":1,"resolved":"alpine:3","instructions":[{"instruction":"USER","command":"1"},{"instruction":"USER","command":"2"}]},
        {"index":2,"resolved":"base","stage":1,"final":true,"instructions":[{"instruction":"CMD","command":"x"}]}]}"#;

    #[test]
    fn an_image_has_what_its_last_stage_begins_with() {
        let json = Json::parse(FILE).unwrap();
        let stages = final_stages(&json.root());
        assert_eq!(stages.len(), 2);
        assert_eq!(last(&stages, "USER").unwrap().get("command").text(), "2");
        assert_eq!(last(&stages, "CMD").unwrap().pointer(), "/stages/2/instructions/0");
        assert!(last(&stages, "ENTRYPOINT").is_none());
        assert_eq!((stages[0].base(), stages[1].base()), (None, Some("alpine:3")));
        let looped = Json::parse(r#"{"stages":[{"stage":0},{"stage":1}]}"#).unwrap();
        assert_eq!(final_stages(&looped.root()).len(), 1);
    }

    #[test]
    fn a_container_is_built_from_the_one_dockerfile_of_its_image() {
        let pod =
            r#"{"object":{},"pod":{"spec":{"containers":[{"image":"a/api:1"},{"image":"a/web"},{"image":"b"}]}}}"#;
        let entry = |name: &str, images: &str| {
            format!(r#"{{"subject":{{"kind":"Dockerfile","name":"{name}"}},"document":{{}},"images":[{images}]}}"#)
        };
        let answer =
            format!("[{},{}]", entry("api/Dockerfile", r#""a/api:1","a/web""#), entry("web/Dockerfile", r#""a/web""#));
        look("shop", pod, BuiltFrom::QUERIES, &[&answer], |input| {
            let found: Vec<Option<&str>> = input
                .workload()
                .containers()
                .map(|container| of_container(input, &container).map(|file| file.name()))
                .collect();
            assert_eq!(found, [Some("api/Dockerfile"), None, None]);
        });
    }
}

//! The questions of rules about one document, answered.

use super::answer::Way;
use super::builds;
use super::facet::{Facet, Keys, split_built};
use super::probe::{Effort, IndexId, Probe, Seek, Spread, too_many_keys};
use super::selector::{Labels, Selector, Truth};
use super::topic::{Builds, Join, Question, Topics};
use super::{Answer, Inventory, RelatedDocument, Unavailable};
use crate::document::{Document, Images, Subject};
use crate::manifest::Scope;
use crate::workload::Shape;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What a document has of the facets that relations ask of subjects, as far as any rule has asked: what is
/// remembered of it, so that the same questions can be asked again without it.
pub(in crate::evaluate) type Here = Vec<(u16, Keys)>;

/// One document, of which the rules of a bundle ask an inventory. Each question is answered once, whichever rules
/// ask it.
pub struct Asking<'a> {
    topics: &'a Topics,
    inventory: &'a dyn Inventory,
    subject: &'a Subject,
    document: Option<(&'a Document, Shape)>,
    here: Vec<OnceCell<Keys>>,
    answers: RefCell<HashMap<u16, Result<Answer, Unavailable>>>,
    namespaces: RefCell<HashMap<Box<str>, NamespaceLabels>>,
    images: Option<&'a dyn Images>,
}

/// The labels of all documents that say that they are a namespace, or why they are not known.
type NamespaceLabels = Result<Vec<Arc<RelatedDocument>>, Unavailable>;

/// Documents, each with the image that led to it, where images were looked for.
type There = Vec<(Option<Box<str>>, Arc<RelatedDocument>)>;

/// Images that one document may have.
const MAX_IMAGES: usize = 100;

/// Why nothing is known of images where nobody lets registries be asked.
const NOT_ASKED: &str = "no registry is asked about images: `--images`, or `images.repositories` in the server's \
                         configuration, says of which repositories one may be";

/// The label that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Adds a document with how it came. Equal documents of different files are told once.
fn add_way(
    found: &mut BTreeMap<Arc<RelatedDocument>, Way>,
    document: Arc<RelatedDocument>,
    via: Option<u32>,
    image: Option<Box<str>>,
) {
    let way = found.entry(document).or_default();
    if via.is_some() && way.via.last() != via.as_ref() {
        way.via.extend(via);
    }
    if let Some(image) = image
        && let Err(at) = way.images.binary_search(&image)
    {
        way.images.insert(at, image);
    }
}

impl<'a> Asking<'a> {
    /// About a document that is at hand.
    pub(in crate::evaluate) fn new(
        topics: &'a Topics,
        document: &'a Document,
        shape: Shape,
        inventory: &'a dyn Inventory,
    ) -> Self {
        Self {
            topics,
            inventory,
            subject: &document.subject,
            document: Some((document, shape)),
            here: vec![OnceCell::new(); topics.here().len()],
            answers: RefCell::default(),
            namespaces: RefCell::default(),
            images: document.images.get(),
        }
    }

    /// About a document of which only that is known which was asked before.
    pub(in crate::evaluate) fn again(
        topics: &'a Topics,
        subject: &'a Subject,
        known: &Here,
        inventory: &'a dyn Inventory,
    ) -> Self {
        let here = vec![OnceCell::new(); topics.here().len()];
        for (facet, keys) in known {
            if let Some(cell) = here.get(usize::from(*facet)) {
                let _ = cell.set(keys.clone());
            }
        }
        let (answers, namespaces) = Default::default();
        Self { topics, inventory, subject, document: None, here, answers, namespaces, images: None }
    }

    /// The same, with what is known of images, unless the document brings that along.
    pub(in crate::evaluate) fn with_images(mut self, images: Option<&'a dyn Images>) -> Self {
        self.images = self.images.or(images);
        self
    }

    /// What has been asked of the document.
    pub(in crate::evaluate) fn into_here(self) -> Here {
        let asked = self.here.into_iter().enumerate();
        asked.filter_map(|(facet, keys)| Some((facet as u16, keys.into_inner()?))).collect()
    }

    /// The answer to a question.
    pub(in crate::evaluate) fn answer(&self, question: u16) -> Result<Answer, Unavailable> {
        if let Some(answer) = self.answers.borrow().get(&question) {
            return answer.clone();
        }
        let answer = self.ask(self.topics.question_at(question));
        self.answers.borrow_mut().insert(question, answer.clone());
        answer
    }

    fn ask(&self, question: &Question) -> Result<Answer, Unavailable> {
        if let Some(first) = question.unless
            && !self.answer(first)?.documents().is_empty()
        {
            return Ok(Answer::new(Vec::new()));
        }
        let effort = Effort::new(self.topics.limits.examined);
        let answer = match (question.join, question.via) {
            (None, _) => self.inventory.answer(question.topic, question.scope, &self.subject.namespace)?,
            (Some(join), None) if question.builds.is_none() => {
                let here = join.here.map(|facet| self.here(facet)).transpose()?;
                Answer::new(self.find(question, join, self.subject, here, &effort)?)
            }
            (Some(join), None) => {
                let here = join.here.map(|facet| self.here(facet)).transpose()?;
                let mut found = BTreeMap::new();
                for (image, document) in self.there(question, join, self.subject, here, &effort)? {
                    add_way(&mut found, document, None, image);
                }
                Answer::by_way(found)
            }
            (Some(join), Some(via)) => {
                let before = self.answer(via)?;
                let mut found = BTreeMap::new();
                let mut pairs = 0;
                for (position, here) in before.documents().iter().enumerate() {
                    let keys = join.here.and_then(|facet| here.keys().get(usize::from(facet)));
                    let there = self.there(question, join, &here.subject, keys, &effort)?;
                    pairs += there.len();
                    self.check_documents(pairs)?;
                    for (image, document) in there {
                        add_way(&mut found, document, Some(position as u32), image);
                    }
                }
                Answer::by_way(found)
            }
        };
        self.check_documents(answer.documents().len())?;
        let limit = self.topics.limits.bytes;
        if answer.bytes() > limit {
            let bytes = answer.bytes();
            return Err(Unavailable(format!("it would have {bytes} bytes, more than {limit} (limit `answer bytes`)")));
        }
        Ok(answer.left_open(self.open(question)?))
    }

    /// Why there may be more in an answer.
    fn open(&self, question: &Question) -> Result<Option<String>, Unavailable> {
        let Some(join) = question.join else { return Ok(None) };
        let is_near = question.scope == Scope::Namespace;
        let open = |here: &Subject| {
            let within = is_near.then_some(here.namespace.as_str());
            self.inventory.open(question.topic, join.index.facet, within)
        };
        Ok(match question.via {
            None => open(self.subject),
            Some(via) => {
                let before = self.answer(via)?;
                let each = if is_near { before.documents().len() } else { before.documents().len().min(1) };
                before.documents().iter().take(each).find_map(|here| open(here.subject()))
            }
        })
    }

    fn check_documents(&self, documents: usize) -> Result<(), Unavailable> {
        let limit = self.topics.limits.documents;
        match documents > limit {
            true => Err(Unavailable(format!("it would have more than {limit} documents (limit `answer documents`)"))),
            false => Ok(()),
        }
    }

    /// What the subject has of a facet.
    fn here(&self, facet: u16) -> Result<&Keys, Unavailable> {
        let facet = usize::from(facet);
        let (cell, wanted): (&OnceCell<Keys>, &Facet) = (&self.here[facet], &self.topics.here()[facet]);
        match (cell.get(), &self.document) {
            (Some(keys), _) => Ok(keys),
            (None, Some((document, shape))) => Ok(cell.get_or_init(|| wanted.keys(document, shape))),
            (None, None) => Err(Unavailable(format!("{} is not at hand", self.subject))),
        }
    }

    /// The documents there that belong to one here, the Dockerfiles of its images included.
    fn there(
        &self,
        question: &Question,
        join: Join,
        here: &Subject,
        keys: Option<&Keys>,
        effort: &Effort,
    ) -> Result<There, Unavailable> {
        match question.builds {
            Some(builds) => self.built(question, join, builds, here, keys, effort),
            None => {
                let found = self.find(question, join, here, keys, effort)?;
                Ok(found.into_iter().map(|document| (None, document)).collect())
            }
        }
    }

    /// The Dockerfiles of the images here, each with the image. Files that describe builds come first; where none speaks
    /// of an image, its Dockerfile is the one that is called as it is. An image without a path in its registry, such as
    /// `nginx`, is somebody else's unless a file says otherwise.
    fn built(
        &self,
        question: &Question,
        join: Join,
        builds: Builds,
        here: &Subject,
        keys: Option<&Keys>,
        effort: &Effort,
    ) -> Result<There, Unavailable> {
        let images: &[Box<str>] = match keys {
            Some(Keys::Values(images)) => images,
            Some(Keys::TooMany) => return Err(too_many_keys(here)),
            _ => return Err(Unavailable(format!("{here} does not say which images it has"))),
        };
        let spaces = self.inventory.namespacing();
        let find = |topic: u16, index: IndexId, value: &str| {
            let seek = [Box::from(value)];
            let probe = Probe { index, within: None, spaces, here, seek: Seek::Values(&seek), effort };
            self.inventory.find(topic, &probe)
        };
        let mut found = Vec::new();
        for image in images {
            let Some(parts) = builds::parts(image) else { continue };
            let mut paths: BTreeSet<Box<str>> = BTreeSet::new();
            for file in find(builds.topic, builds.by_image, parts[0])? {
                let described = match file.keys().get(usize::from(builds.facet)) {
                    Some(Keys::Values(described)) => described,
                    _ => return Err(too_many_keys(&file.subject)),
                };
                let same = described
                    .iter()
                    .filter_map(|build| split_built(build))
                    .filter(|(built, _)| builds::parts(built).is_some_and(|built| builds::are_same(&built, &parts)));
                paths.extend(same.map(|(_, path)| Box::from(path)));
            }
            let mut add = |documents: Vec<Arc<RelatedDocument>>| {
                found.extend(documents.into_iter().map(|document| (Some(image.clone()), document)));
            };
            for path in &paths {
                add(find(question.topic, join.index, path)?);
            }
            if paths.is_empty() && parts.len() > 1 {
                add(find(question.topic, builds.by_name, parts[0])?);
            }
        }
        Ok(found)
    }

    /// What registries say of the images here.
    fn images(
        &self,
        question: &Question,
        here: &Subject,
        keys: Option<&Keys>,
    ) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        let Some(known) = self.images else {
            return Err(Unavailable(NOT_ASKED.to_owned()));
        };
        let images: &[Box<str>] = match keys {
            Some(Keys::Values(images)) if images.len() <= MAX_IMAGES => images,
            Some(Keys::Values(_) | Keys::TooMany) => {
                return Err(Unavailable(format!("{here} has more than {MAX_IMAGES} images (limit `images`)")));
            }
            _ => return Err(Unavailable(format!("{here} does not say which images it has"))),
        };
        let topic = &self.topics.as_slice()[usize::from(question.topic)];
        known.want(images);
        let shown = images.iter().filter_map(|image| {
            let document = known.image(image);
            topic.related(&document, &Arc::new(document.subject.clone())).map(Arc::new)
        });
        let mut shown: Vec<Arc<RelatedDocument>> = shown.collect();
        shown.sort();
        Ok(shown)
    }

    /// The documents there that belong to one here.
    fn find(
        &self,
        question: &Question,
        join: Join,
        here: &Subject,
        keys: Option<&Keys>,
        effort: &Effort,
    ) -> Result<Vec<Arc<RelatedDocument>>, Unavailable> {
        if question.about {
            return self.images(question, here, keys);
        }
        let seek = match (join.here, keys) {
            (None, _) => Seek::Itself,
            (Some(_), Some(Keys::Labels(labels))) => Seek::Labels(labels),
            (Some(_), Some(Keys::Selectors(selectors))) => Seek::Selectors(selectors),
            (Some(_), Some(Keys::References(references))) => Seek::References(references),
            (Some(_), Some(Keys::Values(values))) => Seek::Values(values),
            (Some(_), Some(Keys::TooMany)) => return Err(too_many_keys(here)),
            (Some(_), None) => return Err(Unavailable(format!("{here} does not say what it belongs to"))),
        };
        let within = (question.scope == Scope::Namespace).then_some(here.namespace.as_str());
        let spaces = self.inventory.namespacing();
        let probe = Probe { index: join.index, within, spaces, here, seek, effort };
        let found = self.inventory.find(question.topic, &probe)?;
        let mut kept = Vec::with_capacity(found.len());
        for document in found {
            if !probe.depends_on_namespaces(&document) || self.matches(&probe, &document)? {
                kept.push(document);
            }
        }
        Ok(kept)
    }

    /// Whether a document matches, the labels of namespaces included.
    fn matches(&self, probe: &Probe<'_>, there: &RelatedDocument) -> Result<bool, Unavailable> {
        let mut unknown = None;
        let truth = probe.matches(there, &mut |selector, namespace| match self.labelled(selector, namespace) {
            Ok(truth) => truth,
            Err(Unavailable(reason)) => {
                unknown = Some(reason);
                Truth::Unknown
            }
        })?;
        match truth {
            Truth::True => Ok(true),
            Truth::False => Ok(false),
            Truth::Unknown => Err(Unavailable(unknown.unwrap_or_default())),
        }
    }

    /// Whether a selector selects a namespace by its labels.
    fn labelled(&self, selector: &Selector, namespace: &str) -> Result<Truth, Unavailable> {
        let namespace = self.inventory.namespacing().named(namespace);
        let name_alone = selector.judge(|key| (key == NAME_LABEL).then_some(Some(namespace)));
        if name_alone != Truth::Unknown {
            return Ok(name_alone);
        }
        let Some((topic, facet)) = self.topics.namespaces() else { return Ok(Truth::Unknown) };
        let mut known = self.namespaces.borrow_mut();
        if !known.contains_key(namespace) {
            known.insert(namespace.into(), self.namespace(topic, namespace));
        }
        let documents = known[namespace].as_ref().map_err(Clone::clone)?;
        if let Some(why) = documents.iter().find_map(|document| document.why()) {
            return Err(Unavailable(why));
        }
        let judge = |labels: &Labels| {
            selector.judge(|key| Some(if key == NAME_LABEL { Some(namespace) } else { labels.get(key) }))
        };
        let mut truths = documents.iter().filter_map(|document| match document.keys().get(usize::from(facet)) {
            Some(Keys::Labels(labels)) => Some(judge(labels)),
            _ => None,
        });
        // Where two documents say that they are the namespace, only what both say is known.
        match truths.next() {
            Some(truth) if truths.all(|other| other == truth) => Ok(truth),
            Some(_) => Err(Unavailable(format!("the documents of the namespace `{namespace}` have different labels"))),
            None => Err(Unavailable(format!("the labels of the namespace `{namespace}` are not known"))),
        }
    }

    fn namespace(&self, topic: u16, namespace: &str) -> NamespaceLabels {
        let effort = Effort::new(self.topics.limits.examined);
        let references = [super::facet::Reference::to_namespace(namespace)];
        let probe = Probe {
            index: super::probe::IndexId { facet: None, spread: Spread::Namespace },
            within: None,
            spaces: self.inventory.namespacing(),
            here: self.subject,
            seek: Seek::References(&references),
            effort: &effort,
        };
        self.inventory.find(topic, &probe)
    }
}

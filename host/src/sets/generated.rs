//! The ConfigMaps and Secrets that a kustomization generates. Others refer to them by the name that stands in the
//! kustomization, whatever suffix they get when it is built.

use crate::document::{Document, Entry, Node, Span, Subject, Value, file_name};

/// The lists of generators, with the kind that each makes.
const GENERATORS: [(&str, &str); 2] = [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")];

/// What a kustomization generates, each with the places of its generator. Values of literals are there, but none of a
/// Secret; what is read from files is null.
pub(super) fn generated(kustomization: &Document) -> Vec<Document> {
    let root = &kustomization.root;
    let namespace = root.get("namespace").and_then(Node::as_str).unwrap_or_default();
    let mut documents = Vec::new();
    for (list, kind) in GENERATORS {
        for generator in root.get(list).map_or(&[][..], Node::items) {
            let Some(name) = generator.get("name").and_then(Node::as_str) else { continue };
            let own = generator.get("namespace").and_then(Node::as_str).filter(|own| !own.is_empty());
            let subject = Subject {
                group: String::new(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: own.unwrap_or(namespace).to_owned(),
                name: name.to_owned(),
                operation: "CREATE".to_owned(),
            };
            let root = object(&subject, generator);
            documents.push(Document::new(subject, kustomization.format, kustomization.sources.clone(), root));
        }
    }
    documents
}

/// The object that a generator makes.
fn object(subject: &Subject, generator: &Node) -> Node {
    let span = generator.span;
    let text = |text: &str| Node::string(text, span);
    let mut metadata = vec![Entry::new("name", span, text(&subject.name))];
    if !subject.namespace.is_empty() {
        metadata.push(Entry::new("namespace", span, text(&subject.namespace)));
    }
    let entries = vec![
        Entry::new("apiVersion", span, text("v1")),
        Entry::new("kind", span, text(&subject.kind)),
        Entry::new("metadata", span, Node::new(Value::Object(metadata), span)),
        Entry::new("data", span, Node::new(Value::Object(data(subject, generator)), span)),
    ];
    Node::new(Value::Object(entries), span)
}

/// The keys that literals and files give; what files of variables hold is not known.
fn data(subject: &Subject, generator: &Node) -> Vec<Entry> {
    let list = |key: &str| generator.get(key).map_or(&[][..], Node::items).iter();
    let texts = |key: &str| list(key).filter_map(|item| Some((item.as_str()?, item.span))).collect::<Vec<_>>();
    let mut data: Vec<Entry> = Vec::new();
    let mut put = |key: &str, span: Span, value: Value| {
        if !data.iter().any(|entry| &*entry.key == key) {
            data.push(Entry::new(key, span, Node::new(value, span)));
        }
    };
    for (literal, span) in texts("literals") {
        let (key, value) = literal.split_once('=').unwrap_or((literal, ""));
        let is_secret = subject.kind == "Secret";
        put(key, span, if is_secret { Value::Null } else { Value::String(value.into()) });
    }
    for (file, span) in texts("files") {
        put(file.split_once('=').map_or_else(|| file_name(file), |(key, _)| key), span, Value::Null);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit};

    #[test]
    fn generators_make_objects_by_their_names() {
        let text = "namespace: shop
configMapGenerator:
- name: app
  literals: [A=1, B=x=y, C]
  files: [conf/app.ini, other=conf/x]
- literals: [nameless=1]
secretGenerator:
- name: key
  namespace: vault
  literals: [password=hunter2]
";
        let unit = Unit::new(Form::Yaml(Scalars::Core12), Source::new("kustomization.yaml", text));
        let document = unit.read_as("Kustomization", &Limits::default()).unwrap().documents.remove(0);
        let made: Vec<String> = generated(&document)
            .iter()
            .map(|it| format!("{} {}", it.subject, it.root.get("data").unwrap().to_json()))
            .collect();
        assert_eq!(
            made,
            [
                r#"ConfigMap shop/app {"A":"1","B":"x=y","C":"","app.ini":null,"other":null}"#,
                r#"Secret vault/key {"password":null}"#,
            ]
        );
        assert_eq!(generated(&document)[1].root.span.start as usize, text.find("name: key").unwrap());
    }
}

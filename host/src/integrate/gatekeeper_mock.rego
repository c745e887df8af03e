
# Stands in for the provider, which gator cannot ask: what it would answer is in an annotation of the object.
external_data(request) = answer {
  object := json.unmarshal(request.keys[0]).object
  answer := json.unmarshal(object.metadata.annotations["policy-host.dev/mock-answer"])
}

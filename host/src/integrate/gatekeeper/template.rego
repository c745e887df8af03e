package {{package}}

parameters := object.get(input, "parameters", {})

operation := object.get(input.review, "operation", "")

# One question for the whole bundle. Its answer is named by the digest of the question, so that Gatekeeper
# neither keeps the object nor answers from memory after the cluster has changed.
question := json.marshal({
  "v": 1,
  "answer": "digest",
  "bundle": object.get(parameters, "bundle", "{{bundle}}"),
  "digest": object.get(parameters, "digest", ""),
  "operation": operation,
  "kind": input.review.kind,
  "namespace": object.get(input.review, "namespace", ""),
  "name": object.get(input.review, "name", ""),
  "user": object.get(object.get(input.review, "userInfo", {}), "username", ""),
  "object": trimmed(input.review.object),
  "oldObject": trimmed(object.get(input.review, "oldObject", null)),
})

# Without what only the API server and kubectl write.
trimmed(value) = json.remove(value, [
  ["metadata", "managedFields"],
  ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
  ["status"],
]) {
  is_object(value)
}

trimmed(value) = null {
  not is_object(value)
}

response := external_data({"provider": "{{provider}}", "keys": [question]})

system_error := object.get(response, "system_error", "the answer is not one of a provider")

item_errors := [item[1] | item := response.errors[_]]

verdicts := [item[1] | item := response.responses[_]]

# A deletion is nobody's business, even while nobody can be asked.
violation[{"msg": problem.msg, "details": problem.details}] {
  operation != "DELETE"
  problem := problems[_]
}

# Whatever is not exactly one verdict refuses.
problems[{"msg": msg, "details": {}}] {
  reason := no_verdict[_]
  msg := sprintf("policy-host: no verdict: %v", [reason])
}

no_verdict["it could not be asked"] {
  not response
}

no_verdict[system_error] {
  system_error != ""
}

no_verdict[reason] {
  reason := item_errors[_]
}

no_verdict[reason] {
  system_error == ""
  count(item_errors) == 0
  count(verdicts) != 1
  reason := sprintf("%v answers to one question", [count(verdicts)])
}

no_verdict["the answer does not say whether the object is allowed"] {
  verdict := verdicts[_]
  not is_boolean(object.get(verdict, "allowed", null))
}

# The findings that this constraint is about.
levels := object.get(parameters, "levels", ["deny"])

lists := {"deny": "violations", "warn": "warnings", "audit": "audit"}

findings[{"msg": msg, "details": finding}] {
  list := lists[levels[_]]
  finding := verdicts[_][list][_]
  field := {name: object.get(finding, name, "") | name := ["rule", "message", "path", "fix"][_]}
  place := object.get({"": "/"}, field.path, field.path)
  msg := sprintf("%v: %v (at %v); %v", [field.rule, field.message, place, field.fix])
}

problems[finding] {
  finding := findings[_]
}

# Refused for something else: a rule could not run, or could not decide.
problems[{"msg": msg, "details": {}}] {
  levels[_] == "deny"
  verdict := verdicts[_]
  verdict.allowed == false
  count(findings) == 0
  msg := sprintf("policy-host: %v", [object.get(verdict, "message", "refused")])
}

# Let through all the same: whoever asked should know.
problems[{"msg": msg, "details": undecided}] {
  levels[_] == "warn"
  verdict := verdicts[_]
  verdict.allowed == true
  undecided := verdict[["notEvaluated", "errors"][_]][_]
  reason := object.get(undecided, "reason", object.get(undecided, "message", ""))
  msg := sprintf("%v: not evaluated: %v", [object.get(undecided, "rule", ""), reason])
}

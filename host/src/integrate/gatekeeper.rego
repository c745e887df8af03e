package PACKAGE

# What is asked: the object without what only the API server writes. `answer` has the item named by the
# key's digest, so that Gatekeeper keeps neither the object nor a verdict that the inventory may change.
object_under_review := json.remove(input.review.object, [
  ["metadata", "managedFields"],
  ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
  ["status"],
])

key := json.marshal({
  "v": 1,
  "bundle": "BUNDLE",
  "answer": "digest",
  "operation": object.get(input.review, "operation", ""),
  "namespace": object.get(input.review, "namespace", ""),
  "name": object.get(input.review, "name", ""),
  "user": object.get(object.get(input.review, "userInfo", {}), "username", ""),
  "object": object_under_review,
  "oldObject": object.get(input.review, "oldObject", null),
})

response := external_data({"provider": "PROVIDER", "keys": [key]})

verdicts := [item[1] | item := response.responses[_]]

levels := object.get(input.parameters, "levels", ["deny"])

# Anything but one verdict refuses.
violation[{"msg": msg}] {
  not response
  msg := "policy-host: no verdict: it could not be asked"
}

violation[{"msg": msg}] {
  response.system_error != ""
  msg := sprintf("policy-host: no verdict: %v", [response.system_error])
}

violation[{"msg": msg}] {
  error := response.errors[_]
  msg := sprintf("policy-host: no verdict: %v", [error[1]])
}

violation[{"msg": msg}] {
  response.system_error == ""
  count([error | error := response.errors[_]]) == 0
  count(verdicts) != 1
  msg := sprintf("policy-host: no verdict: %v answers", [count(verdicts)])
}

violation[{"msg": msg}] {
  verdict := verdicts[_]
  not is_boolean(object.get(verdict, "allowed", null))
  msg := "policy-host: no verdict: the answer is not one"
}

violation[{"msg": msg, "details": found}] {
  lists := {"deny": "violations", "warn": "warnings", "audit": "audit"}
  found := verdicts[_][lists[levels[_]]][_]
  place := object.get({"": "/"}, found.path, found.path)
  msg := sprintf("%v: %v (at %v); %v", [found.rule, found.message, place, found.fix])
}

# Denied for another reason than a violation: a rule could not run, or could not decide.
violation[{"msg": msg}] {
  levels[_] == "deny"
  verdict := verdicts[_]
  verdict.allowed == false
  count(verdict.violations) == 0
  msg := verdict.message
}

resource "github_branch_protection" "main" {
  repository_id = "shop"
  pattern       = "main"
  required_status_checks {
    strict   = true
    # expect[may-skip medium likely]: the check `test` never comes for changes that its workflow is not started for
    # expect[may-skip]: the check `Build (linux)` never comes
    # expect[no-such-check medium likely]: no job of a workflow reports the check `tests`
    contexts = ["test", "Build (linux)", "tests", "codecov/project"]
  }
  required_pull_request_reviews {
    required_approving_review_count = 0 # expect[no-review low certain]: a pull request needs 0 reviews
  }
}

resource "github_repository_ruleset" "main" {
  name        = "main"
  target      = "branch"
  enforcement = "evaluate" # expect[not-enforced low certain]: the ruleset is `evaluate`, and stops nothing
  rules {
    required_status_checks {
      required_check {
        context = "lint" # expect[no-such-check]: no job of a workflow reports the check `lint`
      }
    }
    pull_request {
      required_approving_review_count = 0 # expect[no-review]: a pull request needs 0 reviews
    }
  }
}

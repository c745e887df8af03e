# Of another repository: none of its checks is one of this one.
resource "github_branch_protection" "other" {
  repository_id = "other"
  pattern       = "main"
  required_status_checks {
    contexts = ["unit", "e2e"]
  }
}

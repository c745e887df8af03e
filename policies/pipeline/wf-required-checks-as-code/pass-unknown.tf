# not-evaluated: which checks are required is not known
resource "github_branch_protection" "main" {
  required_status_checks {
    contexts = var.contexts
  }
}

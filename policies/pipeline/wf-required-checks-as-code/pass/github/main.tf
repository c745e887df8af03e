resource "github_branch_protection_v3" "main" {
  repository = "shop"
  branch     = "main"
  required_status_checks {
    checks = ["test:15368", "called / scan", "lint clippy", "DCO"]
  }
  required_pull_request_reviews {
    required_approving_review_count = 1
  }
}

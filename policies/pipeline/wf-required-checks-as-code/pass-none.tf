# not-applicable: it protects no branch of GitHub
resource "github_repository" "shop" {
  name = "shop"
}

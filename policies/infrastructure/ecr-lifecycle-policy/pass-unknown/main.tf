variable "repository" {}

variable "policy" {}

resource "aws_ecr_repository" "api" {
  name = "api"
}

# It may be for any repository.
resource "aws_ecr_lifecycle_policy" "some" {
  repository = var.repository
  policy     = var.policy
}

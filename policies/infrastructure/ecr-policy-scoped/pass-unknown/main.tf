resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy     = jsonencode({ Statement = var.statements })
}

resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Principal = { AWS = var.account }, Action = "ecr:BatchGetImage" }]
  })
}

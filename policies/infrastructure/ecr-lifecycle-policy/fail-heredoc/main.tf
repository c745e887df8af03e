resource "aws_ecr_repository" "api" {
  name = "api"
}

# Saves money until a pod moves to another node.
resource "aws_ecr_lifecycle_policy" "api" {
  repository = aws_ecr_repository.api.name

  policy = <<-EOT
    {
      "rules": [
        {
          "rulePriority": 1,
          "description": "Keep the last three images",
          "selection": {
            "tagStatus": "any",
            "countType": "imageCountMoreThan",
            "countNumber": 3
          },
          "action": {"type": "expire"}
        }
      ]
    }
  EOT
}

resource "aws_ecr_repository" "web" {
  name = "web"
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = "web"

  policy = <<-EOT
    {
      "rules": [
        {
          "rulePriority": 1,
          "selection": {
            "tagStatus": "tagged",
            "tagPrefixList": ["feature", "v"],
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 30
          },
          "action": {"type": "expire"}
        }
      ]
    }
  EOT
}

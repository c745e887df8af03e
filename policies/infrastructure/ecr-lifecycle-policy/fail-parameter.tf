# params: {"min_keep": 30}
resource "aws_ecr_lifecycle_policy" "api" {
  repository = "api"
  policy = jsonencode({ # expect[few-kept]: only the last 29 images are kept, whatever runs, expected at least 30
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 29 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = "web"
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository" "api" {
  name = "api"
}

# At the bound.
resource "aws_ecr_lifecycle_policy" "api" {
  repository = aws_ecr_repository.api.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

variable "services" {
  type = set(string)
}

# Over the same collection, by the key of each.
resource "aws_ecr_repository" "services" {
  for_each = var.services
  name     = each.key
}

resource "aws_ecr_lifecycle_policy" "services" {
  for_each   = var.services
  repository = aws_ecr_repository.services[each.key].name
  policy = jsonencode({
    rules = [
      {
        # What is deployed is found by its tag, and counts first.
        rulePriority = 1
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = ["deployed-to"]
          countType     = "imageCountMoreThan"
          countNumber   = 1
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        selection    = { tagStatus = "any", countType = "sinceImagePushed", countUnit = "days", countNumber = 30 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_ecr_repository" "known" {
  for_each = toset(["cart", "orders"])
  name     = each.key
}

# Only builds and branches go by their age; old releases are archived, not deleted.
resource "aws_ecr_lifecycle_policy" "known" {
  for_each   = aws_ecr_repository.known
  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = ["pr-", "cache"]
          countType     = "sinceImagePushed"
          countUnit     = "days"
          countNumber   = 7
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 3
        selection    = { tagStatus = "any", countType = "sinceImagePulled", countUnit = "days", countNumber = 90 }
        action       = { type = "transition", targetStorageClass = "archive" }
      },
    ]
  })
}

module "frontend" {
  source          = "terraform-aws-modules/ecr/aws"
  repository_name = "frontend"
}

module "posse" {
  source = "cloudposse/ecr/aws"
  name   = "app"
}

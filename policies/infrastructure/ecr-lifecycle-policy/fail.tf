resource "aws_ecr_repository" "forgotten" { # expect[missing low likely]: images of `aws_ecr_repository.forgotten` never expire: it has no lifecycle policy
  name = "forgotten"
}

# Of two instances one has a policy.
resource "aws_ecr_repository" "pair" { # expect[missing]: images of `aws_ecr_repository.pair[1]` never expire
  count = 2
  name  = "pair-${count.index}"
}

resource "aws_ecr_lifecycle_policy" "first" {
  repository = aws_ecr_repository.pair[0].name
  policy = jsonencode({ # expect[by-age]: images of any tag expire after 14 days
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository" "documented" {
  name = "documented"
}

data "aws_ecr_lifecycle_policy_document" "documented" {
  rule {
    priority = 1
    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["v*"]
      count_type       = "sinceImagePushed"
      count_unit       = "days"
      count_number     = 90 # expect[by-age]: releases (tags `v*`) expire after 90 days
    }
  }
}

resource "aws_ecr_lifecycle_policy" "documented" {
  repository = aws_ecr_repository.documented.name
  policy     = data.aws_ecr_lifecycle_policy_document.documented.json
}

resource "aws_ecr_repository_creation_template" "mirror" { # expect[missing]: images of `aws_ecr_repository_creation_template.mirror` never expire
  prefix      = "docker-hub"
  applied_for = ["PULL_THROUGH_CACHE"]
}

module "frontend" { # expect[missing]: images of `module.frontend` never expire
  source                  = "terraform-aws-modules/ecr/aws"
  repository_name         = "frontend"
  create_lifecycle_policy = false
}

module "backend" {
  source          = "terraform-aws-modules/ecr/aws"
  repository_name = "backend"
  repository_lifecycle_policy = jsonencode({ # expect[few-kept]: only the last 9 images are kept
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 9 }
      action       = { type = "expire" }
    }]
  })
}
